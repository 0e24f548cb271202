import { EdgeError, type JournalPort } from '../../src/apply/ports.ts';
import type { TurnResult } from '../../src/apply/run-steps.ts';
import { type Assignment, Workers } from '../../src/apply/workers.ts';
import type { App } from '../../src/desired/app.ts';
import { isSameValue } from '../../src/desired/canonical.ts';
import type { Desired } from '../../src/desired/desired.ts';
import { backoff } from '../../src/history/backoff.ts';
import { assignmentOf } from '../../src/loop/reconciler.ts';
import type { AppMemory, Memory, Release } from '../../src/observed/memory.ts';
import { applyDecisions } from '../../src/plan/apply-decisions.ts';
import { checkPlan } from '../../src/plan/check-plan.ts';
import { decide } from '../../src/plan/decide.ts';
import type { Plan, Step, World } from '../../src/plan/plan.ts';
import { inMemoryPorts } from './in-memory-ports.ts';
import type { CallFault, ModelHost } from './model-host.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';

export const nothing: Memory<App> = { apps: {}, approvedPrunes: [], containers: {} };

/** A call that is under way: whose it is, and what was known when it was decided. */
interface Pending {
  readonly app: string;
  readonly step: Step;
  readonly settle: (error?: unknown) => void;
}

/**
 * The controller on the simulated host: `decide`, its check, and the real workers. A call waits until it is let
 * through, so that calls of several apps come in any order, stay under way over looks, and are cut by a crash.
 */
export class Controller {
  memory: Memory<App> = nothing;
  desired: Desired = { revision: 'r0', apps: [], problems: [], invalid: [], unnamed: false };
  /** What goes wrong with the calls to come, first come first served. */
  readonly faults: CallFault[] = [];
  /** Releases that were healthy, oldest first. */
  readonly releases = new Map<string, Release<App>[]>();
  looks = 0;
  planned = 0;
  performed = 0;
  readonly #host: ModelHost;
  readonly #oracle: Oracle;
  #workers: Workers;
  #pending: Pending[] = [];
  #intent: Pick<Pending, 'app' | 'step'> | undefined;
  #decided: { readonly world: World; readonly plan: Plan } | undefined;
  #decisions = 0;
  #bug: unknown;

  constructor(host: ModelHost, oracle: Oracle) {
    this.#host = host;
    this.#oracle = oracle;
    this.#workers = this.#start();
  }

  get isBusy(): boolean {
    return this.#pending.length > 0;
  }

  /** One look, and the begin of what it decides; undefined when the engine cannot be seen. */
  look(): Plan | undefined {
    if (!this.#host.engineUp) return undefined;
    this.#host.live();
    this.looks += 1;
    const world = this.#see();
    const plan = this.#decide(world);
    this.#oracle.planned(world, plan);
    for (const app of plan.apps) {
      this.planned += app.steps.length;
      this.memory = applyDecisions(this.memory, app.app, app.records);
      for (const record of app.records)
        if (record.kind === 'healthy')
          this.releases.set(app.app, [...(this.releases.get(app.app) ?? []).slice(-9), record.release]);
      if (app.cancel) this.#workers.cancel(app.app);
      this.#workers.begin(assignmentOf(app, world), this.#host.now);
    }
    this.planned += plan.host.length;
    this.#workers.begin(
      { app: '', steps: plan.host, deployment: undefined, specHash: undefined },
      this.#host.now,
    );
    this.#host.setTargets(plan.probes);
    return plan;
  }

