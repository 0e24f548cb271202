import { appendFileSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSource, type SourceConfig } from '../../src/git/source.ts';
import { defaultLimits } from '../../src/git/transport.ts';
import { createWorkshop, texts, throwsReason, until, type Workshop } from './workshop.ts';

const test = suite<{ shop: Workshop }>('a source in a local repository');

test.before.each((context) => {
  context.shop = createWorkshop();
});
test.after.each(({ shop }) => shop.remove());

function open(shop: Workshop, dir: string, more: Partial<SourceConfig> = {}) {
  const config = { dir, branch: 'main', path: '.', interval: 60_000, ...more };
  return createSource(config, { stateDir: shop.path('state') });
}

test('the commit of the branch is read, never the work tree', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'one', 'shop/app.yml': 'two', 'shop/nginx.conf': 'x' });
  shop.write(dir, { 'app.yaml': 'not committed', 'new/app.yaml': 'not committed' });
  const source = open(shop, dir);
  const snapshot = await source.read();
  assert.is(snapshot.revision, shop.git(dir, 'rev-parse', 'HEAD'));
  assert.equal(texts(snapshot), { 'app.yaml': 'one', 'shop/app.yml': 'two', 'shop/nginx.conf': 'x' });
  assert.is(await source.read(), snapshot);
  await source.close();
});

test('a bare repository, a packed one and a work tree of one read the same', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  const id = shop.commit(dir, { 'app.yaml': 'two' });
  const bare = shop.path('bare.git');
  shop.git(shop.root, 'clone', '-q', '--bare', dir, bare);
  shop.git(bare, 'gc', '-q');
  shop.git(bare, 'pack-refs', '--all');
  const tree = shop.path('tree');
  shop.git(dir, 'worktree', 'add', '-q', '-b', 'other', tree);
  for (const place of [dir, bare, tree]) {
    const source = open(shop, place);
    const snapshot = await source.read();
    assert.is(snapshot.revision, id);
    assert.equal(texts(snapshot), { 'app.yaml': 'two' });
    await source.close();
  }
});

test('links, submodules, hidden files, .git and node_modules are not in a snapshot', async ({ shop }) => {
  const inner = shop.repository('inner', { 'app.yaml': 'inner' });
  const dir = shop.repository('config', {
    'app.yaml': 'root',
    '.app.yaml': 'hidden',
    'node_modules/x/app.yaml': 'no',
    'real/app.yaml': 'real',
    '.config/app.yaml': 'in a hidden folder',
    'run.sh': '#!',
  });
  symlinkSync('/etc/passwd', join(dir, 'passwd'));
  symlinkSync('real', join(dir, 'linked'));
  mkdirSync(join(dir, 'y'));
  symlinkSync('/etc/hostname', join(dir, 'y/app.yaml'));
  shop.git(dir, 'update-index', '--add', '--cacheinfo', `160000,${shop.git(inner, 'rev-parse', 'HEAD')},sub`);
  shop.git(dir, 'update-index', '--chmod=+x', 'run.sh');
  shop.git(dir, 'add', 'passwd', 'linked', 'y', 'run.sh');
  shop.git(dir, 'commit', '-q', '-m', 'links');
  const source = open(shop, dir);
  const snapshot = await source.read();
  assert.equal(Object.keys(texts(snapshot)), [
    '.config/app.yaml',
    'app.yaml',
    'real/app.yaml',
    'run.sh',
    'y/app.yaml',
  ]);
  // A manifest that is not read is a broken one, so that no app is removed for it.
  assert.is(
    texts(snapshot)['y/app.yaml'],
    'this manifest is not read: a symbolic link, which is not followed\n',
  );
  assert.equal(
    snapshot.omitted?.map(({ path }) => path),
    ['linked', 'passwd', 'sub', 'y/app.yaml'],
  );
  await source.close();
});

test('hostile names are skipped', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'root' });
  shop.commit(dir, { 'a\nb/app.yaml': '1', 'a\\b/app.yaml': '2', 'ok ü/app.yaml': '3' });
  const source = open(shop, dir);
  assert.equal(Object.keys(texts(await source.read())), ['app.yaml', 'ok ü/app.yaml']);
  await source.close();
});

test('a long file is left out and a long manifest is cut, never missing', async ({ shop }) => {
  const dir = shop.repository('config', {
    'app.yaml': 'x'.repeat(3 * 1024 * 1024),
    'big.bin': 'x'.repeat(2 * 1024 * 1024),
  });
  const source = open(shop, dir, { limits: { ...defaultLimits, blob: 1024 * 1024 } });
  const { files, omitted } = await source.read();
  assert.equal(
    files.map(({ path, content }) => [path, content.length]),
    [['app.yaml', 1024 * 1024 + 1]],
  );
  assert.is(omitted?.[0]?.path, 'big.bin');
  assert.match(omitted?.[0]?.why ?? '', /limits\.blob/);
  await source.close();
});

