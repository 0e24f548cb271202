import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Rewrite, SignedText, Verdict } from '../../src/git/judge.ts';
import { makePrivateFolder } from '../../src/git/private-folder.ts';
import { createSources, type SourceInput, type Sources, type SourcesDeps } from '../../src/git/sources.ts';
import { type GitServer, startGitServer } from './git-server.ts';
import { createWorkshop, refusal, texts, throwsReason, until, type Workshop } from './workshop.ts';

interface Scene {
  shop: Workshop;
  server: GitServer;
  /** Served as `/a/.git` and `/b/.git`. */
  a: string;
  b: string;
  opened: Sources[];
}

const test = suite<Scene>('sources');

test.before.each(async (scene) => {
  scene.shop = createWorkshop();
  scene.a = scene.shop.repository('served/a', { 'app.yaml': 'a1' });
  scene.b = scene.shop.repository('served/b', { 'app.yaml': 'b1', 'deep/x.conf': 'x' });
  scene.server = await startGitServer(scene.shop.path('served'));
  scene.opened = [];
});
test.after.each(async ({ shop, server, opened }) => {
  await Promise.all(opened.map((sources) => sources.close()));
  await server.close();
  shop.remove();
});

function open(scene: Scene, inputs: readonly SourceInput[], deps: Partial<SourcesDeps> = {}): Sources {
  const sources = createSources(inputs, {
    stateDir: scene.shop.path('state'),
    keep: true,
    timeout: 3_000,
    spacing: 0,
    ...deps,
  });
  scene.opened.push(sources);
  return sources;
}

const base = { path: '.', interval: 60_000 };

function remote(scene: Scene, name: 'a' | 'b', more: Partial<SourceInput> = {}): SourceInput {
  return { ...base, name, url: `${scene.server.url}/${name}/.git`, ...more };
}

test('one source is read as it is', async (scene) => {
  const sources = open(scene, [remote(scene, 'a')]);
  const snapshot = await sources.read();
  assert.equal(texts(snapshot), { 'app.yaml': 'a1' });
  assert.is(snapshot.revision, scene.shop.git(scene.a, 'rev-parse', 'HEAD'));
  assert.is(snapshot.parts, undefined);
  assert.is(await sources.read(), snapshot);
  const [status] = sources.status();
  assert.is(status?.revision, snapshot.revision);
  assert.is(status?.seen, snapshot.revision);
  assert.is(status?.follows, 'branch main');
  assert.is(status?.error, undefined);
  assert.type(status?.readAt, 'number');
});

test('several are read as one, each in a folder that bears its name', async (scene) => {
  const { shop } = scene;
  const sources = open(scene, [remote(scene, 'a'), { ...base, name: 'local', dir: scene.b }]);
  const first = await sources.read();
  assert.equal(texts(first), { 'a/app.yaml': 'a1', 'local/app.yaml': 'b1', 'local/deep/x.conf': 'x' });
  assert.match(first.revision, /^sha256:[0-9a-f]{64}$/);
  assert.equal(first.parts, [
    { source: 'a', revision: shop.git(scene.a, 'rev-parse', 'HEAD') },
    { source: 'local', revision: shop.git(scene.b, 'rev-parse', 'HEAD') },
  ]);
  assert.is(await sources.read(), first);
  const id = shop.commit(scene.b, { 'app.yaml': 'b2' });
  const second = await sources.read();
  assert.is.not(second.revision, first.revision);
  assert.is(second.parts?.[1]?.revision, id);
  assert.is(second.files[0]?.content, first.files[0]?.content);
});

test('two sources of one repository follow what each is told to', async (scene) => {
  const { shop, a } = scene;
  shop.git(a, 'tag', 'v1.0.0');
  shop.commit(a, { 'app.yaml': 'a2' });
  const sources = open(scene, [
    { ...remote(scene, 'a'), name: 'newest' },
    { ...remote(scene, 'a', { semver: '1.x' }), name: 'stable' },
  ]);
  assert.equal(texts(await sources.read()), { 'newest/app.yaml': 'a2', 'stable/app.yaml': 'a1' });
  assert.is(sources.status()[1]?.tag, 'v1.0.0');
  assert.is(readdirSync(shop.path('state/sources')).length, 2);
});

