import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import { NewerSchemaError, openDatabase } from '../../src/history/database.ts';
import { openHistory } from '../../src/history/history.ts';
import { migrations } from '../../src/history/migrations.ts';
import { lockState } from '../../src/history/state-lock.ts';
import { aDeployment, type Bench, createBench } from './fixture.ts';

const test = suite<{ bench: Bench }>("history's database");

test.before.each((context) => {
  context.bench = createBench();
});
test.after.each(({ bench }) => bench.end());

const time = Date.UTC(2025, 10, 21, 12, 49);

test('a damaged file is set aside, a new one begun, and an event says so', ({ bench }) => {
  bench.time = time;
  const first = bench.open();
  for (let n = 0; n < 200; n += 1)
    first.event({ at: n, app: 'shop', type: 'T', reason: 'R', message: `${n}` });
  first.close();
  const bytes = readFileSync(bench.path);
  bytes.fill(0x5a, 4096 * 2);
  for (const damaged of [bytes, Buffer.from('this is no database'.repeat(100)), bytes.subarray(0, 5000)]) {
    writeFileSync(bench.path, damaged);
    const history = bench.open();
    assert.equal(history.memory(), { apps: {}, approvedPrunes: [], containers: {} });
    const [event] = history.events({ limit: 10 });
    assert.is(event?.type, 'HistoryDamaged');
    const aside = /as (\S+),/.exec(event?.message ?? '')?.[1] ?? '';
    assert.match(aside, /history\.db\.damaged-20251121T124900Z(-\d)?$/);
    assert.equal(readFileSync(aside), damaged);
    assert.is(statSync(aside).mode & 0o777, 0o600);
    assert.is(statSync(bench.path).mode & 0o777, 0o600);
    history.close();
  }
});

test('a newer schema is refused with both versions, and nothing is changed', ({ bench }) => {
  bench.open().close();
  const db = new Database(bench.path);
  db.pragma('user_version = 99');
  db.close();
  const before = readFileSync(bench.path);
  try {
    bench.open();
    assert.unreachable();
  } catch (error) {
    assert.instance(error, NewerSchemaError);
    if (!(error instanceof NewerSchemaError)) throw error;
    assert.equal([error.found, error.supported], [99, migrations.length]);
    assert.match(error.message, /99/);
  }
  assert.equal(readFileSync(bench.path), before);
});

test('an older schema is migrated forward after a verified backup', ({ bench }) => {
  const first = bench.open();
  first.record('shop', [{ kind: 'open', deployment: aDeployment('d1') }], 1);
  first.close();
  const next = [...migrations, "ALTER TABLE deployments ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"];
  const { db, backup } = openDatabase(bench.path, next, time);
  try {
    assert.is(db.pragma('user_version', { simple: true }), next.length);
    assert.equal(db.prepare('SELECT id, note FROM deployments').get(), { id: 'd1', note: 'none' });
  } finally {
    db.close();
  }
  assert.ok(String(backup).endsWith(`history.db.backup-v${migrations.length}-20251121T124900Z`));
  assert.is(statSync(String(backup)).mode & 0o777, 0o600);
  const copy = new Database(String(backup), { readonly: true });
  try {
    assert.is(copy.pragma('user_version', { simple: true }), migrations.length);
    assert.equal(copy.prepare('SELECT id FROM deployments').get(), { id: 'd1' });
  } finally {
    copy.close();
  }
  const again = openDatabase(bench.path, next, time);
  again.db.close();
  assert.is(again.backup, undefined);
});

test('a migration that fails leaves the old schema as it was', ({ bench }) => {
  bench.open().close();
  const broken = [...migrations, 'CREATE TABLE half (a TEXT); INSERT INTO nowhere VALUES (1)'];
  assert.throws(() => openDatabase(bench.path, broken, time), /nowhere/);
  const db = new Database(bench.path);
  try {
    assert.is(db.pragma('user_version', { simple: true }), migrations.length);
    assert.is(db.prepare("SELECT name FROM sqlite_master WHERE name = 'half'").get(), undefined);
  } finally {
    db.close();
  }
});

test('the settings that durability rests on are set', ({ bench }) => {
  const { db } = openDatabase(bench.path, migrations, time);
  try {
    const pragma = (name: string) => db.pragma(name, { simple: true });
    assert.is(pragma('journal_mode'), 'wal');
    assert.is(pragma('synchronous'), 2);
    assert.is(pragma('foreign_keys'), 1);
    assert.ok(Number(pragma('busy_timeout')) <= 400);
  } finally {
    db.close();
  }
});

test('a link in place of the file is refused', ({ bench }) => {
  mkdirSync(bench.dir);
  symlinkSync('/etc/passwd', bench.path);
  assert.throws(() => bench.open(), /no regular file/);
});

test('a folder that is open to readers is closed to them, one that everybody writes to is left alone', ({
  bench,
}) => {
  for (const [mode, after] of [
    [0o755, 0o700],
    [0o1777, 0o1777],
  ] as const) {
    const dir = join(bench.dir, '..', mode.toString(8));
    mkdirSync(dir);
    chmodSync(dir, mode);
    openDatabase(join(dir, 'history.db'), migrations, time).db.close();
    assert.is(statSync(dir).mode & 0o7777, after);
  }
});

test('a state directory that cannot be used is an error of this edge, which says what and why', ({
  bench,
}) => {
  bench.open().close();
  const path = join(bench.path, 'state', 'history.db');
  const isEdge = (error: unknown) => error instanceof EdgeError && error.reason === 'StateUnusable';
  assert.throws(() => openHistory({ path, now: () => time }), isEdge);
  assert.throws(() => lockState(join(bench.path, 'state')), isEdge);
});

test.run();
