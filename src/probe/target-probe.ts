import { isSameValue } from '../desired/canonical.ts';
import type { Health } from '../observed/observed.ts';
import type { ProbeTarget } from '../plan/plan.ts';
import { type Answer, attempt, type Exec } from './attempt.ts';
import { shorten } from './shorten.ts';
import { count, emptyTally, nextDelay, type Tally } from './tally.ts';
import type { Turns } from './turns.ts';

export interface TargetContext {
  readonly exec: Exec;
  /** Of all containers. */
  readonly turns: Turns;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly redact: (text: string) => string;
  readonly onVerdict: (container: string) => void;
  readonly onAttempt: (result: {
    readonly app: string;
    readonly ok: boolean;
    readonly milliseconds: number;
  }) => void;
}

/** Milliseconds of running that count as healthy when there is nothing to ask. */
const runningIsHealthy = 5_000;

/** Probes one container from its start on, one attempt after the other, until it is closed. */
export class TargetProbe {
  readonly #context: TargetContext;
  #target: ProbeTarget;
  #tally: Tally;
  #made = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** Ends the attempt that is under way, or waits for its turn. */
  #attempt: AbortController | undefined;
  /** The wall clock may jump: the age is taken from it once, and then counted on. */
  readonly #ageAtFirst: number;
  readonly #firstSeen = performance.now();

  constructor(target: ProbeTarget, context: TargetContext) {
    this.#context = context;
    this.#target = target;
    this.#tally = emptyTally(context.now());
    this.#ageAtFirst = Math.max(0, context.now() - target.startedAt);
    this.#schedule(this.#firstDelay());
  }

  get startedAt(): number {
    return this.#target.startedAt;
  }

  get health(): Health | undefined {
    const { verdict, since, attempts } = this.#tally;
    if (attempts.length === 0) return undefined;
    const { startedAt, address, check } = this.#target;
    const asked = check.kind === 'http' || check.kind === 'tcp' ? { address } : {};
    return { startedAt, ...asked, verdict, since, attempts };
  }

  /**
   * Goes on with another check or address: the verdict holds until the new check says otherwise, but that nobody
   * answered at another address says nothing.
   */
  update(target: ProbeTarget): void {
    const isSame = isSameValue(target.check, this.#target.check);
    const isElsewhere = this.#isElsewhere(target);
    this.#target = isSame ? { ...target, check: this.#target.check } : target;
    if (isElsewhere) this.#tally = emptyTally(this.#context.now());
    else if (!isSame) this.#tally = { ...this.#tally, successes: 0, failures: 0 };
    else return;
    if (this.#attempt === undefined) this.#schedule(this.#firstDelay());
  }

  close(): void {
    this.#closed = true;
    this.#attempt?.abort();
    clearTimeout(this.#timer);
  }

  /** Who is healthy may be off our network for a moment, while it gets its name. */
  #isElsewhere({ address }: ProbeTarget): boolean {
    return address !== this.#target.address && this.#tally.verdict !== 'healthy';
  }

  get #age(): number {
    return this.#ageAtFirst + performance.now() - this.#firstSeen;
  }

  #firstDelay(): number {
    return this.#target.check.kind === 'none' ? Math.max(0, runningIsHealthy - this.#age) : 0;
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => this.#begin(), delay);
  }

  #begin(): void {
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#context.turns(() => this.#probe(attempt.signal));
  }

  async #probe(signal: AbortSignal): Promise<void> {
    if (this.#closed) return;
    const target = this.#target;
    const [at, age] = [this.#context.now(), this.#age];
    const begun = performance.now();
    const answer = await attempt(target, this.#context.exec, signal);
    this.#attempt = undefined;
    if (this.#closed) return;
    // Where there is nothing to ask, nothing was asked.
    if (answer !== undefined && target.check.kind !== 'none')
      this.#context.onAttempt({
        app: target.app,
        ok: answer.ok,
        milliseconds: performance.now() - begun,
      });
    this.#made += 1;
    // An answer to the check that was replaced meanwhile says nothing of the new one, nor one from elsewhere.
    if (target.check !== this.#target.check || this.#isElsewhere(target))
      return this.#schedule(this.#firstDelay());
    if (answer !== undefined) this.#count(target, answer, at, age);
    if (target.check.kind !== 'none') this.#schedule(nextDelay(this.#tally, this.#made, target.check));
  }

  #count({ check, container }: ProbeTarget, { ok, detail }: Answer, at: number, age: number): void {
    const before = this.#tally.verdict;
    const timings = check.kind === 'none' ? { ...check, successes: 1 } : check;
    // Before it is shortened: a value that was cut in two would not be known any more.
    const told = shorten(this.#context.redact(detail));
    this.#tally = count(this.#tally, { at, ok, detail: told }, age, timings);
    if (this.#tally.verdict !== before) this.#context.onVerdict(container);
  }
}