test('more entries than the limit are an error, not a part of them', async ({ shop }) => {
  const dir = shop.repository('config', {});
  const blob = shop.git(dir, 'hash-object', '-w', '--stdin', '--path', 'x');
  const lines = Array.from({ length: 101 }, (_, n) => `100644 blob ${blob}\tf${n}`).join('\n');
  const tree = shop.gitInput(dir, `${lines}\n`, 'mktree');
  shop.git(dir, 'update-ref', 'refs/heads/main', shop.git(dir, 'commit-tree', tree, '-m', 'many'));
  const source = open(shop, dir, { limits: { ...defaultLimits, entries: 100 } });
  await throwsReason(() => source.read(), 'LimitExceeded', /more than 100 .*limits\.entries/);
  await source.close();
});

test('path restricts to a subfolder, and one that is not there is an error', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'root', 'prod/web/app.yaml': 'web', 'prod/x': 'x' });
  const source = open(shop, dir, { path: './prod/' });
  assert.equal(texts(await source.read()), { 'web/app.yaml': 'web', x: 'x' });
  await source.close();
  for (const path of ['nowhere', 'prod/x']) {
    const other = open(shop, dir, { path });
    await throwsReason(() => other.read(), 'SourceInvalid', /no folder/);
    await other.close();
  }
});

test('a missing branch, a deleted one and an empty repository are BranchMissing', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  const other = open(shop, dir, { branch: 'prod' });
  await throwsReason(() => other.read(), 'BranchMissing', /"prod"/);
  shop.git(dir, 'branch', 'prod');
  assert.equal(texts(await other.read()), { 'app.yaml': 'one' });
  shop.git(dir, 'branch', '-D', 'prod');
  await throwsReason(() => other.read(), 'BranchMissing');
  await other.close();
  const empty = open(shop, shop.repository('empty', {}));
  await throwsReason(() => empty.read(), 'BranchMissing');
  await empty.close();
});

test('a branch that was emptied is a snapshot without files', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  shop.git(dir, 'rm', '-q', 'app.yaml');
  const id = shop.commit(dir, {});
  const source = open(shop, dir);
  assert.equal(await source.read(), { revision: id, files: [] });
  await source.close();
});

test('a force push to an older commit is followed', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  const first = shop.git(dir, 'rev-parse', 'HEAD');
  shop.commit(dir, { 'app.yaml': 'two' });
  const source = open(shop, dir);
  await source.read();
  shop.git(dir, 'reset', '-q', '--hard', first);
  const snapshot = await source.read();
  assert.is(snapshot.revision, first);
  assert.equal(texts(snapshot), { 'app.yaml': 'one' });
  await source.close();
});

test('a blob that was read before is kept', async ({ shop }) => {
  const dir = shop.repository('config', { 'a/app.yaml': 'a', 'b/app.yaml': 'b' });
  const source = open(shop, dir);
  const before = await source.read();
  shop.commit(dir, { 'b/app.yaml': 'changed' });
  const after = await source.read();
  assert.is(after.files[0]?.content, before.files[0]?.content);
  assert.is.not(after.files[1]?.id, before.files[1]?.id);
  await source.close();
});

test('a revision is found by full and short id, tag, annotated tag and branch', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  const first = shop.git(dir, 'rev-parse', 'HEAD');
  shop.git(dir, 'tag', 'v1');
  shop.git(dir, 'tag', '-a', 'v1-annotated', '-m', 'x');
  shop.git(dir, 'branch', 'old');
  shop.commit(dir, { 'app.yaml': 'two' });
  const source = open(shop, dir);
  for (const revision of [first, first.slice(0, 8), 'v1', 'v1-annotated', 'old']) {
    const snapshot = await source.readAt(revision);
    assert.is(snapshot.revision, first, revision);
    assert.equal(texts(snapshot), { 'app.yaml': 'one' });
  }
  for (const revision of ['nope', '0'.repeat(40), '../../HEAD', '', first.slice(0, 3), '--all']) {
    await throwsReason(() => source.readAt(revision), 'RevisionMissing');
  }
  await source.close();
});

test('a commit is seen in under a second', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  shop.git(dir, 'pack-refs', '--all');
  const source = open(shop, dir);
  let calls = 0;
  const stop = source.onChange(() => {
    calls += 1;
  });
  await until(() => calls > 0);
  for (const text of ['two', 'three', 'four']) {
    calls = 0;
    const id = shop.commit(dir, { 'app.yaml': text });
    await until(async () => calls > 0 && (await source.read()).revision === id, 1_000);
  }
  stop();
  await source.close();
});

test('a commit pushed to a bare repository whose refs are packed is seen in under a second', async ({
  shop,
}) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  const bare = shop.path('bare.git');
  shop.git(shop.root, 'clone', '-q', '--bare', dir, bare);
  shop.git(dir, 'remote', 'add', 'origin', bare);
  const source = open(shop, bare);
  let calls = 0;
  source.onChange(() => {
    calls += 1;
  });
  await until(() => calls > 0);
  for (const text of ['two', 'three']) {
    shop.git(bare, 'pack-refs', '--all');
    const id = shop.commit(dir, { 'app.yaml': text });
    calls = 0;
    shop.git(dir, 'push', '-q', 'origin', 'main');
    await until(() => calls > 0, 1_000);
    assert.is((await source.read()).revision, id);
  }
  await source.close();
});

