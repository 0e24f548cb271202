import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Snapshot } from '../../src/desired/desired.ts';
import { createLoader } from '../../src/desired/load-desired.ts';
import { createSource, type Source, type SourceConfig } from '../../src/git/source.ts';
import { defaultLimits } from '../../src/git/transport.ts';
import { manifestSchemas } from '../../src/manifest-schemas.ts';
import { type GitServer, startGitServer } from './git-server.ts';
import { createWorkshop, texts, throwsReason, type Workshop } from './workshop.ts';

interface Scene {
  shop: Workshop;
  server: GitServer;
  dir: string;
  sources: Source[];
}

const test = suite<Scene>('a hostile repository');

const shopApp = 'apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: shop}\nspec: {image: "shop:1"}\n';

test.before.each(async (scene) => {
  scene.shop = createWorkshop();
  scene.dir = scene.shop.repository('served/config', {
    'shop/app.yaml': shopApp,
    'web/app.yaml': shopApp.replace('shop}', 'web}'),
  });
  scene.server = await startGitServer(scene.shop.path('served'));
  scene.sources = [];
});
test.after.each(async ({ shop, server, sources }) => {
  await Promise.all(sources.map((source) => source.close()));
  await server.close();
  shop.remove();
});

function open(scene: Scene, more: Partial<SourceConfig> = {}): Source {
  const source = createSource(
    { url: `${scene.server.url}/config/.git`, path: '.', interval: 60_000, ...more },
    { stateDir: scene.shop.path('state'), timeout: 5_000, spacing: 0 },
  );
  scene.sources.push(source);
  return source;
}

/** The same repository, read where it lies. */
function openFolder(scene: Scene): Source {
  const config = { dir: scene.dir, path: '.', interval: 60_000 };
  const source = createSource(config, { stateDir: scene.shop.path('state') });
  scene.sources.push(source);
  return source;
}

/** What the manifests of a snapshot come to. */
function desiredOf(snapshot: Snapshot) {
  const policy = {
    allowPrivileged: false,
    allowCapabilities: [],
    allowHostPaths: [],
    apps: {},
    allowedRegistries: [],
    instance: 'default',
  };
  return createLoader(manifestSchemas()).load(snapshot, { policy, incumbents: new Map() });
}

interface RawEntry {
  readonly mode: string;
  readonly name: string | Buffer;
  readonly id: string;
}

/** Writes a tree as it is told to, however broken, and makes it the newest commit's. */
function commitTree(scene: Scene, entries: readonly RawEntry[]): string {
  const tree = writeTree(scene, entries);
  const commit = scene.shop.git(scene.dir, 'commit-tree', tree, '-p', 'HEAD', '-m', 'hostile');
  scene.shop.git(scene.dir, 'update-ref', 'refs/heads/main', commit);
  return commit;
}

function writeTree({ shop, dir }: Scene, entries: readonly RawEntry[]): string {
  const bytes = Buffer.concat(
    entries.flatMap(({ mode, name, id }) => [
      Buffer.from(`${mode} `),
      Buffer.from(name),
      Buffer.from([0]),
      Buffer.from(id, 'hex'),
    ]),
  );
  return shop.gitInput(
    dir,
    bytes as unknown as string,
    'hash-object',
    '-t',
    'tree',
    '--literally',
    '-w',
    '--stdin',
  );
}

function blob({ shop, dir }: Scene, text: string): string {
  return shop.gitInput(dir, text, 'hash-object', '-w', '--stdin');
}

function present(scene: Scene): RawEntry[] {
  return ['shop', 'web'].map((name) => ({
    mode: '40000',
    name,
    id: scene.shop.git(scene.dir, 'rev-parse', `HEAD:${name}`),
  }));
}

