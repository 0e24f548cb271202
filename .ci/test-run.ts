import { randomBytes } from 'node:crypto';
import { findLeftovers, type Leftover, removeLeftovers } from './leftovers.ts';

/** One run of tests: what it leaves on the engine is told from what other runs on the same engine have there. */
export interface TestRun {
  /** Removes what its tests have left, and answers with what that was; what the engine keeps is said. */
  removeLeftovers(): Promise<readonly Leftover[]>;
}

/** Every test file that is started from now on names its instances for this run. */
export function beginTestRun(): TestRun {
  const run = randomBytes(2).toString('hex');
  process.env.TEST_RUN = run;
  return {
    async removeLeftovers() {
      const found = await findLeftovers((instance) => instance.startsWith(`test-${run}-`));
      const kept = await removeLeftovers(found);
      for (const { name } of kept)
        process.stderr.write(
          `${name} is empty, but the engine does not give it up until it is started again\n`,
        );
      return found.filter((one) => !kept.includes(one));
    },
  };
}
