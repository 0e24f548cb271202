import { EdgeError } from '../apply/ports.ts';
import type { Edges, TurnResult } from '../apply/run-steps.ts';
import { type Assignment, Workers } from '../apply/workers.ts';
import type { Desired, Snapshot } from '../desired/desired.ts';
import type { RouteTable } from '../observed/observed.ts';
import { checkPlan } from '../plan/check-plan.ts';
import { decide } from '../plan/decide.ts';
import { describeStep } from '../plan/describe-step.ts';
import type { AppPlan, Condition, Decision, Plan, Settings, Step, World } from '../plan/plan.ts';
import { stepsOf } from '../plan/simulate.ts';
import type { LoopEdges } from './ports.ts';
import { WorldReader } from './world-reader.ts';

export interface LoopOptions {
  readonly settings: Settings;
  /** Apps that act side by side. */
  readonly concurrency: number;
  /** Manifests to apps, judged beside the routes that run now; the same object as long as nothing changed. */
  readonly load: (snapshot: Snapshot, routes: RouteTable) => Promise<Desired>;
  /** Once a night, after history was compacted. */
  readonly nightly?: () => Promise<void>;
  readonly log: LoopLog;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds between two full lists of the engine that no gap asked for. */
  readonly resync?: number;
  /** Apps that are acted on; the others are only looked at. All when absent or empty. */
  readonly only?: readonly string[];
}

/** One line each; fields as in every log line of ours. */
export interface LoopLog {
  readonly info: (fields: Record<string, unknown>, message: string) => void;
  readonly warn: (fields: Record<string, unknown>, message: string) => void;
  readonly error: (fields: Record<string, unknown>, message: string) => void;
  readonly debug: (fields: Record<string, unknown>, message: string) => void;
}

/** What the last look saw and decided; absent parts could not be seen. */
export interface LoopStatus {
  /** Counts looks; a higher number was begun later. */
  readonly look: number;
  readonly at: number;
  /** Milliseconds that the look took; absent before the first. */
  readonly took?: number;
  readonly world?: World;
  readonly plan?: Plan;
  /** Why there is no plan. */
  readonly engineError?: EdgeError;
  readonly sourceError?: EdgeError;
  /** Why nothing was decided: what cannot be written down is not done. */
  readonly historyError?: EdgeError;
}

const minutes = 60_000;
/** A share of what the engine knows is asked for again; all of it comes round in about five minutes. */
const patrolInterval = 12_000;
/** An engine or source that does not answer is asked again by its own edge; this is the longest we wait for that. */
const retryUnseen = 5_000;
/** To load what reads a schedule, and to read it, takes as long as to look at a small host, and can wait for the first look. */
const afterStart = 3_000;

/**
 * The loop: triggers say "look", never what changed. At most one look runs and one waits; whatever there is to
 * do goes to the workers, and their ends trigger the next look.
 */
export class Reconciler {
  readonly #edges: LoopEdges;
  readonly #options: LoopOptions;
  readonly #reader: WorldReader;
  readonly #workers: Workers;
  readonly #listeners = new Set<(status: LoopStatus) => void>();
  readonly #watchers = new Set<(app: string, line: string) => void>();
  readonly #ends: (() => void)[] = [];
  #status: LoopStatus = { look: 0, at: 0 };
  #wanted = false;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The moment that the last plan waits for has come, whatever the wall clock says. */
  #isDue = false;
  #stopped = false;
  readonly #ready = new Map<string, string>();

