import type {
  App,
  ContainerFields,
  Deploy,
  Domain,
  EnvValue,
  HealthCheck,
  Hook,
  Port,
  RegistryLogin,
  SyncWindow,
  Volume,
} from './app.ts';
import { probePort } from './app-rules.ts';
import type { AppManifest } from './manifest.ts';
import { type ManifestDocument, positionOf } from './manifest-document.ts';
import { parseAddress, parseHost, parseRange } from './network-name.ts';
import { isSecretValue, type SecretValue } from './secret.ts';
import { type SecretBook, splitReference } from './secret-book.ts';
import { splitCommand } from './split-command.ts';
import { parseBytes, parseCpus, parseDuration, parseMode, parseStatus, parseTime } from './units.ts';

type Spec = AppManifest['spec'];

/** What an app takes from the files around its manifest. */
export interface Attachments {
  /** Contents of its `files`, in the manifest's order; empty for a secret one. */
  readonly files: readonly string[];
  readonly book: SecretBook;
  readonly login: RegistryLogin | undefined;
}

/** The app that a manifest without problems means. */
export function toApp(document: ManifestDocument, attachments: Attachments): App {
  const { metadata, spec } = document.value;
  return present({
    name: metadata.name,
    origin: positionOf(document, '/metadata/name'),
    labels: sortedMap(metadata.labels),
    description: metadata.description,
    links: metadata.links.map(({ title, url }) => ({ title, url })),
    project: metadata.project,
    environment: metadata.environment,
    renamedFrom: metadata.renamedFrom,
    state: spec.state,
    suspend: spec.suspend,
    replicas: spec.replicas,
    container: containerFields(spec, attachments),
    ...liveFiles(spec, attachments),
    registry: attachments.login,
    pull: spec.pull,
    domains: spec.domains.map((domain, index) =>
      toDomain(domain, positionOf(document, `/spec/domains/${index}`), attachments.book),
    ),
    healthCheck: healthCheck(document.value),
    deploy: deploy(spec),
    hooks: present({ preDeploy: hook(spec.hooks.preDeploy), postDeploy: hook(spec.hooks.postDeploy) }),
    dependsOn: sortBy(
      spec.dependsOn.map((entry) =>
        typeof entry === 'string'
          ? { app: entry, condition: 'healthy' as const }
          : { app: entry.app, condition: entry.condition },
      ),
      ({ app }) => app,
    ),
    restart: spec.restart,
    policy: {
      selfHeal: spec.policy.selfHeal,
      prune: spec.policy.prune,
      windows: spec.policy.windows.map(syncWindow),
    },
  });
}

/** The host, path and redirecting hosts of a domain, in the form in which they are compared. */
export function routeOf(domain: Spec['domains'][number]) {
  const long = typeof domain === 'string' ? { host: domain, path: '/', redirectFrom: [] } : domain;
  return {
    host: known(parseHost(long.host)),
    path: long.path.replace(/(?<=.)\/$/, ''),
    redirectFrom: long.redirectFrom.map((host) => known(parseHost(host))),
  };
}

/** A host path without empty, `.` and trailing parts. */
export function normalHostPath(path: string): string {
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}

function containerFields(spec: Spec, attachments: Attachments): ContainerFields {
  const { security, resources } = spec;
  const files = appFiles(spec, attachments);
  const live = files.filter(({ onChange }) => onChange !== 'restart');
  return present({
    image: spec.image,
    entrypoint: words(spec.entrypoint),
    command: words(spec.command),
    workingDir: spec.workingDir === undefined ? undefined : mountPath(spec.workingDir),
    user: spec.user,
    ports: ports(spec),
    env: env(spec, attachments),
    files: files.filter(({ onChange }) => onChange === 'restart').map(({ onChange: _how, ...file }) => file),
    liveFiles:
      live.length === 0
        ? undefined
        : live.map(({ mount, content }) => ({ mount, sealed: isSecretValue(content) })),
    volumes: sortBy(spec.volumes.map(toVolume), ({ mount }) => mount),
    resources: present({
      cpuMillis: resources.cpus === undefined ? undefined : known(parseCpus(resources.cpus)),
      memory: bytes(resources.memory),
      pids: resources.pids,
    }),
    networks: sortedSet(spec.networks),
    security: {
      readOnlyRootfs: security.readOnlyRootfs,
      capAdd: sortedSet(security.capAdd.map(capability)),
      capDrop: sortedSet(security.capDrop.map(capability)),
      noNewPrivileges: security.noNewPrivileges,
      privileged: security.privileged,
    },
    logging: { maxSize: known(bytes(spec.logging.maxSize)), maxFile: spec.logging.maxFile },
    restartedAt: spec.restartedAt,
  });
}

/** Sorted by mount. */
function appFiles({ files }: Spec, { files: contents, book }: Attachments) {
  const read = files.map(({ mount, mode, secret, onChange }, index) => ({
    mount: mountPath(mount),
    content: secret === undefined ? known(contents[index]) : referred(book, secret),
    mode: known(parseMode(mode ?? (secret === undefined ? '0644' : '0400'))),
    onChange,
  }));
  return sortBy(read, ({ mount }) => mount);
}

function liveFiles(spec: Spec, attachments: Attachments): Pick<App, 'liveFiles'> {
  const live = appFiles(spec, attachments).filter(({ onChange }) => onChange !== 'restart');
  if (live.length === 0) return {};
  return {
    liveFiles: live.map(({ onChange, ...file }) => ({
      ...file,
      ...(onChange === 'none' ? {} : { signal: onChange.replace('signal:', '') }),
    })),
  };
}