test('names that no honest repository holds hurt nobody else, and each is told', async (scene) => {
  const file = blob(scene, shopApp.replace('shop}', 'evil}'));
  const names: readonly (readonly [string | Buffer, RegExp])[] = [
    ['..', /leads elsewhere/],
    ['.', /leads elsewhere/],
    ['a/b.yaml', /slash/],
    ['..\\x', /backslash/],
    ['x\u001b[31m', /control/],
    ['line\nend', /control/],
    [Buffer.from([0x78, 0xff, 0xfe]), /UTF-8/],
    ['n'.repeat(300), /longer than 255/],
  ];
  const folder = writeTree(scene, [{ mode: '100644', name: 'app.yaml', id: file }]);
  commitTree(scene, [
    ...present(scene),
    ...names.map(([name]) => ({ mode: '100644', name, id: file })),
    { mode: '40000', name: '.git', id: folder },
    { mode: '40000', name: '../up', id: folder },
  ]);
  const snapshot = await open(scene).read();
  assert.equal(Object.keys(texts(snapshot)), ['shop/app.yaml', 'web/app.yaml']);
  const told = (snapshot.omitted ?? []).map(({ path, why }) => `${path}: ${why}`);
  for (const [, why] of names)
    assert.ok(
      told.some((line) => why.test(line)),
      String(why),
    );
  assert.ok(told.some((line) => /^\.git: a folder of git's own/.test(line)));
  assert.not.ok(told.some((line) => /[\u0000-\u001f\u007f]/.test(line)));
  assert.equal(
    desiredOf(snapshot).apps.map(({ name }) => name),
    ['shop', 'web'],
  );
});

test('twins in one folder, and names that differ by case alone, are read as what they are', async (scene) => {
  const [first = '', second = ''] = [blob(scene, 'first'), blob(scene, 'second')];
  commitTree(scene, [
    ...present(scene),
    { mode: '100644', name: 'twin.conf', id: first },
    { mode: '100644', name: 'twin.conf', id: second },
    { mode: '100644', name: 'TWIN.conf', id: second },
  ]);
  const snapshot = await open(scene).read();
  assert.is(texts(snapshot)['twin.conf'], 'first');
  assert.is(texts(snapshot)['TWIN.conf'], 'second');
  assert.match(snapshot.omitted?.find(({ path }) => path === 'twin.conf')?.why ?? '', /twice/);
});

test('a manifest in whose place stands a link, a submodule or anything odd removes nothing', async (scene) => {
  const file = blob(scene, '/etc/passwd');
  // In a folder: a server's own git would refuse to send the last of these.
  const source = openFolder(scene);
  for (const [mode, id, why] of [
    ['120000', file, /symbolic link/],
    ['160000', '1'.repeat(40), /submodule/],
    ['100600', file, /mode/],
    ['100644', scene.shop.git(scene.dir, 'rev-parse', 'HEAD:web'), /no file/],
  ] as const) {
    const folder = writeTree(scene, [{ mode, name: 'app.yaml', id }]);
    const commit = commitTree(scene, [
      { mode: '40000', name: 'shop', id: folder },
      ...present(scene).filter(({ name }) => name === 'web'),
    ]);
    const snapshot = await source.read();
    assert.is(snapshot.revision, commit);
    assert.match(texts(snapshot)['shop/app.yaml'] ?? '', why);
    const desired = desiredOf(snapshot);
    assert.ok(desired.unnamed, 'whose manifest it is is not known, so that nothing may be removed');
    assert.is(desired.problems[0]?.file, 'shop/app.yaml');
    assert.equal(
      desired.apps.map(({ name }) => name),
      ['web'],
    );
  }
});

test('links and submodules are never followed', async (scene) => {
  const { shop, dir } = scene;
  symlinkSync('/etc', join(dir, 'etc'));
  symlinkSync('/etc/passwd', join(dir, 'passwd'));
  symlinkSync('../shop', join(dir, 'web/again'));
  const inner = shop.repository('inner', { 'app.yaml': 'inner' });
  shop.git(dir, 'update-index', '--add', '--cacheinfo', `160000,${shop.git(inner, 'rev-parse', 'HEAD')},sub`);
  shop.git(dir, 'add', 'etc', 'passwd', 'web/again');
  shop.git(dir, 'commit', '-q', '-m', 'links');
  const snapshot = await open(scene).read();
  assert.equal(Object.keys(texts(snapshot)), ['shop/app.yaml', 'web/app.yaml']);
  assert.equal(
    snapshot.omitted?.map(({ path, why }) => `${path}: ${why}`),
    [
      'etc: a symbolic link, which is not followed',
      'passwd: a symbolic link, which is not followed',
      'sub: a submodule, which is not followed',
      'web/again: a symbolic link, which is not followed',
    ],
  );
});

test('a huge file is left out and told, and hurts nobody else', async (scene) => {
  scene.shop.commit(scene.dir, { 'video.bin': 'x'.repeat(200_000), 'web/x.conf': 'small' });
  const source = open(scene, { limits: { ...defaultLimits, blob: 100_000 } });
  const snapshot = await source.read();
  assert.equal(Object.keys(texts(snapshot)), ['shop/app.yaml', 'web/app.yaml', 'web/x.conf']);
  assert.match(snapshot.omitted?.[0]?.why ?? '', /100000 bytes \(limits\.blob\)/);
});

test('a small pack that unpacks to something huge is refused before it is unpacked', async (scene) => {
  const source = open(scene, { limits: { ...defaultLimits, pack: 256 * 1024 } });
  const before = await source.read();
  scene.shop.commit(scene.dir, { 'zeros.bin': '0'.repeat(16 * 1024 * 1024) });
  await throwsReason(() => source.read(), 'LimitExceeded', /one object in it is larger .*limits\.pack/);
  scene.shop.git(scene.dir, 'reset', '-q', '--hard', before.revision);
  assert.is((await source.read()).revision, before.revision);
});

test('many middling files that unpack to something huge are refused too', async (scene) => {
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => [`f${n}.bin`, `${n}`.repeat(100).padEnd(200 * 1024, '0')]),
  );
  scene.shop.commit(scene.dir, files);
  const source = open(scene, { limits: { ...defaultLimits, pack: 256 * 1024 } });
  await throwsReason(() => source.read(), 'LimitExceeded', /what it unpacks to .*limits\.pack/);
});

