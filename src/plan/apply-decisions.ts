import type { App } from '../desired/app.ts';
import type { AppMemory, KnownContainer, Memory } from '../observed/memory.ts';
import type { Decision } from './plan.ts';

/** Memory after a look has written down what it decided about one app. */
export function applyDecisions(
  memory: Memory<App>,
  app: string,
  decisions: readonly Decision[],
): Memory<App> {
  return decisions.reduce((after, decision) => applyOne(after, app, decision), memory);
}

function applyOne(memory: Memory<App>, app: string, decision: Decision): Memory<App> {
  if (decision.kind === 'drain')
    return {
      ...memory,
      containers: { ...memory.containers, [decision.container]: drained(memory, decision) },
    };
  if (decision.kind === 'forget') return without(memory, app);
  if (decision.kind === 'renamed') {
    const former = memory.apps[decision.from];
    if (!former) return memory;
    const apps = { ...memory.apps, [app]: { ...former, ...memory.apps[app] } };
    return without({ ...memory, apps }, decision.from);
  }
  const before = memory.apps[app] ?? { restarts: {} };
  return { ...memory, apps: { ...memory.apps, [app]: remember(before, decision) } };
}

function without(memory: Memory<App>, app: string): Memory<App> {
  const { [app]: _forgotten, ...apps } = memory.apps;
  return { ...memory, apps };
}

function drained(
  memory: Memory<App>,
  { container, since }: Extract<Decision, { kind: 'drain' }>,
): KnownContainer {
  const { unroutedSince: _before, ...known } = memory.containers[container] ?? { name: container };
  return since === undefined ? known : { ...known, unroutedSince: since };
}

type AboutApp = Exclude<Decision, { kind: 'drain' | 'forget' | 'renamed' }>;

function remember(before: AppMemory<App>, decision: AboutApp): AppMemory<App> {
  switch (decision.kind) {
    case 'open':
      return { ...before, deployment: decision.deployment };
    case 'phase':
      return before.deployment
        ? { ...before, deployment: { ...before.deployment, phase: decision.phase } }
        : before;
    case 'close': {
      const { deployment, ...rest } = before;
      const revision = deployment?.revision ?? '';
      return {
        ...rest,
        lastOperation: {
          id: decision.deployment,
          result: decision.result,
          revision,
          at: deployment?.startedAt ?? 0,
        },
      };
    }
    case 'healthy':
      return { ...before, lastHealthy: decision.release };
    case 'quarantine':
      return { ...before, quarantine: decision.quarantine };
    case 'lift': {
      const { [decision.what]: _lifted, ...rest } = before;
      return rest;
    }
    case 'healed':
      return {
        ...before,
        healed: { specHash: decision.specHash, fields: decision.fields, containers: decision.containers },
      };
    case 'delivered':
      return { ...before, delivered: { ...before.delivered, ...decision.files } };
    case 'restarted':
      return {
        ...before,
        restarts: {
          ...before.restarts,
          [decision.replica]: [...(before.restarts[decision.replica] ?? []), decision.at].slice(-10),
        },
      };
    case 'checked':
      return { ...before, checkedAt: decision.at };
    default:
      return decision satisfies never;
  }
}
