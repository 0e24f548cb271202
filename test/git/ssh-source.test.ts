import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeScene, open, openScene, type SshScene, state } from './ssh-scene.ts';
import { makeKey } from './ssh-server.ts';
import { refusal, texts, throwsReason } from './workshop.ts';

const test = suite<SshScene>('a source over SSH');

test.before.each(openScene);
test.after.each(closeScene);

test('the newest commit is read with a deploy key, and fetched only when the id moved', async (scene) => {
  const source = open(scene);
  const first = await source.read();
  assert.is(first.revision, scene.shop.git(scene.dir, 'rev-parse', 'HEAD'));
  assert.equal(texts(first), { 'app.yaml': 'one', 'web/app.yaml': 'web' });
  assert.is(scene.server.commands().length, 2, 'one lists the refs, one fetches');
  assert.is(await source.read(), first);
  assert.is(scene.server.commands().length, 3, 'one lists the refs');
  const id = scene.shop.commit(scene.dir, { 'app.yaml': 'two' });
  const next = await source.read();
  assert.is(next.revision, id);
  assert.equal(texts(next), { 'app.yaml': 'two', 'web/app.yaml': 'web' });
  const mirror = state(scene, 'sources', readdirSync(state(scene, 'sources'))[0] ?? '');
  assert.is(statSync(mirror).mode & 0o777, 0o700);
  assert.is(scene.shop.git(mirror, 'rev-parse', '--is-bare-repository'), 'true');
});

test('the private key lies in a private file only while it is needed', async (scene) => {
  const source = open(scene);
  const reading = source.read();
  const seen = new Set<string>();
  let isOver = false;
  void reading.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const name of existsSync(state(scene, 'ssh')) ? readdirSync(state(scene, 'ssh')) : []) {
      const file = state(scene, 'ssh', name, 'key');
      // It may go between two looks at it.
      const found = [file, join(file, '..')].map((path) => statSync(path, { throwIfNoEntry: false }));
      const modes = found.flatMap((one) => (one ? [(one.mode & 0o777).toString(8)] : []));
      if (modes.length === found.length) seen.add(modes.join(' '));
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  await reading;
  assert.equal([...seen], ['600 700']);
  assert.equal(readdirSync(state(scene, 'ssh')), []);
});

test('a host key that is not pinned is refused, with the line to add and its fingerprint', async (scene) => {
  const source = open(scene, { auth: { sshKey: scene.key.privateKey, knownHosts: [] } });
  const error = await refusal(() => source.read());
  assert.is(error.reason, 'HostKeyUnknown');
  assert.ok(error.message.includes(scene.server.fingerprint()), error.message);
  assert.ok(error.message.endsWith(scene.server.hostLine()), error.message);
  assert.equal(scene.server.commands(), []);
  const line = /auth\.knownHosts: (.*)$/.exec(error.message)?.[1] ?? '';
  const pinned = open(scene, { auth: { sshKey: scene.key.privateKey, knownHosts: [line] } });
  assert.is(Object.keys(texts(await pinned.read())).length, 2);
});

test('a host key that changed is refused, and says so', async (scene) => {
  const source = open(scene);
  await source.read();
  const asked = scene.server.commands().length;
  await scene.server.changeHostKey();
  const error = await refusal(() => source.read());
  assert.is(error.reason, 'HostKeyChanged');
  assert.ok(error.message.includes(scene.server.fingerprint()), error.message);
  assert.is(scene.server.commands().length, asked);
});

test('a key that is wrong, missing, damaged or protected is each told as what it is', async (scene) => {
  const knownHosts = [scene.server.hostLine()];
  const other = makeKey(scene.shop.path('keys'), 'other').privateKey;
  const locked = makeKey(scene.shop.path('keys'), 'locked', 'a passphrase').privateKey;
  const cases = [
    [{ knownHosts, sshKey: other }, /refuses the key/],
    [{ knownHosts }, /asks for a key/],
    [{ knownHosts, sshKey: 'no key at all' }, /cannot be used/],
    [{ knownHosts, sshKey: locked }, /cannot be used|refuses the key/],
  ] as const;
  for (const [auth, text] of cases) {
    const error = await refusal(() => open(scene, { auth }).read());
    assert.match(error.message, text);
    assert.not.match(error.message, /BEGIN|no key at all/);
  }
});

