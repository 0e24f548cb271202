const shortest = 5_000;
const longest = 5 * 60_000;
/** So much of a wait is chance, so that what failed together is not tried again together. */
const jitter = 0.2;

/** Milliseconds to wait after `count` failures in a row: 5 s, doubling, never more than 5 min. `random` is in [0, 1). */
export function backoff(count: number, random: number): number {
  const steady = Math.min(shortest * 2 ** Math.min(count - 1, 30), longest / (1 + jitter));
  return Math.round(steady * (1 + jitter * random));
}
