import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import { openDatabase } from '../../src/history/database.ts';
import { migrations } from '../../src/history/migrations.ts';
import { SqliteHistory } from '../../src/history/sqlite-history.ts';
import { applyDecisions } from '../../src/plan/apply-decisions.ts';
import type { Condition, Decision, Step } from '../../src/plan/plan.ts';
import { aDeployment, aRelease, type Bench, createBench } from './fixture.ts';

const test = suite<{ bench: Bench }>('history');

test.before.each((context) => {
  context.bench = createBench();
});
test.after.each(({ bench }) => bench.end());

const start: Step = { kind: 'start', container: 'shop-1', reason: 'new release', traffic: 'none' };

test('the file is ours alone, and so is its folder', ({ bench }) => {
  const history = bench.open();
  history.containerMade('c1', 'shop-1', 'shop');
  for (const suffix of ['', '-wal', '-shm']) assert.is(statSync(bench.path + suffix).mode & 0o777, 0o600);
  assert.is(statSync(bench.dir).mode & 0o777, 0o700);
});

test('every decision is remembered as the planner understands it, also after a start', ({ bench }) => {
  const history = bench.open();
  history.containerMade('c1', 'shop-1', 'shop');
  const decisions: readonly Decision[] = [
    { kind: 'open', deployment: aDeployment('d1') },
    { kind: 'phase', deployment: 'd1', phase: 'Verifying' },
    { kind: 'restarted', replica: 0, at: 5 },
    { kind: 'checked', at: 7 },
    { kind: 'healed', specHash: 'hash1', fields: ['spec.env.A'], containers: ['c1'] },
    { kind: 'drain', container: 'c1', since: 9 },
    { kind: 'healthy', release: aRelease('rev1') },
    {
      kind: 'close',
      deployment: 'd1',
      result: 'Succeeded',
      reason: 'Healthy',
      message: 'all well',
      evidence: [],
    },
    { kind: 'open', deployment: aDeployment('d2', { specHash: 'hash2', imageId: 'sha256:2' }) },
    {
      kind: 'quarantine',
      quarantine: { specHash: 'hash2', deployment: 'd2', reason: 'Unhealthy', message: 'no', since: 11 },
    },
    {
      kind: 'close',
      deployment: 'd2',
      result: 'RolledBack',
      reason: 'Unhealthy',
      message: 'no',
      evidence: ['c1'],
    },
    { kind: 'lift', what: 'healed' },
    { kind: 'drain', container: 'c1', since: undefined },
    { kind: 'drain', container: 'c1', since: 12 },
  ];
  let expected = history.memory();
  for (const decision of decisions) {
    history.record('shop', [decision], bench.time);
    expected = applyDecisions(expected, 'shop', [decision]);
    assert.equal(history.memory(), expected, decision.kind);
  }
  history.close();
  assert.equal(bench.open().memory(), expected);
});

test('a rename takes everything along, and forgetting leaves the history of what happened', ({ bench }) => {
  const history = bench.open();
  const ready: readonly Condition[] = [{ type: 'Ready', status: 'True', reason: 'Ready', message: '' }];
  history.record('old', [{ kind: 'open', deployment: aDeployment('d1') }], 100);
  history.record('old', [{ kind: 'healthy', release: aRelease('rev1') }], 100);
  history.lastTransition('old', ready);
  const memory = history.memory().apps.old;
  bench.time += 50;
  history.record('new', [{ kind: 'renamed', from: 'old' }], 200);
  assert.equal(history.memory().apps, { new: memory });
  assert.is(history.deployments('new', 10).length, 1);
  assert.is(history.releases('new').length, 1);
  assert.is(history.lastTransition('new', ready)[0]?.lastTransitionTime, bench.time - 50);
  history.record('new', [{ kind: 'forget' }], 300);
  assert.equal(history.memory().apps, {});
  assert.is(history.releases('new').length, 0);
  assert.is(history.deployments('new', 10).length, 1);
  assert.ok(history.events({ apps: ['new'], limit: 10 }).some(({ type }) => type === 'Removed'));
});