test('one that fails keeps its last good snapshot while the others go on, also after a restart', async (scene) => {
  const { shop } = scene;
  const warnings: string[] = [];
  const inputs = [remote(scene, 'a'), { ...base, name: 'local', dir: scene.b }];
  const sources = open(scene, inputs, { warn: (message) => warnings.push(message), now: () => 7 });
  await sources.read();
  scene.server.fault = { kind: 'status', status: 500 };
  shop.commit(scene.b, { 'app.yaml': 'b2' });
  for (let count = 0; count < 3; count += 1)
    assert.equal(texts(await sources.read()), {
      'a/app.yaml': 'a1',
      'local/app.yaml': 'b2',
      'local/deep/x.conf': 'x',
    });
  const [failed, fine] = sources.status();
  assert.equal([failed?.error?.reason, failed?.error?.since], ['SourceUnreachable', 7]);
  assert.is(fine?.error, undefined);
  assert.is(warnings.length, 1, 'a message is told once');
  await sources.close();
  const again = open(scene, inputs);
  assert.equal(texts(await again.read()), {
    'a/app.yaml': 'a1',
    'local/app.yaml': 'b2',
    'local/deep/x.conf': 'x',
  });
  assert.is(again.status()[0]?.error?.reason, 'SourceUnreachable');
  scene.server.fault = { kind: 'none' };
  await again.read();
  assert.is(again.status()[0]?.error, undefined);
});

test('one that was never read has a part without a revision, and only none at all is an error', async (scene) => {
  scene.server.fault = { kind: 'status', status: 500 };
  const sources = open(scene, [remote(scene, 'a'), { ...base, name: 'local', dir: scene.b }]);
  const snapshot = await sources.read();
  assert.equal(snapshot.parts?.[0], { source: 'a' });
  assert.equal(Object.keys(texts(snapshot)), ['local/app.yaml', 'local/deep/x.conf']);
  const nothing = open(scene, [remote(scene, 'a'), remote(scene, 'b')], {
    stateDir: scene.shop.path('other'),
  });
  await throwsReason(() => nothing.read(), 'SourceUnreachable');
});

test('one that stalls holds up the others no longer than their patience, and is told when it comes', async (scene) => {
  scene.server.fault = { kind: 'stall' };
  const sources = open(scene, [remote(scene, 'a'), { ...base, name: 'local', dir: scene.b }], {
    patience: 200,
  });
  let calls = 0;
  sources.onChange(() => {
    calls += 1;
  });
  const snapshot = await sources.read();
  assert.equal(snapshot.parts?.[0], { source: 'a' });
  assert.match(sources.status()[0]?.error?.message ?? '', /no whole answer yet/);
  await until(() => calls > 0, 10_000);
});

test('a credential that cannot be had hurts its own source only', async (scene) => {
  const sources = open(scene, [
    remote(scene, 'a', { fault: 'the secret is not there' }),
    { ...base, name: 'local', dir: scene.b },
  ]);
  assert.equal((await sources.read()).parts?.[0], { source: 'a' });
  assert.match(sources.status()[0]?.error?.message ?? '', /secret is not there/);
});

test('where nothing is kept, any that fails is an error and nothing is written', async (scene) => {
  const inputs = [remote(scene, 'a'), { ...base, name: 'local', dir: scene.b }];
  const sources = open(scene, inputs, { keep: false });
  await sources.read();
  assert.equal(readdirSync(scene.shop.path('state')), ['sources']);
  scene.server.fault = { kind: 'status', status: 500 };
  await throwsReason(() => sources.read(), 'SourceUnreachable');
});

test('of several a revision is named with its source', async (scene) => {
  const first = scene.shop.git(scene.a, 'rev-parse', 'HEAD');
  scene.shop.commit(scene.a, { 'app.yaml': 'a2' });
  const sources = open(scene, [remote(scene, 'a'), remote(scene, 'b')]);
  const snapshot = await sources.readAt(`a@${first}`);
  assert.equal(texts(snapshot), { 'a/app.yaml': 'a1', 'b/app.yaml': 'b1', 'b/deep/x.conf': 'x' });
  await throwsReason(() => sources.readAt(first), 'SourceInvalid', /NAME@REVISION.*a, b/);
});

