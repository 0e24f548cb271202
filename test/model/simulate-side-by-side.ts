import { Worker } from 'node:worker_threads';
import { mostFailures, type NamedWalk, nothingPlayed, type Totals, together } from './simulate-many.ts';
import type { WalkOptions } from './walk.ts';

export type Task =
  | { readonly kind: 'walk'; readonly index: number; readonly options: WalkOptions }
  | { readonly kind: 'seeds'; readonly first: number; readonly count: number };

export type TaskResult =
  | { readonly kind: 'walk'; readonly index: number; readonly walked: NamedWalk }
  | { readonly kind: 'seeds'; readonly first: number; readonly totals: Totals };

export interface Simulation {
  /** Threads. */
  readonly jobs: number;
  readonly walks: readonly WalkOptions[];
  /** The first seed; those after it follow. */
  readonly seed: number;
  /** Play exactly so many schedules, or until so many steps are done. */
  readonly until: { readonly schedules: number } | { readonly steps: number };
  /** No task is begun any more; those that are under way end. */
  readonly isOver: () => boolean;
  /** Everything ends at once: what was played up to here counts. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Simulated {
  readonly walks: readonly NamedWalk[];
  readonly totals: Totals;
}

/** About a second's work. What is played ends with one of these ranges, so that it does not depend on who was faster. */
const seedsAtOnce = 20;

/**
 * Walks and schedules on as many threads as there are jobs. Ranges of seeds are counted in their order, whatever
 * order they end in, and what lies behind the one that was enough is not counted: the sum is the same on any number of threads.
 */
export async function simulateSideBySide(simulation: Simulation): Promise<Simulated> {
  const run = new Run(simulation);
  await Promise.all(Array.from({ length: simulation.jobs }, () => work(simulation, run)));
  return run.result();
}

/** One thread, from task to task. */
async function work({ signal }: Simulation, run: Run): Promise<void> {
  if (signal.aborted) return;
  const thread = new Worker(new URL('simulation-thread.ts', import.meta.url));
  try {
    for (let task = run.next(); task && !signal.aborted; task = run.next()) {
      const result = await answerOf(thread, task, signal);
      if (result) run.take(result);
    }
  } finally {
    await thread.terminate();
  }
}

/** Undefined when it was given up. */
function answerOf(thread: Worker, task: Task, signal: AbortSignal): Promise<TaskResult | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<TaskResult | undefined>();
  const giveUp = () => resolve(undefined);
  signal.addEventListener('abort', giveUp);
  thread.once('message', resolve);
  thread.once('error', reject);
  thread.postMessage(task);
  return promise.finally(() => {
    signal.removeEventListener('abort', giveUp);
    thread.off('message', resolve).off('error', reject);
  });
}

/** What is to be done yet, and what came of what is done. */
class Run {
  readonly #simulation: Simulation;
  readonly #walksLeft: Task[];
  readonly #walked: NamedWalk[] = [];
  /** Ended before a range that lies before them. */
  readonly #early = new Map<number, Totals>();
  #totals = nothingPlayed;
  /** The next seed to hand out. */
  #seed: number;
  #toldAt = performance.now();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#seed = simulation.seed;
    // The largest first, so that none is left over when all else is done.
    this.#walksLeft = simulation.walks
      .map((options, index): Task => ({ kind: 'walk', index, options }))
      .reverse();
  }

  next(): Task | undefined {
    const walk = this.#walksLeft.shift();
    if (walk) return walk;
    const { seed, until, isOver } = this.#simulation;
    const left = 'schedules' in until ? seed + until.schedules - this.#seed : seedsAtOnce;
    if (left <= 0 || isOver() || this.#isEnough()) return undefined;
    const first = this.#seed;
    const count = Math.min(seedsAtOnce, left);
    this.#seed += count;
    return { kind: 'seeds', first, count };
  }

  take(result: TaskResult): void {
    if (result.kind === 'walk') {
      const { name, states, broken } = result.walked;
      this.#walked[result.index] = result.walked;
      this.#simulation.say(`walk (${name}): ${states} states${broken ? `, broken: ${broken.rule}` : ''}`);
      return;
    }
    this.#early.set(result.first, result.totals);
    for (let next = this.#takeNext(); next && !this.#isEnough(); next = this.#takeNext()) this.#count(next);
  }

  result(): Simulated {
    return { walks: this.#walked.filter((one) => one !== undefined), totals: this.#totals };
  }

  /** The range behind those that were counted, when it has ended. */
  #takeNext(): Totals | undefined {
    const first = this.#simulation.seed + this.#totals.schedules;
    const totals = this.#early.get(first);
    this.#early.delete(first);
    return totals;
  }

  #count(totals: Totals): void {
    const { say } = this.#simulation;
    this.#totals = together(this.#totals, totals);
    for (const { seed, rule } of totals.failures) say(`seed ${seed}: ${rule}`);
    const now = performance.now();
    if (now - this.#toldAt < 10_000) return;
    this.#toldAt = now;
    say(`${this.#totals.performed} steps in ${this.#totals.schedules} schedules`);
  }

  #isEnough(): boolean {
    const { until } = this.#simulation;
    const { performed, schedules, failures } = this.#totals;
    const isPlayed = 'steps' in until ? performed >= until.steps : schedules >= until.schedules;
    return isPlayed || failures.length >= mostFailures;
  }
}
