import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { freePort } from '../.ci/free-places.ts';
import type { AppItem } from '../src/api/app-item.ts';
import type { DeploymentDetail, DeploymentPage, RevisionPage } from '../src/client/create-client.ts';
import { type Address, askPage } from './ask-page.ts';
import { type BarePeer, type Clients, createBarePeer, inTurns } from './bare-peer.ts';
import { createCompose } from './compose.ts';
import { type ConfigRepo, createConfigRepo } from './config-repo.ts';
import { type Controller, startController } from './controller.ts';
import { releases } from './images.ts';
import { manifests } from './noop.ts';
import { serving } from './serving.ts';
import { writeSettings } from './settings.ts';
import { createSwarm } from './swarm.ts';
import { sweepLabel } from './sweep.ts';
import { timed, until } from './until.ts';
import { bareLabel, composeProject, type Figure, instance, type Part, type Workbench } from './workbench.ts';

/** Apps that a controller brings up at once, by default; the bare calls go as wide. */
const wide = 8;

/** The samples of each figure, by its name. */
type Samples = Map<string, number[]>;

interface Bench {
  readonly bench: Workbench;
  readonly count: number;
  readonly bare: BarePeer;
  readonly samples: Samples;
  readonly faults: string[];
}

/**
 * The same work done by the engine's bare calls, compose, Swarm and plimsoll, each with as many apps beside the one that
 * changes: all from nothing, one changed, one removed by hand, one killed.
 */
export const beside: Part = async (bench) => {
  const count = bench.options.beside;
  const samples: Samples = new Map();
  const all = { bench, count, bare: await createBarePeer(bench), samples, faults: [] };
  for (let index = 0; index < bench.options.repetitions / 3; index += 1) await bringUps(all, `up-${index}`);
  await restartPolicy(all);
  await besideCompose(all);
  await besideSwarm(all);
  await besidePlimsoll(all);
  return { figures: figuresOf(samples), faults: all.faults };
};

const names = {
  bareUp: 'initial: bare calls, all answer',
  namedUp: 'initial: bare calls, each gets its name once it answers',
  composeUp: 'initial: compose up, all started',
  swarmUp: 'initial: docker stack deploy, all answer',
  ourUp: 'initial: plimsoll, all healthy and routed',
  bareChange: 'change: bare, new one answers and old one is removed',
  namedChange: 'change: bare, new one gets its name once it answers',
  askedChange: 'change: bare, while clients ask as they ask plimsoll',
  composeChange: 'change: compose up to new release serving',
  composeLost: 'change: compose, requests lost',
  swarmChange: 'change: docker stack deploy to new release serving',
  ourSeen: 'change: plimsoll, commit seen to serving and verified',
  ourCommit: 'change: plimsoll, git commit begun to serving and verified',
  ourLost: 'change: plimsoll, requests lost',
  bareRepair: 'repair: bare create, start, first 200',
  namedRepair: 'repair: bare, and its name once it answers',
  askedRepair: 'repair: bare, asked for all the time as plimsoll is',
  composeRepair: 'repair: removed, compose up run by somebody',
  swarmRemoved: 'repair: removed, Swarm',
  swarmKilled: 'repair: killed, Swarm',
  policyKilled: 'repair: killed, restart policy of the engine',
  ourRemoved: 'repair: removed, plimsoll',
  ourKilled: 'repair: killed, plimsoll',
} as const;

/** What each is a multiple of. */
const against: Readonly<Record<string, string>> = {
  [names.namedUp]: names.bareUp,
  [names.namedChange]: names.bareChange,
  [names.askedChange]: names.bareChange,
  [names.namedRepair]: names.bareRepair,
  [names.askedRepair]: names.bareRepair,
  [names.composeUp]: names.bareUp,
  [names.swarmUp]: names.bareUp,
  [names.ourUp]: names.bareUp,
  [names.composeChange]: names.bareChange,
  [names.swarmChange]: names.bareChange,
  [names.ourSeen]: names.bareChange,
  [names.ourCommit]: names.bareChange,
  [names.composeRepair]: names.bareRepair,
  [names.swarmRemoved]: names.bareRepair,
  [names.swarmKilled]: names.bareRepair,
  [names.policyKilled]: names.bareRepair,
  [names.ourRemoved]: names.bareRepair,
  [names.ourKilled]: names.bareRepair,
};

