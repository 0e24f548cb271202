import type { Container } from '../observed/observed.ts';
import { isFlagged, sibling } from './address.ts';
import { draftSpec, freeName } from './draft.ts';
import { isReady, settleDeadline } from './gate.ts';
import { healInPlace } from './heal.ts';
import { isDialled } from './plan-routes.ts';
import { prepare } from './prepare.ts';
import type { Target } from './release.ts';
import { isPublished } from './release.ts';
import { restartAt, wasEndedFromOutside } from './restart.ts';
import { retire, stop } from './retire.ts';
import {
  changesOf,
  flagOf,
  isRouted,
  type Member,
  onFlag,
  type Replica,
  routedAddress,
  type Scene,
} from './scene.ts';
import type { Turn } from './turn.ts';

/** Brings every replica of the target one step nearer; `mayCreate` is false while something holds the rollout. */
export function planReplicas(scene: Scene, target: Target, turn: Turn, mayCreate: boolean): void {
  for (const replica of scene.replicas) {
    if (replica.current) tend(scene, target, replica.current, turn);
    // Stop-first clears the place itself, right before it is filled again.
    if (replica.current || target.app.deploy.order === 'start-first')
      retire(scene, replica.olds, isTakenOver(scene, replica), turn);
  }
  const settled = scene.proven || scene.replicas.every((replica) => isTakenOver(scene, replica));
  retire(scene, scene.surplus, settled, turn);
  if (mayCreate) fill(scene, target, turn);
}

/** The old container's work is done by the new one: ready, switched to, and in the routes where the app has any yet. */
export function isTakenOver(scene: Scene, { current }: Replica): boolean {
  if (!isReady(current)) return false;
  if (current.standing === 'finished') return true;
  const routed = !scene.lookup.routes.has(scene.name) || isRouted(scene, current.container);
  return onFlag(scene, current.container) && routed;
}

export function isExposed({ target }: Scene): boolean {
  return (target?.app.domains.length ?? 0) > 0;
}

/** What a container of the target needs next, by its standing. */
function tend(scene: Scene, target: Target, member: Member, turn: Turn): void {
  const { container, standing } = member;
  if (target.app.policy.selfHeal || !isPublished(container)) healInPlace(scene, member, turn);
  switch (standing) {
    case 'unstarted':
      turn.phases.add('Starting');
      turn.steps.push({
        kind: 'start',
        container: container.id,
        reason: `replica ${container.replica} was created`,
        traffic: 'none',
      });
      return;
    case 'broken':
      bringBack(scene, member, turn);
      return;
    case 'settling':
      settle(scene, member, turn);
      return;
    case 'sick':
      if (target.app.restart !== 'never') bringBack(scene, member, turn);
      return;
    case 'current':
      route(scene, member, turn);
      return;
    case 'paused':
    case 'finished':
    case 'gone':
    case 'stale':
    case 'surplus':
      return;
    default:
      standing satisfies never;
  }
}

/** A container that is down or sick, with backoff. A release on its way in is restarted only when others ended it. */
function bringBack(scene: Scene, { container, health }: Member, turn: Turn): void {
  if (!scene.proven && !isPublished(container) && !wasEndedFromOutside(scene, container)) return;
  if (isLeftStopped(scene, container)) return;
  const at = scene.proven ? restartAt(scene, container, health) : scene.world.now;
  turn.phases.add('Starting');
  if (at > scene.world.now) {
    turn.wake(at);
    return;
  }
  const grace = scene.target?.app.deploy.stopGrace ?? 10_000;
  const reason =
    container.state === 'running'
      ? `replica ${container.replica} is unhealthy`
      : `replica ${container.replica} exited with code ${container.exitCode}`;
  turn.records.push({ kind: 'restarted', replica: container.replica, at: scene.world.now });
  turn.steps.push(
    container.state === 'running'
      ? { kind: 'restart', container: container.id, grace, reason, traffic: 'other replicas serve' }
      : { kind: 'start', container: container.id, reason, traffic: 'none' },
  );
}

/** With `selfHeal: false` a container that somebody stopped (SIGTERM, SIGKILL) is left so; a crash never is. */
function isLeftStopped({ target }: Scene, container: Container): boolean {
  return (
    target?.app.policy.selfHeal === false &&
    isPublished(container) &&
    [137, 143].includes(container.exitCode) &&
    !container.oomKilled
  );
}

/** Milliseconds until the next look at a container that is late but has not answered badly yet. */
const lateWait = 1_000;