  constructor(edges: LoopEdges, acting: Edges, options: LoopOptions) {
    this.#edges = edges;
    this.#options = options;
    this.#reader = new WorldReader(edges, options);
    this.#workers = new Workers(acting, options.concurrency, {
      ended: (assignment, result) => this.#over(() => this.#ended(assignment, result)),
      crashed: (assignment, error) => this.#over(() => this.#crashed(assignment, error)),
      progress: (app, step, line) => this.#progress(app, step, line),
    });
  }

  get status(): LoopStatus {
    return this.#status;
  }

  start(): void {
    const { reader, source } = this.#edges;
    const look = (why: string) => this.trigger(why);
    this.#ends.push(
      reader.onChange(look),
      this.#reader.listen(look),
      source.onChange(() => look('source')),
    );
    const { invalidate, patrol } = reader;
    const anew = (how: () => void, why: string) => () => {
      how();
      this.trigger(why);
    };
    const resync = setInterval(anew(invalidate, 'resync'), this.#options.resync ?? 5 * minutes);
    const patrols = setInterval(anew(patrol, 'patrol'), patrolInterval);
    const later = setTimeout(() => void this.#callNightly(), afterStart);
    this.#ends.push(
      () => clearInterval(resync),
      () => clearInterval(patrols),
      () => clearTimeout(later),
    );
    this.trigger('start');
  }

  async #callNightly(): Promise<void> {
    const { schedule } = await import('node-cron');
    if (this.#stopped) return;
    const task = schedule('17 3 * * *', async () => {
      this.#edges.history.compact(this.#options.now());
      await this.#options.nightly?.();
    });
    this.#ends.push(() => void task.destroy());
  }

  /** Also called by edges that the loop does not own a subscription of (the proxy, the API). */
  trigger(why: string): void {
    if (this.#stopped) return;
    this.#options.log.debug({ trigger: why }, 'look');
    this.#wanted = true;
    this.#looking ??= this.#run();
  }

  onLook(listener: (status: LoopStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called with each step that begins, and each line of a pull. */
  onProgress(listener: (app: string, line: string) => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  /** Triggers a look that takes nothing as known, and answers with what it saw. */
  async lookNow(why: string): Promise<LoopStatus> {
    this.#edges.source.refresh();
    this.#reader.distrust();
    const after = this.#status.look + (this.#looking ? 1 : 0);
    return new Promise((resolve) => {
      const off = this.onLook((status) => {
        if (status.look <= after) return;
        off();
        resolve(status);
      });
      this.trigger(why);
    });
  }

  /** No new look, no new step; steps under way are finished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const end of this.#ends) end();
    await this.#looking;
    await this.#workers.stop();
  }

  #progress(app: string, step: Step, line = describeStep(step)): void {
    this.#options.log.debug({ app, step: step.kind }, line);
    for (const watcher of this.#watchers) watcher(app, line);
  }

  async #run(): Promise<void> {
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      const begun = performance.now();
      try {
        await this.#look(begun);
      } catch (error) {
        this.#wakeIn(retryUnseen);
        if (error instanceof EdgeError) {
          this.#tellUnwritten(error, begun);
          continue;
        }
        this.#options.log.error({ err: error }, 'a look failed, which is a bug; the next one begins afresh');
      }
    }
    this.#looking = undefined;
  }

  /** What engine, source and proxy refuse is part of the world, so that what stops a look is history. Told once. */
  #tellUnwritten(error: EdgeError, begun: number): void {
    if (this.#status.historyError?.message !== error.message)
      this.#options.log.error(
        { reason: error.reason },
        `${error.message}; nothing is changed until it can be`,
      );
    this.#publish({ historyError: error }, begun);
  }

  async #look(begun: number): Promise<void> {
    const isDue = this.#isDue;
    this.#isDue = false;
    if (!isDue && (await this.#seesNoNews(begun))) return;
    const world = await this.#reader.read(() => this.#workers.underway());
    if ('unseen' in world) {
      this.#publish(world.unseen, begun);
      this.#wakeIn(retryUnseen);
      return;
    }
    const plan = decide(world);
    await this.#collectEvidence(world, plan);
    this.#act(world, plan);
    this.#publish({ world, plan }, begun);
    if (plan.wakeAt !== undefined) this.#wakeIn(plan.wakeAt - this.#options.now());
  }

  /** Nothing is another, and the moment that the plan waits for has not come: it is the plan of this look as well. */
  async #seesNoNews(begun: number): Promise<boolean> {
    const { plan } = this.#status;
    if (plan === undefined || stepsOf(plan).length > 0) return false;
    const world = await this.#reader.unchanged(() => this.#workers.underway());
    if (world === undefined || world.now >= (plan.wakeAt ?? Number.POSITIVE_INFINITY)) return false;
    this.#publish({ world, plan }, begun);
    return true;
  }

  /** What a container leaves behind is read while it is still there: the steps that remove it come later. */
  async #collectEvidence({ observed }: World, plan: Plan): Promise<void> {
    const { reader, history } = this.#edges;
    const closes = plan.apps.flatMap(({ records }) => records.filter((record) => record.kind === 'close'));
    for (const { deployment, evidence } of closes)
      for (const id of evidence) {
        const container = observed.containers.find((one) => one.id === id);
        const log = await reader.tail(id, 20).catch(() => []);
        const attempts = observed.health[id]?.attempts ?? [];
        const { exitCode = 0, oomKilled = false } = container ?? {};
        history.addEvidence(deployment, id, { exitCode, oomKilled, attempts, log });
      }
  }

  #act(world: World, plan: Plan): void {
    const { probe } = this.#edges;
    const refused = this.#secondOpinion(world, plan);
    const apps = plan.apps.filter(({ app }) => !refused.has(app) && this.#mayAct(app));
    this.#writeDown(apps, world.now);
    for (const app of apps) {
      if (app.cancel) this.#workers.cancel(app.app);
      this.#workers.begin(assignmentOf(app, world), world.now);
    }
    if (!refused.has(''))
      this.#workers.begin(
        { app: '', steps: plan.host, deployment: undefined, specHash: undefined },
        world.now,
      );
    probe.setTargets(plan.probes);
    // A phase is for people to read.
    if (apps.some(({ records }) => records.some(({ kind }) => kind !== 'phase'))) this.trigger('decided');
  }

  /** What a look decides is written at once: a transaction for each app would hold up all that is to be done. */
  #writeDown(apps: readonly AppPlan[], at: number): void {
    const { history } = this.#edges;
    const news = apps.filter((app) => app.records.length > 0 || this.#readyNews(app));
    if (news.length === 0) return;
    history.together(() => {
      for (const app of news) {
        if (app.records.length > 0) history.record(app.app, app.records, at);
        this.#tellReady(app, at);
      }
    });
  }

  #mayAct(app: string): boolean {
    const { only = [] } = this.#options;
    return only.length === 0 || only.includes(app);
  }

  /** A plan that breaks a rule is a bug of ours: that app is left as it is, and it is said aloud. */
  #secondOpinion(world: World, plan: Plan): ReadonlySet<string> {
    const violations = checkPlan(world, plan);
    for (const violation of violations)
      this.#options.log.error({ ...violation }, 'a plan was refused by its check, which is a bug');
    return new Set(violations.map(({ app }) => app));
  }

  #readyNews({ app, conditions, sync, steps }: AppPlan): Condition | undefined {
    const ready = conditions.find(({ type }) => type === 'Ready');
    // That who stands as git wants it was not asked yet since our own start is no news of the app.
    const isUnasked = ready?.reason === 'Progressing' && sync === 'Synced' && steps.length === 0;
    if (isUnasked && !this.#ready.has(app)) return undefined;
    return ready && this.#ready.get(app) !== ready.reason ? ready : undefined;
  }

  #tellReady(plan: AppPlan, at: number): void {
    const ready = this.#readyNews(plan);
    if (!ready) return;
    const { app, revision } = plan;
    const isFirst = !this.#ready.has(app);
    this.#ready.set(app, ready.reason);
    if (isFirst && ready.status === 'True') return;
    this.#edges.history.event({ at, app, type: 'Ready', reason: ready.reason, message: ready.message });
    this.#options.log.info({ app, reason: ready.reason, revision }, ready.message);
  }

  /** What a turn did is another world at once, whether or not the engine or the proxy has told of it yet. */
  #over(write: () => void): void {
    this.#reader.distrust();
    this.#written(write);
  }

  /** History that cannot be written (a full disk) stops nothing: the next look finds out what is there. */
  #written(write: () => void): void {
    try {
      write();
    } catch (error) {
      const reason = error instanceof EdgeError ? { reason: error.reason } : { err: error };
      const message = error instanceof EdgeError ? `${error.message}: ` : '';
      this.#options.log.error(reason, `${message}what came of a step is not written down`);
      this.#wakeIn(retryUnseen);
    }
  }

  #ended({ app, specHash }: Assignment, { outcome, failed }: TurnResult): void {
    const { history } = this.#edges;
    if (outcome.kind === 'ok') {
      if (history.memory().apps[app]?.failure) history.succeeded(app);
    } else if (outcome.kind !== 'cancelled' && failed) {
      const kind = outcome.kind === 'terminal' ? 'terminal' : 'transient';
      const { reason, message, retryAfter } = outcome;
      const failure = {
        kind,
        step: failed.kind,
        reason,
        message,
        ...(specHash === undefined ? {} : { specHash }),
        ...(retryAfter === undefined ? {} : { retryAfter }),
      } as const;
      history.failed(app, failure, this.#options.now());
      this.#options.log.warn({ app, step: failed.kind, reason: outcome.reason }, outcome.message);
    }
    this.trigger('turn ended');
  }

  /** An error that no edge explains is a bug; this app waits like after any failure, the others go on. */
  #crashed({ app, steps }: Assignment, error: unknown): void {
    // Its step could not be written down, and was not begun or has no end now.
    if (error instanceof EdgeError) throw error;
    const step = steps[0]?.kind ?? 'start';
    this.#options.log.error({ app, err: error }, 'a step failed, which is a bug');
    this.#edges.history.failed(
      app,
      { kind: 'transient', step, reason: 'InternalError', message: 'a bug of ours; see the log' },
      this.#options.now(),
    );
    this.trigger('turn crashed');
  }

  #publish(seen: Partial<LoopStatus>, begun: number): void {
    const { sourceError: error } = this.#reader;
    const sourceError = error ? { sourceError: error } : {};
    const [look, took] = [this.#status.look + 1, performance.now() - begun];
    this.#status = { look, at: this.#options.now(), took, ...sourceError, ...seen };
    for (const listener of [...this.#listeners]) listener(this.#status);
  }

  #wakeIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    // The look that was under way when we stopped would otherwise keep the process for as long as it wants to wait.
    if (this.#stopped) return;
    const longest = 24 * 60 * minutes;
    // A moment that has come and that nothing could be done about must not become a busy loop.
    const shortest = 50;
    this.#timer = setTimeout(
      () => {
        this.#isDue = true;
        this.trigger('timer');
      },
      Math.min(longest, Math.max(shortest, milliseconds)),
    );
  }
}

export function assignmentOf({ app, steps, records }: AppPlan, { memory }: World): Assignment {
  const opened = records.find(
    (record): record is Extract<Decision, { kind: 'open' }> => record.kind === 'open',
  );
  const deployment = opened?.deployment ?? memory.apps[app]?.deployment;
  const specHash = deployment?.specHash ?? specHashOf(steps);
  return { app, steps, deployment: deployment?.id, specHash };
}

function specHashOf(steps: readonly Step[]): string | undefined {
  const create = steps.find((step) => step.kind === 'create');
  return create?.spec.labels['plimsoll.spec-hash'];
}
