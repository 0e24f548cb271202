import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError, type JournalPort, type Outcome } from '../../src/apply/ports.ts';
import { type Edges, runSteps } from '../../src/apply/run-steps.ts';
import { openHistory } from '../../src/history/history.ts';
import type { Step } from '../../src/plan/plan.ts';

const step: Step = { kind: 'start', container: 'c', reason: 'test', traffic: 'none' };

async function outcomeOf(error: EdgeError): Promise<Outcome> {
  const journal: JournalPort = { begin: () => 0, end: () => {} };
  const edges = { engine: { start: () => Promise.reject(error) }, journal } as unknown as Edges;
  const signal = new AbortController().signal;
  const turn = { app: 'shop', steps: [step], deployment: undefined, signal, progress: () => {} };
  return (await runSteps(edges, turn)).outcome;
}

test('the pause that somebody asked for comes with what failed', async () => {
  const limited = new EdgeError('transient', 'RegistryRateLimited', 'pull x: slow', undefined, {
    retryAfter: 37_000,
  });
  assert.equal(await outcomeOf(limited), {
    kind: 'transient',
    reason: 'RegistryRateLimited',
    message: 'pull x: slow',
    retryAfter: 37_000,
  });
  const plain = new EdgeError('terminal', 'StartFailed', 'start c: no');
  assert.equal(await outcomeOf(plain), { kind: 'terminal', reason: 'StartFailed', message: 'start c: no' });
});

test('a step that ends by a bug of ours is over in the journal, and the bug is told', async () => {
  const ends: Outcome[] = [];
  const journal: JournalPort = { begin: () => 0, end: (_id, outcome) => void ends.push(outcome) };
  const bug = new TypeError('undefined is no function');
  const edges = { engine: { start: () => Promise.reject(bug) }, journal } as unknown as Edges;
  const signal = new AbortController().signal;
  const turn = { app: 'shop', steps: [step], deployment: undefined, signal, progress: () => {} };
  const told = await runSteps(edges, turn).catch((error: unknown) => error);
  assert.is(told, bug);
  assert.equal(ends, [{ kind: 'transient', reason: 'InternalError', message: 'a bug of ours; see the log' }]);
});

test('nothing is tried again before that pause is over, nor sooner than it would be without', () => {
  const history = openHistory({ path: ':memory:', now: () => 0, random: () => 0, log: { warn: () => {} } });
  const failure = {
    kind: 'transient',
    step: 'pull',
    reason: 'RegistryRateLimited',
    message: 'slow',
  } as const;
  const nextRetry = (): number | undefined => history.memory().apps.shop?.failure?.nextRetry;
  history.failed('shop', { ...failure, retryAfter: 37_000 }, 1000);
  assert.is(nextRetry(), 38_000);
  history.succeeded('shop');
  history.failed('shop', { ...failure, retryAfter: 1 }, 1000);
  assert.is(nextRetry(), 6000);
  assert.not.ok('retryAfter' in (history.memory().apps.shop?.failure ?? {}));
  history.close();
});

test.run();