/** The process is ended from outside: `docker kill` would count as a stop that a person wanted. */
async function restartPolicy({ bench, samples }: Bench): Promise<void> {
  const { docker, signal } = bench;
  const [release] = releases;
  if (!release) return;
  const container = await docker.createContainer({
    Image: release.image,
    Labels: { [bareLabel]: '' },
    HostConfig: { RestartPolicy: { Name: 'always' } },
  });
  await container.start();
  const address = async (): Promise<Address> => {
    const { NetworkSettings: settings } = await container.inspect();
    return { host: settings.Networks.bridge?.IPAddress || '0.0.0.0', port: 8080, name: 'policy' };
  };
  const answers = async () => (await askPage(await address())) === release.page || undefined;
  const wait = { what: 'the container answers', deadline: 60_000, pause: 10, signal };
  await until(wait, answers);
  for (let index = 0; index < repairs(bench); index += 1) {
    const { pid, at } = await killProcess(container);
    await until(
      wait,
      async () => ((await container.inspect()).State.Pid !== pid && (await answers())) || undefined,
    );
    add(samples, names.policyKilled, performance.now() - at);
  }
  await container.remove({ force: true });
}

/** From nothing, by bare calls and by a controller of its own that then goes with all that it made. */
async function bringUps(all: Bench, name: string): Promise<void> {
  const { bench, count, bare, samples } = all;
  bench.say(`bare calls bring ${count} up`);
  add(samples, names.bareUp, await bare.bringUp(count, wide, 'nameless'));
  add(samples, names.namedUp, await bare.bringUp(count, wide, 'named'));
  await withApps(all, name, async () => {});
  const label = `plimsoll.instance=${instance}`;
  await sweepLabel(bench.docker, label);
}

async function besideCompose({ bench, count, bare, samples }: Bench): Promise<void> {
  const { folder, signal, docker, options, say } = bench;
  const image = releases[0]?.image ?? '';
  const compose = await createCompose({ folder: join(folder, 'compose'), signal }, image, count);
  const port = await freePort(18_088);
  const ports = [`127.0.0.1:${port}:8080`];
  const address = { host: '127.0.0.1', port, name: 'compose' };
  const served = (release: number) => serving(address, pageOf(release), { deadline: 60_000, signal });
  try {
    say(`compose brings ${count} services up`);
    await compose.change({ ports });
    add(samples, names.composeUp, ...(await timed(1, signal, compose.up)));
    let release = 1;
    for (let index = 0; index < options.repetitions; index += 1) {
      await bareChange({ bare, samples });
      release = 3 - release;
      await compose.change({ ports, image: releases[release - 1]?.image });
      const clients = countLost(address);
      add(
        samples,
        names.composeChange,
        ...(await timed(1, signal, async () => void (await Promise.all([compose.up(), served(release)])))),
      );
      add(samples, names.composeLost, await clients.stop());
    }
    for (let index = 0; index < options.repetitions; index += 1) {
      await bareRepair({ bare, samples });
      const { Id } = await only(docker, [
        `com.docker.compose.project=${composeProject}`,
        'com.docker.compose.service=app-0',
      ]);
      await docker.getContainer(Id).remove({ force: true });
      const repair = async () => void (await Promise.all([compose.up(), served(release)]));
      add(samples, names.composeRepair, ...(await timed(1, signal, repair)));
    }
  } finally {
    await sweepLabel(docker, `com.docker.compose.project=${composeProject}`);
  }
}

async function besideSwarm({ bench, count, bare, samples }: Bench): Promise<void> {
  const { signal, docker, options, say } = bench;
  const swarm = await createSwarm(bench, count);
  if (swarm === undefined)
    return say('the engine is part of a swarm already: nothing is compared with Swarm');
  try {
    say(`Swarm brings ${count} services up`);
    const up = async () => {
      await swarm.deploy(1);
      await swarm.allServe();
    };
    add(samples, names.swarmUp, ...(await timed(1, signal, up)));
    for (let index = 0; index < Math.min(5, options.repetitions); index += 1) {
      await bareChange({ bare, samples });
      await swarm.first();
      add(
        samples,
        names.swarmChange,
        ...(await timed(1, signal, () => swarm.deploy(index % 2 === 0 ? 2 : 1))),
      );
    }
    for (let index = 0; index < repairs(bench); index += 1)
      for (const [name, harm] of [
        [names.swarmRemoved, remove],
        [names.swarmKilled, kill],
      ] as const) {
        const container = docker.getContainer(await swarm.first());
        const at = await harm(container);
        await swarm.servesAnew(container.id);
        add(samples, name, performance.now() - at);
      }
  } finally {
    await swarm.leave();
  }
}