test('memory is the same object until something is written', ({ bench }) => {
  const history = bench.open();
  history.record('shop', [{ kind: 'open', deployment: aDeployment('d1') }], 1);
  const memory = history.memory();
  history.event({ at: 1, app: 'shop', type: 'T', reason: 'R', message: 'm' });
  history.succeeded('shop');
  assert.is(history.memory(), memory);
  history.record('shop', [{ kind: 'phase', deployment: 'd1', phase: 'Pulling' }], 2);
  assert.is.not(history.memory(), memory);
  assert.is(memory.apps.shop?.deployment?.phase, 'Pending');
});

test('a deployment shows its phases, steps, evidence and end', ({ bench }) => {
  const history = bench.open();
  history.record('shop', [{ kind: 'open', deployment: aDeployment('d1') }], 100);
  history.record('shop', [{ kind: 'phase', deployment: 'd1', phase: 'Starting' }], 101);
  const id = history.begin('shop', start, 'd1');
  assert.is(history.deployment('d1')?.steps[0]?.endedAt, undefined);
  bench.time += 30;
  history.end(id, { kind: 'terminal', reason: 'PortTaken', message: 'start shop-1: taken' }, 30);
  const evidence = {
    exitCode: 137,
    oomKilled: true,
    attempts: [{ at: 1, ok: false, detail: '500' }],
    log: ['bye'],
  };
  history.addEvidence('d1', 'c1', evidence);
  history.addEvidence('unknown', 'c1', evidence);
  assert.is(history.deployment('d1')?.phase, 'Starting');
  history.record(
    'shop',
    [
      {
        kind: 'close',
        deployment: 'd1',
        result: 'Failed',
        reason: 'PortTaken',
        message: 'taken',
        evidence: [],
      },
    ],
    200,
  );
  assert.equal(history.deployment('d1'), {
    id: 'd1',
    app: 'shop',
    specHash: 'hash1',
    revision: 'rev1',
    cause: 'commit',
    phase: 'Failed',
    startedAt: 100,
    finishedAt: 200,
    result: 'Failed',
    reason: 'PortTaken',
    message: 'taken',
    steps: [
      {
        id,
        app: 'shop',
        deployment: 'd1',
        kind: 'start',
        object: 'shop-1',
        reason: 'new release',
        startedAt: 1_000_000,
        endedAt: 1_000_030,
        outcome: 'terminal',
        error: 'PortTaken: start shop-1: taken',
      },
    ],
    evidence: [{ container: 'c1', ...evidence }],
  });
  assert.is(history.deployment('nope'), undefined);
});

test('a step of a deployment that history does not know is written all the same', ({ bench }) => {
  const history = bench.open();
  const id = history.begin('', { ...start, kind: 'remove' }, 'lost');
  history.end(id, { kind: 'ok' }, 1);
  history.end(9_999, { kind: 'cancelled' }, 1);
});

test('a second open deployment supersedes the first', ({ bench }) => {
  const history = bench.open();
  for (const id of ['d1', 'd2']) history.record('shop', [{ kind: 'open', deployment: aDeployment(id) }], 100);
  assert.equal(
    history.deployments('shop', 10).map(({ id, result }) => [id, result]),
    [
      ['d2', undefined],
      ['d1', 'Superseded'],
    ],
  );
});