test('a moved tag is followed, an exact commit stays, a missing tag is an error', async (scene) => {
  const { shop, a } = scene;
  const first = shop.git(a, 'rev-parse', 'HEAD');
  shop.git(a, 'tag', '-a', 'live', '-m', 'x');
  const tagged = open(scene, [remote(scene, 'a', { tag: 'live' })]);
  const before = await tagged.read();
  assert.is(before.revision, first);
  assert.is(await tagged.read(), before);
  const second = shop.commit(a, { 'app.yaml': 'a2' });
  shop.git(a, 'tag', '-f', '-a', 'live', '-m', 'y');
  assert.is((await tagged.read()).revision, second);
  shop.commit(a, { 'app.yaml': 'a3' });
  // Neither of them is the newest of any branch: history is deepened.
  const exact = open(scene, [remote(scene, 'a', { commit: first })], { stateDir: shop.path('exact') });
  assert.is((await exact.read()).revision, first);
  const asked = scene.server.requests.length;
  await exact.read();
  assert.is(scene.server.requests.length, asked, 'what cannot change is not asked for again');
  shop.git(a, 'tag', '-d', 'live');
  assert.is((await tagged.read()).revision, second);
  assert.is(tagged.status()[0]?.error?.reason, 'RevisionMissing');
});

test('a commit that is nowhere is an error and no empty snapshot', async (scene) => {
  const sources = open(scene, [remote(scene, 'a', { commit: 'f'.repeat(40) })]);
  await throwsReason(() => sources.read(), 'RevisionMissing');
});

for (const kind of ['remote', 'local'] as const) {
  test(`a rewritten branch is told with both ids, and an ordinary push is not (${kind})`, async (scene) => {
    const { shop, a } = scene;
    const input = kind === 'remote' ? remote(scene, 'a') : { ...base, name: 'a', dir: a };
    const sources = open(scene, [input], { now: () => 9 });
    const told: Rewrite[] = [];
    sources.onRewritten((rewrite) => told.push(rewrite));
    await sources.read();
    shop.commit(a, { 'app.yaml': 'a2' });
    await sources.read();
    for (let n = 0; n < 20; n += 1) shop.commit(a, { 'app.yaml': `many ${n}` });
    const { revision: from } = await sources.read();
    assert.equal(told, []);
    shop.git(a, 'reset', '-q', '--hard', 'HEAD~3');
    const to = shop.commit(a, { 'app.yaml': 'rewritten' });
    assert.is((await sources.read()).revision, to);
    assert.equal(told, [{ source: 'a', from, to }]);
    assert.equal(sources.status()[0]?.nonFastForward, { from, to, at: 9 });
    await sources.read();
    assert.is(told.length, 1);
  });
}

test('a branch that was rewritten while nobody looked is told after the start', async (scene) => {
  const { shop, a } = scene;
  const sources = open(scene, [remote(scene, 'a')]);
  const { revision: from } = await sources.read();
  await sources.close();
  rmSync(shop.path('state/sources'), { recursive: true });
  const to = shop.git(a, 'commit', '-q', '--amend', '-m', 'other') || shop.git(a, 'rev-parse', 'HEAD');
  const again = open(scene, [remote(scene, 'a')]);
  const told: Rewrite[] = [];
  again.onRewritten((rewrite) => told.push(rewrite));
  await again.read();
  assert.equal(told, [{ source: 'a', from, to }]);
});

/** Signed is what holds the word in its message; tells what it was asked. */
function wordVerifier(asked: SignedText[] = []) {
  return async (_source: string, object: SignedText): Promise<Verdict> => {
    asked.push(object);
    return Buffer.from(object.text).toString().includes('signed by ada')
      ? { ok: true, by: 'ada' }
      : { ok: false, why: 'it is not signed' };
  };
}

const head = { mode: 'head', keys: ['key of ada'] } as const;

test('an unsigned commit leaves the last verified one enforced, and the status says who and what', async (scene) => {
  const { shop, a } = scene;
  shop.git(a, 'commit', '-q', '--amend', '-m', 'signed by ada');
  const good = shop.git(a, 'rev-parse', 'HEAD');
  const asked: SignedText[] = [];
  const verify = wordVerifier(asked);
  const inputs = [remote(scene, 'a', { verify: head })];
  const sources = open(scene, inputs, { verify });
  const snapshot = await sources.read();
  assert.is(snapshot.revision, good);
  assert.is(asked.length, 1);
  assert.is(`${Buffer.from(asked[0]?.text ?? [])}`.trim(), shop.git(a, 'cat-file', 'commit', good));
  const bad = shop.commit(a, { 'app.yaml': 'a2' });
  assert.is(await sources.read(), snapshot);
  const [status] = sources.status();
  assert.is(status?.error?.reason, 'Unverified');
  assert.equal([status?.revision, status?.seen], [good, bad]);
  assert.equal(status?.verification, {
    mode: 'head',
    keys: 1,
    by: 'ada',
    refused: { revision: bad, why: 'it is not signed' },
  });
  await sources.close();

  const offline = open(scene, inputs, { verify });
  assert.equal(texts(await offline.read()), { 'app.yaml': 'a1' });
  assert.is(offline.status()[0]?.verification?.by, 'ada');
  shop.git(a, 'commit', '-q', '--amend', '-m', 'signed by ada');
  assert.equal(texts(await offline.read()), { 'app.yaml': 'a2' });
  assert.is(offline.status()[0]?.error, undefined);
  assert.is(offline.status()[0]?.verification?.refused, undefined);
});

