import type { Container } from '../observed/observed.ts';
import { isFlagged } from './address.ts';
import { isDialled } from './dial.ts';
import { fill } from './fill.ts';
import { settleDeadline } from './gate.ts';
import { deliverFiles, healInPlace } from './heal.ts';
import { hasLostItsAddress } from './prepare.ts';
import type { Target } from './release.ts';
import { isPublished } from './release.ts';
import { judgedAt, restartAt, wasEndedFromOutside } from './restart.ts';
import { retire } from './retire.ts';
import type { Member, Scene } from './scene.ts';
import { isExposed, isTakenOver } from './take-over.ts';
import { isRouted, onFlag } from './traffic.ts';
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

/** What a container of the target needs next, by its standing. */
function tend(scene: Scene, target: Target, member: Member, turn: Turn): void {
  const { container, standing } = member;
  if (target.app.policy.selfHeal || !scene.proven || !isPublished(container))
    healInPlace(scene, member, turn);
  deliverFiles(scene, member, turn);
  switch (standing) {
    case 'unstarted':
      turn.phases.add('Starting');
      if (hasLostItsAddress(scene, container)) {
        turn.steps.push({
          kind: 'remove',
          container: container.id,
          reason: 'somebody else has its address',
          traffic: 'none',
        });
        return;
      }
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
  if (!scene.proven && !isPublished(container) && !wasEndedFromOutside(scene, container)) {
    turn.wake(judgedAt(scene, container));
    return;
  }
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

/**
 * With `selfHeal: false` a container that somebody stopped (SIGTERM, SIGKILL) is left so; a crash never is, nor one of
 * a release that is being brought in.
 */
function isLeftStopped({ target, proven }: Scene, container: Container): boolean {
  return (
    target?.app.policy.selfHeal === false &&
    proven &&
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
    if (scene.world.now < deadline) turn.wake(deadline);
    // Cut off it answers nobody: it is late for as long as it is not connected again.
    else if (container.live.address !== '') turn.wake(scene.world.now + lateWait);
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
  if (!isDialled(scene, container)) return;
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