async function besidePlimsoll(all: Bench): Promise<void> {
  const { bench, count, bare, samples, faults } = all;
  const { signal, docker, options } = bench;
  await withApps(all, 'plimsoll', async ({ controller, repo, spec, address }) => {
    const served = (release: number) => serving(address, pageOf(release), { deadline: 60_000, signal });
    let release = 1;
    for (let index = 0; index < options.repetitions; index += 1) {
      await bareChange({ bare, samples });
      release = 3 - release;
      const image = releases[release - 1]?.image;
      const clients = countLost(address);
      // The controller may see it before git has ended.
      const committed = Date.now();
      const revision = await repo.commit(manifests(1, { ...spec, image }), `release ${release}`);
      await served(release);
      const live = Date.now();
      await settled({ controller, signal }, count + 1, revision);
      const lost = await clients.stop();
      const { seen, verified } = await recorded(controller, revision);
      const done = Math.max(live, verified);
      add(samples, names.ourSeen, done - seen);
      add(samples, names.ourCommit, done - committed);
      add(samples, names.ourLost, lost);
      if (lost > 0) faults.push(`${lost} requests were lost in change ${index + 1}`);
    }
    const label = [`plimsoll.instance=${instance}`, 'plimsoll.app=app-0'];
    const harms = [
      [names.ourRemoved, remove, options.repetitions],
      [names.ourKilled, kill, repairs(bench)],
    ] as const;
    for (const [name, harm, times] of harms)
      for (let index = 0; index < times; index += 1) {
        await bareRepair({ bare, samples });
        const { Id } = await only(docker, label);
        const at = await harm(docker.getContainer(Id));
        await served(release);
        add(samples, name, performance.now() - at);
        await settled({ controller, signal }, count + 1);
      }
  });
}

interface Apps {
  readonly controller: Controller;
  readonly repo: ConfigRepo;
  /** What each of them is made of. */
  readonly spec: object;
  /** Where the one that changes is asked for its page. */
  readonly address: Address;
}

/** Has a controller bring all apps up, which is measured, and then does what is to be done with them. */
async function withApps(all: Bench, name: string, run: (apps: Apps) => Promise<void>): Promise<void> {
  const { bench, count, samples } = all;
  const { signal, say } = bench;
  const folder = join(bench.folder, name);
  const repo = await createConfigRepo(join(folder, 'config'));
  const settings = await writeSettings(folder, { source: { dir: repo.dir } });
  const spec = {
    healthCheck: { http: { path: '/' } },
    deploy: { drain: '1s', stopGrace: '1s' },
  };
  const address = { host: '127.0.0.1', port: settings.http, name: 'app-0.localhost' };
  const first = await repo.commit(manifests(1, spec), 'one app');
  const controller = startController(settings);
  try {
    // What a controller needs once, its network and its Caddy, is there when the others come.
    await settled({ controller, signal }, 1, first);
    say(`plimsoll brings ${count} apps up`);
    const up = async () => {
      await repo.commit(manifests(count + 1, spec), `${count} more`);
      await settled({ controller, signal }, count + 1);
    };
    add(samples, names.ourUp, ...(await timed(1, signal, up)));
    await run({ controller, repo, spec, address });
  } finally {
    await controller.stop();
  }
}

async function bareChange({ bare, samples }: Pick<Bench, 'bare' | 'samples'>): Promise<void> {
  add(samples, names.bareChange, await bare.change('nameless'));
  add(samples, names.askedChange, await bare.change('nameless', countLost));
  add(samples, names.namedChange, await bare.change('named'));
}

async function bareRepair({ bare, samples }: Pick<Bench, 'bare' | 'samples'>): Promise<void> {
  add(samples, names.bareRepair, await bare.repair('nameless'));
  add(samples, names.askedRepair, await bare.repair('nameless', 'always'));
  add(samples, names.namedRepair, await bare.repair('named'));
}

