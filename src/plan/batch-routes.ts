import type { RouteTable } from '../observed/observed.ts';
import type { Planned } from './at-rest.ts';
import type { Lookup } from './lookup.ts';
import type { World } from './plan.ts';
import { asPast } from './since.ts';

/** Milliseconds between two loads of first routes while more are on their way. */
const pause = 2_000;

/**
 * When another table is to be loaded. A load makes all of Caddy's configuration anew, and resets connections to apps that
 * have nothing to do with it: so soon after one, first routes wait for those of apps that are on their way. Every other
 * change is due at once.
 */
export function routesDueAt(
  world: World,
  lookup: Lookup,
  routes: RouteTable,
  planned: ReadonlyMap<string, Planned>,
): number {
  const { proxy } = world.observed;
  const [wanted, running] = [new Set(routes), new Set(proxy.routes)];
  const arriving = new Set(routes.filter((route) => !running.has(route)).map(({ app }) => app));
  const areFirst = [...arriving].every((app) => !lookup.routes.has(app));
  const areOthersKept = proxy.state === 'running' && proxy.routes.every((route) => wanted.has(route));
  const isAwaited = () =>
    [...planned].some(([name, one]) => !arriving.has(name) && isOnItsWay(lookup, name, one));
  return areFirst && areOthersKept && isAwaited() ? asPast(proxy.loadedAt ?? 0, world) + pause : world.now;
}

/** Something is done for it now, and routes are what it will want then. */
function isOnItsWay({ apps, routes, underway }: Lookup, name: string, { plan }: Planned): boolean {
  const isExposed = (apps.get(name)?.domains.length ?? 0) > 0;
  return isExposed && !routes.has(name) && (plan.steps.length > 0 || underway.has(name));
}