test('a key with other line ends and none at its end is taken', async (scene) => {
  const sshKey = scene.key.privateKey.trim().replaceAll('\n', '\r\n');
  const source = open(scene, { auth: { sshKey, knownHosts: [scene.server.hostLine()] } });
  assert.is(Object.keys(texts(await source.read())).length, 2);
});

test('a repository that is not there, a missing branch and an empty one are no empty snapshots', async (scene) => {
  scene.shop.repository('served/empty', {});
  await throwsReason(
    () => open(scene, { url: `${scene.server.url}/nope` }).read(),
    'SourceUnreachable',
    /no such/,
  );
  await throwsReason(() => open(scene, { branch: 'prod' }).read(), 'BranchMissing', /"prod"/);
  await throwsReason(() => open(scene, { url: `${scene.server.url}/empty` }).read(), 'BranchMissing');
  await throwsReason(
    () => open(scene, { url: `ssh://${scene.server.user}@127.0.0.1:1/x` }).read(),
    'SourceUnreachable',
    /refused/,
  );
});

test('tags, commits and older revisions are found, and history is deepened for them', async (scene) => {
  const { shop, dir } = scene;
  const first = shop.git(dir, 'rev-parse', 'HEAD');
  shop.git(dir, 'tag', '-a', 'v1.0.0', '-m', 'x');
  shop.commit(dir, { 'app.yaml': 'two' });
  const third = shop.commit(dir, { 'app.yaml': 'three' });
  const source = open(scene);
  assert.is((await source.read()).revision, third);
  for (const revision of [first, first.slice(0, 8), 'v1.0.0', 'main~2'.slice(0, 4)]) {
    const { revision: found } = await source.readAt(revision);
    assert.is(found, revision === 'main' ? third : first, revision);
  }
  assert.is((await open(scene, { commit: first }).read()).revision, first);
  assert.is((await open(scene, { semver: '^1' }).read()).revision, first);
  await throwsReason(() => source.readAt('f'.repeat(40)), 'RevisionMissing');
});

test('a damaged mirror is thrown away and cloned again', async (scene) => {
  await open(scene).read();
  const folder = state(scene, 'sources', readdirSync(state(scene, 'sources'))[0] ?? '', 'objects/pack');
  for (const name of readdirSync(folder)) if (name.endsWith('.pack')) truncateSync(join(folder, name), 40);
  assert.equal(texts(await open(scene).read()), { 'app.yaml': 'one', 'web/app.yaml': 'web' });
});

test('nothing of a user or of the machine is read, and no key is an argument', async (scene) => {
  // What a hostile home would do is what git and ssh would do if they looked there.
  const home = scene.shop.path('home');
  scene.shop.write(home, {
    '.gitconfig': '[url "file:///"]\n\tinsteadOf = ssh://\n',
    '.ssh/config': 'Host *\n  ProxyCommand false\n',
  });
  const before = { HOME: process.env.HOME, GIT_SSH_COMMAND: process.env.GIT_SSH_COMMAND };
  process.env.HOME = home;
  process.env.GIT_SSH_COMMAND = 'false';
  try {
    const source = open(scene);
    const reading = source.read();
    const seen: string[] = [];
    let isOver = false;
    void reading.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      seen.push(...processesIn(state(scene, 'ssh')));
      await new Promise((done) => setTimeout(done, 2));
    }
    assert.is(Object.keys(texts(await reading)).length, 2);
    const secret = scene.key.privateKey.split('\n')[2] ?? '';
    assert.ok(seen.length > 0);
    assert.not.ok(seen.some((text) => text.includes(secret)));
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

/** Arguments and environment of the processes that work in a folder. */
function processesIn(folder: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const text = ['cmdline', 'environ']
        .map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'))
        .join('\0');
      if (text.includes(`${folder}/`)) found.push(text);
    } catch {
      // It has ended, or is somebody else's.
    }
  }
  return found;
}

for (const url of [
  'ssh://-oProxyCommand=x@host/path',
  'ssh://host/-x',
  '-oProxyCommand=x@host:path',
  'git@-oProxyCommand=x:path',
  'git@host:-x',
  'ssh://git:s3cret@host/x',
  'ssh://git@ho"st/x',
  'ext::sh -c x',
  'file:///etc',
]) {
  test(`${url} is refused as an address`, async (scene) => {
    await throwsReason(() => open(scene, { url }), 'SourceInvalid', /^(?!.*s3cret)/);
  });
}

test.run();
