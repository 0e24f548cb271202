import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CheckReport, startChecker } from './checker.ts';
import { createConfigRepo } from './config-repo.ts';
import { followContainers } from './container-events.ts';
import { startController } from './controller.ts';
import { type JudgedStreams, judgeStreams } from './judge-streams.ts';
import {
  deploymentDetail,
  deploymentsOf,
  drain,
  hostOf,
  replicas,
  type Switch,
  serverManifest,
  switchesOf,
} from './server-app.ts';
import { writeSettings } from './settings.ts';
import { type StreamEnd, type StreamKind, streamKinds } from './stream-client.ts';
import { timed } from './until.ts';
import { converged, name } from './web-app.ts';
import type { Figure, Part, Workbench } from './workbench.ts';
import { type Answers, type Connections, failedOf, startLoad } from './wrk.ts';

const kinds: readonly Connections[] = ['keep-alive', 'close'];
/** Milliseconds under load before the first rollout, to compare with. */
const atRest = 10_000;
const clients = { kept: 4, fresh: 2, streams: 3, pause: 20 };

type ByKind = Readonly<Record<Connections, Answers>>;

/** Rolling updates of a two-replica app under traffic: not one request and no stream may be lost. */
export const rollouts: Part = async (bench) => {
  const repo = await createConfigRepo(join(bench.folder, 'config'));
  const settings = await writeSettings(bench.folder, { source: { dir: repo.dir } });
  const events = await followContainers(bench.docker);
  const controller = startController(settings);
  const update = async (release: number): Promise<void> => {
    // One replica after the other, or both at once.
    const manifest = serverManifest({ name, release, deploy: { maxSurge: 1 + (release % 2) } });
    const revision = await repo.commit({ 'web/app.yaml': manifest }, `${name}: release ${release}`);
    await converged(controller, revision, bench.signal);
  };
  const apps = [{ name, host: hostOf(name) }];
  const switches: Switch[] = [];
  let checker: ReturnType<typeof startChecker> | undefined;
  try {
    await update(1);
    checker = startChecker({ port: settings.http, apps, modes: ['good'], ...clients });
    const rest = await underLoad(settings.http, () => delay(atRest, undefined, { signal: bench.signal }));
    let seconds: number[] = [];
    const busy = await underLoad(settings.http, async () => {
      seconds = await timed(bench.options.rollouts, bench.signal, async (index) => {
        const release = index + 2;
        await update(release);
        const [newest] = await deploymentsOf(controller, name);
        const made = switchesOf(await deploymentDetail(controller, newest?.id ?? ''));
        switches.push(...made);
        checker?.done(name, release, Math.max(...made.map(({ at }) => at)));
        sayProgress(bench, index + 1);
      });
    });
    const checked = await checker.stop();
    const judged = judgeStreams(checked.streams, events.all(), { switches, drain: drain * 1000 });
    return {
      figures: [
        ...figuresOf(rest, busy, seconds),
        ...checkedFigures(checked),
        ...streamKinds.flatMap((kind) => streamFigures(kind, checked, judged)),
      ],
      faults: [
        ...kinds.flatMap((kind) => [
          ...faultsOf('at rest', kind, rest),
          ...faultsOf('in rollouts', kind, busy),
        ]),
        ...missing(switches, bench.options.rollouts),
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

/** Runs a task while clients of both kinds keep asking. */
async function underLoad(port: number, task: () => Promise<unknown>): Promise<ByKind> {
  const target = { port, name: hostOf(name), marker: 'bench release ' };
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

function figuresOf(rest: ByKind, busy: ByKind, milliseconds: readonly number[]): Figure[] {
  return [
    { name: 'rollouts done', unit: '', samples: [milliseconds.length] },
    { name: 'one rollout, commit to converged', unit: 's', samples: milliseconds.map((ms) => ms / 1000) },
    ...kinds.flatMap((kind) => loadFigures(kind, rest[kind], busy[kind])),
  ];
}

function loadFigures(kind: Connections, rest: Answers, busy: Answers): Figure[] {
  const whose = kind === 'close' ? 'new connections' : 'keep-alive';
  const latency = (percentile: 'p50' | 'p99'): Figure[] => [
    { name: `${whose}: ${percentile} at rest`, unit: 'ms', samples: [rest[percentile] / 1000] },
    {
      name: `${whose}: ${percentile} in rollouts`,
      unit: 'ms',
      samples: [busy[percentile] / 1000],
      against: `${whose}: ${percentile} at rest`,
    },
  ];
  return [
    { name: `${whose}: requests in rollouts`, unit: '', samples: [busy.requests] },
    { name: `${whose}: failed of them`, unit: '', samples: [failedOf(busy)] },
    ...latency('p50'),
    ...latency('p99'),
  ];
}

function checkedFigures({ requests, failed, late }: CheckReport): Figure[] {
  return [
    { name: 'checked: requests', unit: '', samples: [requests] },
    { name: 'checked: failed of them', unit: '', samples: [failed] },
    { name: 'checked: of an older release after the switch', unit: '', samples: [late] },
  ];
}

const streamNames = { download: 'downloads', events: 'event streams', socket: 'web sockets' } as const;

function streamFigures(kind: StreamKind, { streams }: CheckReport, judged: JudgedStreams): Figure[] {
  const count = (all: readonly StreamEnd[]): number[] => [all.filter((one) => one.kind === kind).length];
  const cut = streams.filter(({ complete }) => !complete);
  const early = cut.filter((one) => !judged.drained.includes(one));
  return [
    { name: `${streamNames[kind]}: opened and ended`, unit: '', samples: count(streams) },
    { name: `${streamNames[kind]}: open through their switch`, unit: '', samples: count(judged.through) },
    { name: `${streamNames[kind]}: ended with the drain`, unit: '', samples: count(judged.drained) },
    { name: `${streamNames[kind]}: cut before`, unit: '', samples: count(early) },
  ];
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
