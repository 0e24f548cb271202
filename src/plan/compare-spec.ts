import type { EnvValue } from '../desired/app.ts';
import { canonicalJson, isSameValue } from '../desired/canonical.ts';
import { isSecretValue } from '../desired/secret.ts';
import type { ContainerSpec } from '../observed/observed.ts';

/** One field in which a live container is not what it should be. */
export interface FieldChange {
  /** The manifest's name of the field. */
  readonly path: string;
  readonly live: string | undefined;
  readonly desired: string | undefined;
  /** What mends it. */
  readonly heal: 'replace' | 'update' | 'networks' | 'deliver';
}

type Compared = Exclude<
  keyof ContainerSpec,
  'name' | 'labels' | 'address' | 'aliases' | 'env' | 'networks' | 'liveFiles'
>;

/** Every compared field, its name in the manifest, and what mends it. Name, slot and labels are judged by standing. */
const compared = {
  image: ['spec.image', 'replace'],
  entrypoint: ['spec.entrypoint', 'replace'],
  command: ['spec.command', 'replace'],
  workingDir: ['spec.workingDir', 'replace'],
  user: ['spec.user', 'replace'],
  mounts: ['spec.volumes', 'replace'],
  ports: ['spec.ports', 'replace'],
  memory: ['spec.resources.memory', 'update'],
  nanoCpus: ['spec.resources.cpus', 'update'],
  pids: ['spec.resources.pids', 'update'],
  readOnlyRootfs: ['spec.security.readOnlyRootfs', 'replace'],
  capAdd: ['spec.security.capAdd', 'replace'],
  capDrop: ['spec.security.capDrop', 'replace'],
  noNewPrivileges: ['spec.security.noNewPrivileges', 'replace'],
  privileged: ['spec.security.privileged', 'replace'],
  logging: ['spec.logging', 'replace'],
} as const satisfies Record<Compared, readonly [string, FieldChange['heal']]>;

const fields = Object.entries(compared) as [Compared, readonly [string, FieldChange['heal']]][];

/** Fields that an image fills in: unknown, and not compared, when the image is gone from the host. */
const fromImage: readonly string[] = ['entrypoint', 'command', 'workingDir', 'user'];

/** Live against desired, field by field, in a fixed order. */
export function compareSpec(live: ContainerSpec, desired: ContainerSpec, imageKnown: boolean): FieldChange[] {
  const plain = fields
    .filter(([field]) => imageKnown || !fromImage.includes(field))
    .filter(([field]) => !isSameValue(live[field], desired[field]))
    .map(([field, [path, heal]]) => ({
      path,
      live: text(live[field]),
      desired: text(desired[field]),
      // An engine can set and change a limit of a running container, but not take it away.
      heal: heal === 'update' && desired[field] === 0 ? ('replace' as const) : heal,
    }));
  return [
    ...plain,
    ...(imageKnown ? compareEnv(live, desired) : []),
    ...compareFiles(live, desired),
    ...compareNetworks(live, desired),
  ];
}

function compareEnv(live: ContainerSpec, desired: ContainerSpec): FieldChange[] {
  const names = new Set([...Object.keys(live.env), ...Object.keys(desired.env)]);
  return [...names]
    .filter((name) => keyOf(live.env[name]) !== keyOf(desired.env[name]))
    .sort()
    .map((name) => ({
      path: `spec.env.${name}`,
      ...shownEnv(live.env[name], desired.env[name]),
      heal: 'replace',
    }));
}

/** Two values are equal when this is; the name a secret is known by may change without its value. */
function keyOf(value: EnvValue | undefined): string | undefined {
  return isSecretValue(value) ? `\0${value.version}` : value;
}

/** Where one side is secret neither is shown: the other may be the same value, written out. */
function shownEnv(live: EnvValue | undefined, desired: EnvValue | undefined) {
  if (!isSecretValue(live) && !isSecretValue(desired)) return { live, desired };
  return {
    live: live === undefined ? undefined : '***',
    desired: desired === undefined ? undefined : live === undefined ? '***' : '*** (changed)',
  };
}

/** A file that was never delivered counts as empty; what is in a secret one is told by nobody. */
function compareFiles({ liveFiles: live = {} }: ContainerSpec, desired: ContainerSpec): FieldChange[] {
  return Object.entries(desired.liveFiles ?? {})
    .filter(([mount, digest]) => live[mount] !== digest)
    .map(([mount, digest]) => ({
      path: `spec.files[${mount}]`,
      ...shownFile(live[mount], digest),
      heal: 'deliver',
    }));
}

function shownFile(live: string | undefined, desired: string) {
  const isSecret = desired.includes(' secret ');
  if (isSecret)
    return {
      live: live === undefined ? undefined : '***',
      desired: live === undefined ? '***' : '*** (changed)',
    };
  return {
    live: live === undefined ? undefined : `content ${live.slice(0, 12)}`,
    desired: `content ${desired.slice(0, 12)}`,
  };
}

function compareNetworks(live: ContainerSpec, desired: ContainerSpec): FieldChange[] {
  if (isSameValue(live.networks, desired.networks)) return [];
  return [
    { path: 'spec.networks', live: text(live.networks), desired: text(desired.networks), heal: 'networks' },
  ];
}

function text(value: unknown): string {
  return typeof value === 'object' ? canonicalJson(value) : String(value);
}