  /** Decides, and checks what was decided; the very same world has been decided and checked already. */
  #decide(world: World): Plan {
    if (this.#decided && isSameWorld(this.#decided.world, world)) return this.#decided.plan;
    const plan = decide(world);
    this.#decisions += 1;
    // What was remembered of apps at rest must be what would be decided without it.
    if (this.#decisions % 8 === 0 && !isSameValue(plan, decide(copyOf(world))))
      this.#oracle.fail('a plan of the same world, made anew, is another');
    for (const { app, rule, message } of checkPlan(world, plan))
      this.#oracle.fail(`the check of the plan: ${rule}: ${app}: ${message}`);
    this.#decided = { world, plan };
    return plan;
  }

  /** What a look would decide now. */
  preview(): Plan {
    return this.#decide(this.#see());
  }

  /** Lets calls through, in an order that `random` chooses, until none is left or `most` were. */
  async work(random: Random, most = Number.POSITIVE_INFINITY): Promise<void> {
    await drained();
    for (let count = 0; count < most && this.#pending.length > 0; count += 1) {
      const [pending] = this.#pending.splice(random.below(this.#pending.length), 1);
      if (pending) this.#let(pending);
      await drained();
    }
    if (this.#bug) throw this.#bug;
  }

  /** Dies, with the call that is under way done or not, and comes back with what was remembered. */
  async crash(done: boolean): Promise<void> {
    await drained();
    const [pending] = this.#pending;
    if (done && pending) this.#attempt(pending.step, undefined, pending.app);
    this.#pending = [];
    this.#workers = this.#start();
  }

  change(app: string, change: (memory: AppMemory<App>) => AppMemory<App>): void {
    const before = this.memory.apps[app] ?? { restarts: {} };
    this.memory = { ...this.memory, apps: { ...this.memory.apps, [app]: change(before) } };
  }

  #see(): World {
    const { now, settings } = this.#host;
    const observed = this.#host.read(this.#workers.underway(), this.memory.containers);
    const known = this.memory.containers;
    const missing = observed.containers.some(({ id }) => !known[id]);
    if (missing || Object.keys(known).length !== observed.containers.length) {
      const kept = observed.containers.map(({ id, name }) => [id, known[id] ?? { name }]);
      this.memory = { ...this.memory, containers: Object.fromEntries(kept) };
    }
    return { now, desired: this.desired, observed, memory: this.memory, settings };
  }

  #start(): Workers {
    const life = {};
    this.#life = life;
    const journal: JournalPort = {
      begin: (app, step) => {
        this.#intent = { app, step };
        return 0;
      },
      end: () => {},
    };
    const act = (call: Step) => {
      const intent = this.#intent;
      this.#intent = undefined;
      if (intent?.step.kind !== call.kind) throw new Error(`${call.kind} has no intent before it`);
      return new Promise<void>((resolve, reject) => {
        const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error));
        this.#pending.push({ app: intent.app, step: call, settle });
      });
    };
    return new Workers(inMemoryPorts(act, journal), 4, {
      ended: (assignment, result) => {
        if (this.#life === life) this.#ended(assignment, result);
      },
      crashed: (_assignment, error) => {
        this.#bug = error;
      },
      progress: () => {},
    });
  }

  #life: object | undefined;

  #let({ step, app, settle }: Pending): void {
    const fault = this.faults.shift();
    settle(this.#attempt(step, fault, app));
  }

  #attempt(step: Step, fault: CallFault | undefined, app: string): EdgeError | undefined {
    this.performed += 1;
    const judge = this.#oracle.begin(step, app);
    try {
      this.#host.perform(step, this.desired, fault);
      return undefined;
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error;
      return error;
    } finally {
      judge();
    }
  }

  /** As the loop writes it down. */
  #ended({ app, specHash }: Assignment, { outcome, failed }: TurnResult): void {
    const before = this.memory.apps[app]?.failure;
    if (outcome.kind === 'ok') {
      if (before) this.change(app, ({ failure: _over, ...memory }) => memory);
      return;
    }
    if (outcome.kind === 'cancelled' || !failed) return;
    const { now } = this.#host;
    const kind = outcome.kind === 'terminal' ? 'terminal' : 'transient';
    const count = before !== undefined && before.specHash === specHash ? before.count + 1 : 1;
    const failure = {
      kind,
      step: failed.kind,
      reason: outcome.reason,
      message: outcome.message,
      count,
      at: now,
      nextRetry: now + backoff(count, 0),
      ...(specHash === undefined ? {} : { specHash }),
    } as const;
    this.change(app, (memory) => ({ ...memory, failure }));
  }
}

function isSameWorld(a: World, b: World): boolean {
  return a.now === b.now && a.desired === b.desired && a.observed === b.observed && a.memory === b.memory;
}

/** Shares nothing with what it was made from; what is one object in it is one in the copy. */
function copyOf<T>(value: T, known = new Map<unknown, unknown>()): T {
  if (typeof value !== 'object' || value === null) return value;
  const before = known.get(value);
  if (before !== undefined) return before as T;
  if (Array.isArray(value)) {
    const list: unknown = value.map((part: unknown) => copyOf(part, known));
    known.set(value, list);
    return list as T;
  }
  const copy: T = { ...value };
  for (const key in value) copy[key] = copyOf(value[key], known);
  known.set(value, copy);
  return copy;
}

/** Everything that can go on has gone on: what is left waits for a call to be let through. */
function drained(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
