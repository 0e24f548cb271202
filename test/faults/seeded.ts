import { randomInt } from 'node:crypto';

/** Of this process: `FAULT_SEED` repeats a run. */
export const seed = Number(process.env.FAULT_SEED ?? randomInt(1, 2 ** 31));

/** Numbers from 0 to 1 that follow from the seed and a name (mulberry32). */
export function seeded(name: string): () => number {
  let state = [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619), seed);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many of them, in their own order. */
export function sample<T>(items: readonly T[], count: number, random: () => number): T[] {
  const chosen = items
    .map((item, index) => ({ item, index, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, count);
  return chosen.sort((a, b) => a.index - b.index).map(({ item }) => item);
}
