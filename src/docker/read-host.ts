import type { ImageInspectInfo, NetworkInspectInfo, VolumeInspectInfo } from 'dockerode';
import type { Container, Image, Network, VolumeInfo } from '../observed/observed.ts';
import { label } from './labels.ts';
import { readEnv, words } from './read-container.ts';
import { repoDigest } from './repo-digest.ts';

/** The image as it is known under this reference. */
export function readImage(inspected: ImageInspectInfo, reference: string): Image {
  const config: Partial<ImageInspectInfo['Config']> = inspected.Config ?? {};
  const test: unknown = 'Healthcheck' in config ? config.Healthcheck : undefined;
  const digest = repoDigest(reference, inspected.RepoDigests ?? []);
  return {
    id: inspected.Id,
    ...(digest === undefined ? {} : { digest }),
    env: readEnv(config.Env),
    entrypoint: words(config.Entrypoint),
    command: words(config.Cmd),
    workingDir: config.WorkingDir ?? '',
    user: config.User ?? '',
    hasHealthCheck: hasTest(test),
    volumes: Object.keys(config.Volumes ?? {}).sort(),
  };
}

function hasTest(check: unknown): boolean {
  const test = typeof check === 'object' && check !== null && 'Test' in check ? check.Test : undefined;
  return Array.isArray(test) && test.length > 0 && test[0] !== 'NONE';
}

export function readNetwork(inspected: NetworkInspectInfo, instance: string): Network {
  const pools = inspected.IPAM?.Config ?? [];
  const pool = pools.find(({ Subnet: subnet }) => subnet?.includes('.'));
  const subnet = pool?.Subnet ?? '';
  return {
    id: inspected.Id,
    name: inspected.Name,
    ours: inspected.Labels?.[label.instance] === instance,
    subnet,
    // An engine that chose the gateway itself does not always say so: it takes the first address.
    gateway: plain(pool?.Gateway) || firstAddress(subnet),
  };
}

export function readVolume(inspected: VolumeInspectInfo, instance: string): VolumeInfo {
  const labels = inspected.Labels ?? {};
  const app = labels[label.instance] === instance ? labels[label.app] : undefined;
  return app === undefined ? { name: inspected.Name } : { name: inspected.Name, app };
}

/**
 * Every IPv4 address in our network that somebody has or will have: endpoints in use, the gateway, and the
 * configured addresses of our containers, which a stopped one takes again when it starts; `besides` are those of which
 * no more is known.
 */
export function readTaken(
  network: NetworkInspectInfo | undefined,
  gateway: string,
  containers: readonly Container[],
  besides: readonly string[],
): string[] {
  // Of ours what they say themselves counts: they are read when they change, and the network when others do.
  const ours = new Set(containers.map(({ id }) => id));
  const theirs = Object.entries(network?.Containers ?? {}).filter(([id]) => !ours.has(id));
  const endpoints = theirs.map(([, { IPv4Address }]) => plain(IPv4Address));
  const configured = containers.map(({ live }) => live.address);
  return [...new Set([gateway, ...endpoints, ...configured, ...besides])]
    .filter((address) => address !== '')
    .sort();
}

/** Without the prefix length that some answers carry. */
function plain(address: string | undefined): string {
  return address?.split('/')[0] ?? '';
}

function firstAddress(subnet: string): string {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(subnet);
  if (!match) return '';
  const [a, b, c, d, length] = match.slice(1).map(Number) as [number, number, number, number, number];
  const address = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  const size = 2 ** (32 - length);
  const first = address - (address % size) + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.');
}
