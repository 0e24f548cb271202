import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError, type EngineState } from '../../src/apply/ports.ts';
import type { Desired, Snapshot } from '../../src/desired/desired.ts';
import { openHistory } from '../../src/history/history.ts';
import type { Rewrite } from '../../src/loop/ports.ts';
import { type LoopStatus, Reconciler } from '../../src/loop/reconciler.ts';
import type { Step } from '../../src/plan/plan.ts';
import { anApp, anImage, aWorld } from '../plan/worlds.ts';

const snapshot: Snapshot = { revision: 'r1', files: [] };
const silent = { info() {}, warn() {}, error() {}, debug() {} };

/** A loop over edges that answer from memory; what they are told is kept. */
function aLoop(
  over: {
    read?: () => Promise<Snapshot>;
    observe?: () => Promise<EngineState>;
    fault?: { readonly reason: string; readonly message: string };
    slow?: Promise<void>;
    /** Nothing is to be done. */
    still?: boolean;
  } = {},
) {
  const world = aWorld([anApp({ suspend: over.still === true })]);
  const clock = { now: 1_000_000 };
  const done: string[] = [];
  const looks: LoopStatus[] = [];
  const history = openHistory({ path: ':memory:', now: () => 1 });
  const state: EngineState = {
    ...world.observed,
    images: { 'shop:1': anImage('sha256:1'), 'sha256:1': anImage('sha256:1') },
  };
  if (over.still) Object.assign(state, { networks: [{ id: 'n', name: 'plimsoll', ours: true }] });
  const asked: string[] = [];
  const proxyListeners: ((what: string) => void)[] = [];
  const reader = {
    observe: over.observe ?? (async () => state),
    want() {},
    invalidate() {},
    patrol() {},
    onChange: () => () => {},
    tail: async () => [],
    exec: async () => ({ ok: true, detail: '' }),
    close() {},
  };
  const proxy = {
    observe: async () => {
      asked.push('proxy');
      return world.observed.proxy;
    },
    load: async () => {},
    switch: async () => {},
    onChange: (listener: (what: string) => void) => {
      proxyListeners.push(listener);
      return () => {};
    },
    close: async () => {},
  };
  const probe = { setTargets() {}, health: () => ({}), onChange: () => () => {}, close() {} };
  const rewrites: ((rewrite: Rewrite) => void)[] = [];
  const source = {
    read: over.read ?? (async () => snapshot),
    status: () => (over.fault === undefined ? [] : [{ error: over.fault }]),
    onRewritten: (listener: (rewrite: Rewrite) => void) => {
      rewrites.push(listener);
      return () => {};
    },
    onChange: () => () => {},
    refresh() {},
  };
  const rewrite = (found: Rewrite) => {
    for (const listener of rewrites) listener(found);
  };
  const act = (kind: Step['kind']) => async () => {
    done.push(kind);
    await over.slow;
  };
  const engine = {
    createNetwork: act('create-network'),
    pull: act('pull'),
    createVolume: act('create-volume'),
    removeVolume: act('remove-volume'),
    createContainer: act('create'),
    start: act('start'),
    publish: act('publish'),
    connect: act('connect'),
    disconnect: act('disconnect'),
    update: act('update'),
    deliver: act('deliver'),
    rename: act('rename'),
    unpause: act('unpause'),
    stop: act('stop'),
    restart: act('restart'),
    remove: act('remove'),
  };
  const load = async (): Promise<Desired> => world.desired;
  const loop = new Reconciler(
    { reader, probe, proxy, source, history },
    { engine, proxy, journal: history },
    { settings: world.settings, concurrency: 2, load, log: silent, now: () => clock.now },
  );
  loop.onLook((status) => looks.push(status));
  const proxyTells = () => {
    for (const listener of proxyListeners) listener('caddy');
  };
  return { loop, looks, done, history, rewrite, asked, proxyTells, clock };
}

test('many triggers while a look runs become one look more', async () => {
  let reads = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const { loop, looks } = aLoop({
    observe: () => Promise.reject(new EdgeError('unreachable', 'EngineUnreachable', 'no engine')),
    read: async () => {
      reads += 1;
      await promise;
      return snapshot;
    },
  });
  for (let count = 0; count < 10; count += 1) loop.trigger('test');
  resolve();
  while (looks.length < 2) await turn();
  for (let count = 0; count < 20; count += 1) await turn();
  assert.is(reads, 2);
  await loop.stop();
});

test('history keeps what cannot be read among our containers, and forgets what is gone', async () => {
  const unread = [{ id: 'ill', name: 'plimsoll-shop-0', app: 'shop', message: 'inspect ill: broken' }];
  const networks = [{ id: 'n', name: 'plimsoll', ours: true, subnet: '', gateway: '' }];
  const observed = { ...aWorld([]).observed, networks, unread };
  const { loop, looks, history, done } = aLoop({ observe: async () => observed });
  for (const id of ['ill', 'gone']) history.containerMade(id, `plimsoll-shop-${id}`, 'shop');
  loop.start();
  while (looks.length === 0) await turn();
  assert.equal(Object.keys(history.memory().containers), ['ill']);
  await loop.stop();
  assert.equal(done, []);
});

