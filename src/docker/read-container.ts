import type { ContainerInfo, ContainerInspectInfo, HostConfig } from 'dockerode';
import type { SecretsPort } from '../apply/ports.ts';
import type { EnvValue } from '../desired/app.ts';
import { isOwnName } from '../observed/container-name.ts';
import type { Container, ContainerSpec, ContainerState, Mount, PublishedPort } from '../observed/observed.ts';
import { withAsked } from './asked-spec.ts';
import { label, labelPrefix, ownNotes, unfinished } from './labels.ts';
import { readSecretEnv, readSecretFiles } from './secret-labels.ts';

export interface Where {
  readonly instance: string;
  /** Name of our network. */
  readonly network: string;
  /** Tells whether a secret value was changed by hand; without it the label is believed. */
  readonly matches?: SecretsPort['matches'] | undefined;
  /** Whether a file on the host is one of our secret ones. */
  readonly isSecretFile?: ((path: string) => boolean) | undefined;
}

/** The version of a secret that is not the one its label names. */
export const changedByHand = 'changed-by-hand';

/** A labelled container as read: not ours without a proof. */
export interface Reading {
  readonly id: string;
  readonly name: string;
  /** Absent when its labels are not what we write: then it is foreign whoever knows its id. */
  readonly container: Container | undefined;
  /** Its labels and its name agree. */
  readonly proven: boolean;
}

/** Understands one inspected container that bears our instance's label. */
export function readContainer(inspected: ContainerInspectInfo, where: Where): Reading {
  const id = inspected.Id;
  const fullName = nameOf(inspected.Name);
  const name = wholeName(fullName);
  const identity = readLabels(inspected.Config.Labels ?? {}, where.instance);
  if (!identity) return { id, name: fullName, container: undefined, proven: false };
  const parts = { ...identity, instance: where.instance, imageId: inspected.Image };
  const { State: state } = inspected;
  const container: Container = {
    id,
    name,
    ...identity,
    imageId: inspected.Image,
    state: stateOf(state.Status),
    exitCode: state.ExitCode ?? 0,
    oomKilled: state.OOMKilled ?? false,
    createdAt: timeOf(inspected.Created),
    startedAt: timeOf(state.StartedAt),
    finishedAt: timeOf(state.FinishedAt),
    live: liveSpec(inspected, name, where),
    imageHealth: imageHealthOf(state.Health?.Status),
  };
  return { id, name, container, proven: isOwnName(name, parts) };
}

/** A container that only its row in the list tells of. */
export interface ReadRow {
  readonly id: string;
  /** As the engine has it, with the mark of one that is not whole. */
  readonly name: string;
  readonly app: string;
  /** In our network; empty when the row does not say. */
  readonly address: string;
  /** As in a `Reading`. */
  readonly proven: boolean;
}

/** Understands the row of a labelled container; absent when its labels are not what we write. */
export function readRow(row: ContainerInfo, { instance, network }: Where): ReadRow | undefined {
  const identity = readLabels(row.Labels ?? {}, instance);
  if (!identity) return undefined;
  const name = nameOf(row.Names[0] ?? '');
  const found = row.NetworkSettings?.Networks?.[network];
  const configured: unknown = found?.IPAMConfig?.IPv4Address;
  return {
    id: row.Id,
    name,
    app: identity.app,
    address: typeof configured === 'string' ? configured : (found?.IPAddress ?? ''),
    proven: isOwnName(wholeName(name), { ...identity, instance, imageId: row.ImageID }),
  };
}

type Identity = Pick<Container, 'app' | 'specHash' | 'deployment' | 'replica' | 'hook'>;

function readLabels(labels: Readonly<Record<string, string>>, instance: string): Identity | undefined {
  const app = labels[label.app] ?? '';
  const specHash = labels[label.specHash] ?? '';
  const replica = labels[label.replica] ?? '';
  const hook = labels[label.hook];
  const wellFormed =
    labels[label.instance] === instance &&
    /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(app) &&
    /^[0-9a-f]{64}$/.test(specHash) &&
    /^(0|[1-9]\d{0,5})$/.test(replica);
  if (!wellFormed) return undefined;
  const identity = { app, specHash, deployment: labels[label.deployment] ?? '', replica: Number(replica) };
  if (hook === undefined) return identity;
  return hook === 'preDeploy' || hook === 'postDeploy' ? { ...identity, hook } : undefined;
}

