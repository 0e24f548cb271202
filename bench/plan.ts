import type { App } from '../src/desired/app.ts';
import type { Observed } from '../src/observed/observed.ts';
import { toAddress } from '../src/plan/address.ts';
import { decide } from '../src/plan/decide.ts';
import type { World } from '../src/plan/plan.ts';
import { stepsOf } from '../src/plan/simulate.ts';
import { aDomain, anApp, aWorld, SimulatedHost } from '../test/plan/worlds.ts';
import { median } from './figures.ts';
import { timed } from './until.ts';
import type { Figure, Part } from './workbench.ts';

const sizes = [100, 1_000, 10_000] as const;

/**
 * What planning costs by the number of settled apps, in the simulator's world: no engine, no disk, no clock. A look
 * plans only when something changed, so what counts most is a plan of which all but one app is known already; the first plan of
 * a controller knows none.
 */
export const plan: Part = async ({ options, signal, say }) => {
  const begun = performance.now();
  const apps = Array.from({ length: Math.max(...sizes) }, (_, index) => settledApp(index));
  say(`${apps.length} apps were settled in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  const firsts: Figure[] = [];
  const nexts: Figure[] = [];
  let steps = 0;
  const measure = async (world: World): Promise<number> => {
    const [took = 0] = await timed(1, signal, async () => {
      steps += stepsOf(decide(world)).length;
    });
    return took;
  };
  for (const size of sizes) {
    const world = merged(apps.slice(0, size));
    const [first, next]: [number[], number[]] = [[], []];
    for (let count = 0; count < Math.min(5, options.repetitions); count += 1)
      first.push(await measure(structuredClone(world)));
    await measure(world);
    for (let count = 0; count < options.repetitions; count += 1)
      next.push(await measure(withOneChanged(world, count)));
    firsts.push({ name: `${size} apps, the first plan`, unit: 'ms', samples: first });
    nexts.push({ name: `${size} apps, one of them changed`, unit: 'ms', samples: next });
  }
  const faults = steps > 0 ? [`${steps} steps are planned for settled apps`] : [];
  return {
    figures: [...firsts, growth('the first plan', firsts), ...nexts, growth('one changed', nexts)],
    faults,
  };
};

/** As the engine's cache gives it after an event: one container was read anew, all others are as they were. */
function withOneChanged(world: World, count: number): World {
  const { containers, health } = world.observed;
  const at = (count * 7) % containers.length;
  const read = containers.map((container, index) => (index === at ? structuredClone(container) : container));
  return { ...world, observed: { ...world.observed, containers: read, health: { ...health } } };
}

/** 1 is linear, 2 quadratic. */
function growth(what: string, figures: readonly Figure[]): Figure {
  const [, thousand = 1, tenThousand = 1] = figures.map(({ samples }) => median(samples));
  const exponent = Math.log10(tenThousand / thousand);
  return {
    name: `growth, ${what}: exponent from 1000 to 10000 apps`,
    unit: '',
    samples: [Number(exponent.toFixed(2))],
  };
}

/** One app with two replicas and a route, brought up by the plan itself, at addresses that are its alone. */
function settledApp(index: number): World {
  const name = `app-${String(index).padStart(5, '0')}`;
  const app: App = anApp({ name, replicas: 2, domains: [aDomain(`${name}.example.com`)] });
  const world = aWorld([app]);
  const subnet = `${toAddress(10 * 2 ** 24 + index * 16)}/28`;
  const host = new SimulatedHost({
    ...world,
    observed: { ...world.observed, takenAddresses: [] },
    settings: { ...world.settings, subnet },
  });
  if (host.settle() === undefined) throw new Error(`${name} does not settle`);
  return host.world;
}

function merged(worlds: readonly World[]): World {
  const all = <T>(part: (observed: Observed) => readonly T[]): T[] =>
    worlds.flatMap(({ observed }) => part(observed));
  const base = aWorld(worlds.flatMap(({ desired }) => desired.apps));
  const subnet = '10.0.0.0/8';
  const [first] = all(({ networks }) => networks);
  const containers = named(all((observed) => observed.containers));
  return {
    ...base,
    now: Math.max(...worlds.map(({ now }) => now)),
    settings: { ...base.settings, subnet },
    memory: {
      ...base.memory,
      apps: Object.assign({}, ...worlds.map(({ memory }) => memory.apps)),
      containers: Object.fromEntries(containers.map(({ id, name }) => [id, { name }])),
    },
    observed: {
      ...base.observed,
      containers,
      images: Object.assign({}, ...worlds.map(({ observed }) => observed.images)),
      networks: first ? [{ ...first, subnet }] : [],
      volumes: all(({ volumes }) => volumes),
      health: Object.assign({}, ...worlds.map(({ observed }) => observed.health)),
      proxy: {
        state: 'running',
        routes: all(({ proxy }) => proxy.routes),
        flags: all(({ proxy }) => proxy.flags).sort(),
      },
    },
  };
}

/** The ids of the simulator count from one in each world of its own. */
function named(containers: Observed['containers']): Observed['containers'] {
  return containers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
