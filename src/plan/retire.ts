import type { Container } from '../observed/observed.ts';
import { isFlagged } from './address.ts';
import { isInDialledPair } from './dial.ts';
import { recordHealing } from './healed.ts';
import { isPublished, isSameRelease } from './release.ts';
import { restartAt } from './restart.ts';
import { type Scene, underwayOf } from './scene.ts';
import { dialledBy, isRouted, onFlag, routesNear } from './traffic.ts';
import type { Turn } from './turn.ts';

/**
 * Sees old containers out: out of the routes, drained, stopped, removed. Until its work is `takenOver` one that
 * serves is kept, and even brought back when it dies.
 */
export function retire(scene: Scene, olds: readonly Container[], takenOver: boolean, turn: Turn): void {
  for (const old of olds) retireOne(scene, old, takenOver || isRelieved(scene, old), turn);
}

/** Another container of its replica serves rather than it: of two old releases one is enough. */
function isRelieved(scene: Scene, old: Container): boolean {
  const others = scene.containers.filter(
    (one) => one !== old && one.replica === old.replica && one.state === 'running' && isPublished(one),
  );
  return others.some((other) => claim(scene, other) > claim(scene, old));
}

/**
 * How far it is the one that serves: it is dialled, or its flag says so, under the app's name or the one before. Where the
 * flags of both names say that somebody else does, it is whoever has the app's name: both would keep each other's place.
 */
function claim(scene: Scene, container: Container): number {
  const mayServe = container.state === 'running' || container.state === 'paused';
  if (mayServe && routesNear(scene, container).length > 0 && isRouted(scene, container)) return 4;
  const hasItsName = container.app === scene.name ? 1 : 0;
  return onFlag(scene, container) ? 2 + hasItsName : hasItsName;
}

function retireOne(scene: Scene, old: Container, takenOver: boolean, turn: Turn): void {
  const served = isPublished(old);
  if (isKept(scene, old)) return;
  if (served && !takenOver) {
    keepServing(scene, old, turn);
    return;
  }
  if (old.state !== 'running' && old.state !== 'paused') {
    remove(old, 'it does not run any more', turn);
    return;
  }
  if (!served) {
    if (scene.target) recordHealing(scene, scene.target, [old], turn);
    end(scene, old, 'it never served', turn);
    return;
  }
  drain(scene, old, turn);
}

function drain(scene: Scene, old: Container, turn: Turn): void {
  if (hasDrained(scene, old, turn)) end(scene, old, 'it has drained', turn);
}

/** Who is dialled again was out of the routes before: the time that it was given then is void. */
export function forgetDrains(scene: Scene, turn: Turn): void {
  for (const container of scene.containers)
    if (
      scene.world.memory.containers[container.id]?.unroutedSince !== undefined &&
      hasRoutes(scene, container)
    )
      turn.records.push({ kind: 'drain', container: container.id, since: undefined });
}

/** Out of the routes first, then the time that requests under way are given; true when that is over. */
export function hasDrained(scene: Scene, old: Container, turn: Turn): boolean {
  if (isUnseen(scene)) {
    turn.phases.add('Draining');
    return false;
  }
  const since = scene.world.memory.containers[old.id]?.unroutedSince;
  if (hasRoutes(scene, old)) {
    turn.phases.add('Routing');
    return false;
  }
  turn.phases.add('Draining');
  const { now, observed } = scene.world;
  // Later than now: the clock was set back, and says nothing of how long it was.
  const isCounted = since !== undefined && since <= now;
  if (!isCounted) {
    // What is being loaded was decided before, and may dial it.
    if (observed.underway['']?.kind === 'load-routes') return false;
    // Its time counts from when its switch is told as done: nobody can tell better when that was.
    if (underwayOf(scene)?.kind === 'switch') return false;
    turn.records.push({ kind: 'drain', container: old.id, since: now });
  }
  const until = (isCounted ? since : now) + drainOf(scene);
  if (now < until) turn.wake(until);
  return now >= until;
}

/** While nobody knows whom Caddy sends requests to (it does not answer, or was changed by hand), nobody's time is over. */
function isUnseen({ world, target, wanted, memory }: Scene): boolean {
  const isExposed = [target, wanted, memory.lastHealthy].some((one) => (one?.app.domains.length ?? 0) > 0);
  return isExposed && world.observed.proxy.state !== 'running';
}

