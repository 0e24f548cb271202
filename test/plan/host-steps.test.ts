import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../src/plan/decide.ts';
import type { World } from '../../src/plan/plan.ts';
import { anApp, aWorld } from './worlds.ts';

test('what failed for the host is tried again after its pause, however often somebody looks', () => {
  const world = aWorld([anApp()]);
  const nextRetry = world.now + 5_000;
  const failure = {
    kind: 'transient',
    step: 'create-network',
    reason: 'NetworkConflict',
    message: 'the name is taken',
    count: 1,
    at: world.now,
    nextRetry,
  } as const;
  const failed = { ...world, memory: { ...world.memory, apps: { '': { restarts: {}, failure } } } };
  const kinds = (now: number) => decide({ ...failed, now }).host.map(({ kind }) => kind);
  assert.equal(
    decide(world).host.map(({ kind }) => kind),
    ['create-network'],
  );
  assert.equal(kinds(nextRetry - 1), []);
  assert.is(decide(failed).wakeAt, nextRetry);
  assert.equal(kinds(nextRetry), ['create-network']);
});

test('a flag that cannot be removed is tried again after its pause, and holds what comes before it not back', () => {
  const world = aWorld([]);
  const failure = {
    kind: 'transient',
    step: 'switch',
    reason: 'FlagUnwritable',
    message: 'read-only',
    count: 1,
    at: world.now,
    nextRetry: world.now + 5_000,
  } as const;
  const proxy = { ...world.observed.proxy, flags: ['gone.0'] };
  const stale = { ...world, observed: { ...world.observed, proxy } };
  const failed = { ...stale, memory: { ...world.memory, apps: { '': { restarts: {}, failure } } } };
  const kinds = (of: World) => decide(of).host.map(({ kind }) => kind);
  assert.equal(kinds(stale), ['create-network', 'switch']);
  assert.equal(kinds(failed), ['create-network']);
  assert.equal(kinds({ ...failed, now: failure.nextRetry }), ['create-network', 'switch']);
});

test.run();
