import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSnapshotStore } from '../../src/git/snapshot-store.ts';
import { createSource, sourceKey } from '../../src/git/source.ts';
import { startGitServer } from './git-server.ts';
import { createWorkshop, texts, throwsReason, type Workshop } from './workshop.ts';

const test = suite<{ shop: Workshop }>('the snapshot store');

test.before.each((context) => {
  context.shop = createWorkshop();
});
test.after.each(({ shop }) => shop.remove());

const snapshot = {
  revision: 'a'.repeat(40),
  files: [
    { path: 'app.yaml', id: '1', content: Buffer.from('kind: App') },
    { path: 'logo.bin', id: '2', content: new Uint8Array([0, 255, 128]) },
  ],
};

test('a snapshot comes back as it was saved, in a file that only we can read', async ({ shop }) => {
  const store = createSnapshotStore(shop.path('state'), 'key');
  assert.is(await store.load(), undefined);
  await store.save(snapshot);
  const loaded = await createSnapshotStore(shop.path('state'), 'key').load();
  assert.is(loaded?.snapshot.revision, snapshot.revision);
  assert.equal(
    loaded?.snapshot.files.map(({ path, id, content }) => [path, id, [...content]]),
    snapshot.files.map(({ path, id, content }) => [path, id, [...content]]),
  );
  const file = shop.path('state/snapshot.json.gz');
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(statSync(shop.path('state')).mode & 0o777, 0o700);
  const before = statSync(file).mtimeMs;
  await store.save(snapshot);
  assert.is(statSync(file).mtimeMs, before);
});

test('a damaged file and one of another source are none', async ({ shop }) => {
  const state = shop.path('state');
  await createSnapshotStore(state, 'key').save(snapshot);
  assert.is(await createSnapshotStore(state, 'other').load(), undefined);
  const file = shop.path('state/snapshot.json.gz');
  const bytes = readFileSync(file);
  for (const damaged of [
    bytes.subarray(0, 80),
    Buffer.concat([bytes, Buffer.from('x')]),
    Buffer.alloc(0),
    Buffer.from('{'),
  ]) {
    writeFileSync(file, damaged);
    assert.is(await createSnapshotStore(state, 'key').load(), undefined);
  }
});

test('the last good snapshot serves while the source is unreachable', async ({ shop }) => {
  shop.repository('served/config', { 'app.yaml': 'one' });
  const server = await startGitServer(shop.path('served'));
  const config = { url: `${server.url}/config/.git`, branch: 'main', path: '.', interval: 60_000 };
  const deps = { stateDir: shop.path('state') };
  const source = createSource(config, deps);
  try {
    await createSnapshotStore(deps.stateDir, sourceKey(config)).save(await source.read());
  } finally {
    await source.close();
    await server.close();
  }
  const offline = createSource(config, deps);
  try {
    await throwsReason(() => offline.read(), 'SourceUnreachable');
    const kept = await createSnapshotStore(deps.stateDir, sourceKey(config)).load();
    assert.equal(kept && texts(kept.snapshot), { 'app.yaml': 'one' });
  } finally {
    await offline.close();
  }
});

test('keys differ by address, branch and path, not by credentials', () => {
  const base = { url: 'https://example.com/x', branch: 'main', path: '.', interval: 1 };
  const keys = [
    base,
    { ...base, branch: 'b' },
    { ...base, path: 'p' },
    { ...base, url: 'https://example.com/y' },
  ].map(sourceKey);
  assert.is(new Set(keys).size, 4);
  assert.is(sourceKey({ ...base, auth: { token: 't' }, interval: 2 }), keys[0]);
});

test.run();
