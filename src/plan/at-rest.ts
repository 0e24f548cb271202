import type { App } from '../desired/app.ts';
import type { RouteTable } from '../observed/observed.ts';
import type { Lookup } from './lookup.ts';
import type { AppPlan, ProbeTarget, World } from './plan.ts';
import { revisionOf } from './scene.ts';

/** What one look makes of one app. */
export interface Planned {
  readonly plan: AppPlan;
  readonly routes: RouteTable;
  readonly probes: readonly ProbeTarget[];
}

interface Rest {
  /** Everything that the plan of an app at rest is made of. */
  readonly parts: readonly unknown[];
  readonly from: number;
  readonly until: number;
  readonly planned: Planned;
}

/** By the value of the manifest, which is another one as soon as anything in it is. */
const resting = new WeakMap<App, Rest>();

/** Milliseconds after which an app is planned anew in any case. */
const longest = 5 * 60_000;

/**
 * The plan of an app that was at rest, as long as nothing that it was made of is another: on a host of many apps
 * a look costs what has changed, not what is there.
 */
export function planAtRest(world: World, lookup: Lookup, app: App): Planned | undefined {
  const rest = resting.get(app);
  if (rest === undefined || world.now < rest.from || world.now >= rest.until) return undefined;
  const parts = partsOf(world, lookup, app);
  const isSame = parts.length === rest.parts.length && parts.every((part, at) => part === rest.parts[at]);
  return isSame ? rest.planned : undefined;
}

/** Remembers a plan that leaves nothing to do, and that nothing but these parts can make another. */
export function rememberRest(world: World, lookup: Lookup, app: App, planned: Planned): void {
  if (!isAtRest(world, app, planned.plan)) return;
  const until = Math.min(planned.plan.wakeAt ?? Number.POSITIVE_INFINITY, world.now + longest);
  resting.set(app, { parts: partsOf(world, lookup, app), from: world.now, until, planned });
}

/** Proven, and held by nothing: who waits or fails is planned anew each time, from more than is listed here. */
function isAtRest(world: World, app: App, { sync, health, steps, records }: AppPlan): boolean {
  const { lastHealthy, deployment, failure, pin, quarantine, suspended } = world.memory.apps[app.name] ?? {};
  const isHeld = [deployment, failure, pin, quarantine, suspended].some((one) => one !== undefined);
  if (lastHealthy === undefined || isHeld || app.renamedFrom !== undefined) return false;
  return sync === 'Synced' && health === 'Healthy' && steps.length === 0 && records.length === 0;
}

function partsOf(world: World, { containers, routes, flags }: Lookup, { name, container }: App): unknown[] {
  const { observed, memory, settings } = world;
  const { proxy, images, networks } = observed;
  const own = containers.get(name) ?? [];
  return [
    settings,
    revisionOf(world, name),
    memory.apps[name],
    observed.underway[name],
    networks.some((network) => network.ours && network.name === settings.network),
    proxy.state,
    proxy.sharesFlags,
    images[container.image],
    own.length,
    ...own.flatMap((one) => {
      const health = observed.health[one.id];
      const flag = flags.has(`${name}.${one.replica}`);
      const known = memory.containers[one.id];
      return [one, known, images[one.imageId], flag, health?.startedAt, health?.verdict, health?.since];
    }),
    ...(routes.get(name) ?? []),
  ];
}