function liveSpec(inspected: ContainerInspectInfo, name: string, where: Where): ContainerSpec {
  const live = readSpec(inspected, name, where);
  const asked = inspected.Config.Labels[label.asked];
  if (asked === undefined) return live;
  return withAsked(live, asked, inspected.NetworkSettings.Networks?.[where.network]?.IPAddress ?? '');
}

/** What `createBody` wrote, read back in the same shape: lists sorted, defaults of the engine taken off. */
function readSpec(inspected: ContainerInspectInfo, name: string, where: Where): ContainerSpec {
  const { Config: config, HostConfig: host } = inspected;
  const { network } = where;
  const networks = inspected.NetworkSettings.Networks ?? {};
  return {
    name,
    image: inspected.Image,
    entrypoint: words(config.Entrypoint),
    command: words(config.Cmd),
    workingDir: config.WorkingDir ?? '',
    user: config.User ?? '',
    env: readSealedEnv(config, where),
    labels: ownLabels(config.Labels),
    ...readEndpoint(inspected, network),
    networks: Object.keys(networks)
      .filter((joined) => joined !== network)
      .sort(),
    mounts: readMounts(inspected, where),
    ports: readPorts(host.PortBindings),
    memory: Math.max(0, host.Memory ?? 0),
    nanoCpus: host.NanoCpus ?? 0,
    pids: Math.max(0, host.PidsLimit ?? 0),
    readOnlyRootfs: host.ReadonlyRootfs ?? false,
    capAdd: readCaps(host.CapAdd),
    capDrop: readCaps(host.CapDrop),
    noNewPrivileges: readNoNewPrivileges(host.SecurityOpt),
    privileged: host.Privileged ?? false,
    logging: readLogging(host.LogConfig),
  };
}

/** `NAME=value` lines to a record, as both containers and images hold them. */
export function readEnv(lines: readonly string[] | null | undefined): Record<string, string> {
  const pairs = (lines ?? []).filter((line) => line.includes('=')).sort();
  return Object.fromEntries(pairs.map((line) => splitOnce(line, '=')));
}

/** What is secret is known by its version, and its value goes no further than here. */
function readSealedEnv(
  { Env: lines, Labels: labels }: ContainerInspectInfo['Config'],
  { matches }: Where,
): Record<string, EnvValue> {
  const secret = readSecretEnv(labels ?? {});
  const seal = (name: string, plain: string): EnvValue => {
    if (secret === 'all') return { secret: '?', version: 'unknown' };
    const value = secret.get(name);
    if (!value) return plain;
    return matches?.(value, plain) === false ? { ...value, version: changedByHand } : value;
  };
  return Object.fromEntries(Object.entries(readEnv(lines)).map(([name, plain]) => [name, seal(name, plain)]));
}

/** A command of an inspected container or image: a list, a single word, or nothing. */
export function words(value: string | readonly string[] | null | undefined): string[] {
  return typeof value === 'string' ? [value] : [...(value ?? [])];
}

function wholeName(name: string): string {
  return name.endsWith(unfinished) ? name.slice(0, -unfinished.length) : name;
}

