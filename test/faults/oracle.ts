/**
 * What holds after every fault, as one function: `expectHolds(stage, expected)`.
 *
 * A test opens a `Stage` (a whole host behind sockets that can fail, see `stage.ts`; `faultTest` does it), commits
 * apps, injects a fault, counts it with `stage.injected += 1`, and calls `expectHolds`. Two tables say what is
 * looked at, a row for each clause; a row answers with every way in which its clause does not hold.
 *
 * - `settling` rows become true in bounded time: the commit is seen and converged, exactly the containers that git
 *   wants run, no network, volume, flag or secret file is left over, every host answers by Caddy with the right app
 *   and release and unknown ones with our 404, no deployment and no step is open.
 * - `lasting` rows are true at once and were true all the time: the next two looks send no mutating call, every
 *   mutating call so far stands in the journal, history still knows every deployment that it knew, foreign things
 *   are as they were planted, volumes hold what was put into them, the secret is nowhere but in its containers,
 *   memory, files and sockets of the controller and its database are bounded, the status never claimed what was not
 *   served (see `sampler.ts`), and no client that follows an app met a failure beyond what a load of Caddy may cost.
 *
 * What a test may change: `expected` below; `stage.forgetHistory()` where the state directory is lost on purpose;
 * `stage.sampler.grace` where the fault hides the truth from the controller (lost events);
 * `stage.ledger.rule` for what happens to calls. Names that git does not have any more answer 404 by themselves.
 */

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { unknownHost } from '../../src/caddy/render-caddyfile.ts';
import { until } from '../caddy/real-caddy.ts';
import { ask } from '../e2e/ask.ts';
import type { Call } from './fault-socket.ts';
import { type Commit, type Stage, specOf } from './stage.ts';

export interface Expected {
  readonly revision: string;
  /** Apps that serve another release than git has, because that one is in quarantine. */
  readonly rolledBack?: Readonly<Record<string, string>>;
  /** Releases that answer, where it is another program than the usual one: by app. */
  readonly answers?: Readonly<Record<string, string>>;
  /** Milliseconds until everything has settled. */
  readonly within?: number;
  /** Connections that may have failed: Caddy itself was the fault. */
  readonly gaps?: true;
  /** A container was removed by hand: its secret files go when the folder is swept, up to a quarter of an hour later. */
  readonly lingering?: true;
}

type Check = (stage: Stage, expected: Expected) => Promise<readonly string[]> | readonly string[];

const settling: Readonly<Record<string, Check>> = {
  converged,
  'containers are those of git': containersAreWanted,
  'nothing of ours is left over': nothingLeft,
  'every host answers': hostsAnswer,
  'history is closed': historyIsClosed,
};

const lasting: Readonly<Record<string, Check>> = {
  'two more looks change nothing': looksChangeNothing,
  'every mutating call is in the journal': callsAreJournaled,
  'history is intact': historyIsIntact,
  'nothing foreign is touched': ({ planted }) => planted.differences(),
  'volumes hold what they held': volumesAreWhole,
  'no secret is out': secretIsIn,
  'the controller is within its bounds': withinBounds,
  'the status said the truth': ({ sampler }) => sampler.lies,
  'nothing was lost': nothingLost,
};

/** Throws with every clause that does not hold. */
export async function expectHolds(stage: Stage, expected: Expected): Promise<void> {
  const deadline = performance.now() + (expected.within ?? 90_000);
  let problems = await firstProblems(stage, expected);
  while (problems.length > 0 && performance.now() < deadline) {
    await delay(150);
    problems = await firstProblems(stage, expected);
  }
  if (problems.length > 0) throw new Error(`not settled: ${problems.join('\n')}`);
  const broken: string[] = [];
  for (const [clause, check] of Object.entries(lasting))
    broken.push(...(await check(stage, expected)).map((how) => `${clause}: ${how}`));
  if (broken.length > 0) throw new Error(broken.join('\n'));
  stage.held = stage.injected;
}

/** Starts a controller on a host with these apps, and what is not ours; everything holds then. */
export async function beginWith(stage: Stage, apps: Commit): Promise<void> {
  stage.start();
  await until('the controller answers', () => stage.host.hasSocket);
  await expectHolds(stage, { revision: stage.commit(apps) });
  const [first] = Object.keys(apps);
  if (first !== undefined) await stage.planted.copyLabels(first);
}

