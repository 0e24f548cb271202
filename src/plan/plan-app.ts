import type { App } from '../desired/app.ts';
import type { AppMemory } from '../observed/memory.ts';
import { assess } from './assess.ts';
import type { Planned } from './at-rest.ts';
import { type Blocker, findBlocker } from './blockers.ts';
import { findDifferences, isOnlySecrets } from './differences.ts';
import { deploymentOf, newDeploymentId } from './draft.ts';
import { type GateFailure, gateFailure, isHealthy, isReady } from './gate.ts';
import type { Decision, Step } from './plan.ts';
import { planHook, tendHooks } from './plan-hooks.ts';
import { planReplicas } from './plan-replicas.ts';
import { isLeavingItsName, routesOf } from './plan-routes.ts';
import { isPublished, isSameApp, isSameRelease, type Target } from './release.ts';
import { crashLoopUntil, retryAt } from './restart.ts';
import { forgetDrains, hasDrained, retire, stop } from './retire.ts';
import { isBare, isHeld, type Scene, underwayOf } from './scene.ts';
import { isSwitched } from './serving.ts';
import { asPast } from './since.ts';
import { isExposed, isTakenOver } from './take-over.ts';
import { isRouted } from './traffic.ts';
import { Turn } from './turn.ts';

/** One step nearer for one app that git wants, or whose manifest is invalid and that is left as it is. */
export function planApp(scene: Scene, planned: ReadonlyMap<string, Planned>): Omit<Planned, 'probes'> {
  const turn = new Turn();
  // What is being done may just be mending what would be judged.
  const failure = underwayOf(scene) ? undefined : gateFailure(scene);
  const blocker = findBlocker(scene, planned);
  const suspended = isSuspended(scene);
  carryOver(scene, turn);
  forgetDrains(scene, turn);
  if (scene.wanted) liftStale(scene, scene.wanted, turn);
  if (suspended) suspend(scene, turn);
  else if (failure && scene.target) fail(scene, scene.target, failure, turn);
  else act(scene, turn, blocker);
  if (!suspended) forgetFailure(scene, turn);
  holdBack(scene, turn);
  const loopEnds = crashLoopUntil(scene);
  if (loopEnds !== undefined) turn.wake(loopEnds);
  // A manifest that cannot be read changes no routes; a rename that began before is brought to its end.
  const isRenamed = isLeavingItsName(scene) && isSwitched(scene);
  const routes = routesOf(scene, suspended || (!scene.wanted && !isRenamed));
  const differences = findDifferences(scene, routes);
  const findings = { scene, turn, blocker: suspended ? undefined : blocker, suspended, differences, failure };
  return { plan: assess(findings), routes };
}

export function isSuspended({ wanted, memory, world }: Scene): boolean {
  return isHeld(world, wanted, memory);
}

/** Left alone; a suspension that ends by itself is looked at then. */
function suspend({ memory, world }: Scene, turn: Turn): void {
  turn.phases.clear();
  const until = memory.suspended?.until;
  if (until !== undefined && world.now < until) turn.wake(until);
}

/** History goes with an app to its new name. */
function carryOver({ name, former, world }: Scene, turn: Turn): void {
  const own = world.memory.apps[name];
  if (former !== undefined && (!own || isBare(own)) && world.memory.apps[former])
    turn.records.push({ kind: 'renamed', from: former });
}

/** What was held against a release that git does not want any more is void. */
function liftStale({ memory, world, target, containers }: Scene, wanted: Target, turn: Turn): void {
  const { quarantine, pin, failure, healed, suspended, restart } = memory;
  const pinned = pin?.against === wanted.specHash ? pin : undefined;
  if (pin && !pinned) turn.records.push({ kind: 'lift', what: 'pin' });
  const heldFor = [wanted.specHash, pinned?.specHash];
  if (quarantine && !heldFor.includes(quarantine.specHash))
    turn.records.push({ kind: 'lift', what: 'quarantine' });
  if (failure?.specHash !== undefined && failure.specHash !== target?.specHash)
    turn.records.push({ kind: 'lift', what: 'failure' });
  if (healed && healed.specHash !== target?.specHash) turn.records.push({ kind: 'lift', what: 'healed' });
  const asked = containers.some(({ id }) => restart?.containers.includes(id));
  if (restart && !asked) turn.records.push({ kind: 'lift', what: 'restart' });
  if (suspended?.until !== undefined && world.now >= suspended.until)
    turn.records.push({ kind: 'lift', what: 'suspended' });
}

