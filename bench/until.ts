import { setTimeout as delay } from 'node:timers/promises';

interface Wait {
  /** What is waited for, as a clause: `release 2 serves`. */
  readonly what: string;
  /** Milliseconds. */
  readonly deadline: number;
  /** Milliseconds between two looks. */
  readonly pause: number;
  readonly signal: AbortSignal;
}

/** Asks until the answer is defined; throws when the deadline is over, or on ctrl-C. */
export async function until<T>(
  { what, deadline, pause, signal }: Wait,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + deadline;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`waited ${deadline / 1000} s, but not until ${what}`);
    await delay(pause, undefined, { signal });
  }
}

/** Milliseconds that the task takes, `count` times. */
export async function timed(
  count: number,
  signal: AbortSignal,
  task: (index: number) => Promise<unknown>,
): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    signal.throwIfAborted();
    const startedAt = performance.now();
    await task(index);
    samples.push(performance.now() - startedAt);
  }
  return samples;
}