test('a pack beyond its limit is refused', async (scene) => {
  scene.shop.commit(scene.dir, {
    'noise.bin': Array.from({ length: 40_000 }, () => Math.random()).join(' '),
  });
  const source = open(scene, { limits: { ...defaultLimits, pack: 64 * 1024 } });
  await throwsReason(
    () => source.read(),
    'LimitExceeded',
    /it is larger than the limit of 65536 bytes \(limits\.pack/,
  );
});

test('a tree that multiplies itself ends at the limit of entries', async (scene) => {
  let tree = writeTree(scene, [{ mode: '100644', name: 'app.yaml', id: blob(scene, 'x') }]);
  for (let depth = 0; depth < 12; depth += 1)
    tree = writeTree(
      scene,
      Array.from({ length: 10 }, (_, n) => ({ mode: '40000', name: `d${n}`, id: tree })),
    );
  commitTree(scene, [...present(scene), { mode: '40000', name: 'bomb', id: tree }]);
  await throwsReason(() => open(scene).read(), 'LimitExceeded', /more than 50000 .*limits\.entries/);
});

test('a tree that is damaged or not there is an error, and never a repository with fewer apps', async (scene) => {
  const { shop, dir } = scene;
  const source = open(scene);
  const before = await source.read();
  const garbage = shop.gitInput(dir, '100644 x', 'hash-object', '-t', 'tree', '--literally', '-w', '--stdin');
  commitTree(scene, [...present(scene), { mode: '40000', name: 'broken', id: garbage }]);
  await assertFails(source);
  shop.git(dir, 'update-ref', 'refs/heads/main', before.revision);
  assert.is((await source.read()).revision, before.revision);

  const lost = shop.git(dir, 'rev-parse', 'HEAD:shop');
  renameSync(join(dir, '.git/objects', lost.slice(0, 2), lost.slice(2)), shop.path('lost'));
  shop.write(dir, { 'web/x.conf': 'x' });
  await assertFails(openFolder(scene));
});

async function assertFails(source: Source): Promise<void> {
  let failed = false;
  await source.read().catch(() => {
    failed = true;
  });
  assert.ok(failed);
}

test('an emptied branch is a revision without files, a deleted one is an error', async (scene) => {
  const { shop, dir } = scene;
  const source = open(scene);
  await source.read();
  shop.git(dir, 'rm', '-q', '-r', '.');
  const emptied = shop.commit(dir, {});
  assert.equal(await source.read(), { revision: emptied, files: [] });
  shop.git(dir, 'checkout', '-q', '--detach');
  shop.git(dir, 'branch', '-D', 'main');
  await throwsReason(() => source.read(), 'BranchMissing');
});

test('a server whose HEAD names no branch is read like any other', async (scene) => {
  scene.shop.git(scene.dir, 'symbolic-ref', 'HEAD', 'refs/heads/nowhere');
  assert.equal(Object.keys(texts(await open(scene).read())), ['shop/app.yaml', 'web/app.yaml']);
});

test('a server that lists a commit and sends another is refused', async (scene) => {
  const { shop, dir } = scene;
  const old = shop.git(dir, 'rev-parse', 'HEAD');
  const listed = 'a'.repeat(40);
  const liar = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = await fetch(`${scene.server.url}${request.url}`, {
      method: request.method ?? 'GET',
      headers: Object.fromEntries(
        ['content-type', 'git-protocol', 'accept'].flatMap((name) => {
          const value = request.headers[name];
          return value === undefined ? [] : [[name, String(value)]];
        }),
      ),
      body:
        request.method === 'POST' ? Buffer.concat(chunks).toString('latin1').replaceAll(listed, old) : null,
    });
    const body = Buffer.from(await answer.arrayBuffer()).toString('latin1');
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(
      body.includes('PACK')
        ? Buffer.from(body, 'latin1')
        : Buffer.from(body.replaceAll(old, listed), 'latin1'),
    );
  });
  await new Promise<void>((done) => liar.listen(0, '127.0.0.1', done));
  try {
    const url = `http://127.0.0.1:${(liar.address() as AddressInfo).port}/config/.git`;
    const source = open(scene, { url });
    await assertFails(source);
  } finally {
    liar.closeAllConnections();
    liar.close();
  }
});

