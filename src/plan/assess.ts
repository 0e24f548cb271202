import type { Blocker } from './blockers.ts';
import { conditionsOf } from './conditions.ts';
import type { GateFailure } from './gate.ts';
import { isHealthy, isReady } from './gate.ts';
import type { AppPlan, Consequence, Difference, OperationPhase } from './plan.ts';
import { revisionOf, type Scene } from './scene.ts';
import type { Turn } from './turn.ts';

/** What is known of an app once its turn is planned. */
export interface Findings {
  readonly scene: Scene;
  readonly turn: Turn;
  readonly blocker: Blocker | undefined;
  readonly suspended: boolean;
  readonly differences: readonly Difference[];
  readonly failure: GateFailure | undefined;
}

/** The three axes, the conditions and the plan, as every list, page and diff shows them. */
export function assess(findings: Findings): AppPlan {
  const { scene, turn, differences } = findings;
  const { world, name, target, wanted, memory } = scene;
  const sync = syncOf(findings);
  const health = healthAxis(findings);
  const operation = operationOf(findings);
  const revision = revisionOf(world, name);
  const live = sync === 'Synced' ? revision : (memory.lastHealthy?.revision ?? '');
  const problem = wanted ? undefined : world.desired.problems.find((one) => one.app === name);
  const error = problem && `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
  const phase = operation !== 'None' && operation !== memory.deployment?.phase && memory.deployment;
  if (phase && turn.phases.size > 0)
    turn.records.push({ kind: 'phase', deployment: phase.id, phase: operation });
  const { failure } = memory;
  const underway = world.observed.underway[name];
  const cause = differences[0]?.cause;
  return {
    app: name,
    sync,
    health,
    operation,
    conditions: conditionsOf({ ...findings, sync, health, error }),
    revision,
    liveRevision: live,
    ...(cause === undefined ? {} : { cause }),
    consequence: consequenceOf(findings),
    differences,
    steps: turn.steps,
    records: turn.records,
    ...(turn.wakeAt === undefined ? {} : { wakeAt: turn.wakeAt }),
    ...(underway?.specHash !== undefined && underway.specHash !== target?.specHash
      ? { cancel: true as const }
      : {}),
    ...(error === undefined ? {} : { error }),
    ...(failure?.kind === 'transient' ? { nextRetry: failure.nextRetry } : {}),
    replicas: {
      desired: wanted?.app.state === 'stopped' ? 0 : (wanted?.app.replicas ?? target?.app.replicas ?? 0),
      ready: scene.replicas.filter(({ current }) => isReady(current) && current.standing === 'current')
        .length,
    },
  };
}

function syncOf({ scene, differences }: Findings): AppPlan['sync'] {
  const { wanted, target, world, unread } = scene;
  if (unread.length > 0) return 'Unknown';
  if (!wanted) return 'OutOfSync';
  if (wanted.app.domains.length > 0 && world.observed.proxy.state === 'unreachable') return 'Unknown';
  return target === wanted && differences.length === 0 ? 'Synced' : 'OutOfSync';
}

type HealthRow = readonly [AppPlan['health'], (findings: Findings) => boolean];

/** First match wins. */
const healthRows: readonly HealthRow[] = [
  ['Unknown', ({ scene }) => scene.unread.length > 0],
  [
    'Progressing',
    ({ scene }) =>
      scene.target?.app.state === 'stopped' && scene.containers.some(({ state }) => state === 'running'),
  ],
  ['Suspended', ({ scene }) => scene.target?.app.state === 'stopped'],
  [
    'Degraded',
    ({ scene, failure }) => failure !== undefined || (scene.quarantined && scene.target === undefined),
  ],
  ['Missing', ({ scene }) => scene.target === undefined],
  ['Healthy', ({ scene }) => scene.replicas.length === 0],
  [
    'Degraded',
    ({ scene }) =>
      scene.memory.failure !== undefined && !scene.replicas.every(({ current }) => isReady(current)),
  ],
  [
    'Degraded',
    ({ scene }) =>
      scene.replicas.some(
        ({ current }) => current?.standing === 'sick' || (scene.proven && current?.standing === 'broken'),
      ),
  ],
  [
    'Missing',
    ({ scene, turn }) => scene.containers.length === 0 && turn.steps.length === 0 && !isUnderway(scene),
  ],
  ['Progressing', ({ scene }) => !scene.replicas.every(({ current }) => isReady(current))],
  ['Healthy', ({ scene }) => scene.replicas.every(({ current }) => isHealthy(current))],
];

function isUnderway({ world, name }: Scene): boolean {
  return world.observed.underway[name] !== undefined;
}

function healthAxis(findings: Findings): AppPlan['health'] {
  return healthRows.find(([, holds]) => holds(findings))?.[0] ?? 'Unknown';
}

const phaseOrder: readonly OperationPhase[] = [
  'Pending',
  'Building',
  'Pulling',
  'Starting',
  'Verifying',
  'Routing',
  'Draining',
];

/** The furthest behind of what the replicas do names the deployment; with none open, how the last one ended. */
function operationOf({ scene, turn, failure }: Findings): OperationPhase {
  const { memory, world, name } = scene;
  const closed = turn.records.findLast((record) => record.kind === 'close');
  if (failure && closed) return closed.result;
  if (closed && closed.result !== 'Superseded') return closed.result;
  const isOpen = memory.deployment !== undefined || turn.records.some((record) => record.kind === 'open');
  if (!isOpen) return memory.lastOperation?.result ?? 'None';
  if (world.observed.underway[name]?.kind === 'pull') return 'Pulling';
  return phaseOrder.find((phase) => turn.phases.has(phase)) ?? 'Pending';
}

type ConsequenceRow = readonly [Consequence, (findings: Findings) => boolean];

/** What converging will mean for the running app; first match wins. */
const consequenceRows: readonly ConsequenceRow[] = [
  ['no-op', ({ differences }) => differences.length === 0],
  ['stop', ({ scene }) => scene.wanted?.app.state === 'stopped'],
  ['create', ({ scene }) => scene.containers.length === 0],
  [
    'stop-first replace',
    (findings) => replaces(findings) && findings.scene.wanted?.app.deploy.order === 'stop-first',
  ],
  ['start-first replace', replaces],
  ['signal', ({ scene, differences }) => differences.every(isFile) && sendsSignal(scene, differences)],
  ['route-only', ({ differences }) => differences.every(({ path }) => path.startsWith('route '))],
  [
    'scale',
    ({ differences }) =>
      differences.some(({ path, cause }) => path === 'spec.replicas' && cause === 'commit'),
  ],
  ['create', ({ differences }) => differences.some(({ path }) => path === 'spec.replicas')],
  ['start', ({ differences }) => differences.some(({ path }) => path.endsWith(' state'))],
];

function isFile({ path }: Difference): boolean {
  return path.startsWith('spec.files[');
}

function sendsSignal({ wanted }: Scene, differences: readonly Difference[]): boolean {
  const files = wanted?.app.liveFiles ?? [];
  return files.some(
    ({ mount, signal }) =>
      signal !== undefined && differences.some(({ path }) => path === `spec.files[${mount}]`),
  );
}

function consequenceOf(findings: Findings): Consequence {
  return consequenceRows.find(([, holds]) => holds(findings))?.[0] ?? 'in-place';
}

/** A container of another release, or of this one changed in a way that only a new container mends. */
function replaces({ scene }: Findings): boolean {
  const { wanted } = scene;
  const others = scene.containers.some(
    (one) => one.specHash !== wanted?.specHash || one.imageId !== wanted.imageId,
  );
  return others || scene.replicas.some(({ olds, current }) => olds.length > 0 && !current);
}
