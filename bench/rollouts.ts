import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createConfigRepo } from './config-repo.ts';
import { startController } from './controller.ts';
import { writeSettings } from './settings.ts';
import { timed } from './until.ts';
import { commitRelease, converged, host } from './web-app.ts';
import type { Figure, Part, Workbench } from './workbench.ts';
import { type Answers, type Connections, failedOf, startLoad } from './wrk.ts';

const kinds: readonly Connections[] = ['keep-alive', 'close'];
/** Milliseconds under load before the first rollout, to compare with. */
const atRest = 10_000;
const replicas = 2;

type ByKind = Readonly<Record<Connections, Answers>>;

/** Rolling updates of a two-replica app under traffic: not one request may be lost. */
export const rollouts: Part = async (bench) => {
  const repo = await createConfigRepo(join(bench.folder, 'config'));
  const settings = await writeSettings(bench.folder, { source: { dir: repo.dir } });
  const controller = startController(settings);
  try {
    await converged(controller, await commitRelease(repo, 1, replicas), bench.signal);
    const rest = await underLoad(settings.http, () => delay(atRest, undefined, { signal: bench.signal }));
    let seconds: number[] = [];
    const busy = await underLoad(settings.http, async () => {
      seconds = await timed(bench.options.rollouts, bench.signal, async (index) => {
        const release = index % 2 === 0 ? 2 : 1;
        await converged(controller, await commitRelease(repo, release, replicas), bench.signal);
        sayProgress(bench, index + 1);
      });
    });
    return {
      figures: figuresOf(rest, busy, seconds),
      faults: kinds.flatMap((kind) => [
        ...faultsOf('at rest', kind, rest),
        ...faultsOf('in rollouts', kind, busy),
      ]),
    };
  } finally {
    await controller.stop();
  }
};

/** Runs a task while clients of both kinds keep asking. */
async function underLoad(port: number, task: () => Promise<unknown>): Promise<ByKind> {
  const target = { port, name: host, marker: 'bench release ' };
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
