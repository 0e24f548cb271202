import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runProgram } from '../.ci/run-program.ts';
import { type Assembly, assemble } from '../src/assemble.ts';
import { loadConfig } from '../src/config.ts';
import { findEngine } from '../src/docker/find-engine.ts';
import type { LoopLog, LoopStatus } from '../src/loop/reconciler.ts';
import { createRedaction } from '../src/redaction.ts';
import { builtProgram } from './built-program.ts';
import { createCompose } from './compose.ts';
import { createConfigRepo } from './config-repo.ts';
import { cleanEnvironment } from './controller.ts';
import { countCalls } from './count-calls.ts';
import { releases } from './images.ts';
import { type Settings, writeSettings } from './settings.ts';
import { createSwarm } from './swarm.ts';
import { sweep } from './sweep.ts';
import { timed, until } from './until.ts';
import { type Figure, instance, type Part, type PartResult, type Workbench } from './workbench.ts';

/** What it costs to find that nothing is to be done, by the number of apps. */
export const noop: Part = async (bench) => {
  const program = await builtProgram(join(bench.folder, 'program'));
  const results: PartResult[] = [];
  for (const apps of bench.options.apps) results.push(await atSize(bench, apps, program));
  return {
    figures: results.flatMap(({ figures }) => figures),
    faults: results.flatMap(({ faults }) => faults),
  };
};

/** So many apps really run; of more, all are stopped: what is measured is us, not the engine. */
const mostRunning = 200;

async function atSize(bench: Workbench, apps: number, program: string): Promise<PartResult> {
  const isRunning = apps <= mostRunning;
  const composed = isRunning ? await measureCompose(bench, apps) : undefined;
  const swarmed = isRunning ? await measureSwarm(bench, apps) : undefined;
  const folder = join(bench.folder, String(apps));
  const repo = await createConfigRepo(join(folder, 'config'));
  const settings = await writeSettings(folder, { source: { dir: repo.dir } });
  await repo.commit(manifests(apps, isRunning ? {} : { state: 'stopped' }), `${apps} apps`);
  const assembly = await assemble(
    loadConfig({ file: settings.file, env: {} }),
    'write',
    silent,
    createRedaction(),
  );
  try {
    bench.say(`plimsoll brings ${apps} apps up`);
    const [first] = await timed(1, bench.signal, () => settle(bench, assembly, apps));
    const peers = { ...(composed ? { composed } : {}), ...(swarmed ? { swarmed } : {}) };
    return await measure({
      bench,
      program,
      assembly,
      settings,
      apps,
      isRunning,
      first: first ?? 0,
      ...peers,
    });
  } finally {
    await assembly.close();
    await sweep(bench.docker);
  }
}

interface Composed {
  readonly first: number;
  readonly again: readonly number[];
}

/** Stands and falls before plimsoll's apps come: two hundred containers at once would slow both. */
async function measureCompose(
  { docker, folder, signal, options, say }: Workbench,
  apps: number,
): Promise<Composed> {
  const compose = await createCompose({ folder: join(folder, `compose-${apps}`), signal }, image(), apps);
  try {
    say(`compose brings ${apps} services up`);
    const [first = 0] = await timed(1, signal, compose.up);
    return { first, again: await timed(Math.min(5, options.repetitions), signal, compose.up) };
  } finally {
    await sweep(docker);
  }
}

/** Milliseconds that the same stack takes once more. */
async function measureSwarm(bench: Workbench, apps: number): Promise<readonly number[] | undefined> {
  const folder = join(bench.folder, `swarm-${apps}`);
  const swarm = await createSwarm({ ...bench, folder }, apps);
  if (swarm === undefined) return undefined;
  try {
    bench.say(`Swarm brings ${apps} services up`);
    await swarm.deploy(1);
    await swarm.allServe();
    return await timed(Math.min(5, bench.options.repetitions), bench.signal, swarm.again);
  } finally {
    await swarm.leave();
  }
}

/** From nothing until nothing is left to do. */
async function settle({ signal }: Workbench, { loop }: Assembly, apps: number): Promise<void> {
  loop.start();
  const wait = { what: `${apps} apps are healthy`, deadline: apps * 5_000 + 30_000, pause: 100, signal };
  await until(wait, async () => {
    const { plan } = loop.status;
    const isDone = (app: NonNullable<typeof plan>['apps'][number]): boolean =>
      app.sync === 'Synced' && app.steps.length === 0 && (apps > mostRunning || app.health === 'Healthy');
    return (plan?.apps.length === apps && plan.apps.every(isDone)) || undefined;
  });
}

