import type { Container } from '../observed/observed.ts';
import { isDialled, isInDialledPair, runningRoutes, type Serving } from './dial.ts';
import { isReady, settleDeadline } from './gate.ts';
import { isPublished, isSameRelease, toTarget } from './release.ts';
import { restartAt } from './restart.ts';
import { healthOf, type Member, type Replica, type Scene } from './scene.ts';
import { isAsked, isMeant, isRouted, isServing, onFlag, usesFlags } from './traffic.ts';

/**
 * Every replica of the release is ready, and its flag says so. What has done its work needs none; what is to serve has
 * mostly no work that is ever done.
 */
export function isSwitched(scene: Scene, mayEnd = !isAsked(scene, scene.target?.app)): boolean {
  return scene.replicas.every(
    ({ current }) =>
      isReady(current) && (current.standing === 'finished' ? mayEnd : onFlag(scene, current.container)),
  );
}

/** Replicas that may be sent traffic, each with the container that its flag selects. */
export function servingReplicas(scene: Scene): Serving[] {
  const listed = new Set(
    runningRoutes(scene).flatMap((route) => route.upstreams.map((upstream) => upstream.replica)),
  );
  const serving = scene.replicas.flatMap((replica) => toServing(scene, replica, listed));
  serving.push(...leavingReplicas(scene));
  const well = serving.filter(
    ({ index, container }) =>
      !isOut(scene, scene.replicas[index], container) && mayEnter(scene, container, listed.has(index)),
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

/**
 * Replicas that the release does not have serve until all those that it has do, or did and have ended since. A release
 * that is not proven and of which all have ended may never have served.
 */
function leavingReplicas(scene: Scene): Serving[] {
  const isLeftToAny = scene.replicas.some(({ current }) => current?.standing !== 'finished');
  if (isLeftToAny || scene.proven ? isSwitched(scene, true) : isSwitched(scene)) return [];
  const leaving = scene.surplus.filter(
    (one) => one.replica >= scene.replicas.length && isServing(scene, one) && !isDraining(scene, one),
  );
  // Two that were one replica before and after a rename: the name that the routes stand under tells which one it is.
  const owner = ownerOf(scene);
  const chosen = new Map<number, Container>();
  for (const one of leaving) if (!chosen.has(one.replica) || one.app === owner) chosen.set(one.replica, one);
  return [...chosen].map(([index, container]) => ({ index, container }));
}

function toServing(scene: Scene, { index, current, olds }: Replica, listed: ReadonlySet<number>): Serving[] {
  const owner = ownerOf(scene);
  // Where an older one listens is known of the last healthy release alone, and else by the routes.
  const { lastHealthy } = scene.memory;
  const known = olds.toSorted(
    (a, b) => Number(isSameRelease(lastHealthy, b)) - Number(isSameRelease(lastHealthy, a)),
  );
  // One from before a rename may be dialled under the new name, where Caddy stopped to see the flags.
  const candidates = [...(current ? [current.container] : []), ...known].filter(
    (one) => isPublished(one) && (one.app === owner || isRouted(scene, one)) && !isNew(scene, one),
  );
  const isUp = ({ state }: Container) => state === 'running';
  const chosen = candidates.filter((one) => onFlag(scene, one));
  const arrived = candidates.find((one) => isUp(one) && one === current?.container);
  const container =
    (arrived && current && isNext(scene, current, listed.has(index)) ? arrived : undefined) ??
    candidates.find((one) => isUp(one) && isRouted(scene, one)) ??
    // Nobody serves yet, and its flag may be given at any time.
    (runningRoutes(scene).length === 0 ? arrived : undefined) ??
    chosen.find(isUp) ??
    (listed.has(index) ? arrived : undefined) ??
    // It is coming back at the address that the routes name: leaving them now would cost two reloads.
    chosen.find((one) => listed.has(index) && one.live.address !== '') ??
    candidates.find((one) => isUp(one) && one !== arrived && !isDraining(scene, one));
  return container && container.live.address !== '' ? [{ index, container }] : [];
}

/** One more of the last healthy release bears the app's name from the beginning: nobody goes to it before it answers well. */
function isNew(scene: Scene, container: Container): boolean {
  const { lastHealthy } = scene.memory;
  if (!lastHealthy || !isSameRelease(lastHealthy, container)) return false;
  if (isMeant(scene, container) || isRouted(scene, container)) return false;
  return !isWell(scene, container);
}

/** Answers well: one of a release that nobody remembers is not asked. */
function isWell({ world, replicas, memory: { lastHealthy } }: Scene, container: Container): boolean {
  const current = replicas[container.replica]?.current;
  if (current?.container === container) return current.health?.verdict === 'healthy';
  if (!lastHealthy || !isSameRelease(lastHealthy, container)) return false;
  return healthOf(world, toTarget(lastHealthy, 'memory'), container)?.verdict === 'healthy';
}

/** Who is dialled again is not on its way out any more. */
function isDraining(scene: Scene, container: Container): boolean {
  const { memory, observed } = scene.world;
  if (memory.containers[container.id]?.unroutedSince === undefined) return false;
  return observed.proxy.state !== 'running' || !isRouted(scene, container);
}

/** What has passed the gate serves when its flag says so, will say so, or would do nothing: the routes dial other slots. */
function isNext(scene: Scene, { container, standing }: Member, listed: boolean): boolean {
  // It takes over from nobody.
  if (standing === 'sick') return false;
  const isTrusted = scene.world.observed.proxy.state === 'edited' && standing === 'current';
  if (onFlag(scene, container) || isTrusted) return true;
  return listed && (isDialled(scene, container) || !isInDialledPair(scene, container));
}

/**
 * The name whose flags tell who serves, and under which the routes stand. Where nobody knows what Caddy ran, a renamed
 * app goes on under its former name until all that it is to have are ready.
 */
export function ownerOf(scene: Scene): string {
  const { former, name, containers, world } = scene;
  if (former === undefined || world.observed.proxy.state !== 'edited' || isSwitched(scene)) return name;
  const serves = ({ app, state }: Container) => app === former && state === 'running';
  return containers.some((one) => serves(one) && isPublished(one) && !isDraining(scene, one)) ? former : name;
}

/**
 * Who serves stays; who comes (back) must be seen healthy first. Where nobody knows what Caddy ran, whoever has
 * passed the gate is trusted.
 */
function mayEnter(scene: Scene, container: Container, listed: boolean): boolean {
  return listed || scene.world.observed.proxy.state === 'edited' || isWell(scene, container);
}

/**
 * Unhealthy, or down and not to be started at once. Where the one before still runs, a release that fails while it
 * bakes is taken back by its flag: leaving the routes and coming back would cost everybody two reloads.
 */
function isOut(scene: Scene, replica: Replica | undefined, container: Container): boolean {
  if (replica?.current?.container !== container) return false;
  const member = replica.current;
  const isReplaced = replica.olds.some((old) => isPublished(old) && old.state === 'running');
  if (!scene.proven && isReplaced && usesFlags(scene)) return false;
  if (member.standing === 'sick' || member.standing === 'finished') return true;
  return member.standing === 'broken' && restartAt(scene, member.container, member.health) > scene.world.now;
}
