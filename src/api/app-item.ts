import type { App } from '../desired/app.ts';
import type { AppMemory } from '../observed/memory.ts';
import type { AppPlan, Cause, Condition } from '../plan/plan.ts';
import type { Marks } from './caller.ts';
import type { ControllerPort } from './controller-port.ts';
import { timeText } from './time-text.ts';

/** An app as every list shows it. */
export interface AppItem {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly project: string | null;
  readonly environment: string | null;
  readonly sync: AppPlan['sync'];
  readonly health: AppPlan['health'];
  readonly operation: AppPlan['operation'];
  /** Full commit ids: what git says, and what serves. */
  readonly revision: string;
  readonly liveRevision: string;
  readonly conditions: readonly ConditionItem[];
  readonly error: string | null;
  readonly replicas: AppPlan['replicas'];
  readonly cause: Cause | null;
  readonly consequence: AppPlan['consequence'];
  /** When a failed act is tried again. */
  readonly nextRetry: string | null;
  readonly suspended: {
    readonly actor: string;
    readonly reason: string;
    readonly until: string | null;
  } | null;
  /** The release that is held in place of git's. */
  readonly pinned: { readonly actor: string; readonly revision: string } | null;
}

export type ConditionItem = Condition & { readonly lastTransitionTime: string | null };

/** Every app of the last look, sorted by name; what could not be observed is `Unknown`, never left out. */
export function appItems(port: ControllerPort): AppItem[] {
  const { plan } = port.loop.status;
  const memory = port.history.memory().apps;
  if (plan) return plan.apps.map((app) => toItem(port, app, memory[app.app]));
  return Object.keys(memory)
    .sort()
    .map((name) => unseenItem(port, name, memory[name] ?? { restarts: {} }));
}

/** What says who may see an app, of every one that git or history knows. */
export function markedApps(port: ControllerPort): Marks[] {
  const { plan } = port.loop.status;
  const memory = port.history.memory().apps;
  const names = new Set([...Object.keys(memory), ...(plan?.apps ?? []).map(({ app }) => app)]);
  return [...names].sort().map((name) => declaredIn(port, name, memory[name]));
}

function toItem(port: ControllerPort, plan: AppPlan, memory: AppMemory<App> | undefined): AppItem {
  const { sync, health, operation, revision, liveRevision, replicas, consequence } = plan;
  return {
    ...declaredIn(port, plan.app, memory),
    sync,
    health,
    operation,
    revision,
    liveRevision,
    conditions: timed(port, plan.app, plan.conditions),
    error: plan.error ?? null,
    replicas,
    cause: plan.cause ?? null,
    consequence,
    nextRetry: timeText(plan.nextRetry),
    ...heldIn(memory),
  };
}

/** The engine or the source was not observed: all that is known is what happened before. */
function unseenItem(port: ControllerPort, name: string, memory: AppMemory<App>): AppItem {
  const { engineError, sourceError, historyError } = port.loop.status;
  const error = engineError ?? historyError ?? sourceError;
  const reason = error?.reason ?? 'NotLooked';
  const message = error?.message ?? 'the first look is not over yet';
  const conditions = (['Ready', 'Healthy'] as const).map((type) => ({
    type,
    status: 'Unknown' as const,
    reason,
    message,
  }));
  return {
    ...declaredIn(port, name, memory),
    sync: 'Unknown',
    health: 'Unknown',
    operation: memory.lastOperation?.result ?? 'None',
    revision: memory.lastHealthy?.revision ?? '',
    liveRevision: '',
    conditions: timed(port, name, conditions),
    error: message,
    replicas: { desired: memory.lastHealthy?.app.replicas ?? 0, ready: 0 },
    cause: null,
    consequence: 'no-op',
    nextRetry: null,
    ...heldIn(memory),
  };
}

function declaredIn(port: ControllerPort, name: string, memory: AppMemory<App> | undefined): Marks {
  const app = findApp(port, name) ?? memory?.lastHealthy?.app;
  return {
    name,
    labels: app?.labels ?? {},
    project: app?.project ?? null,
    environment: app?.environment ?? null,
  };
}

function heldIn(memory: AppMemory<App> | undefined): Pick<AppItem, 'suspended' | 'pinned'> {
  const { suspended, pin } = memory ?? {};
  return {
    suspended: suspended
      ? { actor: suspended.actor, reason: suspended.reason, until: timeText(suspended.until) }
      : null,
    pinned: pin ? { actor: pin.actor, revision: pin.revision } : null,
  };
}

/** An app as git says it now; undefined when it is invalid or gone. */
export function findApp(port: ControllerPort, name: string): App | undefined {
  return port.loop.status.world?.desired.apps.find((app) => app.name === name);
}

function timed(port: ControllerPort, name: string, conditions: readonly Condition[]): ConditionItem[] {
  return port.history
    .lastTransition(name, conditions)
    .map((condition) => ({ ...condition, lastTransitionTime: timeText(condition.lastTransitionTime) }));
}
