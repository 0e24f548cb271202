import type { App, Domain } from '../desired/app.ts';
import { isSameValue } from '../desired/canonical.ts';
import type { Route, RouteTable, Upstream } from '../observed/observed.ts';
import { runningRoutes, type Serving, toUpstream } from './dial.ts';
import type { Scene } from './scene.ts';
import { isSwitched, ownerOf, servingReplicas } from './serving.ts';

/** The routes that one app is to have now. Frozen (suspended, held, invalid), it keeps those it has. */
export function routesOf(scene: Scene, frozen: boolean): RouteTable {
  const { target } = scene;
  const running = runningRoutes(scene);
  if (target?.app.state === 'stopped' && !frozen) return [];
  // What Caddy lost is given back to an app that nothing else may be done to.
  const isKnown = running.length > 0 || scene.world.observed.proxy.state === 'running';
  if (!target || (frozen && isKnown)) return running;
  if (isLeavingItsName(scene) && !isSwitched(scene)) return running;
  const replicas = servingReplicas(scene);
  if (replicas.length === 0) return keepWhileNothingServes(scene, running);
  const app = domainSource(scene, target.app, running);
  if (app) return app.domains.map((domain) => sameOr(running, toRoute(scene, app, domain, replicas)));
  return running.map((route) => ({
    ...route,
    upstreams: keptUpstreams(scene, target.app, route, replicas),
  }));
}

/**
 * Renamed, and its routes stand under the name before. Which slot of a pair serves is told by the flags of the name
 * that the routes stand under, so they go to the new name all at once, when all of its replicas are ready.
 */
export function isLeavingItsName({ former, lookup, name }: Scene): boolean {
  return former !== undefined && lookup.routes.has(former) && !lookup.routes.has(name);
}

/** The route that runs already when it is this one: whoever compares the two later sees it at once. */
function sameOr(running: readonly Route[], route: Route): Route {
  return running.find((one) => isSameValue(one, route)) ?? route;
}

/** One (host, path) has one owner: of two apps that claim it in passing, the one that has it keeps it. */
export function mergeRoutes(tables: readonly RouteTable[], running: RouteTable): RouteTable {
  const wanted = tables.flat();
  if (isAll(wanted, running)) return running;
  const owners = new Map(running.map((route) => [`${route.host} ${route.path}`, route.app]));
  const merged = new Map<string, Route>();
  for (const route of wanted) {
    const key = `${route.host} ${route.path}`;
    if (!merged.has(key) || owners.get(key) === route.app) merged.set(key, route);
  }
  return [...merged.values()].sort(byHostThenLongestPath);
}

/** These very routes are what runs, each with a place of its own: most looks change none. */
function isAll(wanted: readonly Route[], running: RouteTable): boolean {
  const known = new Set(wanted);
  const isIt = (route: Route, at: number) => {
    const before = running[at - 1];
    return known.has(route) && (before === undefined || byHostThenLongestPath(before, route) < 0);
  };
  return known.size === wanted.length && known.size === running.length && running.every(isIt);
}

function byHostThenLongestPath(a: Route, b: Route): number {
  if (a.host !== b.host) return a.host < b.host ? -1 : 1;
  return b.path.length - a.path.length || (a.path < b.path ? -1 : 1);
}

/**
 * A proven app whose containers are being mended keeps its routes: they answer again without a reload. One that is to
 * have none, and whose release is there, does not.
 */
function keepWhileNothingServes(scene: Scene, running: readonly Route[]): RouteTable {
  const { replicas, domains } = scene.target?.app ?? {};
  const isDone = domains?.length === 0 && isSwitched(scene);
  return replicas === 0 || isDone ? [] : running;
}

/**
 * A new release's routes come with it: as long as an older one serves, the older one's routes stand. Once it was switched
 * to, what Caddy runs stands (undefined): a replica of it that fails then takes no route away again.
 */
function domainSource(scene: Scene, app: App, running: readonly Route[]): App | undefined {
  if (scene.proven || isSwitched(scene)) return app;
  const before = scene.memory.lastHealthy?.app;
  if (before && running.some((route) => domainOf(app, route) && !domainOf(before, route))) return undefined;
  // Not even Caddy knows the older one's: better these than none for who serves.
  return before ?? (scene.world.observed.proxy.state === 'edited' ? app : undefined);
}

function domainOf({ domains }: App, { host, path }: Route): Domain | undefined {
  return domains.find((one) => one.host === host && one.path === path);
}

/** The older release's routes are known only from what Caddy runs: they stand, and dial who serves now. */
function keptUpstreams(scene: Scene, app: App, route: Route, replicas: readonly Serving[]): Upstream[] {
  const dialling = { owner: route.app, app, port: domainOf(app, route)?.port ?? '' };
  return replicas.map((serving) => toUpstream(scene, dialling, serving));
}

function toRoute(scene: Scene, app: App, domain: Domain, replicas: readonly Serving[]): Route {
  const owner = ownerOf(scene);
  return {
    app: owner,
    host: domain.host,
    path: domain.path,
    tls: domain.tls,
    redirectFrom: domain.redirectFrom,
    stripPrefix: domain.stripPrefix,
    headers: domain.headers,
    loadBalancing: domain.loadBalancing,
    compress: domain.compress,
    allowIPs: domain.allowIPs,
    maxBody: domain.maxBody ?? 0,
    ...(domain.basicAuth === undefined ? {} : { basicAuth: domain.basicAuth }),
    upstreams: replicas.map((serving) => toUpstream(scene, { owner, app, port: domain.port }, serving)),
  };
}