/** Of the first clause that does not hold: the later ones cost more. */
async function firstProblems(stage: Stage, expected: Expected): Promise<string[]> {
  for (const [clause, check] of Object.entries(settling)) {
    const found = await Promise.resolve(check(stage, expected)).catch((error: Error) => [error.message]);
    if (found.length > 0) return found.map((how) => `${clause}: ${how}`);
  }
  return [];
}

interface Item {
  readonly name: string;
  readonly sync: string;
  readonly health: string;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

async function converged(
  { host }: Stage,
  { revision, rolledBack = {} }: Expected,
): Promise<readonly string[]> {
  const { body } = await host.ask('GET', '/api/v1/status');
  const status = body as { revision: string; converged: boolean; engineError: unknown };
  if (status.revision !== revision || status.engineError) return [JSON.stringify(status)];
  if (Object.keys(rolledBack).length === 0 && !status.converged) return [JSON.stringify(status)];
  const { items } = (await host.ask('GET', '/api/v1/apps')).body as { items: readonly Item[] };
  return items.flatMap(({ name, sync, health, conditions }) => {
    const reason = conditions.find(({ type }) => type === 'Ready')?.reason;
    const said = [sync, health, reason].join();
    const right = name in rolledBack ? 'OutOfSync,Healthy,Quarantined' : 'Synced,Healthy,Reconciled';
    return said === right ? [] : [`${name} is ${said}`];
  });
}

interface Place {
  readonly app: string;
  readonly release: string;
  readonly replicas: number;
  readonly volumes: readonly { readonly name: string }[];
  readonly secretFiles: number;
}

/** What git has, as it should be there. */
function placesOf({ wanted }: Stage, { rolledBack = {} }: Expected): Place[] {
  return Object.entries(wanted).flatMap(([app, one]) => {
    if (one === undefined) return [];
    const spec = specOf(app, one) as {
      replicas?: number;
      volumes?: Place['volumes'];
      files?: readonly { readonly secret?: string }[];
    };
    const { replicas = 1, volumes = [], files = [] } = spec;
    const secretFiles = files.filter(({ secret }) => secret !== undefined).length;
    return [{ app, release: rolledBack[app] ?? one.release, replicas, volumes, secretFiles }];
  });
}

async function containersAreWanted(stage: Stage, expected: Expected): Promise<readonly string[]> {
  const { host, planted } = stage;
  const right = placesOf(stage, expected).flatMap(({ app, release, replicas }) =>
    Array.from({ length: replicas }, (_, replica) => `${app} ${release} ${replica} running`),
  );
  const ours = (await host.containers()).filter(({ id }) => !planted.ids.has(id));
  const found = await Promise.all(
    ours.map(async ({ id, app, replica, state, name }) => {
      const { Config } = await host.docker.getContainer(id).inspect();
      const release = Config.Env.find((line) => line.startsWith('RELEASE='))?.slice('RELEASE='.length);
      return `${app} ${release} ${replica} ${state}${name.endsWith('.unfinished') ? ' unfinished' : ''}`;
    }),
  );
  return found.sort().join() === right.sort().join()
    ? []
    : [`${found.join(', ')} instead of ${right.join(', ')}`];
}

async function nothingLeft(stage: Stage, expected: Expected): Promise<readonly string[]> {
  const { host } = stage;
  const places = placesOf(stage, expected);
  const filters = { label: [`plimsoll.instance=${host.instance}`] };
  const networks = await host.docker.listNetworks({ filters });
  const foreignVolumes = (await host.volumes()).filter((name) => !stage.markers.has(name));
  const volumes = places.flatMap(({ app, volumes }) =>
    volumes.map(({ name }) => `plimsoll-${host.instance}-${app}-${name}`),
  );
  const slots = places.flatMap(({ app, replicas }) =>
    Array.from({ length: replicas }, (_, replica) => `${app}.${replica}`),
  );
  const flags = readdirSync(host.caddy.flagDir).filter((name) => !name.startsWith('.'));
  // Beside each lies a mark that tells its version.
  const secretFiles = filesBelow(host.runtimeDir).filter((file) => /^\d+$/.test(basename(file)));
  const wantedFiles = places.reduce((sum, { replicas, secretFiles }) => sum + replicas * secretFiles, 0);
  return [
    ...(networks.length === 1 ? [] : [`${networks.length} networks`]),
    ...foreignVolumes.filter((name) => !volumes.includes(name)).map((name) => `volume ${name}`),
    ...flags.filter((flag) => !slots.includes(flag)).map((flag) => `flag ${flag}`),
    ...(secretFiles.length === wantedFiles || (expected.lingering && secretFiles.length > wantedFiles)
      ? []
      : [`${secretFiles.length} secret files instead of ${wantedFiles}`]),
  ];
}

async function hostsAnswer(stage: Stage, expected: Expected): Promise<readonly string[]> {
  const { host, wanted } = stage;
  const places = placesOf(stage, expected);
  const gone = Object.keys(wanted).filter((app) => wanted[app] === undefined);
  const asked = [
    // Once for each replica, and once more.
    ...places.flatMap(({ app, release, replicas }) =>
      Array.from(
        { length: replicas + 1 },
        () => [app, expected.answers?.[app] ?? `${app} ${release}`] as const,
      ),
    ),
    ...[...gone, 'nobody'].map((app) => [app, `404 ${unknownHost}`] as const),
  ];
  const answers = await Promise.all(
    asked.map(async ([app, right]) => {
      const said = await ask(host.caddy.httpPort, `${app}.test`).catch((error: Error) => error.message);
      return said === right ? [] : [`${app}.test answers ${said} instead of ${right}`];
    }),
  );
  return answers.flat();
}

function inHistory<T>({ host }: Stage, read: (db: Database.Database) => T): T {
  const db = new Database(join(host.stateDir, 'plimsoll.db'), { readonly: true, timeout: 400 });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

/** What was done last, for people who look for the reason of a failure. */
export function lastSteps(stage: Stage): string {
  const rows = inHistory(stage, (db) =>
    db
      .prepare<[], Readonly<Record<string, unknown>>>(
        'SELECT started_at, app, kind, object, reason, outcome, error FROM steps ORDER BY id DESC LIMIT 20',
      )
      .all(),
  );
  return rows
    .map((row) => Object.values(row).join(' | '))
    .reverse()
    .join('\n');
}

function historyIsClosed(stage: Stage): readonly string[] {
  const [deployments, steps] = inHistory(stage, (db) => [
    db
      .prepare<[], { id: string }>('SELECT id FROM deployments WHERE finished_at IS NULL OR result IS NULL')
      .all(),
    db.prepare<[], { id: number; kind: string }>('SELECT id, kind FROM steps WHERE ended_at IS NULL').all(),
  ]);
  return [
    ...deployments.map(({ id }) => `deployment ${id} is open`),
    ...steps.map(({ id, kind }) => `step ${id} (${kind}) is open`),
  ];
}

function historyIsIntact(stage: Stage): readonly string[] {
  const { found, check } = inHistory(stage, (db) => ({
    found: db.prepare<[], string>('SELECT id FROM deployments').pluck().all(),
    check: db.pragma('quick_check', { simple: true }),
  }));
  const lost = [...stage.deployments].filter((id) => !found.includes(id));
  for (const id of found) stage.deployments.add(id);
  return [
    ...(check === 'ok' ? [] : [String(check)]),
    ...lost.map((id) => `deployment ${id} is not known any more`),
  ];
}

async function looksChangeNothing({ host, ledger }: Stage): Promise<readonly string[]> {
  const before = ledger.mutations.length;
  for (let look = 0; look < 2; look += 1) await host.ask('POST', '/api/v1/reconcile', {});
  return ledger.mutations.slice(before).map(({ to, method, path }) => `${method} ${path} was sent to ${to}`);
}

/** By which steps a call may be made; the first row that fits counts. */
const stepsOfCalls: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^POST \/load$/, ['load-routes']],
  [/^POST \/containers\/create/, ['create']],
  [/^PUT \/containers\/[^/]+\/archive/, ['create', 'deliver']],
  [/^POST \/containers\/[^/]+\/rename/, ['create', 'rename']],
  [/^POST \/containers\/[^/]+\/kill/, ['deliver']],
  [
    /^POST \/containers\/[^/]+\/(start|stop|restart|unpause|update)/,
    ['start', 'stop', 'restart', 'unpause', 'update'],
  ],
  [/^DELETE \/containers\//, ['remove', 'start', 'create']],
  [/^POST \/networks\/create/, ['create-network']],
  [/^POST \/networks\/[^/]+\/(dis)?connect/, ['create', 'publish', 'connect', 'disconnect']],
  [/^POST \/volumes\/create/, ['create-volume']],
  [/^DELETE \/volumes\//, ['remove-volume']],
  [/^POST \/images\/create/, ['pull']],
];

function callsAreJournaled(stage: Stage): readonly string[] {
  const calls = stage.ledger.mutations.slice(stage.journaled);
  const first = calls[0]?.at ?? 0;
  const rows = inHistory(stage, (db) =>
    db
      .prepare<[number], { kind: string; begun: number; ended: number | null }>(
        'SELECT kind, started_at AS begun, ended_at AS ended FROM steps WHERE ended_at IS NULL OR ended_at >= ?',
      )
      .all(first),
  );
  stage.journaled = stage.ledger.mutations.length;
  const isJournaled = ({ method, path, at }: Call): boolean => {
    const kinds = stepsOfCalls.find(([pattern]) => pattern.test(`${method} ${path}`))?.[1] ?? [];
    return rows.some(
      ({ kind, begun, ended }) => kinds.includes(kind) && begun <= at && (ended === null || ended >= at),
    );
  };
  return calls
    .filter((call) => !isJournaled(call))
    .map(({ method, path, at }) => `${method} ${path} at ${new Date(at).toISOString()}`);
}

/** Each new volume gets a file of ours; those that have it must keep it. */
async function volumesAreWhole({ host, markers }: Stage): Promise<readonly string[]> {
  const problems: string[] = [];
  const names = await host.volumes();
  for (const name of markers.keys()) if (!names.includes(name)) problems.push(`${name} is gone`);
  for (const name of names) {
    const file = join((await host.docker.getVolume(name).inspect()).Mountpoint, 'marker');
    const content = markers.get(name);
    if (content === undefined) {
      markers.set(name, name);
      writeFileSync(file, name);
    } else if (readFileSync(file, 'utf8') !== content) problems.push(`${file} is another one`);
  }
  return problems;
}

async function secretIsIn(stage: Stage): Promise<readonly string[]> {
  const { host, canary, controllers } = stage;
  const forms = [canary, Buffer.from(canary).toString('hex'), Buffer.from(canary).toString('base64url')];
  const texts: (readonly [string, string])[] = [
    ...filesBelow(host.stateDir).map((file) => [file, readFileSync(file, 'latin1')] as const),
    ...controllers.map(({ pid, output }) => [`the log of controller ${pid}`, output] as const),
    ['Caddy', (await host.caddy.askAdmin('/config/')).body],
  ];
  for (const path of ['status', 'apps', 'events', 'containers', 'routes'])
    texts.push([path, await host.ask('GET', `/api/v1/${path}`).then(({ body }) => JSON.stringify(body))]);
  return texts
    .filter(([, text]) => forms.some((form) => text.includes(form)))
    .map(([where]) => `the secret is in ${where}`);
}

/** Far above what a host of a few apps needs, and far below what a leak becomes. */
const most = { residentMegabytes: 250, files: 80, databaseMegabytes: 16 };

function withinBounds({ host, controller }: Stage): readonly string[] {
  const { pid } = controller;
  const resident =
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  const files = readdirSync(`/proc/${pid}/fd`).length;
  const database = statSync(join(host.stateDir, 'plimsoll.db')).size / 2 ** 20;
  return [
    ...(resident <= most.residentMegabytes ? [] : [`${resident} MB are resident`]),
    ...(files <= most.files ? [] : [`${files} files and sockets are open`]),
    ...(database <= most.databaseMegabytes ? [] : [`the database has ${database} MB`]),
  ];
}

function nothingLost(stage: Stage, { gaps }: Expected): readonly string[] {
  if (gaps) return [];
  const loads = stage.loads();
  return stage.clients.flatMap((one) => one.wrongBeyond(loads));
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