export function nameOf(slashed: string): string {
  return slashed.replace(/^\//, '');
}

function ownLabels(labels: Readonly<Record<string, string>> | null): Record<string, string> {
  const own = Object.entries(labels ?? {}).filter(
    ([name]) => name.startsWith(labelPrefix) && !ownNotes.includes(name),
  );
  return Object.fromEntries(own.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The configured address, not the one in use: a stopped container has no other, and its slot stays its own. */
function readEndpoint(
  { Id: id, Name: name, NetworkSettings: settings }: ContainerInspectInfo,
  network: string,
): Pick<ContainerSpec, 'address' | 'aliases'> {
  const found = settings.Networks?.[network];
  const aliases: unknown = found?.Aliases;
  const address: unknown = found?.IPAMConfig?.IPv4Address;
  // Engines before API 1.45 add the short id by themselves.
  const added = [id.slice(0, 12), nameOf(name)];
  const given = Array.isArray(aliases) ? aliases.filter((alias) => typeof alias === 'string') : [];
  return {
    address: typeof address === 'string' ? address : '',
    aliases: [...new Set(given)].filter((alias) => !added.includes(alias)).sort(),
  };
}

/** `HostConfig.Mounts` is what was asked for; Podman tells only what came of it. */
function readMounts(inspected: ContainerInspectInfo, where: Where): Mount[] {
  const asked = inspected.HostConfig.Mounts ?? [];
  const mounts = asked.length > 0 ? asked.flatMap(readAskedMount) : readResultingMounts(inspected);
  const targets = readSecretFiles(inspected.Config.Labels ?? {}).map(({ target }) => target);
  const { isSecretFile = (path) => secretPath.test(path) } = where;
  return mounts
    .map((mount): Mount => {
      const isSecret = mount.kind === 'bind' && targets.includes(mount.target) && isSecretFile(mount.source);
      return isSecret ? { kind: 'secret', target: mount.target } : mount;
    })
    .sort((a, b) => (a.target < b.target ? -1 : 1));
}

/** `…/CONTAINER/INDEX`. */
const secretPath = /\/plimsoll-[a-z0-9-]+\/\d+$/;

function readAskedMount(mount: NonNullable<HostConfig['Mounts']>[number]): Mount[] {
  const { Source: source, Target: target, ReadOnly: readOnly = false } = mount;
  switch (mount.Type) {
    case 'volume':
      // Without a source it is anonymous: `createBody` makes those for files only.
      return source ? [{ kind: 'volume', name: source, target, readOnly }] : [];
    case 'bind':
      return [{ kind: 'bind', source, target, readOnly }];
    case 'tmpfs':
      return [{ kind: 'tmpfs', target, size: mount.TmpfsOptions?.SizeBytes ?? 0 }];
    default:
      return [];
  }
}

function readResultingMounts({ Mounts: mounts, HostConfig: host }: ContainerInspectInfo): Mount[] {
  const tmpfs = Object.entries(host.Tmpfs ?? {}).map(
    ([target, options]): Mount => ({
      kind: 'tmpfs',
      target,
      size: Number(/(?:^|,)size=(\d+)/.exec(options)?.[1] ?? 0),
    }),
  );
  const others = (mounts ?? []).flatMap(({ Type, Name, Source, Destination: target, RW }): Mount[] => {
    if (Type === 'bind') return [{ kind: 'bind', source: Source, target, readOnly: !RW }];
    const anonymous = Name === undefined || /^[0-9a-f]{64}$/.test(Name);
    if (Type !== 'volume' || anonymous) return [];
    return [{ kind: 'volume', name: Name, target, readOnly: !RW }];
  });
  return [...others, ...tmpfs];
}

function readPorts(bindings: unknown): PublishedPort[] {
  if (typeof bindings !== 'object' || bindings === null) return [];
  const entries: [string, unknown][] = Object.entries(bindings);
  return entries
    .flatMap(([key, bound]) => (Array.isArray(bound) ? bound : []).map((one) => readPort(key, one)))
    .sort((a, b) => a.container - b.container || a.host - b.host || (a.protocol < b.protocol ? -1 : 1));
}

function readPort(key: string, bound: { HostIp?: string; HostPort?: string }): PublishedPort {
  const [port, protocol] = splitOnce(key, '/');
  return {
    container: Number(port),
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    host: Number(bound.HostPort ?? 0),
    hostIp: bound.HostIp ?? '',
  };
}

/** Engines from 20.10 on write the prefix, older ones keep what was said. */
function readCaps(caps: unknown): string[] {
  if (!Array.isArray(caps)) return [];
  return caps.map((cap) => String(cap).toUpperCase().replace(/^CAP_/, '')).sort();
}

function readNoNewPrivileges(options: unknown): boolean {
  if (!Array.isArray(options)) return false;
  return options.some((option) => /^no-new-privileges(?:[:=]true)?$/.test(String(option)));
}

function readLogging(config: HostConfig['LogConfig']): ContainerSpec['logging'] {
  const options: Readonly<Record<string, string>> = config?.Config ?? {};
  const count = (name: string): number => (/^\d+$/.test(options[name] ?? '') ? Number(options[name]) : 0);
  return { maxSize: count('max-size'), maxFile: count('max-file') };
}

const states: readonly string[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
];

/** Podman's `configured`, `initialized`, `stopped` and `stopping` are Docker's words under other names. */
export function stateOf(status: string): ContainerState {
  if (states.includes(status)) return status as ContainerState;
  if (status === 'configured' || status === 'initialized') return 'created';
  return status === 'stopping' ? 'running' : 'exited';
}

function imageHealthOf(status: string | undefined): Container['imageHealth'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : 'none';
}

/** Milliseconds since the epoch; the engine's zero time is the year 1. */
function timeOf(text: string | undefined): number {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? 0 : Math.max(0, time);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
