import type { App } from '../desired/app.ts';
import type { RouteTable } from '../observed/observed.ts';
import { volumeName } from './expected.ts';
import type { Lookup } from './lookup.ts';
import type { AppPlan, Condition, Step, World } from './plan.ts';
import { cut, planApp } from './plan-app.ts';
import { tendHooks } from './plan-hooks.ts';
import { routesOf } from './plan-routes.ts';
import { retryAt } from './restart.ts';
import { forgetDrains, retire } from './retire.ts';
import { formerName, type Scene, underwayOf } from './scene.ts';
import { Turn } from './turn.ts';

/** What a commit's removals come to, before anything is removed. */
export interface PruneVerdict {
  /** Apps that own containers and that git does not name any more. */
  readonly orphans: ReadonlySet<string>;
  /** Set when the guard holds all of them. */
  readonly held?: { readonly apps: readonly string[]; readonly owning: number };
}

/**
 * Deletion that cannot hurt: more than `maxPruneShare` of the apps that own containers, or all of them with none
 * to come, is held until a person approves that commit.
 */
export function judgeRemovals(world: World, lookup: Lookup): PruneVerdict {
  const { desired, memory, settings } = world;
  const broken = desired.invalid.flatMap((name) => [name, formerName(world, name, undefined)]);
  const kept = new Set([...desired.apps.map((app) => app.renamedFrom), ...broken]);
  const owning = [...new Set([...lookup.containers.keys(), ...lookup.unread.keys()])];
  const orphans = new Set(owning.filter((app) => !lookup.apps.has(app) && !kept.has(app)).sort());
  if (orphans.size === 0) return { orphans };
  const approved = memory.approvedPrunes.includes(desired.revision);
  const all = orphans.size === owning.length && desired.apps.length === 0;
  const tooMany = orphans.size / owning.length > settings.maxPruneShare || all;
  if (desired.unnamed || (tooMany && !approved))
    return { orphans, held: { apps: [...orphans], owning: owning.length } };
  return { orphans };
}

/** Sees an app out that git does not name any more: routes, drain, stop, remove; dependants go first. */
export function planRemoval(
  scene: Scene,
  verdict: PruneVerdict,
): { readonly plan: AppPlan; readonly routes: RouteTable } {
  const turn = new Turn();
  const { world, memory } = scene;
  const hold = holdReason(scene, verdict);
  const health = hold ? lookAfter(scene, turn) : 'Healthy';
  if (!hold && !underwayOf(scene)) remove(scene, turn);
  const { failure } = memory;
  if (failure && world.now < retryAt(failure, world)) {
    cut(turn, 0);
    turn.wake(failure.nextRetry);
  } else cut(turn, turn.steps.length);
  const routes = hold ? routesOf(scene, true) : [];
  return { plan: describe(scene, turn, hold, health), routes };
}

function holdReason(scene: Scene, verdict: PruneVerdict): Condition | undefined {
  const { memory, name, world } = scene;
  const hold = (reason: string, message: string): Condition => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  const policy = memory.lastHealthy?.app.policy.prune ?? 'auto';
  if (world.desired.unnamed && verdict.held)
    return hold(
      'PruneHeld',
      'a broken manifest does not tell its name, so nothing is removed until it is mended',
    );
  if (verdict.held)
    return hold(
      'PruneHeld',
      `this commit would remove ${verdict.held.apps.length} of ${verdict.held.owning} apps (${verdict.held.apps.join(', ')}); plimsoll approve --prune releases it`,
    );
  if (policy === 'never')
    return hold('PruneNever', 'its manifest said policy.prune: never; remove it by hand');
  if (policy === 'confirm' && memory.pruneApproved !== true)
    return hold(
      'PruneConfirm',
      `its manifest said policy.prune: confirm; plimsoll approve ${name} --prune removes it`,
    );
  const dependant = [...verdict.orphans].find(
    (other) => other !== name && needs(world.memory.apps[other]?.lastHealthy?.app, name),
  );
  return dependant === undefined
    ? undefined
    : hold('WaitsForDependant', `${dependant}, which depends on it, goes first`);
}

