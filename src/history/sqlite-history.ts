import type Database from 'better-sqlite3';
import { EdgeError, type JournalPort, type Outcome } from '../apply/ports.ts';
import type { App } from '../desired/app.ts';
import type { AppMemory, Memory, Release } from '../observed/memory.ts';
import { applyDecisions } from '../plan/apply-decisions.ts';
import type { Condition, Decision } from '../plan/plan.ts';
import { type AuditLog, createAuditLog } from './audit-log.ts';
import { backoff } from './backoff.ts';
import { compactTables } from './compact-tables.ts';
import { type ConditionLog, createConditionLog, type TimedCondition } from './condition-log.ts';
import { createDeliveryLog, type DeliveryLog } from './delivery-log.ts';
import {
  createDeploymentLog,
  type DeploymentDetail,
  type DeploymentLog,
  type DeploymentRecord,
  type Evidence,
} from './deployment-log.ts';
import {
  createEventLog,
  type EventLog,
  type EventQuery,
  type EventRecord,
  type NewEvent,
} from './event-log.ts';
import type { History, HistoryOptions, NewFailure, RevisionRecord } from './history.ts';
import { createMemoryStore, type MemoryStore, type ReleaseRecord } from './memory-store.ts';
import { createTokenStore, type TokenStore } from './token-store.ts';

const transitionsPause = 5_000;

/**
 * When a write is safe from a power cut; from the end of this process each is at once. What only explains may lose its
 * last lines: a step would wait for the disk twice.
 */
type OnDisk = 'at once' | 'with the next';

/** Writes go by one door (`#write`), so that memory and listeners never run ahead of the disk. */
export class SqliteHistory implements History {
  readonly tokens: TokenStore;
  readonly audit: AuditLog;
  readonly deliveries: DeliveryLog;
  readonly #db: Database.Database;
  readonly #options: HistoryOptions;
  readonly #store: MemoryStore;
  readonly #deployments: DeploymentLog;
  readonly #events: EventLog;
  readonly #conditions: ConditionLog;
  readonly #listeners = new Set<(event: EventRecord) => void>();
  #memory: Memory<App> | undefined;
  #onDisk: OnDisk = 'at once';
  /** By the monotonic clock; the times of conditions are not written before. */
  #transitionsFrom = 0;
  /** Written in the transaction under way; told when it is committed. */
  #untold: EventRecord[] = [];

  constructor(db: Database.Database, options: HistoryOptions) {
    this.#db = db;
    this.#options = options;
    this.#store = createMemoryStore(db, (message) => options.log?.warn(message));
    this.#deployments = createDeploymentLog(db);
    this.#events = createEventLog(db);
    this.#conditions = createConditionLog(db);
    this.tokens = createTokenStore(db, (work) => this.#write(work));
    this.audit = createAuditLog(db, (work) => this.#write(work));
    this.deliveries = createDeliveryLog(db, (work) => this.#write(work));
    this.#write(() => this.#closeInterrupted(options.now()));
  }

  memory(): Memory<App> {
    try {
      this.#memory ??= this.#store.load();
      return this.#memory;
    } catch (error) {
      throw edgeError(error, 'HistoryUnreadable', `read history ${this.#options.path}`);
    }
  }

  together<T>(work: () => T): T {
    return this.#write(work);
  }

  record(app: string, decisions: readonly Decision[], now: number): void {
    this.#write(() => {
      for (const decided of decisions) {
        const decision = this.#clean(decided);
        const before = this.memory();
        const after = applyDecisions(before, app, [decision]);
        this.#writeDecision(app, decision, now, before);
        this.#save(before, after, app);
      }
    });
  }

  begin(...[app, step, deployment]: Parameters<JournalPort['begin']>): number {
    return this.#write(
      () => this.#deployments.beginStep(app, step, deployment, this.#options.now()),
      'with the next',
    );
  }

