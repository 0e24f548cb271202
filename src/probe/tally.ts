import type { HealthTimings } from '../desired/app.ts';
import type { Health, ProbeAttempt } from '../observed/observed.ts';

/** What was counted of one container's answers since it started. */
export interface Tally {
  readonly verdict: Health['verdict'];
  /** Milliseconds since the epoch of the last change of verdict. */
  readonly since: number;
  readonly attempts: readonly ProbeAttempt[];
  /** Consecutive ones that count. */
  readonly successes: number;
  readonly failures: number;
  /** Age of the container, in milliseconds, when a failure last counted. */
  readonly countedAt: number;
}

const evidence = 5;
const firstDelay = 20;
const longestQuickDelay = 1_000;

export function emptyTally(now: number): Tally {
  return { verdict: 'unknown', since: now, attempts: [], successes: 0, failures: 0, countedAt: 0 };
}

/** Counts one answer, given at `age` milliseconds after the container's start. */
export function count(tally: Tally, attempt: ProbeAttempt, age: number, timings: HealthTimings): Tally {
  const attempts = [...tally.attempts, attempt].slice(-evidence);
  const counted = attempt.ok ? success(tally) : failure(tally, age, timings);
  const verdict = verdictOf(counted, tally.verdict, timings);
  return { ...counted, attempts, verdict, since: verdict === tally.verdict ? tally.since : attempt.at };
}

/**
 * Milliseconds until the next attempt. A container that nothing is known of is asked often, so that a rollout
 * goes on as soon as it answers. Once it has, it must go on doing so from interval to interval: many answers
 * of one moment say no more than one.
 */
export function nextDelay({ verdict, successes }: Tally, made: number, { interval }: HealthTimings): number {
  if (verdict !== 'unknown' || successes > 0) return interval;
  return Math.min(interval, longestQuickDelay, firstDelay * 1.5 ** Math.min(made, 10));
}

function success(tally: Tally): Tally {
  return { ...tally, successes: tally.successes + 1, failures: 0 };
}

/** The quick attempts at the start fail as long as the app starts: of them only one an interval counts. */
function failure(tally: Tally, age: number, { interval, startPeriod }: HealthTimings): Tally {
  const early = age < startPeriod || (tally.verdict === 'unknown' && age - tally.countedAt < interval);
  if (early) return { ...tally, successes: 0 };
  return { ...tally, successes: 0, failures: tally.failures + 1, countedAt: age };
}

function verdictOf(
  { successes, failures }: Tally,
  before: Health['verdict'],
  { retries, successes: enough }: HealthTimings,
): Health['verdict'] {
  if (successes >= enough) return 'healthy';
  return failures >= retries ? 'unhealthy' : before;
}
