import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { found } from './found.ts';
import { play } from './play.ts';
import { playSeeds, shortWalks, walk } from './simulate-many.ts';
import { simulateSideBySide } from './simulate-side-by-side.ts';

for (const { name, ...schedule } of found)
  test(name, async () => {
    assert.is((await play(schedule)).broken, undefined);
  });

test('every world that one app can get into by one fault and one commit is safe, and comes to rest', () => {
  for (const { name, broken, states, longest } of shortWalks.map(walk)) {
    assert.equal(broken, undefined, name);
    assert.ok(states > 500 && longest > 10, `${name}: ${states} states, ${longest}`);
  }
});

test('hosts of up to four apps stay safe under every schedule of faults, and come to rest when faults end', async () => {
  const { failures, performed } = await playSeeds(1, 160);
  assert.equal(failures, []);
  assert.ok(performed > 6_000, `${performed} steps`);
});

test('what comes of seeds does not depend on how many threads play them', async () => {
  const run = (jobs: number) =>
    simulateSideBySide({
      ...{ jobs, walks: [], seed: 1_000, until: { steps: 1_500 } },
      isOver: () => false,
      signal: new AbortController().signal,
      say: () => {},
    });
  const alone = await run(1);
  assert.ok(alone.totals.performed >= 1_500);
  assert.equal(await run(3), alone);
});

test.run();