/** The gate is shut: nothing more of this release, and the next look decides what serves instead. */
function fail(scene: Scene, target: Target, failure: GateFailure, turn: Turn): void {
  const { memory, world } = scene;
  const deployment = deploymentOf(scene);
  if (!matches(scene, target)) open(scene, target, turn);
  const { specHash, imageId } = target;
  const quarantine = {
    specHash,
    deployment,
    reason: failure.reason,
    message: failure.message,
    since: world.now,
  };
  turn.records.push({
    kind: 'quarantine',
    quarantine: imageId === undefined ? quarantine : { ...quarantine, imageId },
  });
  const back = memory.lastHealthy !== undefined && target.app.deploy.onFailure === 'rollback';
  const { reason, message, containers } = failure;
  turn.records.push({
    kind: 'close',
    deployment,
    result: back ? 'RolledBack' : 'Failed',
    reason,
    message,
    evidence: containers,
  });
  turn.wake(world.now);
}

function act(scene: Scene, turn: Turn, blocker: Blocker | undefined): void {
  const { target, lookup } = scene;
  supersede(scene, turn);
  tendHooks(scene, turn);
  if (!target) {
    removeFailed(scene, turn);
    return;
  }
  if (target.app.state === 'stopped') {
    stopAll(scene, target, turn);
    return;
  }
  if (!scene.proven && !matches(scene, target)) open(scene, target, turn);
  const free = !blocker && lookup.hasNetwork && planHook(scene, target, 'preDeploy', turn);
  if (blocker?.until !== undefined) turn.wake(blocker.until);
  if (blocker) turn.phases.add('Pending');
  planReplicas(scene, target, turn, free);
  // Last, so that a registry that fails holds up no repair.
  lookUpTag(scene, target, turn);
  conclude(scene, target, turn);
}

/** The open deployment is the target's. */
function matches({ memory }: Scene, target: Target): boolean {
  const { deployment } = memory;
  if (deployment?.specHash !== target.specHash) return false;
  return (
    deployment.imageId === undefined || target.imageId === undefined || deployment.imageId === target.imageId
  );
}

/** A newer commit ends what it replaces at once. */
function supersede(scene: Scene, turn: Turn): void {
  const { memory, target } = scene;
  if (!memory.deployment || (target && !scene.proven && matches(scene, target))) return;
  if (target && isSameRelease(memory.lastHealthy, target) && memory.deployment.specHash === target.specHash)
    return;
  const message = target
    ? `another release is wanted: ${target.specHash.slice(0, 12)}`
    : 'the release is not wanted any more';
  turn.records.push({
    kind: 'close',
    deployment: memory.deployment.id,
    result: 'Superseded',
    reason: 'Superseded',
    message,
    evidence: [],
  });
}

function open(scene: Scene, target: Target, turn: Turn): void {
  const { name, world, memory } = scene;
  const before = memory.lastHealthy;
  const cause =
    target.from !== 'git'
      ? 'rollback'
      : before?.specHash === target.specHash
        ? 'digest'
        : before && isOnlySecrets(before.app.container, target.app.container)
          ? 'secret'
          : 'commit';
  const { specHash, imageId, revision } = target;
  const base = {
    id: newDeploymentId(name, world.now),
    specHash,
    revision,
    startedAt: world.now,
    cause,
    phase: 'Pending',
  };
  turn.records.push({ kind: 'open', deployment: imageId === undefined ? base : { ...base, imageId } });
}

/** `pull: always`: what the tag means is asked for once an interval; an image that did not move changes nothing. */
function lookUpTag({ world, memory, wanted }: Scene, target: Target, turn: Turn): void {
  if (target.app.pull !== 'always' || target !== wanted || target.imageId === undefined) return;
  const next = asPast(memory.checkedAt ?? 0, world) + world.settings.interval;
  if (world.now < next) {
    turn.wake(next);
    return;
  }
  turn.records.push({ kind: 'checked', at: world.now });
  turn.wake(world.now + world.settings.interval);
  turn.steps.push({
    kind: 'pull',
    image: target.app.container.image,
    specHash: target.specHash,
    ...(target.app.registry === undefined ? {} : { login: target.app.registry }),
    reason: 'pull: always looks the tag up',
    traffic: 'none',
  });
}

/** `state: stopped`: out of the routes, drained, stopped; the containers stay. */
function stopAll(scene: Scene, target: Target, turn: Turn): void {
  for (const container of scene.containers.filter(
    (one) => one.state === 'running' || one.state === 'paused',
  )) {
    if (isPublished(container) && !hasDrained(scene, container, turn)) continue;
    const { stopGrace: grace } = target.app.deploy;
    stop(
      container,
      { grace, reason: 'the manifest says stopped', traffic: 'it leaves the routes first' },
      turn,
    );
  }
}

/** Nothing healthy to return to: what failed is removed, and whatever else stands is left alone. */
function removeFailed(scene: Scene, turn: Turn): void {
  const { quarantine } = scene.memory;
  const failed = scene.containers.filter((one) => one.specHash === quarantine?.specHash);
  retire(scene, failed, true, turn);
}

