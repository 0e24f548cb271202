import { existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSource, type Source, type SourceConfig, type SourceDeps } from '../../src/git/source.ts';
import { type GitServer, startGitServer } from './git-server.ts';
import { createWorkshop, refusal, texts, throwsReason, until, type Workshop } from './workshop.ts';

interface Scene {
  shop: Workshop;
  server: GitServer;
  /** The repository that the server serves as `/config/.git`. */
  dir: string;
  url: string;
  sources: Source[];
}

const test = suite<Scene>('a source over HTTP');

test.before.each(async (scene) => {
  scene.shop = createWorkshop();
  scene.dir = scene.shop.repository('served/config', { 'app.yaml': 'one', 'web/app.yaml': 'web' });
  scene.server = await startGitServer(scene.shop.path('served'));
  scene.url = `${scene.server.url}/config/.git`;
  scene.sources = [];
});
test.after.each(async ({ shop, server, sources }) => {
  await Promise.all(sources.map((source) => source.close()));
  await server.close();
  shop.remove();
});

function open(scene: Scene, more: Partial<SourceConfig> = {}, deps: Partial<SourceDeps> = {}): Source {
  const config = { url: scene.url, branch: 'main', path: '.', interval: 60_000, ...more };
  const source = createSource(config, {
    stateDir: scene.shop.path('state'),
    timeout: 5_000,
    spacing: 0,
    ...deps,
  });
  scene.sources.push(source);
  return source;
}