test('an answer that never ends is cut at the limit, and one that dribbles at its time', async (scene) => {
  const endless = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
    response.write('001e# service=git-upload-pack\n0000');
    const timer = setInterval(() => response.write(`0064${'x'.repeat(96)}`), 20);
    response.on('close', () => clearInterval(timer));
  });
  await new Promise<void>((done) => endless.listen(0, '127.0.0.1', done));
  try {
    const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}/x`;
    const small = open(scene, { url, limits: { ...defaultLimits, pack: 2_000 } });
    await throwsReason(() => small.read(), 'LimitExceeded', /limits\.pack/);
    const short = open(scene, { url, limits: { ...defaultLimits, timeout: 300 } });
    await throwsReason(() => short.read(), 'LimitExceeded', /0\.3 s \(limits\.timeout/);
  } finally {
    endless.closeAllConnections();
    endless.close();
  }
});

test('a folder called like a repository reads only objects', async (scene) => {
  // Alternates and work trees may lead anywhere; what is served is what the objects hold.
  const { shop, dir } = scene;
  mkdirSync(join(dir, 'uncommitted'));
  shop.write(dir, { 'uncommitted/app.yaml': shopApp });
  assert.equal(Object.keys(texts(await open(scene).read())), ['shop/app.yaml', 'web/app.yaml']);
});

test.run();