test('the same event again raises its counter, another one between begins anew', ({ bench }) => {
  const history = bench.open();
  const seen: number[] = [];
  const off = history.onEvent(({ count }) => seen.push(count));
  const event = { app: 'shop', type: 'StepFailed', reason: 'PullFailed', message: 'no' };
  for (const at of [1, 2, 3]) history.event({ ...event, at });
  history.event({ ...event, app: 'blog', at: 4 });
  history.event({ ...event, at: 5 });
  history.event({ ...event, message: 'other', at: 6 });
  history.event({ ...event, at: 7 });
  off();
  history.event({ ...event, at: 8 });
  assert.equal(
    history
      .events({ apps: ['shop'], limit: 10 })
      .map(({ firstAt, at, message, count }) => [firstAt, at, message, count]),
    [
      [1, 5, 'no', 4],
      [6, 6, 'other', 1],
      [7, 8, 'no', 2],
    ],
  );
  assert.equal(seen, [1, 2, 3, 1, 4, 1, 1]);
  const all = history.events({ limit: 2 });
  assert.is(all.length, 2);
  assert.equal(history.events({ after: all[0]?.id ?? 0, limit: 10 }), [all[1]]);
});

test('the end of a deployment is told by its own event', ({ bench }) => {
  const history = bench.open();
  for (const result of ['Succeeded', 'Failed', 'RolledBack', 'Superseded'] as const) {
    history.record(
      'shop',
      [
        { kind: 'open', deployment: aDeployment(result) },
        { kind: 'close', deployment: result, result, reason: 'Why', message: result, evidence: [] },
      ],
      1,
    );
  }
  const types = history.events({ apps: ['shop'], limit: 10 }).map(({ type }) => type);
  assert.equal(types, ['Deployed', 'Failed', 'RolledBack', 'Superseded']);
});

test('failures wait 5 s, doubling up to 5 min, and begin anew with another release', ({ bench }) => {
  const history = bench.open();
  const failure = {
    kind: 'transient',
    step: 'pull',
    reason: 'PullFailed',
    message: 'no',
    specHash: 'h',
  } as const;
  const waits = Array.from({ length: 9 }, () => {
    history.failed('shop', failure, 1_000);
    return (history.memory().apps.shop?.failure?.nextRetry ?? 0) - 1_000;
  });
  assert.equal(waits, [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 250_000, 250_000, 250_000]);
  assert.is(history.memory().apps.shop?.failure?.count, 9);
  history.failed('shop', { ...failure, specHash: 'other' }, 1_000);
  assert.is(history.memory().apps.shop?.failure?.count, 1);
  history.succeeded('shop');
  assert.is(history.memory().apps.shop?.failure, undefined);
  const jittery = bench.open({ path: ':memory:', random: () => 0.999 });
  for (let n = 0; n < 20; n += 1) jittery.failed('shop', failure, 0);
  const longest = jittery.memory().apps.shop?.failure?.nextRetry ?? 0;
  assert.ok(longest > 290_000 && longest <= 300_000, String(longest));
});

test('operators hold, release, pin, approve and retry, each with an event that names them', ({ bench }) => {
  const history = bench.open();
  const app = () => history.memory().apps.shop;
  history.suspend('shop', { actor: 'ann', reason: 'migration', until: 9 });
  assert.equal(app()?.suspended, { actor: 'ann', reason: 'migration', until: 9 });
  history.pin('shop', aRelease('rev1'), { actor: 'bob', against: 'hash2' });
  assert.equal(app()?.pin, { ...aRelease('rev1'), actor: 'bob', against: 'hash2' });
  history.resume('shop', 'ann');
  assert.equal(app(), { restarts: {} });
  history.pin('shop', aRelease('rev1'), { actor: 'bob', against: 'hash2' });
  history.unpin('shop', 'bob');
  history.approve('shop', { specHash: 'hash2' }, 'cy');
  history.approve('shop', { removal: true }, 'cy');
  assert.is(app()?.approved, 'hash2');
  assert.is(app()?.pruneApproved, true);
  history.approvePrune('rev9', 'cy');
  history.approvePrune('rev9', 'cy');
  assert.equal(history.memory().approvedPrunes, ['rev9']);
  history.failed('shop', { kind: 'terminal', step: 'start', reason: 'X', message: 'x' }, 1);
  history.record(
    'shop',
    [
      {
        kind: 'quarantine',
        quarantine: { specHash: 'h', deployment: 'd', reason: 'r', message: 'm', since: 1 },
      },
      { kind: 'healed', specHash: 'h', fields: [], containers: [] },
    ],
    1,
  );
  history.retry('shop', 'dan');
  assert.equal(app(), { restarts: {}, approved: 'hash2', pruneApproved: true });
  const told = history.events({ limit: 50 }).map(({ message }) => message);
  for (const actor of ['ann', 'bob', 'cy', 'dan']) assert.ok(told.some((message) => message.includes(actor)));
  history.close();
  assert.equal(bench.open().memory().approvedPrunes, ['rev9']);
});

