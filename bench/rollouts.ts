import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { allConverged } from './all-converged.ts';
import { startChecker } from './checker.ts';
import { type ConfigRepo, createConfigRepo } from './config-repo.ts';
import { followContainers } from './container-events.ts';
import { type Controller, startController } from './controller.ts';
import { judgeStreams } from './judge-streams.ts';
import { type ByKind, kinds, reportRollouts } from './rollout-report.ts';
import {
  deploymentDetail,
  deploymentsOf,
  drain,
  hostOf,
  type Switch,
  serverManifest,
  switchesOf,
} from './server-app.ts';
import { writeSettings } from './settings.ts';
import { until } from './until.ts';
import type { Part, Workbench } from './workbench.ts';
import { startLoad } from './wrk.ts';

/** Updated side by side, each at its own pace: what one does must not cost a request of the other either. */
const names = ['ash', 'birch'] as const;
/** Milliseconds under load before the first rollout, to compare with. */
const atRest = 10_000;
/** Milliseconds until a rollout must be done. */
const patience = 300_000;
const clients = { kept: 3, fresh: 2, streams: 2, pause: 20 };

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
    const revision = await repo.commit(Object.fromEntries(first), 'the first releases');
    await allConverged(bench, controller.ask, revision, names.length);
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
    return reportRollouts({
      rest,
      busy,
      seconds,
      checked,
      judged,
      switches,
      rollouts: bench.options.rollouts,
    });
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

function sayProgress({ say, options }: Workbench, done: number): void {
  if (done % 10 === 0 || done === options.rollouts) say(`${done} of ${options.rollouts} rollouts`);
}