test('a kept snapshot that was not verified by just these keys is not enforced', async (scene) => {
  const plain = open(scene, [remote(scene, 'a')]);
  await plain.read();
  await plain.close();
  const verify = wordVerifier();
  const strict = open(scene, [remote(scene, 'a', { verify: head })], { verify });
  await throwsReason(() => strict.read(), 'Unverified');
  await strict.close();
  scene.shop.git(scene.a, 'commit', '-q', '--amend', '-m', 'signed by ada');
  const good = open(scene, [remote(scene, 'a', { verify: head })], { verify });
  await good.read();
  await good.close();
  scene.shop.commit(scene.a, { 'app.yaml': 'a2' });
  const otherKeys = { mode: 'head', keys: ['another key'] } as const;
  const changed = open(scene, [remote(scene, 'a', { verify: otherKeys })], { verify });
  await throwsReason(() => changed.read(), 'Unverified');
  const same = open(scene, [remote(scene, 'a', { verify: head })], { verify });
  assert.equal(texts(await same.read()), { 'app.yaml': 'a1' });
});

test('without a verifier, and with one that fails, nothing is verified', async (scene) => {
  scene.shop.git(scene.a, 'commit', '-q', '--amend', '-m', 'signed by ada');
  const inputs = [remote(scene, 'a', { verify: head })];
  await throwsReason(() => open(scene, inputs).read(), 'Unverified');
  const failing = open(scene, inputs, { verify: () => Promise.reject(new Error('broken')) });
  await throwsReason(() => failing.read(), 'Unverified', /broken/);
  const plain = scene.shop.path('plain');
  mkdirSync(plain);
  const folder = open(scene, [{ ...base, name: 'plain', dir: plain, verify: head }], {
    verify: wordVerifier(),
  });
  await throwsReason(() => folder.read(), 'SourceInvalid', /no git repository/);
});

for (const kind of ['remote', 'local'] as const) {
  test(`a signed tag that names the commit lets it pass, one of old or of another name does not (${kind})`, async (scene) => {
    const { shop, a } = scene;
    const verify = wordVerifier();
    const rule = { mode: 'tag', keys: ['key of ada'] } as const;
    const input =
      kind === 'remote' ? remote(scene, 'a', { verify: rule }) : { ...base, name: 'a', dir: a, verify: rule };
    const first = shop.git(a, 'rev-parse', 'HEAD');
    const sources = open(scene, [input], { verify });
    await throwsReason(() => sources.read(), 'Unverified', /no annotated tag/);
    shop.git(a, 'tag', 'light');
    shop.git(a, 'tag', '-a', 'unsigned', '-m', 'x');
    await throwsReason(() => sources.read(), 'Unverified', /tag unsigned: it is not signed/);
    shop.git(a, 'tag', '-a', 'v1', '-m', 'signed by ada');
    assert.is((await sources.read()).revision, first);
    shop.commit(a, { 'app.yaml': 'a2' });
    // The signed tag under a name that it does not bear, and moved: its content still names the first commit.
    shop.git(a, 'update-ref', 'refs/tags/v2', shop.git(a, 'rev-parse', 'v1'));
    assert.is((await sources.read()).revision, first);
    assert.is(sources.status()[0]?.error?.reason, 'Unverified');
    const renamed = shop
      .git(a, 'cat-file', 'tag', 'v1')
      .replace(/^object .*/, `object ${shop.git(a, 'rev-parse', 'HEAD')}`);
    shop.git(
      a,
      'update-ref',
      'refs/tags/v3',
      shop.gitInput(a, `${renamed}\n`, 'hash-object', '-t', 'tag', '-w', '--stdin'),
    );
    assert.is((await sources.read()).revision, first);
    shop.git(a, 'tag', '-a', 'v4', '-m', 'signed by ada');
    assert.is((await sources.read()).revision, shop.git(a, 'rev-parse', 'HEAD'));
    assert.is(sources.status()[0]?.verification?.by, 'ada');
  });
}

