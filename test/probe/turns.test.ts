import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTurns } from '../../src/probe/turns.ts';

const test = suite('turns of attempts');

test('of those that are over at once a few go side by side, in their order, and each gets its own answer', async () => {
  const turns = createTurns();
  let open = 0;
  let most = 0;
  const begun: number[] = [];
  const work = (index: number) => async () => {
    begun.push(index);
    most = Math.max(most, ++open);
    await delay(1);
    open -= 1;
    return index;
  };
  const indices = Array.from({ length: 100 }, (_, index) => index);
  assert.equal(await Promise.all(indices.map((index) => turns(work(index)))), indices);
  assert.equal(begun, indices);
  assert.is(most, 8);
});

test('who does not answer holds up nobody', async () => {
  const turns = createTurns();
  const never = Promise.withResolvers<string>();
  const hanging = Array.from({ length: 20 }, () => turns(() => never.promise));
  assert.is(await turns(() => Promise.resolve('asked after them')), 'asked after them');
  never.resolve('late');
  assert.equal([...new Set(await Promise.all(hanging))], ['late']);
});

test('what fails is told to who asked, and takes no turn from the others', async () => {
  const turns = createTurns();
  const failing = Array.from({ length: 20 }, (_, index) =>
    turns(() => Promise.reject(new Error(`attempt ${index}`))).catch(({ message }: Error) => message),
  );
  assert.equal(
    await Promise.all(failing),
    failing.map((_, index) => `attempt ${index}`),
  );
  assert.is(await turns(() => Promise.resolve('fine')), 'fine');
});

test.run();
