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
  const { parts, planned } = rest;
  let count = 0;
  const isSame = eachPart(world, lookup, app, (part) => {
    count += 1;
    return part === parts[count - 1];
  });
  return isSame && count === parts.length ? planned : undefined;
}

/** Remembers a plan that leaves nothing to do, and that nothing but these parts can make another. */
export function rememberRest(world: World, lookup: Lookup, app: App, planned: Planned): void {
  // While something is done to it, what else is due is left out of its plan.
  if (lookup.underway.has(app.name) || !isAtRest(world, app, planned.plan)) return;
  const until = Math.min(planned.plan.wakeAt ?? Number.POSITIVE_INFINITY, world.now + longest);
  const parts: unknown[] = [];
  eachPart(world, lookup, app, (part) => parts.push(part) > 0);
  resting.set(app, { parts, from: world.now, until, planned });
}

/** Proven, and held by nothing: who waits or fails is planned anew each time, from more than is listed here. */
function isAtRest(world: World, app: App, { sync, health, steps, records }: AppPlan): boolean {
  const { lastHealthy, deployment, failure, pin, quarantine, suspended } = world.memory.apps[app.name] ?? {};
  const isHeld = [deployment, failure, pin, quarantine, suspended].some((one) => one !== undefined);
  if (lastHealthy === undefined || isHeld || app.renamedFrom !== undefined) return false;
  return sync === 'Synced' && health === 'Healthy' && steps.length === 0 && records.length === 0;
}

/**
 * Shows one part after the other, in a fixed order, for as long as `visit` says so; true when it has seen them all. No
 * list is made of them: this is done for every app at every plan.
 */
function eachPart(world: World, lookup: Lookup, app: App, visit: (part: unknown) => boolean): boolean {
  const { observed, memory, settings } = world;
  const { proxy, images } = observed;
  const { name } = app;
  const own = lookup.containers.get(name) ?? [];
  return (
    visit(settings) &&
    visit(revisionOf(world, name)) &&
    visit(memory.apps[name]) &&
    visit(lookup.underway.has(name)) &&
    visit(lookup.unread.has(name)) &&
    visit(lookup.hasNetwork) &&
    visit(proxy.state) &&
    visit(proxy.sharesFlags) &&
    visit(images[app.container.image]) &&
    visit(own.length) &&
    own.every((one) => {
      const health = observed.health[one.id];
      return (
        visit(one) &&
        visit(memory.containers[one.id]) &&
        visit(images[one.imageId]) &&
        visit(lookup.flags.has(`${name}.${one.replica}`)) &&
        visit(health?.startedAt) &&
        visit(health?.verdict) &&
        visit(health?.since)
      );
    }) &&
    (lookup.routes.get(name) ?? []).every(visit)
  );
}
