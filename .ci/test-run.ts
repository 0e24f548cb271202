import { randomBytes } from 'node:crypto';
import { findLeftovers, type Leftover, removeLeftovers } from './leftovers.ts';

/** One run of tests: what it leaves on the engine is told from what other runs on the same engine have there. */
export interface TestRun {
  /** Removes what its tests have left, and answers with what that was. */
  removeLeftovers(): Promise<readonly Leftover[]>;
}

/** Every test file that is started from now on names its instances for this run. */
export function beginTestRun(): TestRun {
  const run = randomBytes(2).toString('hex');
  process.env.TEST_RUN = run;
  return {
    async removeLeftovers() {
      const found = await findLeftovers((instance) => instance.startsWith(`test-${run}-`));
      await removeLeftovers(found);
      return found;
    },
  };
}