test('containers are known from their making to their removal', ({ bench }) => {
  const history = bench.open();
  history.containerMade('c1', 'shop-1', 'shop');
  history.record('shop', [{ kind: 'drain', container: 'c1', since: 5 }], 5);
  history.containerMade('c1', 'shop-renamed', 'shop');
  assert.equal(history.memory().containers, { c1: { name: 'shop-renamed', unroutedSince: 5 } });
  history.close();
  const again = bench.open();
  assert.equal(again.memory().containers, { c1: { name: 'shop-renamed', unroutedSince: 5 } });
  again.containerGone('c1');
  assert.equal(again.memory().containers, {});
});

test('the last ten releases of an app can be gone back to', ({ bench }) => {
  const history = bench.open();
  for (let n = 1; n <= 12; n += 1) {
    history.record('shop', [{ kind: 'healthy', release: aRelease(`rev${n}`) }], n);
  }
  history.record('shop', [{ kind: 'healthy', release: aRelease('rev5') }], 13);
  const kept = history.releases('shop');
  assert.equal(
    kept.map(({ release, at }) => [release.revision, at]),
    [5, 12, 11, 10, 9, 8, 7, 6, 4, 3].map((n) => [`rev${n}`, n === 5 ? 13 : n]),
  );
  assert.equal(kept[0]?.release, aRelease('rev5'));
});

test('the time of a condition moves only with its status', ({ bench }) => {
  const history = bench.open();
  const condition = (status: Condition['status'], message = ''): Condition[] => [
    { type: 'Ready', status, reason: 'R', message },
  ];
  const at = (conditions: Condition[]) => history.lastTransition('shop', conditions)[0]?.lastTransitionTime;
  assert.is(at(condition('False')), 1_000_000);
  bench.time = 2_000_000;
  assert.is(at(condition('False', 'another message')), 1_000_000);
  assert.is(at(condition('True')), 2_000_000);
  history.close();
  bench.time = 3_000_000;
  const again = bench.open();
  assert.equal(again.lastTransition('shop', condition('True')), [
    { ...condition('True')[0], lastTransitionTime: 2_000_000 },
  ]);
  again.lastTransition('shop', []);
  assert.is(again.lastTransition('shop', condition('True'))[0]?.lastTransitionTime, 3_000_000);
});

test('who asks how an app is gets an answer also while nothing can be written', ({ bench }) => {
  const history = bench.open();
  const other = new Database(bench.path);
  other.exec('BEGIN IMMEDIATE');
  const ready: Condition[] = [{ type: 'Ready', status: 'False', reason: 'R', message: '' }];
  assert.is(history.lastTransition('shop', ready)[0]?.lastTransitionTime, bench.time);
  other.close();
});

test('what cannot be read any more is an error of this edge', ({ bench }) => {
  const history = bench.open();
  history.containerMade('c1', 'shop-1', 'shop');
  const other = new Database(bench.path);
  other.exec('DROP TABLE app_memory');
  other.close();
  assert.throws(
    () => history.succeeded('nobody') ?? history.suspend('shop', { actor: 'ada', reason: 'r' }),
    (error: unknown) => error instanceof EdgeError && error.reason === 'HistoryUnwritable',
  );
  assert.throws(
    () => history.memory(),
    (error: unknown) => error instanceof EdgeError && error.reason === 'HistoryUnreadable',
  );
});

