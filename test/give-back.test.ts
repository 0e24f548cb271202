import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { giveBackAtRest } from '../src/give-back.ts';
import type { LoopStatus } from '../src/loop/reconciler.ts';
import type { Plan } from '../src/plan/plan.ts';

const nothing = { host: [], apps: [] } as unknown as Plan;
const work = { host: [{ kind: 'load-routes' }], apps: [] } as unknown as Plan;

/** A loop that looks when it is told to, and what is collected once after each of its rests. */
function idleLoop() {
  const listeners: ((status: LoopStatus) => void)[] = [];
  const collected: number[] = [];
  let looks = 0;
  let told = Promise.withResolvers<void>();
  giveBackAtRest(
    {
      onLook(listener) {
        listeners.push(listener);
        return () => undefined;
      },
    },
    () => {
      collected.push(looks);
      told.resolve();
    },
    { soon: 1, rest: 20, patience: 60 },
  );
  return {
    collected,
    look(plan: Plan) {
      looks += 1;
      for (const listener of listeners) listener({ look: looks, at: 0, plan });
    },
    async rest() {
      // The product's timer keeps no process alive.
      const alive = setInterval(() => undefined, 1_000);
      await told.promise;
      clearInterval(alive);
      told = Promise.withResolvers<void>();
    },
  };
}

test('memory is given back after the first look, and not again before there was work', async () => {
  const loop = idleLoop();
  loop.look(nothing);
  await loop.rest();
  await loop.rest();
  loop.look(nothing);
  loop.look(work);
  await loop.rest();
  assert.equal(loop.collected, [1, 1, 3]);
});

test('one that never rests gives it back as well', async () => {
  const loop = idleLoop();
  loop.look(nothing);
  await loop.rest();
  const busy = setInterval(() => loop.look(work), 5);
  await loop.rest();
  clearInterval(busy);
  assert.ok((loop.collected[1] ?? 0) > 3, 'in the middle of the work');
});

test('steps put it off', async () => {
  const loop = idleLoop();
  loop.look(nothing);
  loop.look(work);
  loop.look(work);
  loop.look(nothing);
  await loop.rest();
  await loop.rest();
  assert.equal(loop.collected, [4, 4]);
});

test.run();