test('a damaged repository and one that became none are SourceInvalid, a missing folder is unreachable', async ({
  shop,
}) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  const source = open(shop, dir);
  const snapshot = await source.read();
  const tree = shop.git(dir, 'rev-parse', 'HEAD^{tree}');
  const object = join(dir, '.git/objects', tree.slice(0, 2), tree.slice(2));
  renameSync(object, `${object}.away`);
  const fresh = open(shop, dir);
  await throwsReason(() => fresh.read(), 'SourceInvalid');
  renameSync(`${object}.away`, object);
  assert.is((await fresh.read()).revision, snapshot.revision);
  renameSync(join(dir, '.git'), join(dir, '.gone'));
  await throwsReason(() => source.read(), 'SourceInvalid', /is none any more/);
  renameSync(join(dir, '.gone'), join(dir, '.git'));
  assert.is(await source.read(), snapshot);
  renameSync(dir, `${dir}.away`);
  await throwsReason(() => source.read(), 'SourceUnreachable');
  await Promise.all([source.close(), fresh.close()]);
});

test('formats that are not supported are named', async ({ shop }) => {
  const dir = shop.path('sha256');
  mkdirSync(dir);
  shop.git(dir, 'init', '-q', '--object-format=sha256');
  const source = open(shop, dir);
  await throwsReason(() => source.read(), 'SourceInvalid', /not supported/);
  await source.close();
});

test('a plain folder is read as it is, its revision is a hash of the content', async ({ shop }) => {
  const dir = shop.path('plain');
  shop.write(dir, { 'app.yaml': 'one', 'sub/app.yaml': 'two', '.hidden': 'x', 'node_modules/app.yaml': 'x' });
  symlinkSync('/etc/passwd', join(dir, 'passwd'));
  symlinkSync('sub', join(dir, 'linked'));
  const source = open(shop, dir);
  const first = await source.read();
  assert.match(first.revision, /^sha256:[0-9a-f]{64}$/);
  assert.equal(texts(first), { 'app.yaml': 'one', 'sub/app.yaml': 'two' });
  assert.is(await source.read(), first);
  assert.is(await source.readAt(first.revision), first);
  await throwsReason(() => source.readAt('main'), 'SourceInvalid');
  shop.write(dir, { 'app.yaml': 'uno' });
  const second = await source.read();
  assert.is.not(second.revision, first.revision);
  assert.equal(texts(second), { 'app.yaml': 'uno', 'sub/app.yaml': 'two' });
  shop.write(dir, { 'app.yaml': 'one' });
  assert.is((await source.read()).revision, first.revision);
  await source.close();
});

test('a change in a plain folder is seen, also in a new subfolder and by a rename', async ({ shop }) => {
  const dir = shop.path('plain');
  shop.write(dir, { 'app.yaml': 'one' });
  const source = open(shop, dir);
  let calls = 0;
  source.onChange(() => {
    calls += 1;
  });
  await until(() => calls > 0);
  const changes: readonly (() => void)[] = [
    () => appendFileSync(join(dir, 'app.yaml'), ' more'),
    () => shop.write(dir, { 'deep/er/app.yaml': 'new' }),
    () => renameSync(join(dir, 'deep/er/app.yaml'), join(dir, 'deep/er/app.yml')),
  ];
  for (const change of changes) {
    const before = (await source.read()).revision;
    calls = 0;
    change();
    await until(async () => calls > 0 && (await source.read()).revision !== before, 1_000);
  }
  await source.close();
});

test('after close nobody is called, and the interval calls without news', async ({ shop }) => {
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  const source = open(shop, dir, { interval: 60 });
  let calls = 0;
  source.onChange(() => {
    calls += 1;
  });
  await until(() => calls > 3);
  await source.close();
  const seen = calls;
  shop.commit(dir, { 'app.yaml': 'two' });
  await new Promise((done) => setTimeout(done, 150));
  assert.is(calls, seen);
});

test('a configuration that cannot be right is refused at once', async ({ shop }) => {
  const cases: readonly (readonly [Partial<SourceConfig>, RegExp])[] = [
    [{ path: '../x' }, /outside/],
    [{ path: '/etc' }, /relative/],
    [{ branch: '../../x' }, /no branch name/],
    [{ branch: '' }, /no branch name/],
    [{ branch: 'a b' }, /no branch name/],
    [{ url: 'https://example.com/x' }, /exactly one/],
  ];
  for (const [more, text] of cases)
    await throwsReason(() => open(shop, shop.root, more), 'SourceInvalid', text);
  for (const url of [
    'https://u:s3cret@example.com/x',
    'https://example.com/x?token=s3cret',
    's3cret:x',
    'ssh://s3cret',
  ]) {
    const build = () =>
      createSource({ url, branch: 'main', path: '.', interval: 1_000 }, { stateDir: shop.path('state') });
    await throwsReason(build, 'SourceInvalid', /^(?!.*s3cret)/);
  }
});

test.run();