test('revisions are listed newest first, and a forced one says from where', ({ bench }) => {
  const history = bench.open();
  history.revision('a', 0, 1);
  history.revision('b', 2, 2, 'a');
  history.revision('a', 1, 3);
  assert.equal(history.revisions(10), [
    { id: 'b', firstSeen: 2, problems: 2, nonFastForwardFrom: 'a' },
    { id: 'a', firstSeen: 1, problems: 1 },
  ]);
});

test('compacting keeps fifty deployments an app, what is open, and two weeks of events', ({ bench }) => {
  const history = bench.open();
  const day = 24 * 60 * 60_000;
  history.record('blog', [{ kind: 'open', deployment: aDeployment('open') }], 0);
  for (let n = 0; n < 60; n += 1) {
    history.record('shop', [{ kind: 'open', deployment: aDeployment(`d${n}`, { startedAt: n }) }], n * day);
    history.end(history.begin('shop', start, `d${n}`), { kind: 'ok' }, 1);
    history.event({ at: n * day, app: 'shop', type: 'T', reason: 'R', message: String(n) });
  }
  history.compact(60 * day);
  const left = history.deployments('shop', 100);
  assert.is(left.length, 50);
  assert.is(left.at(-1)?.id, 'd10');
  assert.is(history.deployment('d9'), undefined);
  assert.is(history.deployment('d10')?.steps.length, 1);
  assert.is(history.deployments('blog', 10).length, 1);
  assert.is(history.events({ limit: 100 }).length, 14);
});

test('what another writer holds is an error within half a second, and changes nothing', ({ bench }) => {
  const history = bench.open();
  history.record('shop', [{ kind: 'open', deployment: aDeployment('d1') }], 1);
  const memory = history.memory();
  const other = new Database(bench.path);
  try {
    other.exec('BEGIN IMMEDIATE');
    const begun = performance.now();
    let error: unknown;
    try {
      history.record('shop', [{ kind: 'phase', deployment: 'd1', phase: 'Pulling' }], 2);
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error instanceof EdgeError && error.reason === 'HistoryUnwritable');
    assert.ok(performance.now() - begun < 2_000);
    other.exec('ROLLBACK');
  } finally {
    other.close();
  }
  assert.equal(history.memory(), memory);
  history.record('shop', [{ kind: 'phase', deployment: 'd1', phase: 'Pulling' }], 2);
  assert.is(history.memory().apps.shop?.deployment?.phase, 'Pulling');
});

test('one decision that cannot be written undoes the whole look, and tells nobody', ({ bench }) => {
  const history = bench.open();
  const told: string[] = [];
  history.onEvent(({ type }) => told.push(type));
  const close: Decision = {
    kind: 'close',
    deployment: 'd1',
    result: 'Succeeded',
    reason: 'R',
    message: 'm',
    evidence: [],
  };
  const broken = { ...aDeployment('d2'), startedAt: 'never' as unknown as number };
  assert.throws(() =>
    history.record(
      'shop',
      [{ kind: 'open', deployment: aDeployment('d1') }, close, { kind: 'open', deployment: broken }],
      1,
    ),
  );
  assert.equal(told, []);
  assert.equal(history.memory().apps, {});
  assert.equal(history.deployments('shop', 10), []);
});

test('a step does not wait for the disk, and what holds back does', ({ bench }) => {
  const { db } = openDatabase(bench.path, migrations, 0);
  const history = new SqliteHistory(db, { path: bench.path, now: () => 1 });
  const synchronous = () => db.pragma('synchronous', { simple: true });
  history.end(history.begin('shop', start, undefined), { kind: 'ok' });
  assert.is(synchronous(), 1);
  history.record('shop', [{ kind: 'checked', at: 7 }], 8);
  assert.is(synchronous(), 2);
  history.begin('shop', start, undefined);
  history.suspend('shop', { actor: 'ada', reason: 'test' });
  assert.is(synchronous(), 2);
  history.close();
});

test.run();