/** All replicas healthy, taken over, old ones gone, time baked, hook passed: the release is the healthy one now. */
function conclude(scene: Scene, target: Target, turn: Turn): void {
  if (!isConverged(scene, target, turn) || !planHook(scene, target, 'postDeploy', turn)) return;
  const { memory } = scene;
  const { specHash, imageId, revision, app } = target;
  // A deployment that this look opens is closed by the next one, together with what makes its release the healthy one.
  const isNew = turn.records.some(({ kind }) => kind === 'open');
  if (imageId === undefined || isNew) return;
  const recorded = memory.lastHealthy;
  if (!isSameRelease(recorded, target) || !recorded || !isSameApp(recorded.app, app))
    turn.records.push({ kind: 'healthy', release: { specHash, imageId, revision, app } });
  // The replacement stayed as it should be: the next such change is a new one, not the same again.
  if (memory.healed) concludeHealing(scene, memory.healed, turn);
  const isWritten = scene.replicas.every(
    ({ current }) => !current?.changes.some(({ heal }) => heal === 'deliver'),
  );
  if (memory.delivered && isWritten) turn.records.push({ kind: 'lift', what: 'delivered' });
  if (memory.deployment && matches(scene, target))
    turn.records.push({
      kind: 'close',
      deployment: memory.deployment.id,
      result: 'Succeeded',
      reason: 'Healthy',
      message: 'every replica is healthy and serves',
      evidence: [],
    });
}

/** Nothing is left to do: what failed was done all the same (its answer was lost), or is not needed any more. */
function forgetFailure({ memory: { failure }, target, replicas }: Scene, turn: Turn): void {
  if (!failure || !target || turn.steps.length > 0 || turn.phases.size > 0) return;
  const isLifted = failure.specHash !== undefined && failure.specHash !== target.specHash;
  const isThere = target.app.state === 'stopped' || replicas.every(({ current }) => isReady(current));
  if (isThere && !isLifted) turn.records.push({ kind: 'lift', what: 'failure' });
}

/** Fields that the replacement does not show again may be changed by hand and healed once more. */
function concludeHealing(
  { replicas }: Scene,
  healed: NonNullable<AppMemory<App>['healed']>,
  turn: Turn,
): void {
  const shown = replicas.flatMap(({ current }) =>
    (current?.changes ?? []).flatMap(({ heal, path }) => (heal === 'replace' ? [path] : [])),
  );
  const fields = healed.fields.filter((field) => shown.includes(field));
  if (fields.length === 0) turn.records.push({ kind: 'lift', what: 'healed' });
  else if (fields.length < healed.fields.length) turn.records.push({ kind: 'healed', ...healed, fields });
}

function isConverged(scene: Scene, target: Target, turn: Turn): boolean {
  const { observed, now } = scene.world;
  if (target.app.domains.length > 0 && observed.proxy.state !== 'running') return false;
  if (scene.surplus.length > 0 || turn.steps.length > 0) return false;
  return scene.replicas.every((replica) => {
    if (!isHealthy(replica.current) || !isTakenOver(scene, replica)) return false;
    if (isExposed(scene) && !isRouted(scene, replica.current.container)) return false;
    const baked = (replica.current.health?.since ?? 0) + target.app.deploy.bake;
    if (!scene.proven && now < baked) {
      turn.phases.add('Verifying');
      turn.wake(baked);
      return false;
    }
    return replica.olds.length === 0;
  });
}

/** After a failed act the same kind of act waits for its retry, with all that comes after it; the rest goes on. */
function holdBack(scene: Scene, turn: Turn): void {
  const { memory, world } = scene;
  const { failure } = memory;
  if (underwayOf(scene)) {
    cut(turn, 0);
    return;
  }
  if (!failure || world.now >= retryAt(failure, world)) return;
  const failed = turn.steps.findIndex((step) => step.kind === failure.step);
  if (failed < 0) return;
  cut(turn, failed);
  turn.wake(failure.nextRetry);
}

/** Records that tell of an act, and the acts that they tell of. */
const acts: Partial<Record<Decision['kind'], readonly Step['kind'][]>> = {
  restarted: ['start', 'restart'],
  healed: ['create'],
  delivered: ['deliver'],
  checked: ['pull'],
};

/** What is not done in this look is not remembered as done either: each record asks for another look. */
export function cut({ steps, records }: Turn, length: number): void {
  steps.length = length;
  const kept = records.filter(({ kind }) => {
    const needed = acts[kind];
    return needed === undefined || steps.some((step) => needed.includes(step.kind));
  });
  records.splice(0, records.length, ...kept);
}
