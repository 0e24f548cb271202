import type Docker from 'dockerode';
import type { Container } from '../observed/observed.ts';
import { read } from './ask.ts';
import { readNetwork, readVolume } from './read-host.ts';

export interface NetworkItem {
  readonly name: string;
  readonly id: string;
  readonly ours: boolean;
  /** Empty when it has no IPv4 one. */
  readonly subnet: string;
  /** RFC 3339, as the engine says it; empty when it does not. */
  readonly created: string;
  /** Apps with a container in it, sorted. */
  readonly apps: readonly string[];
}

export interface VolumeItem {
  readonly name: string;
  readonly ours: boolean;
  readonly driver: string;
  readonly created: string;
  /** Absent when the engine does not tell without measuring. */
  readonly bytes?: number;
  /** Apps that have it mounted, and the one that it was made for. */
  readonly apps: readonly string[];
}

export interface ImageItem {
  readonly id: string;
  readonly tags: readonly string[];
  /** `NAME@sha256:…` */
  readonly digests: readonly string[];
  readonly bytes: number;
  readonly created: string;
  readonly apps: readonly string[];
}

export interface HostLists {
  networks(): Promise<readonly NetworkItem[]>;
  volumes(): Promise<readonly VolumeItem[]>;
  images(): Promise<readonly ImageItem[]>;
}

interface Deps {
  readonly docker: Docker;
  readonly instance: string;
  readonly cache: { readonly containers: readonly Container[]; readonly wanted: ReadonlySet<string> };
}

/** What a person asks about the host: what is ours, and what a container of ours uses, as of the last reading. */
export function createHostLists({ docker, instance, cache }: Deps): HostLists {
  const appsBy = (uses: (container: Container) => boolean): string[] => [
    ...new Set(cache.containers.filter(uses).map(({ app }) => app)),
  ];

  return {
    async networks() {
      const found = await read({ operation: 'list', object: 'networks' }, (abortSignal) =>
        docker.listNetworks({ abortSignal }),
      );
      const ours = (found ?? []).map((one) => {
        const { name, id, ours: isOurs, subnet } = readNetwork(one, instance);
        const apps = appsBy(({ live }) => live.networks.includes(name) || (isOurs && live.address !== ''));
        return { name, id, ours: isOurs, subnet, created: one.Created ?? '', apps: apps.sort() };
      });
      return ours.filter((one) => one.ours || one.apps.length > 0).sort(byName);
    },

    async volumes() {
      const found = await read({ operation: 'list', object: 'volumes' }, (abortSignal) =>
        docker.listVolumes({ abortSignal } as Docker.VolumeListOptions),
      );
      const all = (found?.Volumes ?? []).map((one): VolumeItem => {
        const { name, app } = readVolume(one, instance);
        const users = appsBy(({ live }) =>
          live.mounts.some((mount) => mount.kind === 'volume' && mount.name === name),
        );
        const bytes = one.UsageData?.Size ?? -1;
        return {
          name,
          ours: app !== undefined,
          driver: one.Driver,
          created: 'CreatedAt' in one ? String(one.CreatedAt) : '',
          ...(bytes < 0 ? {} : { bytes }),
          apps: [...new Set([...users, ...(app === undefined ? [] : [app])])].sort(),
        };
      });
      return all.filter((one) => one.ours || one.apps.length > 0).sort(byName);
    },

    async images() {
      const found = await read({ operation: 'list', object: 'images' }, (abortSignal) =>
        docker.listImages({ digests: true, abortSignal }),
      );
      return (found ?? [])
        .map((one) => ({
          id: one.Id,
          tags: (one.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>').sort(),
          digests: (one.RepoDigests ?? []).filter((digest) => !digest.startsWith('<none>')).sort(),
          bytes: one.Size,
          created: new Date(one.Created * 1000).toISOString(),
          apps: appsBy(({ imageId }) => imageId === one.Id).sort(),
        }))
        .filter(
          ({ id, tags, apps }) => apps.length > 0 || [id, ...tags].some((name) => cache.wanted.has(name)),
        )
        .sort((a, b) => ((a.tags[0] ?? a.id) < (b.tags[0] ?? b.id) ? -1 : 1));
    },
  };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
