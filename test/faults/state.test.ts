import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { migrations } from '../../src/history/migrations.ts';
import { until } from '../caddy/real-caddy.ts';
import { failCalls } from './failing-calls.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { nextRelease } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { SmallDisk } from './small-disk.ts';
import { type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });
const newest = (stage: Stage) => [...stage.commits.keys()].at(-1) ?? '';
const databaseOf = ({ host }: Stage) => join(host.stateDir, 'plimsoll.db');

/** A host that serves, whose state directory is a disk of its own. */
async function begin(stage: Stage): Promise<SmallDisk> {
  const disk = SmallDisk.under(stage.host);
  await beginWith(stage, { ...base, ...shop() });
  stage.follow('shop', /^shop \d+$/);
  stage.follow('api', /^api 0$/);
  return disk;
}

async function held(stage: Stage, what: string, revision = newest(stage)): Promise<void> {
  await expectHolds(stage, { revision }).catch((error: Error) => {
    error.message = `${what}: ${error.message}`;
    throw error;
  });
}

type Hindrance = (stage: Stage, disk: SmallDisk) => Promise<() => unknown>;

/** Calls by which SQLite changes its files. */
const writes = ['pwrite64', 'fdatasync', 'ftruncate', 'fallocate'];

const failingFrom =
  (error: 'EIO' | 'ENOSPC' | 'EROFS', from: number): Hindrance =>
  async (stage) => {
    const file = databaseOf(stage);
    const files = [file, `${file}-wal`, `${file}-shm`];
    const failing = await failCalls({ pid: stage.controller.pid, calls: writes, error, from, files });
    return async () => assert.ok((await failing.end()) > 0, 'no write failed');
  };

/** What makes it impossible to write history for a while; each answers how it ends. */
const hindrances: Readonly<Record<string, Hindrance>> = {
  'the disk is full': async (_stage, disk) => {
    disk.fill();
    return () => disk.empty();
  },
  'somebody holds the lock of the database': async (stage) => {
    const other = new Database(databaseOf(stage), { timeout: 5_000 });
    other.exec('BEGIN EXCLUSIVE');
    return () => other.close();
  },
  'EIO from write 1 on': failingFrom('EIO', 1),
  'EIO from write 6 on': failingFrom('EIO', 6),
  'ENOSPC from write 3 on': failingFrom('ENOSPC', 3),
  'EROFS from write 1 on': failingFrom('EROFS', 1),
};

faultTest(
  {
    kind: 'history unwritable',
    name: 'while history cannot be written nothing is changed and nothing claimed; afterwards all is made up for',
  },
  async (stage) => {
    const { host } = stage;
    const disk = await begin(stage);
    const all = Object.keys(hindrances);
    const chosen = isLong ? all : sample(all, 1, seeded('unwritable'));
    say(`history unwritable: ${chosen.join(', ')}; ${chosen.length} of ${all.length}, seed ${seed}`);
    for (const what of chosen) {
      const end = await hindrances[what]?.(stage, disk);
      stage.injected += 1;
      const revision = stage.commit(shop());
      await until(`it is said while ${what}`, async () => {
        const { body } = await host.ask('GET', '/api/v1/status');
        return (body as { historyError: object | null }).historyError !== null;
      });
      const changes = stage.ledger.mutations.length;
      const [one = ''] = (await host.ids('web')).filter((id) => !stage.planted.ids.has(id));
      // Removed and not killed: who is killed again and again is waited with.
      await host.docker.getContainer(one).remove({ force: true });
      const told = Date.now();
      await until(`it is looked at again while ${what}`, () => stage.sampler.since(told, 'web').length > 12);
      assert.is((await host.app('web')).sync, 'Unknown', what);
      assert.is(stage.ledger.mutations.length, changes, `${what}: what is not written down is not done`);
      await end?.();
      await held(stage, what, revision);
    }
  },
);

/** Bytes of the file that are something else from here to there. */
function overwrite(file: string, from: number, to: number): void {
  const bytes = readFileSync(file);
  bytes.fill(0x55, Math.floor(bytes.length * from), Math.ceil(bytes.length * to));
  writeFileSync(file, bytes);
}

interface Damage {
  /** While no controller runs. */
  do(file: string, stage: Stage): unknown;
  /** What was found is kept under this name, and an event says so. */
  readonly kept?: RegExp;
  /** It is still the history that it was. */
  readonly isKnown?: true;
}

const setAside = /^plimsoll\.db\.damaged-\d{8}T\d{6}Z/;

const damages: Readonly<Record<string, Damage>> = {
  'overwritten at the start': { do: (file) => overwrite(file, 0, 0.01), kept: setAside },
  'overwritten in the middle': { do: (file) => overwrite(file, 0.3, 0.9), kept: setAside },
  truncated: { do: (file) => truncateSync(file, readFileSync(file).length >> 1), kept: setAside },
  'text instead of a database': { do: (file) => writeFileSync(file, 'hello\n'.repeat(99)), kept: setAside },
  empty: { do: (file) => truncateSync(file, 0) },
  missing: { do: (file) => rmSync(file) },
  'beside a log of another': {
    do: (file) => writeFileSync(`${file}-wal`, Buffer.alloc(64 << 10, 0x55)),
    isKnown: true,
  },
  'of an older schema': {
    do: (file) => {
      const db = new Database(file);
      db.exec('DROP TABLE deliveries; DROP TABLE tokens; DROP TABLE audit; PRAGMA user_version = 1');
      db.close();
    },
    kept: /^plimsoll\.db\.backup-v1-/,
    isKnown: true,
  },
  'without a table': {
    do: (file) => {
      const db = new Database(file);
      db.exec('DROP TABLE conditions');
      db.close();
    },
    kept: setAside,
  },
};

