import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';

/** Attempts that are begun before one of them is over. */
const mostYoung = 8;
/** Milliseconds after which an attempt that is not over holds up no other. */
const youth = 50;

/** Begins the work when its turn comes, and answers as the work does. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * At the start of a controller all containers are due at once, and Node keeps the parsers, of ten kilobytes each, of as
 * many answers as it ever waited for together. Who answers at once is asked in a row; who does not keeps nobody waiting.
 */
export function createTurns(): Turns {
  const queue = new PQueue({ concurrency: mostYoung });
  return (work) =>
    new Promise((resolve, reject) => {
      void queue.add(async () => {
        const over = work().then(resolve, reject);
        const old = new AbortController();
        const aged = delay(youth, undefined, { signal: old.signal }).catch(() => undefined);
        await Promise.race([over, aged]);
        old.abort();
      });
    });
}
