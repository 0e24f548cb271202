import { containerName } from '../observed/container-name.ts';
import type { Container } from '../observed/observed.ts';
import { draftSpec } from './draft.ts';
import { hookLimit, isOfTarget } from './gate.ts';
import { hasLostItsAddress, prepare } from './prepare.ts';
import type { Target } from './release.ts';
import type { Scene } from './scene.ts';
import type { Turn } from './turn.ts';

type Kind = NonNullable<Container['hook']>;

/**
 * Runs one hook of the target once: a one-off container of the new release. Its exited container is the memory
 * that it ran, until the deployment ends. True when there is none or it has passed.
 */
export function planHook(scene: Scene, target: Target, kind: Kind, turn: Turn): boolean {
  const hook = target.app.hooks[kind];
  if (!hook || scene.proven) return true;
  const container = scene.hooks.find((one) => one.hook === kind && isOfTarget(scene, one));
  if (!container && !prepare(scene, target, turn)) return false;
  if (container?.state === 'exited') return container.exitCode === 0;
  turn.phases.add(kind === 'preDeploy' ? 'Pending' : 'Verifying');
  if (!container) createHook(scene, target, kind, hook.command, turn);
  else if (container.state === 'created' && hasLostItsAddress(scene, container))
    turn.steps.push({
      kind: 'remove',
      container: container.id,
      reason: 'somebody else has its address',
      traffic: 'none',
    });
  else if (container.state === 'created')
    turn.steps.push({
      kind: 'start',
      container: container.id,
      reason: `${kind} was created`,
      traffic: 'none',
    });
  return false;
}

/** Those whose deployment is over go; those that run are looked at when their time is over, whatever holds the rollout. */
export function tendHooks(scene: Scene, turn: Turn): void {
  for (const hook of scene.hooks) {
    if (!scene.proven && isOfTarget(scene, hook)) {
      const limit = hookLimit(scene, hook);
      if (limit !== undefined) turn.wake(limit);
      continue;
    }
    if (hook.state === 'running')
      turn.steps.push({
        kind: 'stop',
        container: hook.id,
        grace: 0,
        reason: 'its deployment is over',
        traffic: 'none',
      });
    turn.steps.push({
      kind: 'remove',
      container: hook.id,
      reason: 'its deployment is over',
      traffic: 'none',
    });
  }
}

function createHook(scene: Scene, target: Target, kind: Kind, command: readonly string[], turn: Turn): void {
  const { settings } = scene.world;
  const { specHash, imageId = '' } = target;
  const address = scene.slots.takePair(false);
  if (address === undefined || !scene.world.observed.images[imageId]) return;
  const name = containerName({
    instance: settings.instance,
    app: scene.name,
    specHash,
    imageId,
    replica: 0,
    hook: kind,
  });
  const draft = draftSpec(scene, target, 0, name, address);
  const spec = { ...draft, command, ports: [], labels: { ...draft.labels, 'plimsoll.hook': kind } };
  turn.steps.push({
    kind: 'create',
    spec,
    files: [...target.app.container.files, ...(target.app.liveFiles ?? [])],
    imageHealthCheck: false,
    reason: `${kind} of the new release`,
    traffic: 'none',
  });
  turn.steps.push({ kind: 'start', container: name, reason: `${kind} of the new release`, traffic: 'none' });
}
