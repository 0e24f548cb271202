import PQueue from 'p-queue';
import type { Underway } from '../observed/observed.ts';
import { describeStep } from '../plan/describe-step.ts';
import type { Step } from '../plan/plan.ts';
import { type Edges, runSteps, type TurnResult } from './run-steps.ts';

export interface Assignment {
  /** `''` for what concerns the host. */
  readonly app: string;
  readonly steps: readonly Step[];
  readonly deployment: string | undefined;
  /** The release that it is done for; a look that wants another one cancels it. */
  readonly specHash: string | undefined;
}

export interface WorkerEvents {
  /** A turn is over; a bug (anything that is no edge's error) comes as `error`. */
  readonly ended: (assignment: Assignment, result: TurnResult) => void;
  readonly crashed: (assignment: Assignment, error: unknown) => void;
  readonly progress: (app: string, step: Step, line?: string) => void;
}

interface Running {
  readonly abort: AbortController;
  underway: Underway;
}

/** A turn that begins with one of these brings in what is not there yet. */
const beginnings: readonly Step['kind'][] = ['pull', 'create-volume', 'create'];

/**
 * Apps side by side, within `concurrency`; the acts of one app never overlap. What a worker is doing is part of
 * the world that the next look sees. Of those that wait for a worker, who has begun goes first: of many new apps one
 * after the other is served, and not all of them at the end.
 */
export class Workers {
  readonly #edges: Edges;
  readonly #events: WorkerEvents;
  readonly #queue: PQueue;
  readonly #host = new PQueue({ concurrency: 1 });
  readonly #running = new Map<string, Running>();

  constructor(edges: Edges, concurrency: number, events: WorkerEvents) {
    this.#edges = edges;
    this.#events = events;
    this.#queue = new PQueue({ concurrency });
  }

  underway(): Readonly<Record<string, Underway>> {
    return Object.fromEntries([...this.#running].map(([app, running]) => [app, running.underway]));
  }

  /** Begins a turn; an app that is at work keeps at it and the assignment is dropped: the next look decides afresh. */
  begin(assignment: Assignment, now: number): void {
    const [first] = assignment.steps;
    if (!first || this.#running.has(assignment.app)) return;
    const { specHash, steps } = assignment;
    const load = steps.find((step) => step.kind === 'load-routes');
    const underway = {
      what: describeStep(first),
      kind: first.kind,
      since: now,
      ...(specHash === undefined ? {} : { specHash }),
      ...(load === undefined ? {} : { routes: load.routes }),
    };
    const running = { abort: new AbortController(), underway };
    this.#running.set(assignment.app, running);
    const queue = assignment.app === '' ? this.#host : this.#queue;
    const priority = beginnings.includes(first.kind) ? 0 : 1;
    void queue.add(() => this.#run(assignment, running), { priority });
  }

  cancel(app: string): void {
    this.#running.get(app)?.abort.abort();
  }

  /** Ends what can be ended and waits for the rest: a step that has begun is finished. */
  async stop(): Promise<void> {
    for (const running of this.#running.values()) running.abort.abort();
    await Promise.all([this.#queue.onIdle(), this.#host.onIdle()]);
  }

  async #run(assignment: Assignment, running: Running): Promise<void> {
    const { app, steps, deployment } = assignment;
    const progress = (step: Step, line?: string) => {
      running.underway = { ...running.underway, what: describeStep(step), kind: step.kind };
      this.#events.progress(app, step, line);
    };
    try {
      const result = await runSteps(this.#edges, {
        app,
        steps,
        deployment,
        signal: running.abort.signal,
        progress,
      });
      this.#running.delete(app);
      this.#events.ended(assignment, result);
    } catch (error) {
      this.#running.delete(app);
      this.#events.crashed(assignment, error);
    }
  }
}
