import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Workers } from '../../src/apply/workers.ts';
import type { Step } from '../../src/plan/plan.ts';
import { inMemoryPorts } from '../model/in-memory-ports.ts';

const told = { reason: 'test', traffic: 'none' } as const;
const pull: Step = { kind: 'pull', image: 'shop:1', specHash: 'a', ...told };
const start: Step = { kind: 'start', container: 'c', ...told };
const publish: Step = { kind: 'publish', container: 'c', address: '10.210.0.2', aliases: ['shop'], ...told };

test('of those that wait for a worker, who has begun goes first', async () => {
  const done: string[] = [];
  const journal = { begin: () => 0, end: () => {} };
  const { promise: isOver, resolve: over } = Promise.withResolvers<void>();
  const turns = [
    ['one', pull],
    ['two', pull],
    ['three', start],
    ['four', publish],
    ['five', pull],
  ] as const;
  const workers = new Workers(
    inMemoryPorts(async () => {}, journal),
    1,
    {
      ended: ({ app }) => {
        done.push(app);
        if (done.length === turns.length) over();
      },
      crashed: (_turn, error) => {
        throw error;
      },
      progress: () => {},
    },
  );
  for (const [app, step] of turns)
    workers.begin({ app, steps: [step], deployment: undefined, specHash: undefined }, 0);
  await isOver;
  assert.equal(done, ['one', 'three', 'four', 'two', 'five']);
});

test.run();
