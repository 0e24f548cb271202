import type { App, Domain } from '../desired/app.ts';
import { isSameValue } from '../desired/canonical.ts';
import type { Container, Route, RouteTable, Upstream } from '../observed/observed.ts';
import { plainOf, sibling } from './address.ts';
import { isReady, settleDeadline } from './gate.ts';
import { isPublished } from './release.ts';
import { restartAt } from './restart.ts';
import type { Replica, Scene } from './scene.ts';
import { addressOf, isRouted, isServing, onFlag, usesFlags } from './traffic.ts';

/** The routes that one app is to have now. Frozen (suspended, held, invalid), it keeps those it has. */
export function routesOf(scene: Scene, frozen: boolean): RouteTable {
  const { target } = scene;
  const running = runningRoutes(scene);
  if (target?.app.state === 'stopped' && !frozen) return [];
  if (!target || (frozen && running.length > 0)) return running;
  const replicas = upstreamReplicas(scene);
  if (replicas.length === 0) return keepWhileNothingServes(scene, running);
  const app = domainSource(scene, target.app);
  if (app) return app.domains.map((domain) => sameOr(running, toRoute(scene, app, domain, replicas)));
  // Under the app's own name: its flags, not those of the name before, say which slot of a pair is meant.
  return running.map((route) => ({
    ...route,
    app: scene.name,
    upstreams: keptUpstreams(scene, target.app, route, replicas),
  }));
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

function runningRoutes({ lookup, name, former }: Scene): readonly Route[] {
  const own = lookup.routes.get(name);
  return own ?? (former === undefined ? [] : (lookup.routes.get(former) ?? []));
}

/** A proven app whose containers are being mended keeps its routes: they answer again without a reload. */
function keepWhileNothingServes(scene: Scene, running: readonly Route[]): RouteTable {
  return scene.target?.app.replicas === 0 ? [] : running;
}

/** A new release's routes come with it: as long as an older one serves, the older one's routes stand. */
function domainSource(scene: Scene, app: App): App | undefined {
  const switched = scene.replicas.every(
    ({ current }) => isReady(current) && onFlag(scene, current.container),
  );
  if (scene.proven || switched) return app;
  const { lastHealthy } = scene.memory;
  // Not even Caddy knows the older one's: better these than none for who serves.
  return lastHealthy?.app ?? (scene.world.observed.proxy.state === 'edited' ? app : undefined);
}

/** The older release's routes are known only from what Caddy runs: they stand, and dial who serves now. */
function keptUpstreams(
  scene: Scene,
  app: App,
  { host, path }: Route,
  replicas: readonly Serving[],
): Upstream[] {
  const domain = app.domains.find((one) => one.host === host && one.path === path);
  return replicas.map((serving) => toUpstream(scene, app, domain?.port ?? '', serving));
}

interface Serving {
  readonly index: number;
  readonly container: Container;
}

/** Replicas that may be sent traffic, each with the container that its flag selects. */
function upstreamReplicas(scene: Scene): Serving[] {
  const listed = new Set(
    runningRoutes(scene).flatMap((route) => route.upstreams.map((upstream) => upstream.replica)),
  );
  const serving = scene.replicas.flatMap((replica) => toServing(scene, replica, listed));
  if (!scene.proven) serving.push(...leavingReplicas(scene));
  const well = serving.filter(
    ({ index, container }) =>
      !isOut(scene, scene.replicas[index]) && mayEnter(scene, container, listed.has(index)),
  );
  const chosen = well.length > 0 ? well : serving.filter(({ index }) => listed.has(index));
  const served = new Set(serving.map(({ index }) => index));
  // Nobody waits where it is not known what Caddy ran: who served would be cut off meanwhile.
  const arriving =
    scene.world.observed.proxy.state !== 'edited' &&
    scene.replicas.some((replica) => !served.has(replica.index) && isArriving(scene, replica));
  return arriving ? chosen.filter(({ index }) => listed.has(index)) : chosen;
}

/** About to serve as well: those who are ready wait for it, so that all of them cost one reload. */
function isArriving(scene: Scene, { current }: Replica): boolean {
  if (!current) return scene.memory.failure === undefined && !scene.lookup.routes.has(scene.name);
  if (current.standing === 'unstarted') return scene.memory.failure === undefined;
  return current.standing === 'settling' && scene.world.now < settleDeadline(scene, current.container);
}

/** Replicas that the release on its way in does not have serve until it has proven itself. */
function leavingReplicas(scene: Scene): Serving[] {
  const switched = scene.replicas.every(
    ({ current }) => isReady(current) && onFlag(scene, current.container),
  );
  if (switched) return [];
  const leaving = scene.surplus.filter(
    (one) => one.replica >= scene.replicas.length && isServing(scene, one),
  );
  return leaving.map((container) => ({ index: container.replica, container }));
}

function toServing(scene: Scene, { index, current, olds }: Replica, listed: ReadonlySet<number>): Serving[] {
  // Of two old ones the one that has the traffic keeps it.
  const served = olds.toSorted((a, b) => Number(isRouted(scene, b)) - Number(isRouted(scene, a)));
  const candidates = [...(current ? [current.container] : []), ...served].filter(isPublished);
  const container =
    candidates.find((one) => one.state === 'running' && onFlag(scene, one)) ??
    // It is coming back at the address that the routes name: leaving them now would cost two reloads.
    candidates.find((one) => listed.has(index) && onFlag(scene, one) && one.live.address !== '');
  return container && container.live.address !== '' ? [{ index, container }] : [];
}

/**
 * Who serves stays; who comes (back) must be seen healthy first. Where nobody knows what Caddy ran, whoever has
 * passed the gate is trusted.
 */
function mayEnter({ world, replicas }: Scene, container: Container, listed: boolean): boolean {
  if (listed || world.observed.proxy.state === 'edited') return true;
  const member = replicas[container.replica]?.current;
  return member?.container !== container || member.health?.verdict === 'healthy';
}

/**
 * Unhealthy, or down and not to be started at once. Where the one before still runs, a release that fails while it
 * bakes is taken back by its flag: leaving the routes and coming back would cost everybody two reloads.
 */
function isOut(scene: Scene, replica: Replica | undefined): boolean {
  const member = replica?.current;
  if (!member) return false;
  const isReplaced = replica.olds.some((old) => isPublished(old) && old.state === 'running');
  if (!scene.proven && isReplaced && usesFlags(scene)) return false;
  if (member.standing === 'sick' || member.standing === 'finished') return true;
  return member.standing === 'broken' && restartAt(scene, member.container, member.health) > scene.world.now;
}

function toRoute(scene: Scene, app: App, domain: Domain, replicas: readonly Serving[]): Route {
  return {
    app: scene.name,
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
    upstreams: replicas.map((serving) => toUpstream(scene, app, domain.port, serving)),
  };
}

/** Both slots of the pair; the port of each is that of the release that lives there, or will. */
function toUpstream(scene: Scene, app: App, port: string, { index, container }: Serving): Upstream {
  const own = container.live.address;
  const plain = plainOf(own);
  const dial = (address: string) => `${address}:${portAt(scene, app, port, index, address)}`;
  if (!usesFlags(scene)) return { replica: index, plain: dial(own), flagged: dial(own) };
  return { replica: index, plain: dial(plain), flagged: dial(sibling(plain)) };
}

function portAt(scene: Scene, app: App, name: string, replica: number, address: string): number {
  const tenant = scene.containers.find((container) => container.live.address === address);
  const release =
    tenant && [scene.target, scene.memory.lastHealthy].find((one) => one?.specHash === tenant.specHash);
  const running = runningPort(scene, replica, address);
  // Of a release that never was the last healthy one, only Caddy knows the port.
  if (tenant && !release && running !== undefined) return running;
  return portNamed(release?.app ?? app, name) ?? running ?? app.container.ports[0]?.container ?? 80;
}

/**
 * The routes that Caddy runs dial both slots of the replica as they should. A release that listens on another
 * port than the one before needs its dial loaded before its flag is set.
 */
export function isDialled(scene: Scene, replica: number): boolean {
  const running = runningRoutes(scene);
  const upstreamOf = (route: Route | undefined) => route?.upstreams.find((one) => one.replica === replica);
  return routesOf(scene, false).every((route) => {
    const there = upstreamOf(running.find((one) => one.host === route.host && one.path === route.path));
    const wanted = upstreamOf(route);
    return !there || !wanted || (there.plain === wanted.plain && there.flagged === wanted.flagged);
  });
}

function portNamed(app: App, name: string): number | undefined {
  return app.container.ports.find((port) => port.name === name)?.container;
}

function runningPort(scene: Scene, replica: number, address: string): number | undefined {
  for (const { upstreams } of runningRoutes(scene))
    for (const { replica: index, plain, flagged } of upstreams) {
      if (index !== replica) continue;
      const dial = [plain, flagged].find((one) => addressOf(one) === address);
      if (dial !== undefined) return Number(dial.slice(address.length + 1));
    }
  return undefined;
}
