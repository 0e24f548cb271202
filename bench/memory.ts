import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Saving, savings } from '../.ci/bundle.ts';
import { runProgram } from '../.ci/run-program.ts';
import { findCaddy, startCaddy } from '../src/caddy/caddy-process.ts';
import { allConverged } from './all-converged.ts';
import { askPage } from './ask-page.ts';
import { builtProgram } from './built-program.ts';
import { createConfigRepo } from './config-repo.ts';
import { askSocket, startController } from './controller.ts';
import { releases } from './images.ts';
import { manifests } from './noop.ts';
import { type Settings, writeSettings } from './settings.ts';
import { sweep } from './sweep.ts';
import { timed, until } from './until.ts';
import { bareLabel, type Figure, type Part, type Workbench } from './workbench.ts';

/** Milliseconds for which a controller is left alone before its memory is read. */
const rest = 10_000;
/** Milliseconds after the first look, when the start is over and nothing was given back yet but what is young. */
const soon = 1_000;
const limit = 64 * 1024 * 1024;
/** So many apps really run; of more, all are stopped: what is measured is us, not the engine. */
const mostRunning = 200;
const bareStart = "bare Node's start";
/** What each saving of the bundle is, for people. */
const brought: Readonly<Record<Saving, string>> = {
  leaveOut: 'without what nothing calls',
  withoutCompiler: 'schemas compiled before',
  requireBuiltins: 'without fetch',
  partOfGit: "part of git's library",
  localTime: 'local time without Intl',
  lateTls: 'TLS when it is used, as installed',
};

/** What an idle controller holds and how soon it is ready, by measure and by the number of apps. */
export const memory: Part = async (bench) => {
  const { options, signal, say, folder } = bench;
  const bare = await timed(options.repetitions, signal, () => runProgram(process.execPath, ['-e', '0']));
  const figures: Figure[] = [{ name: bareStart, unit: 'ms', samples: bare }];
  const program = join(folder, 'program');
  const entry = await builtProgram(join(program, 'installed'));
  const oneHeap = { MALLOC_ARENA_MAX: '1' };
  const largeApart = { ...oneHeap, MALLOC_MMAP_THRESHOLD_: '8192' };
  // As the service and the image have it.
  const asService = { ...largeApart, MALLOC_TRIM_THRESHOLD_: '16384', MALLOC_TOP_PAD_: '16384' };
  const ladder: readonly (Variant | { readonly name: string; readonly made: readonly Saving[] })[] = [
    { name: 'the sources', entry: undefined },
    { name: 'bundled', made: [] },
    ...savings.map((saving, last) => ({ name: `+ ${brought[saving]}`, made: savings.slice(0, last + 1) })),
    { name: "+ one heap of malloc's", entry, env: oneHeap },
    { name: '+ what is large apart from it', entry, env: largeApart },
    { name: '+ its end given back, as a service', entry, env: asService },
  ];
  // What each measure brought is for a run that takes its time.
  for (const step of options.repetitions < 5 ? ladder.slice(-1) : ladder) {
    say(`no apps: ${step.name}`);
    const built = 'made' in step ? await builtProgram(join(program, step.name), step.made) : step.entry;
    figures.push(...(await measure(bench, { ...step, entry: built }, 0)));
  }
  const service = { name: 'as a service', entry, env: asService };
  for (const apps of options.apps) {
    say(`${apps} apps`);
    figures.push(...(await measure(bench, service, apps)));
  }
  say('in a container of 64 MiB');
  const contained = await inContainer(
    bench,
    join(program, 'installed'),
    Math.min(options.apps[0] ?? 100, mostRunning),
    Object.entries(asService).map(([name, value]) => `${name}=${value}`),
  );
  return { figures: [...figures, ...contained.figures], faults: contained.faults };
};