/** `onFailure: pause` leaves what failed as it is, for a person to look at. */
function isKept({ memory, wanted, quarantined }: Scene, old: Container): boolean {
  return (
    quarantined && wanted?.app.deploy.onFailure === 'pause' && old.specHash === memory.quarantine?.specHash
  );
}

function keepServing(scene: Scene, old: Container, turn: Turn): void {
  const since = scene.world.memory.containers[old.id]?.unroutedSince;
  if (since !== undefined && !hasRoutes(scene, old))
    turn.records.push({ kind: 'drain', container: old.id, since: undefined });
  if (old.state === 'paused')
    turn.steps.push({
      kind: 'unpause',
      container: old.id,
      reason: 'it serves until its replacement is healthy',
      traffic: 'serves again',
    });
  if (isForsaken(scene, old))
    turn.steps.push({
      kind: 'switch',
      app: scene.name,
      replica: old.replica,
      flagged: isFlagged(old.live.address),
      reason: 'it serves until its replacement is healthy',
      traffic: 'serves again',
    });
  if (old.state !== 'exited' || scene.target?.app.deploy.order === 'stop-first') return;
  const at = restartAt(scene, old, undefined);
  if (scene.world.now < at) {
    turn.wake(at);
    return;
  }
  turn.records.push({ kind: 'restarted', replica: old.replica, at: scene.world.now });
  turn.steps.push({
    kind: 'start',
    container: old.id,
    reason: 'it serves until its replacement is healthy',
    traffic: 'serves again',
  });
}

/** A hand took its flag: Caddy dials the other slot of its pair, where nobody serves. */
function isForsaken(scene: Scene, old: Container): boolean {
  const { app, replica, state, id } = old;
  if (state !== 'running' || app !== scene.name || onFlag(scene, old) || !isInDialledPair(scene, old))
    return false;
  if (scene.world.observed.proxy.state !== 'running') return false;
  if (scene.containers.some((one) => one.replica === replica && onFlag(scene, one))) return false;
  const verdict = scene.world.observed.health[id]?.verdict;
  // One of the last healthy release may bear the name from its start: it must have answered well. Others are not asked.
  return isSameRelease(scene.memory.lastHealthy, old) ? verdict === 'healthy' : verdict !== 'unhealthy';
}

/**
 * Still dialled by Caddy, be it for another replica: a flag or the routes must change first. What git does not name any
 * more may have been renamed before, and be dialled under that name.
 */
function hasRoutes(scene: Scene, old: Container): boolean {
  const routes = scene.wanted === undefined ? scene.world.observed.proxy.routes : routesNear(scene, old);
  return routes.some(({ app, upstreams }) =>
    upstreams.some((upstream) => dialledBy(scene, upstream, app) === old.live.address),
  );
}

/** A manifest's own when it says nothing; for what was never healthy or is not remembered too. */
const usualDrain = 10_000;

/** A first release that failed has no target any more, and one that git dropped no manifest: both served. */
function drainOf({ target, wanted }: Scene): number {
  const deploy = (target ?? wanted)?.app.deploy;
  return Math.max(deploy?.drain ?? usualDrain, deploy?.bake ?? 0);
}

function end(scene: Scene, old: Container, reason: string, turn: Turn): void {
  const grace =
    scene.target?.app.deploy.stopGrace ?? scene.memory.lastHealthy?.app.deploy.stopGrace ?? 10_000;
  stop(old, { grace, reason, traffic: 'none' }, turn);
  remove(old, reason, turn);
}

/** A paused container takes no signal before it runs again. */
export function stop(
  container: Container,
  { grace, reason, traffic }: { readonly grace: number; readonly reason: string; readonly traffic: string },
  turn: Turn,
): void {
  if (container.state === 'paused')
    turn.steps.push({ kind: 'unpause', container: container.id, reason: 'to be stopped', traffic: 'none' });
  turn.steps.push({ kind: 'stop', container: container.id, grace, reason, traffic });
}

function remove(old: Container, reason: string, turn: Turn): void {
  turn.steps.push({ kind: 'remove', container: old.id, reason, traffic: 'none' });
}
