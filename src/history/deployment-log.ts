import type Database from 'better-sqlite3';
import type { DeploymentResult, OpenDeployment } from '../observed/memory.ts';
import type { Step } from '../plan/plan.ts';

/** The record of bringing one release in. */
export interface DeploymentRecord {
  readonly id: string;
  readonly app: string;
  readonly specHash: string;
  readonly imageId?: string;
  readonly revision: string;
  readonly cause: string;
  readonly phase: string;
  readonly startedAt: number;
  /** This and what follows are absent while it is open. */
  readonly finishedAt?: number;
  readonly result?: DeploymentResult;
  readonly reason?: string;
  readonly message?: string;
}

/** A mutating call: the row stands before the call, its end is added after. */
export interface StepRecord {
  readonly id: number;
  readonly app: string;
  readonly deployment?: string;
  readonly kind: string;
  /** What was acted on. */
  readonly object: string;
  readonly reason: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** As in `Outcome`, or `interrupted`: we ended in the middle of it and do not know what came of it. */
  readonly outcome?: string;
  readonly error?: string;
}

/** Why a container was given up. */
export interface Evidence {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly attempts: readonly { readonly at: number; readonly ok: boolean; readonly detail: string }[];
  readonly log: readonly string[];
}

export interface DeploymentDetail extends DeploymentRecord {
  readonly steps: readonly StepRecord[];
  readonly evidence: readonly ({ readonly container: string } & Evidence)[];
}

export interface DeploymentLog {
  /** One that is open for the app is superseded. */
  open(app: string, deployment: OpenDeployment): void;
  phase(id: string, phase: string): void;
  close(id: string, end: DeploymentEnd): void;
  beginStep(app: string, step: Step, deployment: string | undefined, now: number): number;
  endStep(id: number, outcome: string, error: string | undefined, now: number): void;
  /** Journal rows that a crash left open. */
  interruptSteps(now: number): number;
  addEvidence(deployment: string, container: string, evidence: Evidence): void;
  listOpen(): readonly { readonly id: string; readonly app: string }[];
  /** Newest first. */
  list(app: string, limit: number): readonly DeploymentRecord[];
  detail(id: string): DeploymentDetail | undefined;
}

export interface DeploymentEnd {
  readonly result: DeploymentResult;
  readonly reason: string;
  readonly message: string;
  readonly now: number;
}

type Nullable<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> | null };

const deploymentColumns = `id, app, spec_hash AS specHash, image_id AS imageId, revision, cause, phase,
  started_at AS startedAt, finished_at AS finishedAt, result, reason, message`;
const stepColumns =
  'id, app, deployment, kind, object, reason, started_at AS startedAt, ended_at AS endedAt, outcome, error';

