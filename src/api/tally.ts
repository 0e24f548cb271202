export type Labels = Readonly<Record<string, string>>;

interface Counted {
  readonly labels: Labels;
  value: number;
}

/** A counter by labels. It is kept here and not by a library, so that nobody pays for one who is never asked. */
export class Tally {
  readonly #counts = new Map<string, Counted>();

  add(labels: Labels): void {
    const key = JSON.stringify(labels);
    const found = this.#counts.get(key);
    if (found) found.value += 1;
    else this.#counts.set(key, { labels, value: 1 });
  }

  values(): readonly Readonly<Counted>[] {
    return [...this.#counts.values()];
  }

  /** Forgets the series that are not to be kept. */
  keep(isKept: (labels: Labels) => boolean): void {
    for (const [key, { labels }] of this.#counts) if (!isKept(labels)) this.#counts.delete(key);
  }
}

export interface Spread {
  readonly labels: Labels;
  /** How many were at most each bound, beyond the bound before; the last are those beyond all bounds. */
  readonly buckets: readonly number[];
  readonly sum: number;
}

interface Spreading extends Spread {
  readonly buckets: number[];
  sum: number;
}

/** A histogram by labels; the same as `Tally`. */
export class SpreadTally {
  readonly bounds: readonly number[];
  readonly #spreads = new Map<string, Spreading>();

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const key = JSON.stringify(labels);
    const spread = this.#spreads.get(key) ?? this.#begin(key, labels);
    const found = this.bounds.findIndex((bound) => value <= bound);
    const bucket = found < 0 ? this.bounds.length : found;
    spread.buckets[bucket] = (spread.buckets[bucket] ?? 0) + 1;
    spread.sum += value;
  }

  values(): readonly Spread[] {
    return [...this.#spreads.values()];
  }

  keep(isKept: (labels: Labels) => boolean): void {
    for (const [key, { labels }] of this.#spreads) if (!isKept(labels)) this.#spreads.delete(key);
  }

  #begin(key: string, labels: Labels): Spreading {
    const begun = { labels, buckets: Array.from({ length: this.bounds.length + 1 }, () => 0), sum: 0 };
    this.#spreads.set(key, begun);
    return begun;
  }
}
