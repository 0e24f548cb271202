import { posix } from 'node:path';
import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode';
import type { AppFile } from '../desired/app.ts';
import { isSecretValue, type SecretValue } from '../desired/secret.ts';
import type { ContainerSpec, Mount, PublishedPort } from '../observed/observed.ts';
import { askedLabel } from './asked-spec.ts';
import { label, labelPrefix } from './labels.ts';
import { secretLabels } from './secret-labels.ts';

interface Making {
  /** Name of our network. */
  readonly network: string;
  /** False turns the image's own HEALTHCHECK off. */
  readonly imageHealthCheck: boolean;
  /** What will be put into the container before it starts. */
  readonly files?: readonly AppFile[];
  /** Plain values of the secret variables, by name. */
  readonly revealed?: Readonly<Record<string, string>>;
  /** Where the secret files lie on the host, by target. */
  readonly sources?: Readonly<Record<string, string>>;
  /** The engine forgets part of what it is asked (Podman): it is kept in a label. */
  readonly forgetful?: boolean;
}

/**
 * The body of the create call, from exactly these fields: nothing else can be expressed. The other networks
 * are not in it, because engines before API 1.44 take only one.
 */
export function createBody(spec: ContainerSpec, making: Making): ContainerCreateOptions {
  return {
    Image: spec.image,
    Labels: labelsOf(spec, making),
    Env: Object.entries(spec.env).map(
      ([name, value]) => `${name}=${isSecretValue(value) ? revealed(name, value, making) : value}`,
    ),
    // The image's own would be filled in for an empty list; one empty word means "none".
    Entrypoint: spec.entrypoint.length > 0 ? [...spec.entrypoint] : [''],
    Cmd: [...spec.command],
    WorkingDir: spec.workingDir,
    User: spec.user,
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [portKey(port), {}])),
    ...(making.imageHealthCheck ? {} : { Healthcheck: { Test: ['NONE'] } }),
    HostConfig: hostConfig(spec, making),
    NetworkingConfig: {
      EndpointsConfig: { [making.network]: endpoint(spec.address || undefined, spec.aliases) },
    },
  };
}

function labelsOf(spec: ContainerSpec, { forgetful = false, files = [] }: Making): Record<string, string> {
  const own = Object.entries(spec.labels).filter(([name]) => name.startsWith(labelPrefix));
  return {
    ...Object.fromEntries(own),
    ...secretLabels(spec, files),
    ...(forgetful ? { [label.asked]: askedLabel(spec) } : {}),
  };
}

function revealed(name: string, { secret }: SecretValue, making: Making): string {
  const plain = making.revealed?.[name];
  if (plain === undefined) throw new Error(`${secret} was not revealed before the create call`);
  return plain;
}

/** How a container sits in a network; without an address the engine picks one. */
export function endpoint(
  address: string | undefined,
  aliases: readonly string[],
): { Aliases: string[]; IPAMConfig?: { IPv4Address: string } } {
  return { Aliases: [...aliases], ...(address ? { IPAMConfig: { IPv4Address: address } } : {}) };
}

/** What bounds a container, in a form that also an update takes. */
export function limits(wanted: Pick<ContainerSpec, 'memory' | 'nanoCpus' | 'pids'>): HostConfig {
  return {
    Memory: wanted.memory,
    // No swap beside it: a limit that an update could not lower below twice its size would be none.
    MemorySwap: wanted.memory,
    NanoCpus: wanted.nanoCpus,
    PidsLimit: wanted.pids,
  };
}

function hostConfig(spec: ContainerSpec, making: Making): HostConfig {
  const { network, files = [] } = making;
  return {
    ...limits(spec),
    NetworkMode: network,
    Mounts: [
      ...spec.mounts.map((mount) => mountOf(mount, spec, making)),
      ...fileFolders(spec, files).map(scratch),
    ],
    PortBindings: portBindings(spec.ports),
    CapAdd: [...spec.capAdd],
    CapDrop: [...spec.capDrop],
    SecurityOpt: spec.noNewPrivileges ? ['no-new-privileges'] : [],
    ReadonlyRootfs: spec.readOnlyRootfs,
    Privileged: spec.privileged,
    LogConfig: { Type: 'json-file', Config: logConfig(spec.logging) },
    // The loop restarts containers itself, with backoff, and must be the only one who does.
    RestartPolicy: { Name: 'no' },
  };
}

function mountOf(mount: Mount, spec: ContainerSpec, { sources = {} }: Making): MountSettings {
  switch (mount.kind) {
    case 'volume': {
      // Should the volume be gone by now, the engine makes it anew, and it must still be ours.
      const owner = [label.instance, label.app].map((name) => [name, spec.labels[name] ?? '']);
      const options = { VolumeOptions: { Labels: Object.fromEntries(owner) } } as Pick<
        MountSettings,
        'VolumeOptions'
      >;
      return {
        Type: 'volume',
        Source: mount.name,
        Target: mount.target,
        ReadOnly: mount.readOnly,
        ...options,
      };
    }
    case 'bind':
      return { Type: 'bind', Source: mount.source, Target: mount.target, ReadOnly: mount.readOnly };
    case 'secret': {
      const source = sources[mount.target];
      if (source === undefined) throw new Error(`no secret file is there for ${mount.target}`);
      return { Type: 'bind', Source: source, Target: mount.target, ReadOnly: true };
    }
    case 'tmpfs': {
      const options = mount.size > 0 ? { TmpfsOptions: { SizeBytes: mount.size, Mode: 0o1777 } } : {};
      return { Type: 'tmpfs', Target: mount.target, ...options } as MountSettings;
    }
    default:
      return mount satisfies never;
  }
}

/**
 * The engine puts no file into a read-only root file system, not even before the start; into a volume it does.
 * So the folders of files get an anonymous volume each, which begins with what the image has there.
 */
export function fileFolders(spec: ContainerSpec, files: readonly AppFile[]): string[] {
  if (!spec.readOnlyRootfs) return [];
  const uncovered = files.filter((file) => !spec.mounts.some((mount) => isWithin(file.mount, mount.target)));
  return [...new Set(uncovered.map((file) => posix.dirname(file.mount)))].sort();
}

export function isWithin(path: string, folder: string): boolean {
  return !posix.relative(folder, path).startsWith('..');
}

function scratch(folder: string): MountSettings {
  return { Type: 'volume', Target: folder } as MountSettings;
}

function portBindings(
  ports: readonly PublishedPort[],
): Record<string, { HostIp: string; HostPort: string }[]> {
  const byKey = Object.groupBy(ports, portKey);
  return Object.fromEntries(
    Object.entries(byKey).map(([key, bound = []]) => [
      key,
      bound.map((port) => ({ HostIp: port.hostIp, HostPort: String(port.host) })),
    ]),
  );
}

function portKey(port: PublishedPort): string {
  return `${port.container}/${port.protocol}`;
}

function logConfig(logging: ContainerSpec['logging']): Record<string, string> {
  return {
    ...(logging.maxSize > 0 ? { 'max-size': String(logging.maxSize) } : {}),
    ...(logging.maxFile > 0 ? { 'max-file': String(logging.maxFile) } : {}),
  };
}