export function createDeploymentLog(db: Database.Database): DeploymentLog {
  const supersede = db.prepare<[number, string, string]>(
    `UPDATE deployments SET finished_at = ?, result = 'Superseded', reason = 'Superseded',
       message = 'another deployment of the app began' WHERE app = ? AND id <> ? AND finished_at IS NULL`,
  );
  const insert = db.prepare<[string, string, string, string | null, string, string, number, string]>(
    `INSERT INTO deployments (id, app, spec_hash, image_id, revision, cause, started_at, phase)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  );
  const setPhase = db.prepare<[string, string]>(
    'UPDATE deployments SET phase = ? WHERE id = ? AND finished_at IS NULL',
  );
  const finish = db.prepare<[number, string, string, string, string, string]>(
    `UPDATE deployments SET finished_at = ?, result = ?, phase = ?, reason = ?, message = ?
     WHERE id = ? AND finished_at IS NULL`,
  );
  // A deployment that history does not know, because it was lost, must not stop the step.
  const begin = db.prepare<[string, string | null, string, string, string, number]>(
    `INSERT INTO steps (app, deployment, kind, object, reason, started_at)
     VALUES (?, (SELECT id FROM deployments WHERE id = ?), ?, ?, ?, ?)`,
  );
  const end = db.prepare<[number, string, string | null, number]>(
    'UPDATE steps SET ended_at = ?, outcome = ?, error = ? WHERE id = ?',
  );
  const interrupt = db.prepare<[number]>(
    "UPDATE steps SET ended_at = ?, outcome = 'interrupted' WHERE ended_at IS NULL",
  );
  const keep = db.prepare<[string, string, string]>(
    `INSERT INTO evidence (deployment, container, evidence) SELECT id, ?, ? FROM deployments WHERE id = ?
     ON CONFLICT (deployment, container) DO UPDATE SET evidence = excluded.evidence`,
  );
  const ofApp = db.prepare<[string, number], Nullable<DeploymentRecord>>(
    `SELECT ${deploymentColumns} FROM deployments WHERE app = ? ORDER BY seq DESC LIMIT ?`,
  );
  const unfinished = db.prepare<[], { id: string; app: string }>(
    'SELECT id, app FROM deployments WHERE finished_at IS NULL',
  );
  const one = db.prepare<[string], Nullable<DeploymentRecord>>(
    `SELECT ${deploymentColumns} FROM deployments WHERE id = ?`,
  );
  const stepsOf = db.prepare<[string], Nullable<StepRecord>>(
    `SELECT ${stepColumns} FROM steps WHERE deployment = ? ORDER BY id`,
  );
  const evidenceOf = db.prepare<[string], { container: string; evidence: string }>(
    'SELECT container, evidence FROM evidence WHERE deployment = ? ORDER BY container',
  );
  return {
    open(app, { id, specHash, imageId, revision, cause, startedAt, phase }) {
      supersede.run(startedAt, app, id);
      insert.run(id, app, specHash, imageId ?? null, revision, cause, startedAt, phase);
    },
    phase: (id, phase) => void setPhase.run(phase, id),
    close: (id, { result, reason, message, now }) =>
      void finish.run(now, result, result, reason, message, id),
    beginStep(app, step, deployment, now) {
      const { lastInsertRowid } = begin.run(
        app,
        deployment ?? null,
        step.kind,
        objectOf(step),
        step.reason,
        now,
      );
      return Number(lastInsertRowid);
    },
    endStep: (id, outcome, error, now) => void end.run(now, outcome, error ?? null, id),
    interruptSteps: (now) => interrupt.run(now).changes,
    addEvidence: (deployment, container, evidence) =>
      void keep.run(container, JSON.stringify(evidence), deployment),
    listOpen: () => unfinished.all(),
    list: (app, limit) => ofApp.all(app, limit).map((row) => present<DeploymentRecord>(row)),
    detail(id) {
      const row = one.get(id);
      if (row === undefined) return undefined;
      return {
        ...present<DeploymentRecord>(row),
        steps: stepsOf.all(id).map((step) => present<StepRecord>(step)),
        evidence: evidenceOf.all(id).map(({ container, evidence }) => {
          const kept: Evidence = JSON.parse(evidence);
          return { container, ...kept };
        }),
      };
    },
  };
}

/** A NULL column is an absent field. */
function present<T extends object>(row: Nullable<T>): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T;
}

/** The name of what a step acts on; nothing of its settings, which may hold secrets. */
function objectOf(step: Step): string {
  switch (step.kind) {
    case 'create-network':
      return step.network;
    case 'load-routes':
      return `${step.routes.length} routes`;
    case 'pull':
      return step.image;
    case 'create-volume':
    case 'remove-volume':
      return step.volume;
    case 'create':
      return step.spec.name;
    case 'switch':
      return `${step.app}.${step.replica} ${step.flagged ? 'flagged' : 'plain'}`;
    case 'connect':
    case 'disconnect':
      return `${step.container} ${step.network}`;
    case 'rename':
      return `${step.container} ${step.name}`;
    case 'deliver':
      return `${step.container} ${step.file.mount}`;
    case 'start':
    case 'publish':
    case 'update':
    case 'unpause':
    case 'restart':
    case 'stop':
    case 'remove':
      return step.container;
    default:
      return step satisfies never;
  }
}
