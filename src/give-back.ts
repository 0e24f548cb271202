import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Reconciler } from './loop/reconciler.ts';
import { stepsOf } from './plan/simulate.ts';

/** Milliseconds. */
const usualTimes = {
  /** After the first look: whoever waits for the start has his answer, and what is young shrinks before there is work. */
  soon: 250,
  /** Without a step, after which a controller is at rest. */
  rest: 5_000,
  /** For which one that does not come to rest is waited for. */
  patience: 30_000,
};

/**
 * What was needed to start, or by a rollout, is given back when the controller has come to rest: V8 itself collects only
 * when there is more, and an idle controller makes hardly anything. It takes some 50 ms, in which nobody waits for us.
 */
export function giveBackAtRest(
  loop: Pick<Reconciler, 'onLook'>,
  collect = collectAll,
  { soon, rest, patience } = usualTimes,
): void {
  let timer: NodeJS.Timeout | undefined;
  /** Until when it may be put off; undefined when nothing is to be given back. */
  let latest: number | undefined;
  const begin = () => {
    latest = undefined;
    collect();
  };
  loop.onLook(({ plan }) => {
    if (timer === undefined) setTimeout(collect, soon).unref();
    else if (plan === undefined || stepsOf(plan).length === 0) return;
    const now = performance.now();
    latest ??= now + patience;
    clearTimeout(timer);
    timer = setTimeout(begin, Math.max(0, Math.min(rest, latest - now))).unref();
  });
}

/**
 * A controller makes little at a time: what is young keeps the size that it has, where V8 would let it grow to 32 MB and
 * seldom give them back, and what is old grows in steps of 2 MB instead of 8, which costs a fifth more of collecting. Not
 * before the program is loaded: a small space costs time then, and once a flag is another than it was, V8 refuses the
 * compiled code that Node brings of its own modules. V8's two quick compilers stay: without them it would hold 3 MB less,
 * and a start with 100 apps would take 0.3 s longer and a change 50 ms.
 */
export function stopGrowing(): void {
  setFlagsFromString('--semi-space-growth-factor=1 --optimize-for-size');
}

/**
 * The last resort also shrinks and compacts. What was compiled and not run since goes with it: most of that is of the start.
 * Only contexts that are made after the flag have the function.
 */
function collectAll(): void {
  setFlagsFromString('--expose-gc --bytecode-old-age=1 --flush-baseline-code');
  const collect: NodeJS.GCFunction = runInNewContext('gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  setFlagsFromString('--no-expose-gc --bytecode-old-age=6 --no-flush-baseline-code');
}
