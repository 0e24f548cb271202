import type { Container } from '../observed/observed.ts';
import type { World } from './plan.ts';

/**
 * When a container last started or ended, milliseconds since the epoch, by the wall clock as it is set now: what the
 * engine wrote down may be the time of a clock that was set since then.
 */
export function sinceOf({ now, observed }: World, container: Container): number {
  const age = observed.ages?.[container.id];
  if (age !== undefined) return now - age;
  const hasEnded = container.state === 'exited' || container.state === 'dead';
  return hasEnded ? container.finishedAt : container.startedAt;
}

/**
 * A moment that lies ahead was told by a clock that has been set back since. How long ago it was is not known: nobody
 * waits for it a second time.
 */
export function asPast(time: number, { now }: World): number {
  return time > now ? 0 : time;
}
