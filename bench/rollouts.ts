import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Check } from './check.ts';
import { type CheckReport, startChecker } from './checker.ts';
import { type ConfigRepo, createConfigRepo } from './config-repo.ts';
import { followContainers } from './container-events.ts';
import { type Controller, startController } from './controller.ts';
import { type JudgedStreams, judgeStreams } from './judge-streams.ts';
import {
  deploymentDetail,
  deploymentsOf,
  drain,
  hostOf,
  isHealthy,
  replicas,
  type Switch,
  serverManifest,
  switchesOf,
} from './server-app.ts';
import { writeSettings } from './settings.ts';
import { type StreamEnd, type StreamKind, streamKinds } from './stream-client.ts';
import { until } from './until.ts';
import type { Figure, Part, Workbench } from './workbench.ts';
import { type Answers, type Connections, failedOf, startLoad } from './wrk.ts';

const kinds: readonly Connections[] = ['keep-alive', 'close'];
/** Updated side by side, each at its own pace: what one does must not cost a request of the other either. */
const names = ['ash', 'birch'] as const;
/** Milliseconds under load before the first rollout, to compare with. */
const atRest = 10_000;
/** Milliseconds until a rollout must be done. */
const patience = 300_000;
const clients = { kept: 3, fresh: 2, streams: 2, pause: 20 };

type ByKind = Readonly<Record<Connections, Answers>>;

interface Site {
  readonly bench: Workbench;
  readonly controller: Controller;
  readonly commit: ConfigRepo['commit'];
}

/** Rolling updates of two-replica apps under traffic: not one request and no stream may be lost. */
export const rollouts: Part = async (bench) => {
  const repo = await createConfigRepo(join(bench.folder, 'config'));
  const settings = await writeSettings(bench.folder, { source: { dir: repo.dir } });
  const events = await followContainers(bench.docker);
  const controller = startController(settings);
  const site = { bench, controller, commit: repo.commit };
  const apps = names.map((name) => ({ name, host: hostOf(name) }));
  const switches: Switch[] = [];
  let checker: ReturnType<typeof startChecker> | undefined;
  try {
    const first = names.map((name) => [pathOf(name), serverManifest({ name, release: 1 })]);
    await repo.commit(Object.fromEntries(first), 'the first releases');
    for (const name of names) await isHealthy(bench, controller, name);
    checker = startChecker({ port: settings.http, apps, modes: ['good'], ...clients });
    const rest = await underLoad(settings.http, () => delay(atRest, undefined, { signal: bench.signal }));
    const seconds: number[] = [];
    const busy = await underLoad(settings.http, async () => {
      let begun = 0;
      const rollOut = async (name: string): Promise<void> => {
        for (let release = 2; begun < bench.options.rollouts; release += 1) {
          begun += 1;
          const startedAt = performance.now();
          const made = await update(site, name, release);
          seconds.push((performance.now() - startedAt) / 1000);
          switches.push(...made);
          checker?.done(name, release, Math.max(...made.map(({ at }) => at)));
          sayProgress(bench, seconds.length);
        }
      };
      await Promise.all(names.map(rollOut));
    });
    const checked = await checker.stop();
    const judged = judgeStreams(checked.streams, events.all(), { switches, drain: drain * 1000 });
    return {
      figures: [...figuresOf(rest, busy, seconds), ...streamKinds.map((kind) => drainedFigure(kind, judged))],
      checks: [
        ...kinds.flatMap((kind) => loadChecks(kind, rest[kind], busy[kind])),
        ...checkedChecks(checked),
        ...streamKinds.flatMap((kind) => streamChecks(kind, checked, judged)),
        {
          ...{ name: 'switches of a replica, in the history', of: 'switches' },
          ...{ tried: bench.options.rollouts * replicas, held: switches.length },
        },
      ],
      faults: [
        ...kinds.flatMap((kind) => [
          ...faultsOf('at rest', kind, rest),
          ...faultsOf('in rollouts', kind, busy),
        ]),
        ...missing(switches, bench.options.rollouts),
        ...notThrough(judged),
        ...checked.faults,
        ...judged.faults,
      ],
    };
  } finally {
    await checker?.kill();
    events.close();
    await controller.stop();
  }
};

/** From the commit until the new release serves alone and nothing is left to do; answers its switches. */
async function update({ bench, controller, commit }: Site, name: string, release: number): Promise<Switch[]> {
  const { signal } = bench;
  signal.throwIfAborted();
  const [before] = await deploymentsOf(controller, name);
  // One replica after the other, or both at once.
  const manifest = serverManifest({ name, release, deploy: { maxSurge: 1 + (release % 2) } });
  await commit({ [pathOf(name)]: manifest }, `${name}: release ${release}`);
  const wait = { what: `release ${release} of ${name} serves alone`, deadline: patience, pause: 50, signal };
  const id = await until(wait, async () => {
    const [newest] = await deploymentsOf(controller, name);
    if (!newest || newest.id === before?.id || newest.result === null) return undefined;
    if (newest.result !== 'Succeeded')
      throw new Error(`release ${release} of ${name} ended as ${newest.result}: ${newest.message}`);
    const app = await controller.app(name);
    return app?.sync === 'Synced' && app.health === 'Healthy' ? newest.id : undefined;
  });
  return switchesOf(name, await deploymentDetail(controller, id));
}

