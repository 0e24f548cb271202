import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { found } from './found.ts';
import { play } from './play.ts';
import { shortWalks, simulateMany, walkAll } from './simulate-many.ts';

for (const { name, schedule } of found)
  test(name, async () => {
    assert.is((await play(schedule)).broken, undefined);
  });

test('every world that one app can get into by one fault and one commit is safe, and comes to rest', () => {
  for (const { name, broken, states, longest } of walkAll(shortWalks)) {
    assert.equal(broken, undefined, name);
    assert.ok(states > 500 && longest > 10, `${name}: ${states} states, ${longest}`);
  }
});

test('hosts of up to four apps stay safe under every schedule of faults, and come to rest when faults end', async () => {
  const { failures } = await simulateMany(1, ({ performed }) => performed >= 8_000);
  assert.equal(failures, []);
});

test.run();
