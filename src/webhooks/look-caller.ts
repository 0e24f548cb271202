import type { LookResult } from '../history/delivery-log.ts';

/** Asks for one look of these sources; resolves when it is over. */
export type TriggerLook = (sources: readonly string[]) => Promise<LookResult>;

/**
 * Asks for looks and hands their results on. At most one is asked for and not over; all that comes meanwhile is one more:
 * a storm of deliveries is two looks, and takes no memory.
 */
export class LookCaller {
  readonly #trigger: TriggerLook;
  readonly #over: (upTo: number, result: LookResult) => void;
  #wanted: { readonly sources: ReadonlySet<string>; readonly upTo: number } | undefined;
  #isAsking = false;

  /** `over` gets the id of the last delivery that the look answers. Neither may throw. */
  constructor(trigger: TriggerLook, over: (upTo: number, result: LookResult) => void) {
    this.#trigger = trigger;
    this.#over = over;
  }

  /** `delivery` is the id of its row; 0 when it could not be written. */
  want(sources: readonly string[], delivery: number): void {
    const { sources: before = [], upTo = 0 } = this.#wanted ?? {};
    this.#wanted = { sources: new Set([...before, ...sources]), upTo: Math.max(upTo, delivery) };
    if (!this.#isAsking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    try {
      while (this.#wanted) {
        const { sources, upTo } = this.#wanted;
        this.#wanted = undefined;
        const result = await this.#trigger([...sources].sort());
        this.#over(upTo, result);
      }
    } finally {
      this.#isAsking = false;
    }
  }
}