/** Passed the gate: from now on the app's name means it. Not yet: wait for an answer or the deadline. */
function settle(scene: Scene, { container, health }: Member, turn: Turn): void {
  turn.phases.add('Verifying');
  if (health?.verdict === 'healthy' && container.live.address !== '') {
    const aliases = [scene.name];
    const reason = `replica ${container.replica} is healthy`;
    turn.steps.push({
      kind: 'publish',
      container: container.id,
      address: container.live.address,
      aliases,
      reason,
      traffic: `the name ${scene.name} may mean it`,
    });
    return;
  }
  const deadline = settleDeadline(scene, container);
  if (!scene.proven) {
    turn.wake(scene.world.now < deadline ? deadline : scene.world.now + lateWait);
    return;
  }
  const at = Math.max(
    deadline,
    restartAt(scene, container, {
      startedAt: container.startedAt,
      verdict: 'unknown',
      since: deadline,
      attempts: [],
    }),
  );
  if (scene.world.now < at) {
    turn.wake(at);
    return;
  }
  turn.records.push({ kind: 'restarted', replica: container.replica, at: scene.world.now });
  turn.steps.push({
    kind: 'restart',
    container: container.id,
    grace: scene.target?.app.deploy.stopGrace ?? 10_000,
    reason: `replica ${container.replica} does not become healthy`,
    traffic: 'none',
  });
}

/**
 * Traffic goes to a ready container by its flag; one atomic file operation that Caddy sees per request. An app
 * without routes keeps its flags too: they say which of two containers is the one that counts.
 */
function route(scene: Scene, { container }: Member, turn: Turn): void {
  if (container.live.address === '') return;
  if (onFlag(scene, container)) {
    if (isExposed(scene) && !isRouted(scene, container)) turn.phases.add('Routing');
    return;
  }
  turn.phases.add('Routing');
  if (!isDialled(scene, container.replica)) return;
  const flagged = isFlagged(container.live.address);
  turn.steps.push({
    kind: 'switch',
    app: scene.name,
    replica: container.replica,
    flagged,
    reason: `replica ${container.replica} passed its gate`,
    traffic: 'new requests go to it',
  });
}

/** Makes the containers that are missing, as many at once as the deploy order and maxSurge allow. */
function fill(scene: Scene, target: Target, turn: Turn): void {
  const missing = scene.replicas.filter(({ current }) => current === undefined);
  if (missing.length === 0) return;
  if (!prepare(scene, target, turn)) return;
  let surge =
    Math.max(1, target.app.deploy.maxSurge) -
    scene.replicas.filter((replica) => isInTransition(scene, replica)).length;
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
  const old = replica.olds.find(isPublished) ?? replica.olds[0];
  if (stopFirst) clear(scene, replica.olds, turn);
  const address = stopFirst && old?.live.address ? old.live.address : chooseAddress(scene, replica, old);
  if (address === undefined) return;
  turn.phases.add('Starting');
  if (old && changesOfCurrent(scene, target, replica).length > 0)
    turn.records.push(healedRecord(scene, target, replica));
  const name = freeName(scene, target, replica.index);
  const reason = old ? `replaces ${old.name}` : `replica ${replica.index} is missing`;
  const traffic = stopFirst && old ? 'a gap until it is healthy' : 'none until it is healthy';
  const spec = draftSpec(scene, target, replica.index, name, address);
  turn.steps.push({
    kind: 'create',
    spec,
    files: target.app.container.files,
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

/** Fields in which a container of this very release was changed so that only a new one can mend it. */
function changesOfCurrent(scene: Scene, target: Target, replica: Replica): string[] {
  const same = replica.olds.filter(
    (old) => old.specHash === target.specHash && old.imageId === target.imageId,
  );
  return same.flatMap((old) =>
    changesOf(scene, target, old)
      .filter((change) => change.heal === 'replace')
      .map((change) => change.path),
  );
}

function healedRecord(scene: Scene, target: Target, replica: Replica) {
  const containers = scene.containers.filter((one) => one.specHash === target.specHash).map((one) => one.id);
  return {
    kind: 'healed',
    specHash: target.specHash,
    fields: changesOfCurrent(scene, target, replica),
    containers,
  } as const;
}

/**
 * The sibling of the address that serves; for a replica that vanished the address the routes still name, so that
 * nothing needs a reload; else a new pair on the side where the flag stands.
 */
function chooseAddress(scene: Scene, replica: Replica, old: Container | undefined): string | undefined {
  const { slots } = scene;
  const flagged = flagOf(scene, replica.index);
  const beside = old?.live.address ? sibling(old.live.address) : undefined;
  const wanted = beside ?? routedAddress(scene, replica.index);
  if (wanted !== undefined && slots.isFree(wanted)) {
    slots.take(wanted);
    return wanted;
  }
  const heldByOurs = scene.containers.some((container) => container.live.address === wanted);
  return heldByOurs ? undefined : slots.takePair(flagged);
}
