import type { App, Port, Volume } from '../desired/app.ts';
import { fileDigest } from '../desired/file-digest.ts';
import { isSecretValue } from '../desired/secret.ts';
import type { ContainerSpec, Image, Mount, PublishedPort } from '../observed/observed.ts';

export interface Placing {
  readonly name: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly aliases: readonly string[];
  readonly instance: string;
  /** Volume name on the engine by the name in the manifest, for volumes kept from a former app name. */
  readonly volumeNames?: Readonly<Record<string, string>>;
}

/**
 * The container that an app wants, with what its image contributes filled in as the engine does it, so that it
 * compares field by field with what runs.
 */
export function expectedSpec(app: App, image: Image | undefined, placing: Placing): ContainerSpec {
  const fields = app.container;
  return {
    name: placing.name,
    image: placing.imageId,
    ...program(app, image),
    workingDir: fields.workingDir ?? image?.workingDir ?? '',
    user: fields.user ?? image?.user ?? '',
    env: { ...image?.env, ...fields.env },
    labels: placing.labels,
    address: placing.address,
    aliases: placing.aliases,
    networks: [...fields.networks].sort(),
    mounts: [...fields.volumes.map((volume) => toMount(volume, app.name, placing)), ...secretFiles(app)].sort(
      byTarget,
    ),
    ...liveFiles(app),
    ports: fields.ports.flatMap(toPublished).sort(byPort),
    memory: fields.resources.memory ?? 0,
    nanoCpus: (fields.resources.cpuMillis ?? 0) * 1_000_000,
    pids: fields.resources.pids,
    readOnlyRootfs: fields.security.readOnlyRootfs,
    capAdd: [...fields.security.capAdd].sort(),
    capDrop: [...fields.security.capDrop].sort(),
    noNewPrivileges: fields.security.noNewPrivileges,
    privileged: fields.security.privileged,
    logging: fields.logging,
  };
}

function liveFiles({ liveFiles: files = [] }: App): Pick<ContainerSpec, 'liveFiles'> {
  if (files.length === 0) return {};
  return { liveFiles: Object.fromEntries(files.map((file) => [file.mount, fileDigest(file)])) };
}

function secretFiles({ container, liveFiles: files = [] }: App): Mount[] {
  return [...container.files, ...files]
    .filter(({ content }) => isSecretValue(content))
    .map(({ mount }) => ({ kind: 'secret', target: mount }));
}

/** A given entrypoint voids the image's command, as everywhere in the field. */
function program(app: App, image: Image | undefined): Pick<ContainerSpec, 'entrypoint' | 'command'> {
  const { entrypoint, command } = app.container;
  if (entrypoint) return { entrypoint, command: command ?? [] };
  return { entrypoint: image?.entrypoint ?? [], command: command ?? image?.command ?? [] };
}

function toMount(volume: Volume, app: string, placing: Placing): Mount {
  switch (volume.kind) {
    case 'named': {
      const name = placing.volumeNames?.[volume.name] ?? volumeName(placing.instance, app, volume.name);
      return { kind: 'volume', name, target: volume.mount, readOnly: volume.readOnly };
    }
    case 'bind':
      return { kind: 'bind', source: volume.hostPath, target: volume.mount, readOnly: volume.readOnly };
    case 'tmpfs':
      return { kind: 'tmpfs', target: volume.mount, size: volume.size ?? 0 };
    default:
      return volume satisfies never;
  }
}

/** `plimsoll-APP-NAME`, with the instance in front when it is not the default one. */
export function volumeName(instance: string, app: string, volume: string): string {
  return instance === 'default' ? `plimsoll-${app}-${volume}` : `plimsoll-${instance}-${app}-${volume}`;
}

function toPublished(port: Port): PublishedPort[] {
  if (port.host === undefined) return [];
  return [{ container: port.container, protocol: port.protocol, host: port.host, hostIp: port.hostIp ?? '' }];
}

function byTarget(a: Mount, b: Mount): number {
  return a.target < b.target ? -1 : 1;
}

function byPort(a: PublishedPort, b: PublishedPort): number {
  return a.container - b.container || a.host - b.host || (a.protocol < b.protocol ? -1 : 1);
}