/** What waits before it restarts is asked a few times only. */
function repairs({ options }: Workbench): number {
  return Math.min(3, options.repetitions);
}

/** The moment that the engine says it is gone. */
async function remove(container: Docker.Container): Promise<number> {
  await container.remove({ force: true });
  return performance.now();
}

async function kill(container: Docker.Container): Promise<number> {
  return (await killProcess(container)).at;
}

async function killProcess(
  container: Docker.Container,
): Promise<{ readonly pid: number; readonly at: number }> {
  const { Pid: pid } = (await container.inspect()).State;
  process.kill(pid, 'SIGKILL');
  return { pid, at: performance.now() };
}

async function only(docker: Docker, label: readonly string[]): Promise<Docker.ContainerInfo> {
  const [found, ...others] = await docker.listContainers({ all: true, filters: { label: [...label] } });
  if (!found || others.length > 0) throw new Error(`not exactly one container with ${label.join(', ')}`);
  return found;
}

interface Followed {
  readonly controller: Controller;
  readonly signal: AbortSignal;
}

/** Every app is healthy and in sync, at that revision when one is given, and nothing is under way. */
async function settled({ controller, signal }: Followed, count: number, revision?: string): Promise<void> {
  const wait = { what: `${count} apps are settled`, deadline: 60_000 + count * 5_000, pause: 100, signal };
  const isDone = ({ sync, health, operation }: AppItem): boolean =>
    sync === 'Synced' && health === 'Healthy' && operation === 'Succeeded';
  // Who asks for all of them again and again takes from what he measures: of those that are late one is asked for.
  let late = 'app-0';
  await until(wait, async () => {
    const app = await controller.app(late);
    if (!app || !isDone(app) || (revision !== undefined && late === 'app-0' && app.revision !== revision))
      return undefined;
    const page = await controller.ask<{ readonly items: readonly AppItem[] }>('apps?limit=500');
    const next = page?.items.find((one) => !isDone(one));
    late = next?.name ?? 'app-0';
    return (page?.items.length === count && next === undefined) || undefined;
  });
}

async function recorded(
  { ask }: Controller,
  revision: string,
): Promise<{ readonly seen: number; readonly verified: number }> {
  const revisions = await ask<RevisionPage>('revisions?limit=500');
  const deployments = await ask<DeploymentPage>('apps/app-0/deployments');
  const id = deployments?.items.find((one) => one.revision === revision)?.id;
  const detail = await ask<DeploymentDetail>(`deployments/${id}`);
  const seen = revisions?.items.find((one) => one.id === revision)?.firstSeen;
  const published = detail?.steps.find(({ kind }) => kind === 'publish')?.startedAt;
  const times = { seen: Date.parse(seen ?? ''), verified: Date.parse(published ?? '') };
  if (Number.isNaN(times.seen + times.verified)) throw new Error('history does not tell of the change');
  return times;
}

/** Eight clients that ask for the page again and again, each time by a new connection; answers how many got none. */
function countLost(address: Address): Clients {
  let isOver = false;
  let lost = 0;
  const asking = inTurns(8, [1, 2, 3, 4, 5, 6, 7, 8], async () => {
    while (!isOver) {
      if ((await askPage(address)) === undefined) lost += 1;
      await delay(20);
    }
  });
  return {
    async stop() {
      isOver = true;
      await asking;
      return lost;
    },
  };
}

function pageOf(release: number): string {
  return releases[release - 1]?.page ?? '';
}

function add(samples: Samples, name: string, ...more: readonly number[]): void {
  samples.set(name, [...(samples.get(name) ?? []), ...more]);
}

function figuresOf(samples: Samples): Figure[] {
  return Object.values(names).flatMap((name): Figure[] => {
    const found = samples.get(name);
    if (found === undefined) return [];
    if (/requests lost$/.test(name)) {
      const lost = found.reduce((sum, one) => sum + one, 0);
      return [{ name: `${name} in ${found.length} changes`, unit: '', samples: [lost] }];
    }
    const base = against[name];
    return [{ name, unit: 'ms', samples: found, ...(base === undefined ? {} : { against: base }) }];
  });
}
