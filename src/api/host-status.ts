import type { EdgeError } from '../apply/ports.ts';
import type { Problem } from '../desired/desired.ts';
import type { ProxyState } from '../observed/observed.ts';
import type { Plan } from '../plan/plan.ts';
import type { AppItem } from './app-item.ts';
import type { Caller } from './caller.ts';
import type { ControllerPort } from './controller-port.ts';
import { timeText } from './time-text.ts';
import { visibleApps } from './visible-apps.ts';

/** The whole host at a glance. */
export interface HostStatus {
  readonly version: string;
  readonly instance: string | null;
  readonly startedAt: string | null;
  readonly now: string;
  /** Counts looks. */
  readonly look: number;
  readonly lookedAt: string | null;
  readonly revision: string | null;
  /** Every app is ready, and nothing of the host is left to do. */
  readonly converged: boolean;
  readonly sourceError: ErrorItem | null;
  readonly engineError: ErrorItem | null;
  readonly historyError: ErrorItem | null;
  readonly proxy: { readonly state: ProxyState['state'] | 'unknown'; readonly message: string | null };
  readonly counts: {
    readonly apps: number;
    readonly ready: number;
    readonly sync: Readonly<Record<string, number>>;
    readonly health: Readonly<Record<string, number>>;
    readonly containers: number;
    readonly foreign: number;
  };
  /** What is wrong with manifests. */
  readonly problems: readonly Omit<Problem, 'excerpt' | 'length'>[];
  readonly pruneHeld: { readonly apps: readonly string[]; readonly owning: number } | null;
}

export interface ErrorItem {
  readonly reason: string;
  readonly message: string;
}

/** As far as the caller may see it: what concerns apps of others is left out. */
export function hostStatus(port: ControllerPort, caller: Caller): HostStatus {
  const { look, at, world, plan, engineError, sourceError, historyError } = port.loop.status;
  const items = visibleApps(port, caller);
  const names = new Set(items.map(({ name }) => name));
  const isSeen = (app: string | undefined) => !caller.limit || (app !== undefined && names.has(app));
  const proxy = world?.observed.proxy;
  return {
    version: port.version,
    instance: world?.settings.instance ?? null,
    startedAt: timeText(port.startedAt),
    now: timeText(port.now()),
    look,
    lookedAt: timeText(at),
    revision: plan?.revision ?? null,
    converged: isConverged(plan, items),
    sourceError: errorItem(sourceError),
    engineError: errorItem(engineError),
    historyError: errorItem(historyError),
    proxy: { state: proxy?.state ?? 'unknown', message: proxy?.message ?? null },
    counts: {
      apps: items.length,
      ready: items.filter(isReady).length,
      sync: countBy(items, ({ sync }) => sync),
      health: countBy(items, ({ health }) => health),
      containers: world?.observed.containers.filter(({ app }) => isSeen(app)).length ?? 0,
      foreign: caller.limit ? 0 : (world?.observed.foreign.length ?? 0),
    },
    problems: (world?.desired.problems ?? [])
      .filter(({ app }) => isSeen(app))
      .map(({ excerpt: _excerpt, length: _length, ...problem }) => problem),
    pruneHeld: caller.limit ? null : (plan?.pruneHeld ?? null),
  };
}

export function isReady({ conditions }: AppItem): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

export function isConverged(plan: Plan | undefined, items: readonly AppItem[]): boolean {
  return plan !== undefined && plan.host.length === 0 && items.every(isReady);
}

function errorItem(error: EdgeError | undefined): ErrorItem | null {
  return error ? { reason: error.reason, message: error.message } : null;
}

function countBy(items: readonly AppItem[], keyOf: (item: AppItem) => string): Record<string, number> {
  const groups = Map.groupBy(items, keyOf);
  return Object.fromEntries([...groups].sort().map(([key, group]) => [key, group.length]));
}
