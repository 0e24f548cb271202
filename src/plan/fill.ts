import type { Container } from '../observed/observed.ts';
import { isFlagged, sibling } from './address.ts';
import { draftSpec, freeName } from './draft.ts';
import { recordHealing } from './healed.ts';
import { isLeavingItsName } from './plan-routes.ts';
import { prepare } from './prepare.ts';
import { isPublished, type Target } from './release.ts';
import { stop } from './retire.ts';
import type { Replica, Scene } from './scene.ts';
import { isTakenOver } from './take-over.ts';
import { flagOf, isServing, routedAddress, usesFlags } from './traffic.ts';
import type { Turn } from './turn.ts';

/** Makes the containers that are missing, as many at once as the deploy order and maxSurge allow. */
export function fill(scene: Scene, target: Target, turn: Turn): void {
  const missing = scene.replicas.filter(({ current }) => current === undefined);
  if (missing.length === 0) return;
  if (!prepare(scene, target, turn)) return;
  // The routes of a renamed app go over at once, when all of its replicas are there.
  const most = isLeavingItsName(scene) ? scene.replicas.length : Math.max(1, target.app.deploy.maxSurge);
  let surge = most - scene.replicas.filter((replica) => isInTransition(scene, replica)).length;
  for (const replica of missing) {
    const replacing = replica.olds.length > 0;
    if (replacing && surge <= 0) continue;
    if (replacing) surge -= 1;
    create(scene, target, replica, turn);
  }
}

/** A replica whose new container has not fully taken over from the old one. */
function isInTransition(scene: Scene, replica: Replica): boolean {
  if (!replica.current) return false;
  const baking = (scene.target?.app.deploy.bake ?? 0) > 0 && replica.olds.length > 0;
  const replaces = replica.olds.length > 0 || !scene.proven;
  return replaces && (baking || !isTakenOver(scene, replica));
}

function create(scene: Scene, target: Target, replica: Replica, turn: Turn): void {
  const stopFirst = target.app.deploy.order === 'stop-first';
  // Of two old ones it comes up beside the one that the routes dial.
  const { olds } = replica;
  const old = olds.find((one) => isServing(scene, one)) ?? olds.find(isPublished) ?? olds[0];
  if (stopFirst) clear(scene, replica.olds, turn);
  const kept = stopFirst && old && holdsAlone(scene, old) ? old.live.address : undefined;
  const address = kept ?? chooseAddress(scene, replica, old);
  if (address === undefined) return;
  turn.phases.add('Starting');
  recordHealing(scene, target, replica.olds, turn);
  const name = freeName(scene, target, replica.index);
  const reason = old ? `replaces ${old.name}` : `replica ${replica.index} is missing`;
  const traffic = stopFirst && old ? 'a gap until it is healthy' : 'none until it is healthy';
  const aliases = isToBeNamed(scene, replica, address) ? [scene.name] : [];
  const spec = draftSpec(scene, target, replica.index, name, address, aliases);
  turn.steps.push({
    kind: 'create',
    spec,
    files: [...target.app.container.files, ...(target.app.liveFiles ?? [])],
    imageHealthCheck: target.app.healthCheck.kind === 'none',
    reason,
    traffic,
  });
  turn.steps.push({
    kind: 'start',
    container: name,
    reason: 'to be verified before it gets traffic',
    traffic: 'none',
  });
}

/**
 * Of a release that passed its gate before, where nobody else answers to the app's name: it means the replacement as it
 * means a container that was restarted, and nobody waits until the engine has taken it off the network and put it back.
 * Its flag is set when it is healthy, so it must not be set already.
 */
function isToBeNamed(scene: Scene, { index }: Replica, address: string): boolean {
  const isOffFlag = usesFlags(scene) && flagOf(scene, index) !== isFlagged(address);
  return scene.proven && !isSpokenFor(scene) && isOffFlag;
}

/** Somebody who runs answers to the app's name. */
export function isSpokenFor({ containers }: Scene): boolean {
  return containers.some((one) => one.state === 'running' && isPublished(one));
}

/** Two that were made at the same time may have been given one address: then only one of them runs. */
function holdsAlone({ world }: Scene, { id, live: { address } }: Container): boolean {
  if (address === '') return false;
  return world.observed.containers.every((other) => other.id === id || other.live.address !== address);
}

/** Stop-first: what holds the volume or the port goes before its replacement starts. */
function clear(scene: Scene, olds: readonly Container[], turn: Turn): void {
  const grace = scene.target?.app.deploy.stopGrace ?? 10_000;
  for (const old of olds) {
    if (old.state === 'running' || old.state === 'paused')
      stop(
        old,
        {
          grace,
          reason: 'stop-first: its replacement comes next',
          traffic: 'the replica serves nothing until its replacement is healthy',
        },
        turn,
      );
    turn.steps.push({
      kind: 'remove',
      container: old.id,
      reason: 'stop-first: its replacement comes next',
      traffic: 'none',
    });
  }
}

/**
 * The sibling of the address that serves, or of the one that the routes still name for a replica that vanished:
 * nothing needs a reload, and nobody waits for the kernel, which asks only once a second for an address that did
 * not answer. Else a new pair on the side where the flag stands.
 */
function chooseAddress(scene: Scene, replica: Replica, old: Container | undefined): string | undefined {
  const { slots, name, former } = scene;
  const flagged = flagOf(scene, replica.index);
  const beside = old?.live.address || routedAddress(scene, replica.index);
  const wanted = beside && (old || usesFlags(scene)) ? sibling(beside) : beside;
  if (wanted !== undefined && slots.isFree(wanted, [name, former])) {
    slots.take(wanted);
    return wanted;
  }
  const heldByOurs = scene.containers.some((container) => container.live.address === wanted);
  // Without flags any pair will do, and of two that hold this one nobody could tell which to see out.
  return heldByOurs && usesFlags(scene) ? undefined : slots.takePair(flagged);
}
