import type { Planned } from './at-rest.ts';
import type { AppPlan, Condition } from './plan.ts';
import type { Scene } from './scene.ts';
import { windowState } from './window.ts';

/** Something outside the app that its rollout waits for. */
export interface Blocker {
  readonly reason: string;
  readonly message: string;
  /** When it may end by itself, milliseconds since the epoch. */
  readonly until?: number | undefined;
  readonly type?: Condition['type'];
}

type Rule = (scene: Scene, planned: ReadonlyMap<string, Planned>) => Blocker | undefined;

/** In the order a person would ask; the first that holds is shown. They hold new releases, never a repair. */
const rules: readonly Rule[] = [notBefore, syncWindow, approval, dependencies];

export function findBlocker(scene: Scene, planned: ReadonlyMap<string, Planned>): Blocker | undefined {
  if (!scene.target || scene.proven) return undefined;
  return rules.map((rule) => rule(scene, planned)).find((blocker) => blocker !== undefined);
}

function notBefore({ target, world }: Scene): Blocker | undefined {
  const time = target?.app.deploy.notBefore;
  if (time === undefined || world.now >= time) return undefined;
  return {
    reason: 'NotBefore',
    message: `the manifest says not before ${new Date(time).toISOString()}`,
    until: time,
  };
}

function syncWindow({ target, world }: Scene): Blocker | undefined {
  const state = windowState(target?.app.policy.windows ?? [], world.now);
  if (state.open) return undefined;
  return {
    reason: 'WindowClosed',
    message: 'outside the sync windows of the manifest',
    until: state.changesAt,
    type: 'WindowBlocked',
  };
}

function approval({ target, memory }: Scene): Blocker | undefined {
  if (
    target?.app.deploy.approval !== 'manual' ||
    target.from !== 'git' ||
    memory.approved === target.specHash
  )
    return undefined;
  return {
    reason: 'ApprovalNeeded',
    message: `the manifest asks for a person: plimsoll approve ${target.app.name}`,
  };
}

function dependencies({ target }: Scene, planned: ReadonlyMap<string, Planned>): Blocker | undefined {
  const waiting = target?.app.dependsOn.find(
    ({ app, condition }) => !isMet(planned.get(app)?.plan, condition),
  );
  return (
    waiting && { reason: 'DependencyNotReady', message: `waits until ${waiting.app} is ${waiting.condition}` }
  );
}

function isMet(dependency: AppPlan | undefined, condition: 'healthy' | 'started'): boolean {
  if (!dependency) return false;
  if (condition === 'started') return hasStarted(dependency);
  return dependency.health === 'Healthy' && dependency.steps.length === 0;
}

/** What needs no replica is healthy without one, and so is as far as it ever starts. A pull is no start. */
function hasStarted({ replicas, health, operation }: AppPlan): boolean {
  if (replicas.ready > 0 || health === 'Healthy') return true;
  return health === 'Progressing' && operation !== 'Pulling' && operation !== 'Pending';
}