test('a configuration that cannot be right is refused at once', async (scene) => {
  const a = remote(scene, 'a');
  for (const [inputs, text] of [
    [[], /none/],
    [[a, a], /two are called "a"/],
    [[{ ...a, name: '../x' }], /no name/],
    [[{ ...a, tag: 'x', branch: 'y' }], /one thing/],
    [[{ ...a, fault: 'x', url: 'https://u:s3cret@h/x' }], /credentials/],
  ] as const) {
    const error = await refusal(() => open(scene, inputs));
    assert.match(error.message, text);
    assert.not.match(error.message, /s3cret/);
  }
});

test('a refresh asks at once, of one source or of all', async (scene) => {
  const sources = open(scene, [remote(scene, 'a'), remote(scene, 'b')], { spacing: 60_000 });
  await sources.read();
  const a2 = scene.shop.commit(scene.a, { 'app.yaml': 'a2' });
  const before = scene.shop.git(scene.b, 'rev-parse', 'HEAD');
  const b2 = scene.shop.commit(scene.b, { 'app.yaml': 'b2' });
  sources.refresh('a');
  assert.equal(
    (await sources.read()).parts?.map(({ revision }) => revision),
    [a2, before],
  );
  sources.refresh();
  assert.equal(
    (await sources.read()).parts?.map(({ revision }) => revision),
    [a2, b2],
  );
});

test('a revision that a person named is followed, verified and kept like any other', async (scene) => {
  const { shop, a } = scene;
  shop.git(a, 'commit', '-q', '--amend', '-m', 'signed by ada');
  shop.git(a, 'tag', 'wanted');
  const first = shop.git(a, 'rev-parse', 'HEAD');
  const unsigned = shop.commit(a, { 'app.yaml': 'a2' });
  const warnings: string[] = [];
  const deps = { verify: wordVerifier(), warn: (message: string) => warnings.push(message) };
  for (const revision of ['wanted', first, first.slice(0, 9)]) {
    const sources = open(scene, [remote(scene, 'a', { verify: head, branch: 'main', revision })], deps);
    const snapshot = await sources.read();
    assert.is(snapshot.revision, first);
    assert.is(await sources.read(), snapshot);
    assert.is(sources.status()[0]?.verification?.by, 'ada');
    await throwsReason(() => sources.readAt(unsigned), 'Unverified');
    await sources.close();
  }
  assert.equal(warnings, []);
});

test('links and odd names are told once, in the log and in the status', async (scene) => {
  symlinkSync('/etc/passwd', join(scene.a, 'passwd'));
  scene.shop.commit(scene.a, {});
  const warnings: string[] = [];
  const sources = open(scene, [remote(scene, 'a')], { warn: (message) => warnings.push(message) });
  await sources.read();
  scene.shop.commit(scene.a, { 'app.yaml': 'a2' });
  await sources.read();
  assert.equal(warnings, ['source a holds what is not read: passwd: a symbolic link, which is not followed']);
  assert.equal(sources.status()[0]?.omitted, [
    { path: 'passwd', why: 'a symbolic link, which is not followed' },
  ]);
});

test('after close nobody is called', async (scene) => {
  const sources = open(scene, [remote(scene, 'a', { interval: 20 })]);
  let calls = 0;
  sources.onChange(() => {
    calls += 1;
  });
  await sources.read();
  await until(() => calls > 1);
  await sources.close();
  const seen = calls;
  await new Promise((done) => setTimeout(done, 100));
  assert.is(calls, seen);
});

test('what a dead process left behind is removed, what a living one uses is not', async ({ shop }) => {
  const parent = shop.path('private');
  // In a container every process has the id of the one before.
  for (const name of [
    '999999999-0123456789ab',
    `${process.pid}-0123456789ab`,
    `${process.ppid}-0123456789ab`,
    'mirror',
  ])
    mkdirSync(join(parent, name), { recursive: true });
  const folder = await makePrivateFolder(parent);
  assert.equal(
    readdirSync(parent).sort(),
    [`${process.ppid}-0123456789ab`, basename(folder), 'mirror'].sort(),
  );
  assert.is(statSync(folder).mode & 0o777, 0o700);
});

test.run();
