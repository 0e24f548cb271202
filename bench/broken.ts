import { request } from 'node:http';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { runProgram } from '../.ci/run-program.ts';
import type { AppDetail, DeploymentItemDetail } from '../src/api/read-routes.ts';
import { tarOf } from '../src/docker/tar.ts';
import { allConverged } from './all-converged.ts';
import { type Kind, kinds, servingModes, takeKinds } from './broken-kinds.ts';
import { builtProgram } from './built-program.ts';
import { type Checker, startChecker } from './checker.ts';
import { type ConfigRepo, createConfigRepo } from './config-repo.ts';
import { type ContainerEvent, followContainers } from './container-events.ts';
import { type Controller, cleanEnvironment, startController } from './controller.ts';
import { deploymentDetail, deploymentsOf, hostOf, replicas, serverManifest } from './server-app.ts';
import { type Settings, writeSettings } from './settings.ts';
import { until } from './until.ts';
import { instance, type Part, type Workbench } from './workbench.ts';

/** Side by side, each with its own share of the updates. */
const names = ['ash', 'birch', 'cedar', 'elm', 'fir', 'hazel', 'larch', 'oak'] as const;
/**
 * Takes the updates that spoil what serves. It has one replica: with two, the one that is seen sick first leaves the
 * routes, and that load of Caddy's configuration may reset a connection of any app.
 */
const spoilt = 'gum';
const all = [...names, spoilt];
const clients = { kept: 2, fresh: 1, streams: 0, pause: 50 };
/** Of a release until it must be healthy. */
const deadline = '6s';
/** Milliseconds until what is expected must have come. */
const patience = 180_000;

/** What must come of an update, of which one attempt was made. */
const verdicts = {
  RolledBack: 'taken back',
  Failed: 'given up and left to look at',
  Succeeded: 'not taken back',
} satisfies Record<Kind['verdict'], string>;

interface Site {
  readonly bench: Workbench;
  readonly settings: Settings;
  readonly controller: Controller;
  readonly checker: Checker;
  readonly commit: ConfigRepo['commit'];
  /** The program as it is installed: the sources take a multiple of its time to start. */
  readonly program: string;
}

/** What came of one update. */
interface Outcome {
  readonly app: string;
  readonly kind: Kind;
  /** The spec hash that was tried. */
  readonly specHash: string;
  /** Seconds from the commit until nothing was left to do. */
  readonly seconds: number;
  /** From when to when nothing may have moved; milliseconds since the epoch. */
  readonly still: readonly [number, number];
  readonly faults: readonly string[];
}

/** Updates that are no good in every way: each is taken back once, and what served goes on serving. */
export const broken: Part = async (bench) => {
  const repo = await createConfigRepo(join(bench.folder, 'config'));
  const settings = await writeSettings(bench.folder, { source: { dir: repo.dir } });
  const program = await builtProgram(join(bench.folder, 'program'));
  const events = await followContainers(bench.docker);
  const controller = startController(settings, {}, program);
  let checker: Checker | undefined;
  try {
    const first = all.map((name) => [
      `${name}/app.yaml`,
      serverManifest({ name, release: 0, ...sizeOf(name) }),
    ]);
    const revision = await repo.commit(Object.fromEntries(first), 'what is good');
    await allConverged(bench, controller.ask, revision, all.length);
    const apps = all.map((name) => ({ name, host: hostOf(name) }));
    checker = startChecker({ port: settings.http, apps, modes: servingModes, ...clients });
    const site = { bench, settings, controller, checker, commit: repo.commit, program };
    const outcomes = await updateAll(site, takeKinds(bench.options.broken));
    const checked = await checker.stop();
    const judged = outcomes.map((outcome) => ({ ...outcome, ...judgeEvents(outcome, events.all()) }));
    const bad = judged.filter(({ kind }) => kind.verdict !== 'Succeeded');
    const isRight = ({ faults, moved }: (typeof judged)[number]): boolean =>
      [...faults, ...moved].length === 0;
    return {
      figures: [
        { name: 'broken updates', unit: '', samples: [bad.length] },
        { name: 'containers made for each', unit: '', samples: bad.map(({ made }) => made) },
        { name: 'starts of each', unit: '', samples: bad.map(({ started }) => started) },
        {
          name: 'one broken update, commit to settled',
          unit: 's',
          samples: bad.map(({ seconds }) => seconds),
        },
      ],
      checks: [
        ...kinds.flatMap((kind) => {
          const own = judged.filter((one) => one.kind === kind);
          const check = { tried: own.length, held: own.filter(isRight).length, of: verdicts[kind.verdict] };
          return own.length > 0 ? [{ name: kind.name, ...check }] : [];
        }),
        {
          ...{ name: 'checked: the whole page, of the right app', of: 'requests' },
          ...{ tried: checked.requests, held: checked.requests - checked.failed },
        },
      ],
      faults: [...judged.flatMap(({ faults, moved }) => [...faults, ...moved]), ...checked.faults],
    };
  } finally {
    await checker?.kill();
    events.close();
    await controller.stop();
  }
};

