import type { JournalPort } from '../apply/ports.ts';
import type { App } from '../desired/app.ts';
import type { Failure, Memory, Release } from '../observed/memory.ts';
import type { Condition, Decision } from '../plan/plan.ts';
import type { AuditLog } from './audit-log.ts';
import type { TimedCondition } from './condition-log.ts';
import { openDatabase } from './database.ts';
import type { DeliveryLog } from './delivery-log.ts';
import type { DeploymentDetail, DeploymentRecord, Evidence } from './deployment-log.ts';
import type { EventQuery, EventRecord, NewEvent } from './event-log.ts';
import type { ReleaseRecord } from './memory-store.ts';
import { migrations } from './migrations.ts';
import { SqliteHistory } from './sqlite-history.ts';
import { usable } from './state-dir.ts';
import type { TokenStore } from './token-store.ts';

/**
 * What happened, in SQLite: it explains and holds back, it never says what should run. Every method is
 * synchronous and durable when it returns (the journal of steps outlives this process at once, and a power cut from the
 * next write of another kind on); a write that fails changes nothing and throws EdgeError (`HistoryUnwritable`).
 */
export interface History extends JournalPort {
  readonly tokens: TokenStore;
  readonly audit: AuditLog;
  /** The same object until the next write that changes it. */
  memory(): Memory<App>;
  /** All that is written in `work` is one transaction: written whole, once, or not at all. */
  together<T>(work: () => T): T;
  /** What one look decided about one app, in one transaction. */
  record(app: string, decisions: readonly Decision[], now: number): void;
  addEvidence(deployment: string, container: string, evidence: Evidence): void;
  /** Waits 5 s after the first failure of a release, doubling up to 5 min; longer when the other side asked for it. */
  failed(app: string, failure: NewFailure, now: number): void;
  succeeded(app: string): void;
  containerMade(id: string, name: string, app: string): void;
  containerGone(id: string): void;
  /** `from` is the revision before, when this one does not descend from it. */
  revision(id: string, problems: number, now: number, from?: string): void;
  event(event: NewEvent): void;
  /** What forges said, and what came of it. */
  readonly deliveries: DeliveryLog;
  /** Called with every event once it is written; returns the unsubscribe. */
  onEvent(listener: (event: EventRecord) => void): () => void;

  suspend(
    app: string,
    by: { readonly actor: string; readonly reason: string; readonly until?: number },
  ): void;
  /** These containers are to give way to others of their release. */
  restart(app: string, containers: readonly string[], actor: string): void;
  /** Back to what git says: lifts the suspension and the pin. */
  resume(app: string, actor: string): void;
  /** `against` is the spec hash that git wants now. */
  pin(app: string, release: Release<App>, by: { readonly actor: string; readonly against: string }): void;
  unpin(app: string, actor: string): void;
  /** Of the rollout of a spec hash, or of the app's removal. */
  approve(app: string, what: { readonly specHash: string } | { readonly removal: true }, actor: string): void;
  /** Of all that a commit removes. */
  approvePrune(revision: string, actor: string): void;
  /** Lifts quarantine, failure and the mark of healed drift. */
  retry(app: string, actor: string): void;

  releases(app: string): readonly ReleaseRecord[];
  /** Newest first. */
  deployments(app: string, limit: number): readonly DeploymentRecord[];
  deployment(id: string): DeploymentDetail | undefined;
  events(query: EventQuery): readonly EventRecord[];
  /** Newest first. */
  revisions(limit: number): readonly RevisionRecord[];
  /** Remembers of each app when the status of its conditions last changed. */
  keepTransitions(apps: readonly { readonly app: string; readonly conditions: readonly Condition[] }[]): void;
  /** Adds to each condition when its status last changed. */
  lastTransition(app: string, conditions: readonly Condition[]): readonly TimedCondition[];
  /** Drops what is older than its keeping time. A full disk is only warned of. */
  compact(now: number): void;
  close(): void;
}

export type NewFailure = Pick<Failure, 'kind' | 'step' | 'reason' | 'message' | 'specHash'> & {
  /** Milliseconds; it is not tried again before. */
  readonly retryAfter?: number;
};

export interface RevisionRecord {
  readonly id: string;
  readonly firstSeen: number;
  readonly problems: number;
  readonly nonFastForwardFrom?: string;
}

export interface HistoryOptions {
  /** A file, its folder made when missing; or `:memory:`. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** In [0, 1); for the jitter of retries. */
  readonly random?: () => number;
  readonly log?: { readonly warn: (message: string) => void };
  /** Takes secrets out of what people and programs said, before it is written. */
  readonly redact?: (text: string) => string;
}

/** Throws NewerSchemaError for a database of a newer program; a damaged one is set aside and a new one begun. */
export function openHistory(options: HistoryOptions): History {
  const { path, now } = options;
  const { db, damaged } = usable(`open history ${path}`, () => openDatabase(path, migrations, now()));
  const history = new SqliteHistory(db, options);
  if (damaged !== undefined) {
    history.event({
      at: options.now(),
      app: '',
      type: 'HistoryDamaged',
      reason: 'DatabaseDamaged',
      message: `the history was damaged (${damaged.reason}), was set aside as ${damaged.path}, and begins anew`,
    });
  }
  return history;
}