test('without news a look asks nobody and keeps the plan, until somebody tells of something', async () => {
  const { loop, looks, asked, history, proxyTells } = aLoop({ still: true });
  const nextLook = async (): Promise<void> => {
    const before = looks.length;
    while (looks.length === before) await turn();
  };
  loop.start();
  await nextLook();
  const { plan } = loop.status;
  assert.is(plan?.apps[0]?.health, 'Missing');
  loop.trigger('test');
  await nextLook();
  assert.is(asked.length, 1);
  assert.is(loop.status.plan, plan);
  proxyTells();
  await nextLook();
  assert.is(asked.length, 2, 'Caddy told of something');
  history.succeeded('shop');
  history.failed('shop', { kind: 'transient', step: 'pull', reason: 'Any', message: 'any' }, 1);
  loop.trigger('test');
  await nextLook();
  assert.is(asked.length, 3, 'something was written down');
  await loop.lookNow('test');
  assert.is(asked.length, 4, 'somebody wants to know it');
  await loop.stop();
});

test('the moment that a plan waits for comes although the clock is set back meanwhile', async () => {
  const { loop, asked, history, clock } = aLoop({ still: true });
  history.suspend('shop', { actor: 'somebody', reason: 'any', until: clock.now + 60 });
  loop.start();
  while (loop.status.plan === undefined) await turn();
  const before = asked.length;
  clock.now -= 3_600_000;
  while (asked.length === before) await turn();
  await loop.stop();
});

test('an engine that does not answer leaves no plan and says why', async () => {
  const { loop } = aLoop({
    observe: () => Promise.reject(new EdgeError('unreachable', 'EngineUnreachable', 'connect: refused')),
  });
  const status = await loop.lookNow('test');
  assert.is(status.plan, undefined);
  assert.is(status.engineError?.reason, 'EngineUnreachable');
  assert.ok((status.took ?? -1) >= 0);
  await loop.stop();
});

test('while history cannot be written nothing is claimed and nothing is done; then the next look goes on', async () => {
  const { loop, history, done } = aLoop();
  const { revision } = history;
  history.revision = () => {
    throw new EdgeError('transient', 'HistoryUnwritable', 'write history: the disk is full');
  };
  const status = await loop.lookNow('test');
  assert.is(status.plan, undefined);
  assert.is(status.historyError?.reason, 'HistoryUnwritable');
  assert.equal(done, []);
  history.revision = revision;
  const { plan, historyError } = await loop.lookNow('test');
  assert.is(historyError, undefined);
  assert.is(plan?.revision, 'r1');
  await loop.stop();
});

test('a source that is gone leaves what was last read enforced, and is told of once', async () => {
  const fault = { reason: 'SourceUnreachable', message: 'fetch: refused' };
  const { loop, history } = aLoop({ fault });
  const status = await loop.lookNow('test');
  assert.is(status.plan?.revision, 'r1');
  assert.is(status.sourceError?.message, fault.message);
  await loop.lookNow('test');
  assert.equal(history.events({ limit: 10 }).filter(({ type }) => type === 'SourceStale').length, 1);
  await loop.stop();
});

test('a branch that was rewritten is told, and its revision is written down with the one before', async () => {
  const { loop, history, rewrite } = aLoop();
  rewrite({ source: 'default', from: 'r0', to: 'r1' });
  await loop.lookNow('test');
  const [event] = history.events({ limit: 10 }).filter(({ type }) => type === 'SourceRewritten');
  assert.match(event?.message ?? '', /r1 does not descend from r0/);
  assert.is(history.revisions(1)[0]?.nonFastForwardFrom, 'r0');
  await loop.stop();
});

test('without a source and without a snapshot nothing is decided', async () => {
  const { loop, done } = aLoop({
    read: () => Promise.reject(new EdgeError('unreachable', 'BranchMissing', 'no branch')),
  });
  const status = await loop.lookNow('test');
  assert.is(status.plan, undefined);
  assert.equal(done, []);
  await loop.stop();
});

test('acts of one app never overlap, however often it is looked at', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { loop, done } = aLoop({ slow: promise });
  for (let count = 0; count < 5; count += 1) await loop.lookNow('test');
  assert.equal(done, ['create-network']);
  resolve();
  await loop.stop();
});

test('the end of a turn is news, though neither engine nor proxy has told of it yet', async () => {
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = [first.promise];
  const { loop, looks, done, asked } = aLoop({
    get slow() {
      return slow.pop() ?? second.promise;
    },
  });
  await loop.lookNow('test');
  const { plan } = await loop.lookNow('test');
  assert.equal(plan?.host, [], 'it is under way');
  const [before, count] = [looks.length, asked.length];
  first.resolve();
  while (looks.length === before) await turn();
  assert.is(asked.length, count + 1);
  assert.equal(done, ['create-network', 'create-network'], 'nothing came of the first one');
  const stopped = loop.stop();
  second.resolve();
  await stopped;
});

test('a look that is under way when the loop stops leaves no timer behind', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const { promise, resolve } = Promise.withResolvers<void>();
  const { loop } = aLoop({
    observe: async () => {
      await promise;
      throw new EdgeError('unreachable', 'EngineUnreachable', 'no engine');
    },
  });
  const before = timers();
  loop.trigger('test');
  const stopped = loop.stop();
  resolve();
  await stopped;
  assert.is(timers(), before);
});

test.run();