/** Apps side by side; of one app an update after the other. */
async function updateAll(site: Site, taken: readonly Kind[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const usual = taken.filter(({ spoils }) => !spoils);
  const shares = [
    ...names.map((name, share) => ({
      name,
      own: usual.filter((_, index) => index % names.length === share),
    })),
    { name: spoilt, own: taken.filter(({ spoils }) => spoils) },
  ];
  await Promise.all(
    shares.map(async ({ name, own }) => {
      for (const [index, kind] of own.entries()) {
        site.bench.signal.throwIfAborted();
        outcomes.push(await update(site, name, { kind, release: index + 1 }));
        if (outcomes.length % 10 === 0 || outcomes.length === taken.length)
          site.bench.say(`${outcomes.length} of ${taken.length} updates`);
      }
    }),
  );
  return outcomes;
}

function sizeOf(name: string): { readonly replicas: number } {
  return { replicas: name === spoilt ? 1 : replicas };
}

interface Update {
  readonly kind: Kind;
  readonly release: number;
}

async function update(site: Site, name: string, { kind, release }: Update): Promise<Outcome> {
  const { bench, controller, commit } = site;
  const faults: string[] = [];
  const expect = (holds: boolean, what: string): void => {
    if (!holds)
      faults.push(`${new Date().toISOString()} ${name}, release ${release} (${kind.name}): ${what}`);
  };
  const before = new Set((await deploymentsOf(controller, name)).map(({ id }) => id));
  const serving = await containersOf(site, name);
  const { mode = kind.name, healthCheck, deploy } = kind;
  const manifest = serverManifest({
    ...{ name, release, mode, deploy: { deadline, ...deploy }, ...sizeOf(name) },
    ...(healthCheck ? { healthCheck } : {}),
  });
  const begun = performance.now();
  await commit({ [`${name}/app.yaml`]: manifest }, `${name}: release ${release}, ${kind.name}`);
  if (kind.spoils) await spoil(site, name, { serving, before, expect });
  const settled = await isSettled(site, name, { before, kind }).catch((error: Error) => error);
  bench.signal.throwIfAborted();
  const seconds = (performance.now() - begun) / 1000;
  const from = Date.now();
  if (settled instanceof Error) {
    expect(false, settled.message);
    return { app: name, kind, specHash: '', seconds, still: [from, from], faults };
  }
  const detail = await deploymentDetail(controller, settled);
  const asked = await diffCode(site, name);
  if (kind.verdict === 'Succeeded') {
    expect(detail.result === 'Succeeded', `ended as ${detail.result}: ${detail.message}`);
    expect(asked === 0, `diff says ${asked}, not 0`);
    const switched = detail.steps.findLast(({ kind: step }) => step === 'switch')?.endedAt;
    site.checker.done(name, release, Date.parse(switched ?? ''));
  } else {
    judge(kind, detail, expect);
    expect(asked === 1, `diff says ${asked}, not 1`);
    const app = await controller.ask<AppDetail>(`apps/${name}`);
    expect(app?.quarantine?.release === detail.release, 'the release that failed is not quarantined');
    expect(app?.operation === kind.verdict, `the status says ${app?.operation}`);
  }
  // What is done with is looked at twice more, and stays.
  for (let look = 0; look < 2; look += 1) await lookNow(site.settings);
  return { app: name, kind, specHash: detail.release, seconds, still: [from, Date.now()], faults };
}

type Expect = (holds: boolean, what: string) => void;

/** The record of the deployment says what failed, and has what shows it. */
function judge(
  kind: Kind,
  { result, reason, message, evidence }: DeploymentItemDetail,
  expect: Expect,
): void {
  expect(result === kind.verdict, `ended as ${result}`);
  expect(reason === kind.reason, `failed for ${reason} (${message})`);
  const { name, mode = name } = kind;
  const attempts = evidence.flatMap((one) => one.attempts);
  const lines = evidence.flatMap(({ log }) => log);
  expect(
    lines.some((line) => line.includes(`is ${mode}`)),
    `its log is no part of the evidence: ${JSON.stringify(lines)}`,
  );
  if (kind.exitCode !== undefined)
    expect(
      evidence.some(({ exitCode }) => exitCode === kind.exitCode),
      `the evidence has the exit codes ${evidence.map(({ exitCode }) => exitCode)}`,
    );
  const { answer } = kind;
  if (answer)
    expect(
      attempts.some(({ detail }) => answer.test(detail)),
      `the evidence has the answers ${JSON.stringify(attempts.map(({ detail }) => detail.slice(0, 60)))}`,
    );
  const longest = Math.max(0, ...attempts.map(({ detail }) => detail.length));
  expect(longest <= 4_096, `an answer of ${longest} characters is kept`);
}

/** The newest deployment has ended, the old release is whole and nothing is left to do; answers its id. */
function isSettled(
  { bench: { signal }, controller }: Site,
  name: string,
  { before, kind }: { readonly before: ReadonlySet<string>; readonly kind: Kind },
): Promise<string> {
  const size = sizeOf(name).replicas;
  const left = kind.verdict === 'Failed' ? size + 1 : size;
  const wait = { what: `${name} (${kind.name}) has settled`, deadline: patience, pause: 100, signal };
  return until(wait, async () => {
    const made = (await deploymentsOf(controller, name)).filter(({ id }) => !before.has(id));
    const app = await controller.ask<AppDetail>(`apps/${name}`);
    const [ended, ...more] = made.filter(({ result }) => result !== null);
    if (!ended || made.length !== 1 || !app) {
      if (more.length > 0) throw new Error(`was tried ${made.length} times`);
      return undefined;
    }
    const isWhole = app.health === 'Healthy' && app.containers.length === left;
    return isWhole ? ended.id : undefined;
  });
}

/**
 * What served is no good either from the moment that the new release has been made: that must be said as long as it is
 * so. It is mended after the new one was given up.
 */
async function spoil(
  site: Site,
  name: string,
  {
    serving,
    before,
    expect,
  }: { readonly serving: readonly string[]; readonly before: ReadonlySet<string>; readonly expect: Expect },
): Promise<void> {
  const { bench, controller, checker } = site;
  const { docker, signal } = bench;
  const wait = { deadline: patience, pause: 100, signal };
  await until({ ...wait, what: `${name} has a new container` }, async () => {
    const all = await containersOf(site, name);
    return all.some((id) => !serving.includes(id)) || undefined;
  });
  checker.mute(name, true);
  for (const id of serving) await putState(docker, id, 'spoilt');
  await until({ ...wait, what: `${name} is given up and said to be degraded` }, async () => {
    const app = await controller.ask<AppDetail>(`apps/${name}`);
    const [newest] = await deploymentsOf(controller, name);
    const isGivenUp = newest && !before.has(newest.id) && newest.result !== null;
    return (isGivenUp && app?.quarantine && app.health === 'Degraded') || undefined;
  }).catch((error: Error) => expect(false, error.message));
  for (let look = 0; look < 3; look += 1) {
    await lookNow(site.settings);
    const app = await controller.app(name);
    // `Unknown`: from a restart, which is to mend it, until it was asked once.
    const isTold = app?.health === 'Degraded' || app?.health === 'Unknown';
    expect(isTold, `it is said to be ${app?.health}, but nothing serves`);
  }
  for (const id of serving) await putState(docker, id, 'good');
  await isServing(site, name).catch((error: Error) => expect(false, error.message));
  checker.mute(name, false);
}

/** Those that run. */
async function containersOf({ bench: { docker } }: Site, name: string): Promise<string[]> {
  const filters = { label: [`plimsoll.instance=${instance}`, `plimsoll.app=${name}`] };
  return (await docker.listContainers({ filters })).map(({ Id }) => Id);
}

async function isServing({ bench: { signal }, controller }: Site, name: string): Promise<void> {
  const wait = { what: `${name} is healthy again`, deadline: patience, pause: 100, signal };
  await until(wait, async () => (await controller.app(name))?.health === 'Healthy' || undefined);
}

/** The server reads it at each request; it stays through a restart of the container. */
async function putState(docker: Docker, id: string, state: string): Promise<void> {
  const file = { path: 'state', content: Buffer.from(state), mode: 0o644 };
  await docker.getContainer(id).putArchive(tarOf([file]), { path: '/' });
}

interface Moves {
  readonly made: number;
  readonly started: number;
  readonly moved: readonly string[];
}

/** What the engine says: one container was made and started once for what failed, and then nothing moved. */
function judgeEvents(
  { app, kind, specHash, still: [from, to] }: Outcome,
  events: readonly ContainerEvent[],
): Moves {
  const ofApp = events.filter((event) => event.app === app);
  const count = (action: string): number =>
    ofApp.filter((event) => event.specHash === specHash && event.action === action).length;
  const [made, started] = [count('create'), count('start')];
  const expected = kind.verdict === 'Succeeded' ? replicas : 1;
  const after = ofApp.filter(({ at }) => at > from && at < to);
  const moved = [
    ...(made === expected && started === expected
      ? []
      : [`${app}, ${kind.name}: ${made} containers were made and ${started} starts, not ${expected} each`]),
    ...after.map(({ at, action, container }) => {
      const time = new Date(at).toISOString();
      return `${time} ${app}, ${kind.name}: ${action} of ${container.slice(0, 12)} when all was settled`;
    }),
  ];
  return { made, started, moved };
}

/** The whole program, as a person runs it. */
async function diffCode({ settings, program, bench: { signal } }: Site, name: string): Promise<number> {
  const args = [program, 'diff', name, '--config', settings.file];
  const { code } = await runProgram(process.execPath, args, {
    env: cleanEnvironment(),
    timeout: 120_000,
    signal,
  });
  return code;
}

/** Asks the controller to look, and answers when it has. */
function lookNow({ stateDir }: Settings): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const asked = request(
    {
      socketPath: join(stateDir, 'plimsoll.sock'),
      ...{ path: '/api/v1/reconcile', method: 'POST', agent: false, timeout: 60_000 },
      headers: { 'Content-Type': 'application/json' },
    },
    (answer) => {
      answer.resume();
      if (answer.statusCode === 200) answer.on('end', resolve);
      else reject(new Error(`the controller answers a question for a look with ${answer.statusCode}`));
    },
  );
  asked.on('timeout', () => asked.destroy(new Error('the controller does not look')));
  asked.on('error', reject);
  asked.end('{}');
  return promise;
}
