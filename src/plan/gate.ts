import type { Container, Health } from '../observed/observed.ts';
import { isPublished } from './release.ts';
import { judgedAt, wasEndedFromOutside } from './restart.ts';
import type { Member, Scene } from './scene.ts';
import { sinceOf } from './since.ts';
import { isAsked } from './traffic.ts';

/** Why a release that is being brought in has failed. */
export interface GateFailure {
  readonly reason: string;
  readonly message: string;
  /** Containers whose evidence belongs to it. */
  readonly containers: readonly string[];
}

type Check = (scene: Scene, member: Member) => Omit<GateFailure, 'containers'> | undefined;

/** First match wins. Only a release that was never healthy is judged: a proven one is mended instead. */
const checks: readonly Check[] = [
  (_scene, { container, standing }) =>
    standing === 'broken' && container.oomKilled
      ? { reason: 'OutOfMemory', message: `replica ${container.replica} ran out of memory` }
      : undefined,
  (scene, { container, standing }) =>
    standing === 'broken' &&
    !wasEndedFromOutside(scene, container) &&
    scene.world.now >= judgedAt(scene, container)
      ? {
          reason: 'ContainerExited',
          message: `replica ${container.replica} exited with code ${container.exitCode}`,
        }
      : undefined,
  (scene, { container, standing }) =>
    standing === 'finished' && isAsked(scene, scene.target?.app)
      ? {
          reason: 'ContainerExited',
          message: `replica ${container.replica} exited with code ${container.exitCode}, and is to serve`,
        }
      : undefined,
  (scene, { container, standing, health }) =>
    standing === 'settling' &&
    scene.world.now >= settleDeadline(scene, container) &&
    health !== undefined &&
    speaksAgainst(health)
      ? {
          reason: 'DeadlineExceeded',
          message: `replica ${container.replica} was not healthy in time${lastAnswer(scene, container)}`,
        }
      : undefined,
  (scene, { container, standing }) =>
    standing === 'sick'
      ? {
          reason: 'Unhealthy',
          message: `replica ${container.replica} became unhealthy${lastAnswer(scene, container)}`,
        }
      : undefined,
];

export function gateFailure(scene: Scene): GateFailure | undefined {
  // Of what is to be stopped nothing has to pass.
  if (!scene.target || scene.proven || scene.target.app.state === 'stopped') return undefined;
  return terminalFailure(scene) ?? hookFailure(scene) ?? memberFailure(scene) ?? imageFailure(scene);
}

/** A container of the release is still to be made, and nothing is left to make it from. */
function imageFailure(scene: Scene): GateFailure | undefined {
  if (!isImageGone(scene)) return undefined;
  const hooks = Object.keys(scene.target?.app.hooks ?? {});
  const isMade = (kind: string) => scene.hooks.some((one) => one.hook === kind && isOfTarget(scene, one));
  if (scene.replicas.every(({ current }) => current) && hooks.every(isMade)) return undefined;
  return { reason: 'ImageGone', message: imageGone(scene), containers: [] };
}

/** The image that the target was made from is not on this host, and its tag has another one by now. */
export function isImageGone({ target, world }: Scene): boolean {
  const { images } = world.observed;
  if (target?.imageId === undefined || images[target.imageId]) return false;
  return images[target.app.container.image] !== undefined;
}

export function imageGone({ target }: Scene): string {
  return `${target?.app.container.image} means another image now, and the one this release was made from is gone from this host`;
}

function memberFailure(scene: Scene): GateFailure | undefined {
  const members = scene.replicas.flatMap(({ current }) => current ?? []);
  for (const member of members) {
    const failure = checks.map((check) => check(scene, member)).find((found) => found !== undefined);
    if (failure) return { ...failure, containers: [member.container.id] };
  }
  return undefined;
}

function terminalFailure({ memory, target }: Scene): GateFailure | undefined {
  const { failure } = memory;
  if (failure?.kind !== 'terminal' || failure.specHash !== target?.specHash) return undefined;
  return { reason: failure.reason, message: failure.message, containers: [] };
}

/** A hook fails by its exit code, or by running longer than it may. */
function hookFailure(scene: Scene): GateFailure | undefined {
  for (const hook of scene.hooks.filter((one) => isOfTarget(scene, one))) {
    const limit = hookLimit(scene, hook);
    if (hook.state === 'exited' && hook.exitCode !== 0)
      return {
        reason: 'HookFailed',
        message: `${hook.hook} exited with code ${hook.exitCode}`,
        containers: [hook.id],
      };
    if (limit !== undefined && scene.world.now >= limit)
      return {
        reason: 'HookTimedOut',
        message: `${hook.hook} ran longer than ${(timeoutOf(scene, hook) ?? 0) / 1000} s`,
        containers: [hook.id],
      };
  }
  return undefined;
}

/** When a hook that was started and has not ended is given up, milliseconds since the epoch. */
export function hookLimit(scene: Scene, container: Container): number | undefined {
  const { state } = container;
  const timeout = timeoutOf(scene, container);
  const isOn = state === 'running' || state === 'paused';
  return isOn && timeout !== undefined ? sinceOf(scene.world, container) + timeout : undefined;
}

function timeoutOf({ target }: Scene, { hook }: Container): number | undefined {
  return hook && target?.app.hooks[hook]?.timeout;
}

export function isOfTarget({ target }: Scene, container: Container): boolean {
  return container.specHash === target?.specHash && container.imageId === target.imageId;
}

/** When a container that has not passed its gate is given up, milliseconds since the epoch. */
export function settleDeadline({ world, target }: Scene, container: Container): number {
  return sinceOf(world, container) + (target?.app.deploy.deadline ?? 0);
}

/**
 * The deadline says nothing of a container that nobody asked in time, as when this controller was away: it is
 * late only by an answer.
 */
function speaksAgainst({ verdict, attempts }: Health): boolean {
  return verdict !== 'healthy' && attempts.at(-1)?.ok !== true;
}

function lastAnswer(scene: Scene, container: Container): string {
  const answer = scene.world.observed.health[container.id]?.attempts.at(-1);
  return answer && !answer.ok ? ` (${answer.detail})` : '';
}

/** Passed the gate, runs, and nothing speaks against it. */
export function isReady(member: Member | undefined): member is Member {
  return member?.standing === 'current' || member?.standing === 'finished';
}

/** Ready, and a probe has said so since it started. */
export function isHealthy(member: Member | undefined): member is Member {
  if (member?.standing === 'finished') return true;
  return (
    member?.standing === 'current' && isPublished(member.container) && member.health?.verdict === 'healthy'
  );
}