function needs(app: App | undefined, name: string): boolean {
  return app?.dependsOn.some((dependency) => dependency.app === name) ?? false;
}

/** Steps that keep a container as it is meant to be; none of them makes or takes one away. */
export const mending: readonly Step['kind'][] = [
  'start',
  'restart',
  'unpause',
  'connect',
  'rename',
  'update',
  'switch',
];

/** As long as its removal is held, what runs is kept running; what is gone already stays gone. How it is. */
function lookAfter(scene: Scene, turn: Turn): AppPlan['health'] {
  const { steps, records, wakeAt, health } = planApp(scene, new Map()).plan;
  const last = steps.findIndex(({ kind }) => !mending.includes(kind));
  const kept = last < 0 ? steps : steps.slice(0, last);
  turn.steps.push(...kept);
  // Without them a time that has passed would be waited for again and again.
  turn.records.push(
    ...records.filter(({ kind }) => kind === 'drain' || (kind === 'restarted' && kept.length > 0)),
  );
  if (wakeAt !== undefined) turn.wake(Math.max(wakeAt, scene.world.now + 1_000));
  // A step that is left out makes no progress; what is there does its work.
  return last >= 0 && health === 'Progressing' ? 'Healthy' : health;
}

function remove(scene: Scene, turn: Turn): void {
  const { memory, name, world } = scene;
  forgetDrains(scene, turn);
  if (memory.deployment)
    turn.records.push({
      kind: 'close',
      deployment: memory.deployment.id,
      result: 'Superseded',
      reason: 'Removed',
      message: 'the app was removed from git',
      evidence: [],
    });
  tendHooks({ ...scene, proven: true }, turn);
  retire(scene, scene.containers, true, turn);
  if (scene.containers.length > 0 || scene.hooks.length > 0) return;
  for (const volume of unretained(scene))
    turn.steps.push({
      kind: 'remove-volume',
      volume,
      reason: 'its manifest said retain: false',
      traffic: 'none',
    });
  if (turn.steps.length === 0 && world.memory.apps[name]) turn.records.push({ kind: 'forget' });
}

/** Only volumes that the manifest itself gave up, that bear this app's label, and that are there. */
function unretained({ memory, name, world }: Scene): string[] {
  const volumes = memory.lastHealthy?.app.container.volumes ?? [];
  const given = volumes.flatMap((volume) =>
    volume.kind === 'named' && !volume.retain ? [volumeName(world.settings.instance, name, volume.name)] : [],
  );
  return given.filter((volume) =>
    world.observed.volumes.some((one) => one.name === volume && one.app === name),
  );
}

function describe(
  { world, name, memory, containers }: Scene,
  turn: Turn,
  hold: Condition | undefined,
  health: AppPlan['health'],
): AppPlan {
  const going: Condition = {
    type: 'Ready',
    status: 'False',
    reason: 'Removing',
    message: 'git does not name it any more',
  };
  const live = memory.lastHealthy?.revision ?? '';
  return {
    app: name,
    sync: 'OutOfSync',
    health: containers.length === 0 ? 'Missing' : health,
    operation: turn.phases.has('Draining') ? 'Draining' : (memory.lastOperation?.result ?? 'None'),
    conditions: [hold ?? going],
    revision: world.desired.revision,
    liveRevision: live,
    cause: 'removed',
    consequence: containers.length > 0 ? 'remove' : 'no-op',
    differences:
      containers.length > 0
        ? [{ path: 'app', live: `${containers.length} containers`, desired: undefined, cause: 'removed' }]
        : [],
    steps: turn.steps,
    records: turn.records,
    ...(turn.wakeAt === undefined ? {} : { wakeAt: turn.wakeAt }),
    ...(memory.failure?.kind === 'transient' ? { nextRetry: memory.failure.nextRetry } : {}),
    replicas: { desired: 0, ready: containers.filter(({ state }) => state === 'running').length },
  };
}
