import { setTimeout as delay } from 'node:timers/promises';
import type { Snapshot } from '../desired/desired.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** A read that is asked for at every look, of a server that wants to be asked seldom and may not answer. */
export interface PatientRead {
  /**
   * The first read waits for its answer. Later ones ask once in `spacing`, wait for `patience` and then say
   * what was known before; what comes later is announced.
   */
  read(): Promise<Snapshot>;
  /** There is news: the next read asks, however short ago the last one was. */
  refresh(): void;
  close(): void;
}

interface Options {
  /** Milliseconds. */
  readonly spacing: number;
  /** Milliseconds. */
  readonly patience: number;
  /** Called when an answer differs from the one before. */
  readonly announce: () => void;
}

type Answer = { readonly snapshot: Snapshot } | { readonly error: unknown };

export function createPatientRead(ask: () => Promise<Snapshot>, options: Options): PatientRead {
  let known: Answer | undefined;
  let knownAt = Number.NEGATIVE_INFINITY;
  let askedAt: number | undefined;
  let followUp: NodeJS.Timeout | undefined;
  let closed = false;
  const check = oneAtATime(answer);

  return {
    async read() {
      const wait = knownAt + options.spacing - performance.now();
      if (known !== undefined && wait > 0) {
        // Who asks now may know of a commit that the last answer did not.
        followUp ??= setTimeout(follow, wait).unref();
        return told(known);
      }
      const isLate = askedAt !== undefined && performance.now() - askedAt > options.patience;
      const checked = check();
      if (known === undefined) return told(await checked);
      if (!isLate) await within(checked, options.patience);
      return told(known);
    },
    refresh() {
      knownAt = Number.NEGATIVE_INFINITY;
    },
    close() {
      closed = true;
      clearTimeout(followUp);
    },
  };

  function follow(): void {
    followUp = undefined;
    if (!closed) void check();
  }

  async function answer(): Promise<Answer> {
    askedAt = performance.now();
    const now = await ask().then(
      (snapshot) => ({ snapshot }),
      (error: unknown) => ({ error }),
    );
    askedAt = undefined;
    const before = known;
    known = now;
    knownAt = performance.now();
    if (before !== undefined && !isSame(before, now)) options.announce();
    return now;
  }
}

function told(answer: Answer): Snapshot {
  if ('error' in answer) throw answer.error;
  return answer.snapshot;
}

function isSame(a: Answer, b: Answer): boolean {
  if ('snapshot' in a && 'snapshot' in b) return a.snapshot === b.snapshot;
  return 'error' in a && 'error' in b && String(a.error) === String(b.error);
}

async function within(work: Promise<unknown>, time: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, delay(time, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}