function mirrors(scene: Scene): string[] {
  const folder = scene.shop.path('state/sources');
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function packs(scene: Scene): string[] {
  return mirrors(scene).flatMap((mirror) =>
    readdirSync(join(mirror, 'objects/pack'))
      .filter((name) => name.endsWith('.pack'))
      .map((name) => join(mirror, 'objects/pack', name)),
  );
}

test('the newest commit is read, and the pack is fetched only when the id moved', async (scene) => {
  const source = open(scene);
  const first = await source.read();
  assert.is(first.revision, scene.shop.git(scene.dir, 'rev-parse', 'HEAD'));
  assert.equal(texts(first), { 'app.yaml': 'one', 'web/app.yaml': 'web' });
  const posts = () =>
    scene.server.requests.filter((line) => line === 'POST /config/.git/git-upload-pack').length;
  const before = posts();
  assert.is(await source.read(), first);
  assert.is(posts() - before, 1, 'one POST lists the refs');
  for (const text of ['two', 'three']) {
    const id = scene.shop.commit(scene.dir, { 'app.yaml': text });
    const next = await source.read();
    assert.is(next.revision, id);
    assert.equal(texts(next), { 'app.yaml': text, 'web/app.yaml': 'web' });
    assert.is(next.files[1]?.content, first.files[1]?.content);
  }
  assert.is(mirrors(scene).length, 1);
  assert.is(packs(scene).length, 3);
  assert.is(statSync(mirrors(scene)[0] ?? '').mode & 0o777, 0o700);
});

test('a mirror from before is enough after a start, without fetching again', async (scene) => {
  await open(scene).read();
  const again = open(scene);
  assert.equal(texts(await again.read()), { 'app.yaml': 'one', 'web/app.yaml': 'web' });
  assert.is(packs(scene).length, 1);
});

test('after many fetches the mirror is begun anew', async (scene) => {
  const source = open(scene);
  for (let n = 0; n < 25; n += 1) {
    const id = scene.shop.commit(scene.dir, { 'app.yaml': String(n) });
    assert.is((await source.read()).revision, id);
  }
  assert.ok(packs(scene).length <= 20);
});

test('a force push, a deleted branch and an emptied one are each seen as what they are', async (scene) => {
  const { shop, dir } = scene;
  const source = open(scene);
  const first = (await source.read()).revision;
  shop.commit(dir, { 'app.yaml': 'two' });
  await source.read();
  shop.git(dir, 'reset', '-q', '--hard', first);
  const third = shop.commit(dir, { 'app.yaml': 'other' });
  assert.is((await source.read()).revision, third);
  shop.git(dir, 'checkout', '-q', '--detach');
  shop.git(dir, 'branch', '-D', 'main');
  await throwsReason(() => source.read(), 'BranchMissing', /"main"/);
  shop.git(dir, 'checkout', '-q', '-b', 'main');
  shop.git(dir, 'rm', '-q', '-r', '.');
  const emptied = shop.commit(dir, {});
  assert.equal(await source.read(), { revision: emptied, files: [] });
});

test('an empty repository is BranchMissing', async (scene) => {
  scene.shop.repository('served/empty', {});
  const source = open(scene, { url: `${scene.server.url}/empty/.git` });
  await throwsReason(() => source.read(), 'BranchMissing');
});

test('credentials go to a server that asks, and never into an error', async (scene) => {
  const guarded = await startGitServer(scene.shop.path('served'), { username: 'ci', password: 's3cret' });
  try {
    const url = `${guarded.url}/config/.git`;
    const source = open(scene, { url, auth: { username: 'ci', password: 's3cret' } });
    assert.is(Object.keys(texts(await source.read())).length, 2);
    const token = open(
      scene,
      { url, auth: { username: 'ci', token: 's3cret' } },
      { stateDir: scene.shop.path('b') },
    );
    await token.read();
    await throwsReason(() => open(scene, { url }).read(), 'SourceUnreachable', /asks for credentials/);
    const wrong = open(scene, { url, auth: { username: 'ci', password: 'wr0ng' } });
    const error = await refusal(() => wrong.read());
    assert.match(error.message, /refuses the credentials/);
    assert.not.match(JSON.stringify([error.message, error.stack]), /wr0ng/);
    const kept = scene.shop.gitInput(mirrors(scene)[0] ?? '', '', 'config', '--list');
    assert.not.match(kept, /s3cret/);
  } finally {
    await guarded.close();
  }
});

test('an unreachable, failing or wrong server is SourceUnreachable, and heals', async (scene) => {
  const source = open(scene, {}, { timeout: 200 });
  const first = await source.read();
  for (const fault of [
    { kind: 'stall' },
    { kind: 'status', status: 500 },
    { kind: 'status', status: 404 },
  ] as const) {
    scene.server.fault = fault;
    await throwsReason(() => source.read(), 'SourceUnreachable');
  }
  scene.server.fault = { kind: 'none' };
  assert.is(await source.read(), first);
  await throwsReason(
    () => open(scene, { url: `${scene.server.url}/nope.git` }).read(),
    'SourceUnreachable',
    /404/,
  );
  await throwsReason(() => open(scene, { url: 'http://127.0.0.1:1/x' }).read(), 'SourceUnreachable');
});

for (const kind of ['truncate', 'garble'] as const) {
  test(`a pack that comes in pieces (${kind}) is never taken, and the next read is whole`, async (scene) => {
    const source = open(scene);
    scene.server.fault = { kind };
    await throwsReason(() => source.read(), 'SourceUnreachable');
    scene.server.fault = { kind: 'none' };
    assert.equal(texts(await source.read()), { 'app.yaml': 'one', 'web/app.yaml': 'web' });
    const id = scene.shop.commit(scene.dir, { 'app.yaml': 'two' });
    scene.server.fault = { kind };
    await throwsReason(() => source.read(), 'SourceUnreachable');
    scene.server.fault = { kind: 'none' };
    const healed = await source.read();
    assert.is(healed.revision, id);
    assert.equal(texts(healed), { 'app.yaml': 'two', 'web/app.yaml': 'web' });
  });
}

test('a redirect within the host is followed, one to another host is refused', async (scene) => {
  const other = await startGitServer(scene.shop.path('served'));
  try {
    scene.server.fault = { kind: 'redirect', to: other.url };
    const source = open(scene, { auth: { token: 's3cret' } });
    await throwsReason(() => source.read(), 'SourceInvalid', /redirects to another host/);
    assert.equal(other.requests, []);
    scene.server.fault = { kind: 'redirect', to: scene.server.url };
    await throwsReason(() => source.read(), 'SourceInvalid', /too many redirects/);
  } finally {
    await other.close();
  }
});

test('a damaged mirror is thrown away and cloned again', async (scene) => {
  await open(scene).read();
  const pack = packs(scene)[0] ?? '';
  truncateSync(pack, 40);
  assert.equal(texts(await open(scene).read()), { 'app.yaml': 'one', 'web/app.yaml': 'web' });
  const mirror = mirrors(scene)[0] ?? '';
  rmSync(mirror, { recursive: true });
  writeFileSync(mirror, 'a file in its place');
  assert.equal(texts(await open(scene).read()), { 'app.yaml': 'one', 'web/app.yaml': 'web' });
});

test('an older revision is found by full and short id, tag and branch', async (scene) => {
  const { shop, dir } = scene;
  const first = shop.git(dir, 'rev-parse', 'HEAD');
  shop.git(dir, 'tag', '-a', 'v1', '-m', 'x');
  shop.git(dir, 'branch', 'old');
  shop.commit(dir, { 'app.yaml': 'two' });
  const newest = shop.commit(dir, { 'app.yaml': 'three' });
  const source = open(scene);
  await source.read();
  for (const revision of [first, first.slice(0, 8), 'v1', 'old']) {
    const snapshot = await source.readAt(revision);
    assert.is(snapshot.revision, first, revision);
    assert.is(texts(snapshot)['app.yaml'], 'one');
  }
  assert.is((await source.readAt('main')).revision, newest);
  await throwsReason(() => source.readAt('f'.repeat(40)), 'RevisionMissing', /no revision/);
  await throwsReason(() => source.readAt('nope'), 'RevisionMissing', /no revision/);
  assert.is((await source.read()).revision, newest);
});

test('a new commit is noticed at the interval', async (scene) => {
  const source = open(scene, { interval: 50 });
  await source.read();
  const id = scene.shop.commit(scene.dir, { 'app.yaml': 'two' });
  let seen = '';
  source.onChange(() => {
    source.read().then(
      ({ revision }) => {
        seen = revision;
      },
      () => undefined,
    );
  });
  await until(() => seen === id);
});

test('looks in quick succession ask the server once, and news that they missed is announced', async (scene) => {
  const source = open(scene, {}, { spacing: 300 });
  const first = await source.read();
  const asked = scene.server.requests.length;
  for (let n = 0; n < 20; n += 1) assert.is(await source.read(), first);
  assert.is(scene.server.requests.length, asked);
  let calls = 0;
  source.onChange(() => {
    calls += 1;
  });
  const id = scene.shop.commit(scene.dir, { 'app.yaml': 'two' });
  assert.is(await source.read(), first);
  await until(() => calls > 0);
  assert.is((await source.read()).revision, id);
});

test('a read after a refresh asks at once', async (scene) => {
  const source = open(scene, {}, { spacing: 60_000 });
  const first = await source.read();
  const id = scene.shop.commit(scene.dir, { 'app.yaml': 'two' });
  assert.is(await source.read(), first);
  source.refresh();
  assert.is((await source.read()).revision, id);
});

test('a server that stalls holds up no later look, and its failure is told when it is known', async (scene) => {
  const source = open(scene, {}, { timeout: 6_000 });
  const first = await source.read();
  scene.server.fault = { kind: 'stall' };
  const begun = performance.now();
  assert.is(await source.read(), first);
  assert.is(await source.read(), first);
  assert.ok(performance.now() - begun < 5_900);
  let calls = 0;
  source.onChange(() => {
    calls += 1;
  });
  await until(() => calls > 0, 10_000);
  await throwsReason(() => source.read(), 'SourceUnreachable', /in time/);
});

test('close ends a request that hangs', async (scene) => {
  scene.server.fault = { kind: 'stall' };
  const source = open(scene, {}, { timeout: 60_000 });
  const read = refusal(() => source.read());
  await until(() => scene.server.requests.length > 0);
  await source.close();
  assert.is((await read).reason, 'SourceUnreachable');
});

test('ten commits in ten moments end at the last one', async (scene) => {
  const source = open(scene);
  const reads = Array.from({ length: 10 }, (_, n) => {
    scene.shop.commit(scene.dir, { 'app.yaml': String(n) });
    return source.read();
  });
  const last = (await Promise.all(reads)).at(-1);
  assert.is(last?.revision, scene.shop.git(scene.dir, 'rev-parse', 'HEAD'));
});

test.run();
