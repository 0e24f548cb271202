import { writeSync } from 'node:fs';
import { openHistory } from '../../src/history/history.ts';
import { lockState } from '../../src/history/state-lock.ts';
import type { Decision } from '../../src/plan/plan.ts';
import { aDeployment } from './fixture.ts';

/** A process that a test kills: `lock DIR`, or `write PATH`, which stops in the middle of a transaction. */
const [mode = '', path = ''] = process.argv.slice(2);

if (mode === 'lock') {
  lockState(path);
  sayAndWait();
} else {
  const history = openHistory({ path, now: Date.now });
  history.record('shop', [{ kind: 'open', deployment: aDeployment('committed') }], 1);
  history.begin('shop', { kind: 'start', container: 'c', reason: 'r', traffic: 'none' }, 'committed');
  const stuck = {
    get kind(): 'phase' {
      return sayAndWait();
    },
    deployment: 'undone',
    phase: 'Pulling',
  } satisfies Decision;
  history.record(
    'shop',
    [
      {
        kind: 'close',
        deployment: 'committed',
        result: 'Succeeded',
        reason: 'R',
        message: 'm',
        evidence: [],
      },
      { kind: 'open', deployment: aDeployment('undone') },
      stuck,
    ],
    2,
  );
}

function sayAndWait(): never {
  writeSync(1, 'here\n');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
