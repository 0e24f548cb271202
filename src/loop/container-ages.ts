import type { Container } from '../observed/observed.ts';

interface FirstSight {
  /** The engine's time of the start or end that is counted from. */
  readonly stamp: number;
  /** Milliseconds since then, by the wall clock. */
  readonly age: number;
  /** By a clock that nobody sets. */
  readonly at: number;
}

/** How long ago containers started or ended: the wall clock tells once, at first sight, and may be set afterwards. */
export class ContainerAges {
  readonly #steady: () => number;
  #seen: ReadonlyMap<string, FirstSight> = new Map();

  /** `steady` gives milliseconds from any moment on. */
  constructor(steady: () => number = () => performance.now()) {
    this.#steady = steady;
  }

  /** Milliseconds, by id; forgets those that are not there any more. */
  measure(containers: readonly Container[], now: number): Readonly<Record<string, number>> {
    const at = this.#steady();
    const seen = new Map<string, FirstSight>();
    const ages: Record<string, number> = {};
    for (const container of containers) {
      const stamp = stampOf(container);
      if (stamp === 0) continue;
      const before = this.#seen.get(container.id);
      const first = before?.stamp === stamp ? before : { stamp, age: Math.max(0, now - stamp), at };
      seen.set(container.id, first);
      ages[container.id] = Math.round(first.age + at - first.at);
    }
    this.#seen = seen;
    return ages;
  }
}

/** 0 when there is nothing to count from. */
function stampOf({ state, startedAt, finishedAt }: Container): number {
  if (state === 'running' || state === 'paused') return startedAt;
  return state === 'exited' || state === 'dead' ? finishedAt : 0;
}