interface Variant {
  readonly name: string;
  /** The sources when absent. */
  readonly entry: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

async function measure(
  bench: Workbench,
  { name, entry, env = {} }: Variant,
  apps: number,
): Promise<Figure[]> {
  const { docker, signal, options, folder } = bench;
  const state = apps > mostRunning ? 'stopped' : 'running';
  const { settings, revision, stopCaddy } = await prepare(
    join(folder, `${name.replace(/\W+/g, '-')}-${apps}`),
    apps,
    state,
  );
  const ready: number[] = [];
  let controller = startController(settings, env, entry);
  try {
    await allConverged(bench, controller.ask, revision, apps);
    for (let index = 0; index < Math.min(5, options.repetitions); index += 1) {
      // Of a host that stands, as after every restart of the controller.
      await controller.stop();
      const startedAt = performance.now();
      controller = startController(settings, env, entry);
      await readyAt(bench, settings);
      ready.push(performance.now() - startedAt);
    }
    // From here on nobody asks it for anything.
    await delay(soon, undefined, { signal });
    const atFirst = await memoryOf(controller.pid);
    await delay(rest, undefined, { signal });
    const { anonymous, resident } = await memoryOf(controller.pid);
    await allConverged(bench, controller.ask, revision, apps);
    const asked = await memoryOf(controller.pid);
    const label = apps === 0 ? `no apps: ${name}` : `${apps} apps, ${state}: ${name}`;
    return [
      { name: `${label}: anonymous before it rests`, unit: 'MB', samples: [atFirst.anonymous] },
      { name: `${label}: anonymous`, unit: 'MB', samples: [anonymous] },
      { name: `${label}: resident`, unit: 'MB', samples: [resident] },
      { name: `${label}: anonymous once the API was asked`, unit: 'MB', samples: [asked.anonymous] },
      { name: `${label}: process start to ready`, unit: 'ms', samples: ready, against: bareStart },
    ];
  } finally {
    await controller.stop();
    await stopCaddy();
    await sweep(docker);
  }
}

/** A config repo, a configuration, and a Caddy beside the controller, which is not to be counted with it. */
async function prepare(dir: string, apps: number, state: string) {
  const repo = await createConfigRepo(join(dir, 'config'));
  const settings = await writeSettings(dir, { source: { dir: repo.dir } });
  const config = JSON.parse(await readFile(settings.file, 'utf8')) as { caddy: { admin: string } };
  const { caddy } = config;
  await writeFile(settings.file, JSON.stringify({ ...config, caddy: { ...caddy, manage: 'none' } }));
  const files = apps === 0 ? { 'about.json': {} } : manifests(apps, { state });
  const revision = await repo.commit(files, `${apps} apps`);
  const running = await startCaddy({
    program: findCaddy(),
    admin: caddy.admin,
    dir: join(dir, 'caddy'),
    onLine: () => {},
  });
  return { settings, revision, stopCaddy: () => running.stop() };
}

/** Asked seldom enough not to be what is measured. */
async function readyAt({ signal }: Workbench, { api }: Settings): Promise<void> {
  const wait = { what: 'the controller is ready', deadline: 60_000, pause: 5, signal };
  await until(wait, () => askPage({ host: '127.0.0.1', port: api, name: '127.0.0.1', path: '/readyz' }));
}

/** Megabytes as the kernel counts them: what nobody else has, and with it the files that are mapped. */
async function memoryOf(pid: number): Promise<{ readonly anonymous: number; readonly resident: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const read = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
  return { anonymous: read('Anonymous'), resident: read('Rss') };
}

/** The installed program with the Node that runs this, in a container that may use 64 MiB and no swap. */
async function inContainer(bench: Workbench, program: string, apps: number, environment: readonly string[]) {
  const { docker, folder, signal } = bench;
  const { settings, revision, stopCaddy } = await prepare(join(folder, 'contained'), apps, 'running');
  const packages = join(import.meta.dirname, '..', 'node_modules');
  const system = ['/usr', '/lib', '/lib64', '/etc'].filter((path) => existsSync(path));
  const container = await docker.createContainer({
    Image: releases[0]?.image ?? '',
    Labels: { [bareLabel]: '1' },
    Cmd: [process.execPath, join(program, 'src', 'plimsoll.js'), 'controller', '--config', settings.file],
    Env: ['PATH=/usr/bin:/bin', ...environment],
    HostConfig: {
      Memory: limit,
      MemorySwap: limit,
      NetworkMode: 'host',
      Binds: [
        ...system.map((path) => `${path}:${path}:ro`),
        `${packages}:${packages}:ro`,
        `${folder}:${folder}`,
        '/var/run/docker.sock:/var/run/docker.sock',
      ],
    },
  });
  const label = `${apps} apps, running: in a container of 64 MiB`;
  try {
    await container.start();
    const { State: begun } = await container.inspect();
    const group = await groupOf(begun.Pid);
    const isRunning = async (): Promise<boolean> => (await container.inspect()).State.Running;
    const ask = async <T>(path: string): Promise<T | undefined> => {
      if (!(await isRunning())) throw new Error(`${label}: it ended`);
      return askSocket<T>(join(settings.stateDir, 'plimsoll.sock'), `/api/v1/${path}`);
    };
    try {
      await allConverged(bench, ask, revision, apps);
    } catch (error) {
      if (await isRunning()) throw error;
      return { figures: [], faults: [`${label}: it ended before it had converged`] };
    }
    const { kills, peak } = await group();
    // Anew, so that it is one that was asked for nothing.
    await container.restart({ t: 30 });
    await readyAt(bench, settings);
    await delay(rest, undefined, { signal });
    const { State: now } = await container.inspect();
    const { anonymous, resident } = await memoryOf(now.Pid);
    const figures: Figure[] = [
      { name: `${label}: anonymous`, unit: 'MB', samples: [anonymous] },
      { name: `${label}: resident`, unit: 'MB', samples: [resident] },
      { name: `${label}: most that was charged, with files`, unit: 'MB', samples: [peak] },
      { name: `${label}: kills for want of memory`, unit: '', samples: [kills] },
    ];
    const killed = kills > 0 || now.OOMKilled || !now.Running;
    return { figures, faults: killed ? [`${label}: it was killed`] : [] };
  } finally {
    await container.stop({ t: 10 }).catch(() => undefined);
    await container.remove({ force: true });
    await stopCaddy();
    await sweep(docker);
  }
}

/** Asks the control group of a process, in either version of the kernel's interface, while it lives. */
async function groupOf(
  pid: number,
): Promise<() => Promise<{ readonly kills: number; readonly peak: number }>> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n');
  const pathOf = (start: RegExp) => lines.find((line) => start.test(line))?.replace(start, '');
  const first = pathOf(/^\d+:memory:/);
  const folder = first === undefined ? `/sys/fs/cgroup${pathOf(/^0::/)}` : `/sys/fs/cgroup/memory${first}`;
  const [events, peak] =
    first === undefined
      ? ['memory.events', 'memory.peak']
      : ['memory.oom_control', 'memory.max_usage_in_bytes'];
  return async () => ({
    kills: Number(/^oom_kill (\d+)/m.exec(await readFile(join(folder, events), 'utf8'))?.[1]),
    peak: Number(await readFile(join(folder, peak), 'utf8')) / 1024 ** 2,
  });
}