interface Settled {
  readonly bench: Workbench;
  /** The entry of the program as it is installed. */
  readonly program: string;
  readonly assembly: Assembly;
  readonly settings: Settings;
  readonly apps: number;
  readonly isRunning: boolean;
  readonly composed?: Composed;
  readonly swarmed?: readonly number[];
  /** Milliseconds from nothing until all apps were healthy. */
  readonly first: number;
}

async function measure(settled: Settled): Promise<PartResult> {
  const { bench, program, assembly, settings, apps, isRunning, composed, swarmed, first } = settled;
  const { docker, signal, options } = bench;
  const { loop, reader } = assembly;
  const engine = findEngine(process.env);
  const filters = { label: [`plimsoll.instance=${instance}`] };
  const look = (why: string) =>
    new Promise<LoopStatus>((resolve) => {
      const off = loop.onLook((status) => {
        off();
        resolve(status);
      });
      loop.trigger(why);
    });
  const resync = () => {
    reader.invalidate();
    return look('resync');
  };
  // A controller runs for months: it is measured when its containers are older than the minute in which the engine lists
  // their age by the second, which a short run does not wait for, and when its code has been compiled, as it soon is.
  if (isRunning && options.repetitions >= 5) await delay(60_000, undefined, { signal });
  await timed(10, signal, resync);
  await timed(50, signal, () => look('bench'));
  const many = options.repetitions * 3;
  const looks: number[] = [];
  const calls = await countCalls(engine, async () => {
    looks.push(...(await timed(many, signal, () => look('bench'))));
  });
  const [lists, resyncs]: [number[], number[]] = [[], []];
  // One of each in turn, so that a slow minute of the machine slows both.
  for (let index = 0; index < many; index += 1) {
    lists.push(...(await timed(1, signal, () => docker.listContainers({ all: true, filters }))));
    resyncs.push(...(await timed(1, signal, resync)));
  }
  const resyncCalls = await countCalls(engine, resync);
  const diffs = await timed(Math.min(5, options.repetitions), signal, () => runDiff(program, settings));

  const named = (name: string): string => `${apps} apps${isRunning ? '' : ', stopped'}: ${name}`;
  const list = named('one bare list of the containers');
  const up = named('compose up, nothing to do');
  const figures: Figure[] = [
    { name: list, unit: 'ms', samples: lists },
    { name: named('look without news'), unit: 'ms', samples: looks, against: list },
    { name: named(`engine calls in ${many} looks`), unit: '', samples: [calls] },
    { name: named('look at a resync'), unit: 'ms', samples: resyncs, against: list },
    { name: named('engine calls in a resync'), unit: '', samples: [resyncCalls] },
    ...(composed ? [{ name: up, unit: 'ms' as const, samples: composed.again }] : []),
    ...(swarmed
      ? [{ name: named('docker stack deploy, nothing to do'), unit: 'ms' as const, samples: swarmed }]
      : []),
    { name: named('plimsoll diff, nothing to do'), unit: 'ms', samples: diffs, against: up },
    ...(composed
      ? [{ name: named('compose up, from nothing'), unit: 's' as const, samples: [composed.first / 1000] }]
      : []),
    {
      name: named(isRunning ? 'plimsoll, from nothing to healthy' : 'plimsoll, from nothing to settled'),
      unit: 's',
      samples: [first / 1000],
      against: named('compose up, from nothing'),
    },
  ];
  return { figures, faults: calls === 0 ? [] : [`${apps} apps: looks without news sent ${calls} calls`] };
}

/** The whole program, as a person runs it who has installed it. */
async function runDiff(program: string, { file }: Settings): Promise<void> {
  const { code, output } = await runProgram(process.execPath, [program, 'diff', '--config', file], {
    env: cleanEnvironment(),
    timeout: 120_000,
  });
  if (code !== 0) throw new Error(`plimsoll diff: exit code ${code}\n${output.slice(0, 2_000)}`);
}

/** Of so many apps, by path; `spec` goes over each. */
export function manifests(apps: number, spec: object = {}): Record<string, object> {
  const names = Array.from({ length: apps }, (_, index) => `app-${index}`);
  return Object.fromEntries(names.map((name) => [`${name}/app.yaml`, manifest(name, spec)]));
}

function manifest(name: string, spec: object): object {
  return {
    apiVersion: 'plimsoll/v1',
    kind: 'App',
    metadata: { name },
    spec: {
      image: image(),
      pull: 'never',
      port: 8080,
      domains: [{ host: `${name}.localhost`, tls: 'off' }],
      // Looked after like any app, but seldom enough not to be what is measured.
      healthCheck: { http: { path: '/' }, interval: '5m' },
      deploy: { stopGrace: '1s' },
      ...spec,
    },
  };
}

function image(): string {
  return releases[0]?.image ?? '';
}

const silent: LoopLog = {
  info: () => {},
  debug: () => {},
  warn: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  error: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};