/** What `env` says goes before whole secrets, and a later one of those before an earlier one. */
function env(spec: Spec, { book }: Attachments): ContainerFields['env'] {
  const whole = spec.envFrom.flatMap(({ secret }) =>
    book.keys(secret).map((key): [string, EnvValue] => [key, book.value(secret, key)]),
  );
  const single = Object.entries(spec.env).map(([name, value]): [string, EnvValue] => [
    name,
    typeof value === 'string' ? value : referred(book, value.secret),
  ]);
  return sortedMap(Object.fromEntries([...whole, ...single]));
}

function referred(book: SecretBook, reference: string): SecretValue {
  const { name, key } = splitReference(reference);
  return book.value(name, key);
}

function ports({ port, ports: long }: Spec): readonly Port[] {
  const short: readonly Port[] =
    port === undefined ? [] : [{ name: 'http', container: port, protocol: 'tcp' }];
  const all = long.map(({ name, container, protocol, host, hostIp }) =>
    present({
      name,
      container,
      protocol,
      host,
      hostIp: hostIp === undefined ? undefined : known(parseAddress(hostIp)),
    }),
  );
  return sortBy([...short, ...all], ({ name }) => name);
}

function toVolume(volume: Spec['volumes'][number]): Volume {
  const mount = mountPath(volume.mount);
  const { name, hostPath, readOnly, retain } = volume;
  if (name !== undefined) return { kind: 'named', name, mount, readOnly, retain };
  if (hostPath !== undefined) return { kind: 'bind', hostPath: normalHostPath(hostPath), mount, readOnly };
  return present({ kind: 'tmpfs' as const, mount, size: bytes(volume.size) });
}

function toDomain(domain: Spec['domains'][number], origin: Domain['origin'], book: SecretBook): Domain {
  const route = routeOf(domain);
  if (typeof domain === 'string') return { ...route, ...plainDomain, origin };
  const { port, tls, stripPrefix, headers, loadBalancing, compress, allowIPs, maxBody, basicAuth } = domain;
  return present({
    ...route,
    port,
    tls,
    stripPrefix,
    headers: sortedMap(headers),
    loadBalancing,
    compress,
    allowIPs: sortedSet(allowIPs.map((range) => known(parseRange(range)))),
    maxBody: bytes(maxBody),
    basicAuth:
      basicAuth &&
      book.keys(basicAuth.secret).map((user) => ({ user, hash: book.passwordHash(basicAuth.secret, user) })),
    origin,
  });
}

/** What the schema fills into a domain written in full. */
const plainDomain = {
  port: 'http',
  tls: 'auto',
  stripPrefix: false,
  headers: {},
  loadBalancing: 'round-robin',
  compress: true,
  allowIPs: [],
} as const;

function healthCheck(manifest: AppManifest): HealthCheck {
  const check = manifest.spec.healthCheck;
  const timings = {
    interval: duration(check.interval),
    timeout: duration(check.timeout),
    retries: check.retries,
    successes: check.successes,
    startPeriod: duration(check.startPeriod),
  };
  if (check.http !== undefined) {
    const { path, status, headers } = check.http;
    const port = known(probePort(manifest));
    return {
      ...timings,
      kind: 'http',
      path,
      port,
      status: known(parseStatus(status)),
      headers: sortedMap(headers),
    };
  }
  if (check.tcp !== undefined) return { ...timings, kind: 'tcp', port: known(probePort(manifest)) };
  if (check.exec !== undefined)
    return { ...timings, kind: 'exec', command: known(words(check.exec.command)) };
  return { ...timings, kind: 'none' };
}

function deploy(spec: Spec): Deploy {
  const given = spec.deploy;
  return present({
    order: given.order ?? (holdsSomething(spec) ? 'stop-first' : 'start-first'),
    maxSurge: given.maxSurge,
    deadline: duration(given.deadline),
    bake: duration(given.bake),
    drain: duration(given.drain),
    stopGrace: duration(given.stopGrace),
    onFailure: given.onFailure,
    approval: given.approval,
    notBefore: given.notBefore === undefined ? undefined : known(parseTime(given.notBefore)),
  });
}

/** Two releases cannot share a host port, and should not write to one volume. */
function holdsSomething(spec: Spec): boolean {
  const writable = spec.volumes.some(({ tmpfs, readOnly }) => tmpfs === undefined && !readOnly);
  return writable || spec.ports.some(({ host }) => host !== undefined);
}

function hook(given: Spec['hooks']['preDeploy']): Hook | undefined {
  return given === undefined
    ? undefined
    : { command: known(words(given.command)), timeout: duration(given.timeout) };
}

function syncWindow(given: Spec['policy']['windows'][number]): SyncWindow {
  return {
    kind: given.allow === undefined ? 'deny' : 'allow',
    cron: known(given.allow ?? given.deny).trim(),
    duration: duration(given.for),
    timeZone: given.timeZone,
  };
}

function words(command: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof command === 'string' ? known(splitCommand(command)) : command;
}

function duration(text: string): number {
  return known(parseDuration(text));
}

function bytes(size: string | number | undefined): number | undefined {
  return size === undefined ? undefined : known(parseBytes(size));
}

function mountPath(path: string): string {
  return path.replace(/\/$/, '');
}

export function capability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, '');
}

function sortedMap<Value>(map: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> {
  return Object.fromEntries(sortBy(Object.entries(map), ([name]) => name));
}

function sortedSet(words: readonly string[]): readonly string[] {
  return sortBy([...new Set(words)], (word) => word);
}

function sortBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  return [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
}

/** The schema has let the text pass: that it cannot be read is a bug. */
function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a validated manifest holds a value that cannot be read');
  return value;
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Leaves absent fields out, so that equal manifests give equal values. */
function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