faultTest(
  {
    kind: 'history damaged',
    name: 'a history that is damaged, lost or old is set aside, begun anew or brought up, and nothing restarts',
  },
  async (stage) => {
    await begin(stage);
    const all = Object.keys(damages);
    const chosen = isLong ? all : sample(all, 1, seeded('damaged'));
    say(`history damaged: ${chosen.join(', ')}; ${chosen.length} of ${all.length}, seed ${seed}`);
    for (const what of chosen) await damageWhileAway(stage, what);
  },
);

async function damageWhileAway(stage: Stage, what: string): Promise<void> {
  const { host } = stage;
  const damage = damages[what];
  const ids = await host.ids();
  await stage.controller.end();
  const changes = stage.ledger.mutations.length;
  const before = readdirSync(host.stateDir);
  await damage?.do(databaseOf(stage), stage);
  if (!damage?.isKnown) stage.forgetHistory();
  stage.injected += 1;
  stage.start();
  await held(stage, what);
  assert.equal(await host.ids(), ids, `${what}: nothing restarts`);
  assert.is(stage.ledger.mutations.length, changes, `${what}: nothing is changed`);
  const { kept } = damage ?? {};
  if (kept === undefined) return;
  const fresh = readdirSync(host.stateDir).filter((name) => kept.test(name) && !before.includes(name));
  assert.ok(fresh.length > 0, `${what}: it is kept; there is ${readdirSync(host.stateDir)}`);
  if (kept !== setAside) return;
  const { body } = await host.ask('GET', '/api/v1/events');
  const events = (body as { items: readonly { type: string; message: string }[] }).items;
  assert.ok(
    events.some(({ type, message }) => type === 'HistoryDamaged' && message.includes(fresh[0] ?? '')),
    `${what}: an event says so`,
  );
}

faultTest(
  {
    kind: 'history deleted while open',
    name: 'a history that is deleted under a running controller costs no request, and the next one begins anew',
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    await begin(stage);
    for (const suffix of ['', '-wal', '-shm']) rmSync(databaseOf(stage) + suffix, { force: true });
    stage.injected += 1;
    const revision = stage.commit(shop());
    await host.untilConverged(revision);
    assert.match(await host.marker('shop'), /^shop \d+$/);
    const ids = await host.ids();
    await stage.controller.end();
    stage.forgetHistory();
    stage.start();
    await held(stage, 'deleted while open', revision);
    assert.equal(await host.ids(), ids);
  },
);

faultTest(
  {
    kind: 'history restored',
    name: 'a history from before some updates, put back, brings back nothing of what was then',
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    await begin(stage);
    const file = databaseOf(stage);
    const copy = join(host.dir, 'copy.db');
    const copyNow = () => {
      rmSync(copy, { force: true });
      const db = new Database(file, { timeout: 5_000 });
      db.prepare('VACUUM INTO ?').run(copy);
      db.close();
    };
    for (const when of ['in peace', 'in the middle of a rollout'] as const) {
      const revision = stage.commit(shop());
      if (when === 'in peace') await held(stage, when, revision);
      else
        await until('it is under way', async () => {
          const { deployment } = await host.app('shop');
          return deployment !== null && (await host.ids('shop')).length > 2;
        });
      copyNow();
      await held(stage, when);
      for (let more = 0; more < 2; more += 1) await held(stage, when, stage.commit(shop()));
      await held(stage, when, stage.commit({ web: undefined, late: { release: '1' } }));
      const ids = await host.ids();
      await stage.controller.end();
      cpSync(copy, file);
      stage.forgetHistory();
      stage.injected += 1;
      stage.start();
      await held(stage, `restored ${when}`);
      assert.equal(await host.ids(), ids, `restored ${when}: nothing restarts`);
      await held(stage, when, stage.commit({ web: { release: '0' }, late: undefined }));
    }
  },
);

faultTest(
  {
    kind: 'state refused',
    name: 'a controller that cannot use its state says why and ends, and what serves goes on',
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    const disk = await begin(stage);
    const ids = await host.ids();
    const refuse = async (code: number, message: RegExp) => {
      stage.injected += 1;
      const refused = host.start(stage.env);
      await refused.ended();
      assert.match(refused.output, message);
      assert.not.match(refused.output, /\n {4}at /, 'no stack');
      assert.is(await refused.end(), code);
      assert.is(await host.marker('api'), 'api 0');
    };
    await stage.controller.end();
    const version = (to: number) => {
      const db = new Database(databaseOf(stage));
      db.pragma(`user_version = ${to}`);
      db.close();
    };
    version(99);
    await refuse(2, new RegExp(`version 99, this program knows up to ${migrations.length}`));
    version(migrations.length);
    disk.protect('ro');
    await refuse(3, /read-?only/i);
    disk.protect('rw');
    stage.start();
    await held(stage, 'afterwards');
    assert.equal(await host.ids(), ids);
  },
);

test.run();