function pathOf(name: string): string {
  return `${name}/app.yaml`;
}

/** Runs a task while clients of both kinds keep asking. */
async function underLoad(port: number, task: () => Promise<unknown>): Promise<ByKind> {
  const target = { port, hosts: names.map(hostOf), marker: 'bench release ' };
  const loads = kinds.map((kind) => startLoad(target, kind));
  const stopAll = () => Promise.all(loads.map((load) => load.stop()));
  try {
    await task();
  } catch (error) {
    await stopAll().catch(() => undefined);
    throw error;
  }
  const [kept, fresh] = await stopAll();
  if (!kept || !fresh) throw new Error('a load without answers');
  return { 'keep-alive': kept, close: fresh };
}

function figuresOf(rest: ByKind, busy: ByKind, seconds: readonly number[]): Figure[] {
  return [
    { name: 'rollouts done', unit: '', samples: [seconds.length] },
    { name: 'one rollout, commit to converged', unit: 's', samples: seconds },
    ...kinds.flatMap((kind) => loadFigures(kind, rest[kind], busy[kind])),
  ];
}

const connectionNames = { 'keep-alive': 'keep-alive', close: 'new connections' } as const;

function loadFigures(kind: Connections, rest: Answers, busy: Answers): Figure[] {
  const latency = (percentile: 'p50' | 'p99' | 'max'): Figure[] => {
    const name = `${connectionNames[kind]}: ${percentile === 'max' ? 'longest' : percentile}`;
    const samples = (answers: Answers): number[] => [answers[percentile] / 1000];
    return [
      { name: `${name} at rest`, unit: 'ms', samples: samples(rest) },
      { name: `${name} in rollouts`, unit: 'ms', samples: samples(busy), against: `${name} at rest` },
    ];
  };
  return [...latency('p50'), ...latency('p99'), ...latency('max')];
}

function loadChecks(kind: Connections, rest: Answers, busy: Answers): Check[] {
  const check = (when: string, answers: Answers): Check => ({
    ...{ name: `wrk, ${connectionNames[kind]}, ${when}`, tried: answers.requests, of: 'requests' },
    held: answers.requests - failedOf(answers),
  });
  return [check('at rest', rest), check('in rollouts', busy)];
}

function checkedChecks({ requests: tried, failed, late }: CheckReport): Check[] {
  const of = 'requests';
  return [
    { name: 'checked: the whole page, of the right app', tried, held: tried - failed, of },
    { name: 'checked: of no older release after the switch', tried, held: tried - late, of },
  ];
}

const streamNames = { download: 'downloads', events: 'event streams', socket: 'web sockets' } as const;

function streamChecks(kind: StreamKind, { streams }: CheckReport, judged: JudgedStreams): Check[] {
  const of = streamNames[kind];
  const check = (name: string, all: readonly StreamEnd[]): Check => {
    const tried = all.filter((one) => one.kind === kind);
    return { name: `${of}, ${name}`, tried: tried.length, held: tried.filter(isWhole).length, of };
  };
  const isWhole = (one: StreamEnd): boolean => one.complete || judged.drained.includes(one);
  return [
    check('not cut before their drain', streams),
    check('open through the switch of their replica', judged.through),
  ];
}

/** Of those that were not cut before, so many were cut then. */
function drainedFigure(kind: StreamKind, { drained }: JudgedStreams): Figure {
  const own = drained.filter((one) => one.kind === kind);
  return { name: `${streamNames[kind]} cut when their drain was over`, unit: '', samples: [own.length] };
}

/** Of a kind that was never open when its replica was switched, nothing is shown. */
function notThrough({ through }: JudgedStreams): string[] {
  const missing = streamKinds.filter((kind) => !through.some((one) => one.kind === kind));
  return missing.map((kind) => `none of the ${streamNames[kind]} was open through a switch`);
}

/** Without its switches a rollout cannot be judged. */
function missing(switches: readonly Switch[], rollouts: number): string[] {
  const expected = rollouts * replicas;
  if (switches.length === expected) return [];
  return [`the history tells of ${switches.length} switches of replicas, not of ${expected}`];
}

function faultsOf(when: string, kind: Connections, answers: ByKind): string[] {
  const { requests, connect, read, write, timeout, wrong } = answers[kind];
  if (requests === 0) return [`${kind}, ${when}: no request was answered`];
  if (failedOf(answers[kind]) === 0) return [];
  return [
    `${kind}, ${when}: of ${requests} requests ${connect} could not connect, ${read} broke while reading, ${write} while writing, ${timeout} timed out, ${wrong} got a wrong answer`,
  ];
}

function sayProgress({ say, options }: Workbench, done: number): void {
  if (done % 10 === 0 || done === options.rollouts) say(`${done} of ${options.rollouts} rollouts`);
}