  end(id: number, outcome: Outcome): void {
    const error =
      outcome.kind === 'ok' || outcome.kind === 'cancelled'
        ? undefined
        : this.#redact(`${outcome.reason}: ${outcome.message}`);
    this.#write(
      () => this.#deployments.endStep(id, outcome.kind, error, this.#options.now()),
      'with the next',
    );
  }

  addEvidence(deployment: string, container: string, evidence: Evidence): void {
    const clean = {
      ...evidence,
      attempts: evidence.attempts.map((attempt) => ({ ...attempt, detail: this.#redact(attempt.detail) })),
      log: evidence.log.map((line) => this.#redact(line)),
    };
    this.#write(() => this.#deployments.addEvidence(deployment, container, clean));
  }

  failed(app: string, { retryAfter = 0, ...given }: NewFailure, now: number): void {
    const failure = { ...given, message: this.#redact(given.message) };
    const before = this.memory().apps[app]?.failure;
    const count = before !== undefined && before.specHash === failure.specHash ? before.count + 1 : 1;
    const nextRetry = now + Math.max(retryAfter, backoff(count, (this.#options.random ?? Math.random)()));
    this.#change(app, (memory) => ({ ...memory, failure: { ...failure, count, at: now, nextRetry } }), {
      type: 'StepFailed',
      reason: failure.reason,
      message: failure.message,
    });
  }

  succeeded(app: string): void {
    if (this.memory().apps[app]?.failure === undefined) return;
    this.#change(app, ({ failure: _over, ...memory }) => memory);
  }

  containerMade(id: string, name: string, app: string): void {
    this.#write(() => {
      const before = this.memory();
      const known = { ...before.containers[id], name };
      this.#save(before, { ...before, containers: { ...before.containers, [id]: known } }, app);
    });
  }

  containerGone(id: string): void {
    this.#write(() => {
      const before = this.memory();
      const { [id]: _gone, ...containers } = before.containers;
      this.#save(before, { ...before, containers }, '');
    });
  }

  revision(id: string, problems: number, now: number, from?: string): void {
    this.#write(() =>
      this.#db
        .prepare<[string, number, number, string | null]>(
          `INSERT INTO revisions (id, first_seen, problems, non_fast_forward_from) VALUES (?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET problems = excluded.problems`,
        )
        .run(id, now, problems, from ?? null),
    );
  }

  event(event: NewEvent): void {
    this.#write(() => this.#tell(event));
  }

  onEvent(listener: (event: EventRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  suspend(app: string, by: Parameters<History['suspend']>[1]): void {
    const { actor, reason } = by;
    this.#change(app, (memory) => ({ ...memory, suspended: { ...by } }), {
      type: 'Suspended',
      reason: 'Operator',
      message: `suspended by ${actor}: ${reason}`,
    });
  }

  restart(app: string, containers: readonly string[], actor: string): void {
    const restart = { containers, actor, at: this.#options.now() };
    this.#change(app, (memory) => ({ ...memory, restart }), {
      type: 'RestartAsked',
      reason: 'Operator',
      message: `a restart was asked for by ${actor}`,
    });
  }

  resume(app: string, actor: string): void {
    this.#change(app, ({ suspended: _suspended, pin: _pin, ...memory }) => memory, {
      type: 'Resumed',
      reason: 'Operator',
      message: `resumed by ${actor}`,
    });
  }

  pin(app: string, release: Release<App>, by: Parameters<History['pin']>[2]): void {
    this.#change(app, (memory) => ({ ...memory, pin: { ...release, ...by } }), {
      type: 'Pinned',
      reason: 'Operator',
      message: `pinned to the release of ${release.revision} by ${by.actor}`,
    });
  }

  unpin(app: string, actor: string): void {
    this.#change(app, ({ pin: _pin, ...memory }) => memory, {
      type: 'Unpinned',
      reason: 'Operator',
      message: `unpinned by ${actor}`,
    });
  }

  approve(app: string, what: Parameters<History['approve']>[1], actor: string): void {
    const [kind, subject] =
      'specHash' in what ? (['rollout', what.specHash] as const) : (['removal', app] as const);
    const approval = 'specHash' in what ? { approved: what.specHash } : { pruneApproved: true };
    this.#write(() => {
      this.#store.approve({ kind, subject, app, actor, at: this.#options.now() });
      this.#change(app, (memory) => ({ ...memory, ...approval }), {
        type: 'Approved',
        reason: 'Operator',
        message: `${kind} approved by ${actor}`,
      });
    });
  }

  approvePrune(revision: string, actor: string): void {
    const at = this.#options.now();
    this.#write(() => {
      this.#store.approve({ kind: 'prune', subject: revision, app: '', actor, at });
      const message = `the removals of ${revision} were approved by ${actor}`;
      this.#tell({ at, app: '', type: 'Approved', reason: 'Operator', message });
      this.#memory = undefined;
    });
  }

  retry(app: string, actor: string): void {
    this.#change(app, ({ quarantine: _q, failure: _f, healed: _h, delivered: _d, ...memory }) => memory, {
      type: 'Retried',
      reason: 'Operator',
      message: `a new attempt was asked for by ${actor}`,
    });
  }

  releases(app: string): readonly ReleaseRecord[] {
    return this.#store.releases(app);
  }

  deployments(app: string, limit: number): readonly DeploymentRecord[] {
    return this.#deployments.list(app, limit);
  }

  deployment(id: string): DeploymentDetail | undefined {
    return this.#deployments.detail(id);
  }

  events(query: EventQuery): readonly EventRecord[] {
    return this.#events.list(query);
  }

  revisions(limit: number): readonly RevisionRecord[] {
    const rows = this.#db
      .prepare<[number], RevisionRecord & { readonly from: string | null }>(
        `SELECT id, first_seen AS firstSeen, problems, non_fast_forward_from AS "from"
         FROM revisions ORDER BY seq DESC LIMIT ?`,
      )
      .all(limit);
    return rows.map(({ from, ...row }) => (from === null ? row : { ...row, nonFastForwardFrom: from }));
  }

  lastTransition(app: string, conditions: readonly Condition[]): readonly TimedCondition[] {
    const now = this.#options.now();
    const { timed, changed } = this.#conditions.compare(app, conditions, now);
    if (changed && performance.now() >= this.#transitionsFrom) this.#saveTransitions([{ app, timed }]);
    return timed;
  }

  keepTransitions(
    apps: readonly { readonly app: string; readonly conditions: readonly Condition[] }[],
  ): void {
    if (performance.now() < this.#transitionsFrom) return;
    const now = this.#options.now();
    const compared = apps.map(({ app, conditions }) => ({
      app,
      ...this.#conditions.compare(app, conditions, now),
    }));
    this.#saveTransitions(compared.filter(({ changed }) => changed));
  }

  compact(now: number): void {
    try {
      this.#write(() => compactTables(this.#db, now));
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error;
      // On a full disk even a deletion needs room (https://sqlite.org/wal.html).
      this.#options.log?.warn(error.message);
    }
  }

  close(): void {
    this.#listeners.clear();
    if (this.#db.open) this.deliveries.end();
    this.#db.close();
  }

  /**
   * What a crash left open. A deployment that memory knows stays open: the loop decides afresh. One that it
   * does not know would stay open for ever.
   */
  #closeInterrupted(now: number): void {
    this.deliveries.interrupt();
    this.#deployments.interruptSteps(now);
    for (const { id, app } of this.#deployments.listOpen()) {
      if (this.memory().apps[app]?.deployment?.id === id) continue;
      const message = 'the controller ended and no longer knew of it';
      this.#deployments.close(id, { result: 'Superseded', reason: 'Interrupted', message, now });
    }
  }

  #saveTransitions(
    apps: readonly { readonly app: string; readonly timed: readonly TimedCondition[] }[],
  ): void {
    if (apps.length === 0) return;
    try {
      this.#write(() => {
        for (const { app, timed } of apps) this.#conditions.save(app, timed);
      });
    } catch (error) {
      // Who asks how apps are gets an answer on a full disk too, and soon: each try may wait for a lock.
      if (!(error instanceof EdgeError)) throw error;
      this.#transitionsFrom = performance.now() + transitionsPause;
    }
  }

  /** What one decision leaves besides memory. */
  #writeDecision(app: string, decision: Decision, at: number, before: Memory<App>): void {
    switch (decision.kind) {
      case 'open':
        this.#deployments.open(app, decision.deployment);
        return;
      case 'phase':
        this.#deployments.phase(decision.deployment, decision.phase);
        return;
      case 'close': {
        const { deployment, result, reason, message } = decision;
        this.#deployments.close(deployment, { result, reason, message, now: at });
        this.#tell({ at, app, type: result === 'Succeeded' ? 'Deployed' : result, reason, message });
        return;
      }
      case 'healthy':
        this.#store.addRelease(app, decision.release, at);
        return;
      case 'healed':
        this.#tell({
          at,
          app,
          type: 'Drifted',
          reason: 'Healed',
          message: `healed ${decision.fields.join(', ')}`,
        });
        return;
      case 'delivered': {
        const mounts = [
          ...new Set(Object.keys(decision.files).map((key) => key.slice(key.indexOf(' ') + 1))),
        ];
        this.#tell({
          at,
          app,
          type: 'Delivered',
          reason: 'FileChanged',
          message: `delivered ${mounts.join(', ')}`,
        });
        return;
      }
      case 'restarted':
        this.#tell({
          at,
          app,
          type: 'Restarted',
          reason: 'Unhealthy',
          message: `restarted replica ${decision.replica}`,
        });
        return;
      case 'renamed':
        if (before.apps[decision.from] === undefined) return;
        this.#store.rename(decision.from, app);
        this.#conditions.rename(decision.from, app);
        this.#tell({ at, app, type: 'Renamed', reason: 'Renamed', message: `was ${decision.from}` });
        return;
      case 'forget':
        this.#store.forgetReleases(app);
        this.#conditions.forget(app);
        this.#tell({ at, app, type: 'Removed', reason: 'Removed', message: 'the app was removed' });
        return;
      case 'quarantine':
      case 'lift':
      case 'drain':
      case 'checked':
        return;
      default:
        decision satisfies never;
    }
  }

  #change(
    app: string,
    change: (memory: AppMemory<App>) => AppMemory<App>,
    event?: Pick<NewEvent, 'type' | 'reason' | 'message'>,
  ): void {
    this.#write(() => {
      const before = this.memory();
      const after = change(before.apps[app] ?? { restarts: {} });
      this.#save(before, { ...before, apps: { ...before.apps, [app]: after } }, app);
      if (event !== undefined) this.#tell({ at: this.#options.now(), app, ...event });
    });
  }

  /** Writes the rows in which two memories differ. */
  #save(before: Memory<App>, after: Memory<App>, app: string): void {
    for (const name of changedKeys(before.apps, after.apps)) this.#store.saveApp(name, after.apps[name]);
    for (const id of changedKeys(before.containers, after.containers)) {
      this.#store.saveContainer(id, after.containers[id], app);
    }
    this.#memory = after;
  }

  #tell(event: NewEvent): void {
    this.#untold.push(this.#events.add({ ...event, message: this.#redact(event.message) }));
  }

  #redact(text: string): string {
    return this.#options.redact?.(text) ?? text;
  }

  /** What a container or an edge said of a failure; the other decisions are made of manifests. */
  #clean(decision: Decision): Decision {
    switch (decision.kind) {
      case 'close':
        return { ...decision, message: this.#redact(decision.message) };
      case 'quarantine': {
        const { quarantine } = decision;
        return { ...decision, quarantine: { ...quarantine, message: this.#redact(quarantine.message) } };
      }
      default:
        return decision;
    }
  }

  /** A write at once takes all those before it along (https://sqlite.org/pragma.html#pragma_synchronous). */
  #sync(onDisk: OnDisk): void {
    if (this.#onDisk === onDisk) return;
    this.#db.pragma(`synchronous = ${onDisk === 'at once' ? 'FULL' : 'NORMAL'}`);
    this.#onDisk = onDisk;
  }

  /** One transaction, joined by those inside it; what is in memory never runs ahead of what is on the disk. */
  #write<T>(work: () => T, onDisk: OnDisk = 'at once'): T {
    if (this.#db.inTransaction) return work();
    let result: T;
    try {
      this.#sync(onDisk);
      result = this.#db.transaction(work).immediate();
    } catch (error) {
      this.#memory = undefined;
      this.#conditions.reload();
      this.#untold = [];
      throw edgeError(error, 'HistoryUnwritable', `write history ${this.#options.path}`);
    }
    const told = this.#untold;
    this.#untold = [];
    for (const event of told) for (const listener of [...this.#listeners]) listener(event);
    return result;
  }
}

/** What SQLite says, as an edge says it; anything else is a bug and stays what it is. */
function edgeError(error: unknown, reason: string, what: string): unknown {
  const isSqlite = error instanceof Error && error.name === 'SqliteError';
  return isSqlite ? new EdgeError('transient', reason, `${what}: ${error.message}`, error) : error;
}

function changedKeys<T>(before: Readonly<Record<string, T>>, after: Readonly<Record<string, T>>): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]);
}
