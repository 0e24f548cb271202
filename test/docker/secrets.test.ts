import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type Docker from 'dockerode';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import type { AppFile } from '../../src/desired/app.ts';
import { fileDigest } from '../../src/desired/file-digest.ts';
import { createEngine } from '../../src/docker/engine.ts';
import { createEngineReader, type DockerReader } from '../../src/docker/engine-reader.ts';
import { connectEngine, findEngine } from '../../src/docker/find-engine.ts';
import type { Container, ContainerSpec } from '../../src/observed/observed.ts';
import { type AVault, aVault } from './a-vault.ts';
import { openCutSocket } from './cut-socket.ts';
import { type Corner, openCorner, patrolAll, until } from './test-engine.ts';
import { ensureTestImage } from './test-image.ts';

const vault: AVault = aVault();
const canary = 'canary-pa55-wörd';
let corner: Corner;
let reader: DockerReader;
let runtimeDir: string;
/** This instance's part of it. */
let folder: string;

test.before(async () => {
  runtimeDir = mkdtempSync('/dev/shm/plimsoll-test-');
  corner = await openCorner({ secrets: vault, runtimeDir, redact: vault.redact });
  folder = join(runtimeDir, `instance-${corner.instance}`);
  reader = createEngineReader({ ...corner, secrets: vault, runtimeDir, redact: vault.redact, sweeps: true });
});
test.after(async () => {
  reader?.close();
  await corner?.clear();
  rmSync(runtimeDir, { recursive: true, force: true });
});

async function failing(act: Promise<unknown>): Promise<EdgeError> {
  const error = await act.then(
    () => assert.unreachable('it should have failed'),
    (reason) => reason,
  );
  assert.instance(error, EdgeError);
  return error;
}

async function live(name: string): Promise<Container> {
  reader.touch('container', name);
  const found = (await reader.observe(new Set())).containers.find((one) => one.name === name);
  if (!found) throw new Error(`${name} is not seen`);
  return found;
}

async function output(name: string, command: string[]): Promise<string> {
  const plain = createEngineReader(corner);
  const { detail } = await plain.exec(name, command, 10_000);
  plain.close();
  return detail;
}

/** A container of one app with these files, made and not started. */
async function make(app: string, files: readonly AppFile[], change: Partial<ContainerSpec> = {}) {
  const mounts = files
    .filter(({ content }) => typeof content !== 'string')
    .map(({ mount }) => ({ kind: 'secret' as const, target: mount }));
  const wanted = corner.spec(app, { mounts, ...change });
  await corner.engine.createContainer(wanted, files, true);
  return wanted;
}

async function drop(name: string): Promise<void> {
  await corner.engine.stop(name, 0);
  await corner.engine.remove(name);
}

test('a secret variable is in the container and nowhere else', async () => {
  const { docker, instance, network } = corner;
  const value = vault.put('db/password', canary);
  const found = findEngine(process.env);
  const socket = await openCutSocket(found.kind === 'socket' ? found.path : '/var/run/docker.sock');
  const through = connectEngine({ kind: 'socket', path: socket.path, from: 'test' });
  const engine = createEngine({ docker: through, instance, network, secrets: vault });
  const wanted = corner.spec('env', { env: { PATH: '/bin', FROM_IMAGE: 'yes', PASSWORD: value } });
  try {
    await engine.createContainer(wanted, [], true);
    await engine.start(wanted.name);
    const create = socket.requests.find((request) => request.includes('/containers/create')) ?? '';
    assert.ok(create.includes(`name=${wanted.name}`), create);
    assert.not.match(decodeURIComponent(socket.requests.join('\n')), /canary/);
  } finally {
    await socket.close();
  }
  assert.is(await output(wanted.name, ['sh', '-c', 'echo "$PASSWORD"']), `exit 0: ${canary}`);
  const inspected = await docker.getContainer(wanted.name).inspect();
  assert.not.match(JSON.stringify(inspected.Config.Labels), /canary/);
  const read = await live(wanted.name);
  assert.equal(read.live, wanted);
  assert.not.match(inspect(await reader.observe(new Set()), { depth: 9 }), /canary/);
  // Not even by a reader that is given no secrets.
  const plain = createEngineReader(corner);
  assert.not.match(inspect(await plain.observe(new Set()), { depth: 9 }), /canary/);
  plain.close();
  await drop(wanted.name);
});

test('a variable that has another value than its version is changed by hand', async () => {
  const { docker } = corner;
  const value = vault.put('db/other', 'as-it-should-be');
  const wanted = corner.spec('byhand', { env: { TOKEN: value } });
  await corner.engine.createContainer(wanted, [], true);
  const made = await docker.getContainer(wanted.name).inspect();
  await docker.getContainer(wanted.name).remove();
  await docker.createContainer({
    name: wanted.name,
    Image: wanted.image,
    Env: ['TOKEN=as-somebody-wanted'],
    Labels: made.Config.Labels,
  });
  const { env } = (await live(wanted.name)).live;
  assert.equal(env.TOKEN, { secret: 'db/other', version: 'changed-by-hand' });
  vault.forget(value);
  patrolAll(reader);
  assert.equal((await live(wanted.name)).live.env.TOKEN, value, 'what is not known here cannot be compared');
  await corner.engine.remove(wanted.name);
});

test('no error tells a secret, however the engine repeats what it was sent', async () => {
  const value = vault.put('bad/value', canary);
  const image = `sha256:${'0'.repeat(64)}`;
  const wanted = corner.spec('errors', { env: { A: value }, image });
  const error = await failing(corner.engine.createContainer(wanted, [], true));
  assert.not.match(inspect(error, { depth: 9, showHidden: true }), /canary/);
  const lying = {
    ...corner.docker,
    version: async () => ({ Components: [] }),
    createContainer: async () => {
      throw Object.assign(new Error(`invalid environment variable: A=${canary}`), { statusCode: 400 });
    },
  } as unknown as Docker;
  const secret = vault.put('db/password', canary);
  const engine = createEngine({ ...corner, docker: lying, secrets: vault });
  const told = await failing(engine.createContainer(corner.spec('lying', { env: { A: secret } }), [], true));
  assert.match(told.message, /invalid environment variable: A=\*\*\*/);
  assert.not.match(inspect(told, { depth: 9, showHidden: true }), /canary/);
});

test('an engine without secrets refuses, and asks nothing of the host', async () => {
  const engine = createEngine(corner);
  const value = vault.put('db/password', canary);
  const error = await failing(engine.createContainer(corner.spec('none', { env: { A: value } }), [], true));
  assert.equal([error.reason, error.kind], ['SecretUnavailable', 'transient']);
});

test('a secret file is in memory, read-only, and belongs to the container’s user alone', async () => {
  const { docker, engine } = corner;
  const image = await ensureTestImage(docker, 'plimsoll-test/docker-users:1', [
    'RUN ["/bin/sh", "-c", "mkdir -p /etc && echo app:x:1234:77::/:/bin/sh > /etc/passwd && echo staff:x:88: > /etc/group"]',
  ]);
  const value = vault.put('tls/key', canary);
  const files = [
    { mount: '/srv/keys/key', content: value, mode: 0o400 },
    { mount: '/etc/plain', content: 'plain', mode: 0o644 },
  ];
  const users: [user: string, ids: string][] = [
    ['', '0:0'],
    ['app', '1234:77'],
    ['app:staff', '1234:88'],
    ['4321:99', '4321:99'],
  ];
  for (const [user, ids] of users) {
    for (const readOnlyRootfs of [false, true]) {
      const wanted = await make('files', files, { image, user, readOnlyRootfs });
      await engine.start(wanted.name);
      assert.is(await output(wanted.name, ['cat', '/srv/keys/key']), `exit 0: ${canary}`, user);
      assert.is(await output(wanted.name, ['stat', '-c', '%a %u:%g', '/srv/keys/key']), `exit 0: 400 ${ids}`);
      assert.not.match(await output(wanted.name, ['sh', '-c', 'echo x > /srv/keys/key']), /^exit 0/);
      const read = await live(wanted.name);
      assert.equal(read.live, wanted);
      const at = join(folder, wanted.name);
      assert.is(lstatSync(at).mode & 0o777, 0o700);
      assert.is(lstatSync(folder).mode & 0o777, 0o700);
      const archive = await docker.getContainer(wanted.name).inspect();
      assert.not.match(JSON.stringify(archive), /canary/);
      await drop(wanted.name);
      assert.not.ok(existsSync(at), 'nothing stays of it');
    }
  }
});

test('creating twice leaves the file that the container has mounted', async () => {
  const { engine } = corner;
  const value = vault.put('twice/key', 'first');
  const files = [{ mount: '/key', content: value, mode: 0o400 }];
  const wanted = await make('twice', files);
  await engine.start(wanted.name);
  const { ino } = lstatSync(join(folder, wanted.name, '0'));
  await engine.createContainer(wanted, files, true);
  assert.is(lstatSync(join(folder, wanted.name, '0')).ino, ino);
  await drop(wanted.name);
});

test('a start and a restart put back what a reboot took, for whoever it belonged to', async () => {
  const { engine } = corner;
  const value = vault.put('reboot/key', canary);
  const files = [{ mount: '/key', content: value, mode: 0o440 }];
  const wanted = await make('reboot', files, { user: '1000:2000' });
  await engine.start(wanted.name);
  for (const again of ['start', 'restart'] as const) {
    await engine.stop(wanted.name, 0);
    rmSync(folder, { recursive: true });
    if (again === 'start') await engine.start(wanted.name);
    else await engine.restart(wanted.name, 0);
    const { uid, gid, mode } = lstatSync(join(folder, wanted.name, '0'));
    assert.equal([uid, gid, mode & 0o777], [1000, 2000, 0o440]);
    assert.is(await output(wanted.name, ['cat', '/key']), `exit 0: ${canary}`);
  }
  await engine.stop(wanted.name, 0);
  rmSync(folder, { recursive: true });
  vault.forget(value);
  assert.is((await failing(engine.start(wanted.name))).reason, 'SecretUnavailable');
  await engine.remove(wanted.name);
});

test('a delivered secret is seen by the running container, and by the reader as its version', async () => {
  const { engine } = corner;
  const before = vault.put('live/key', 'the first, and longer than the second');
  const after = vault.put('live/key', 'second');
  const file = { mount: '/run/key', content: before, mode: 0o400 };
  const script = 'trap "cat /run/key >> /log; echo >> /log" HUP; while :; do sleep 0.1; done';
  const wanted = await make('live', [file], {
    command: ['/bin/sh', '-c', script],
    user: '',
    liveFiles: { '/run/key': fileDigest(file) },
  });
  await engine.start(wanted.name);
  assert.equal((await live(wanted.name)).live, wanted);
  const { ino } = lstatSync(join(folder, wanted.name, '0'));
  const changed = { ...file, content: after };
  for (let times = 0; times < 2; times += 1) {
    await engine.deliver(wanted.name, changed, 'SIGHUP');
    assert.is(await output(wanted.name, ['cat', '/run/key']), 'exit 0: second');
    await until('the signal', async () =>
      (await output(wanted.name, ['tail', '-n', '1', '/log'])).includes('second'),
    );
  }
  assert.is(lstatSync(join(folder, wanted.name, '0')).ino, ino, 'a mount holds the file, not its name');
  assert.equal((await live(wanted.name)).live.liveFiles, { '/run/key': fileDigest(changed) });

  await engine.deliver(wanted.name, { ...changed, mode: 0o440 }, undefined);
  assert.equal((await live(wanted.name)).live.liveFiles, {
    '/run/key': fileDigest({ ...changed, mode: 0o440 }),
  });
  writeFileSync(join(folder, wanted.name, '0'), 'by hand');
  assert.match(JSON.stringify((await live(wanted.name)).live.liveFiles), /changed-by-hand/);

  // Gone with a reboot, and its first version forgotten: it starts empty, and says that it is not what git wants.
  await engine.stop(wanted.name, 0);
  rmSync(folder, { recursive: true });
  vault.forget(before);
  await engine.start(wanted.name);
  assert.is(await output(wanted.name, ['cat', '/run/key']), 'exit 0');
  assert.is.not((await live(wanted.name)).live.liveFiles?.['/run/key'], fileDigest(changed));
  await engine.stop(wanted.name, 0);
  await engine.deliver(wanted.name, changed, 'SIGHUP');
  await engine.start(wanted.name);
  assert.is(await output(wanted.name, ['cat', '/run/key']), 'exit 0: second');

  rmSync(join(folder, wanted.name, '0'));
  assert.is((await failing(engine.deliver(wanted.name, changed, undefined))).reason, 'SecretFileLost');
  await drop(wanted.name);
});

test('folders of containers that are gone are removed, others and young ones are not', async () => {
  const value = vault.put('swept/key', 'x');
  const wanted = await make('swept', [{ mount: '/key', content: value, mode: 0o400 }]);
  const old = new Date(Date.now() - 3_600_000);
  // A process before this one was killed while it made this container.
  const killed = new Date(Date.now() - process.uptime() * 1000 - 100);
  const strange: [name: string, touched?: Date][] = [
    ['plimsoll-gone-12345678-0', old],
    ['plimsoll-killed-12345678-0', killed],
    ['plimsoll-young-12345678-0'],
    ['instance-other', old],
  ];
  for (const [name] of strange) mkdirSync(join(folder, name));
  for (const [name, touched] of [...strange, [wanted.name, old] as const])
    if (touched) utimesSync(join(folder, name), touched, touched);
  const quiet = createEngineReader({ ...corner, secrets: vault, runtimeDir });
  await quiet.observe(new Set());
  quiet.close();
  assert.ok(existsSync(join(folder, 'plimsoll-gone-12345678-0')), 'a reader that only looks removes nothing');
  reader.invalidate();
  await reader.observe(new Set());
  assert.equal(
    readdirSync(folder).sort(),
    ['instance-other', wanted.name, 'plimsoll-young-12345678-0'].sort(),
  );
  for (const name of ['instance-other', 'plimsoll-young-12345678-0'])
    rmSync(join(folder, name), { recursive: true });
  await corner.engine.remove(wanted.name);
  assert.not.ok(existsSync(folder), 'the folder goes with the last of its files');
});

test('a folder that is not in memory, or not ours alone, is refused with what to configure', async () => {
  const value = vault.put('where/key', 'x');
  const file = { mount: '/key', content: value, mode: 0o400 };
  const mounts = [{ kind: 'secret' as const, target: '/key' }];
  const open = mkdtempSync('/dev/shm/plimsoll-open-');
  const disk = mkdtempSync(join(tmpdir(), 'plimsoll-disk-'));
  const link = `${open}-link`;
  mkdirSync(join(open, 'mine'), { mode: 0o700 });
  symlinkSync(join(open, 'mine'), link);
  const refused: [dir: string, why: RegExp][] = [
    [disk, /not on a tmpfs; set secrets\.runtimeDir/],
    [join(disk, 'new'), /not on a tmpfs/],
    [link, /is no folder/],
    ['/dev/shm', /others may write/],
  ];
  try {
    for (const [dir, why] of refused) {
      const engine = createEngine({ ...corner, secrets: vault, runtimeDir: dir });
      const error = await failing(engine.createContainer(corner.spec('where', { mounts }), [file], true));
      assert.equal([error.reason, error.kind], ['SecretFolderMissing', 'transient']);
      assert.match(error.message, why);
    }
    assert.equal(readdirSync(join(open, 'mine')), []);
  } finally {
    for (const path of [link, open, disk]) rmSync(path, { recursive: true, force: true });
  }
});

test('an engine on another host gets no secret files', async () => {
  const value = vault.put('remote/key', canary);
  const docker = connectEngine({ kind: 'tcp', host: '127.0.0.1', port: 1, from: 'test' });
  const remote = Object.assign(docker, {
    version: async () => ({ Components: [] }),
    getContainer: () => ({
      inspect: async () => Promise.reject(Object.assign(new Error('no'), { statusCode: 404 })),
    }),
  });
  const engine = createEngine({ ...corner, docker: remote, secrets: vault, runtimeDir });
  const mounts = [{ kind: 'secret' as const, target: '/key' }];
  const file = { mount: '/key', content: value, mode: 0o400 };
  const error = await failing(engine.createContainer(corner.spec('remote', { mounts }), [file], true));
  assert.equal([error.reason, error.kind], ['SecretFilesNeedLocalEngine', 'terminal']);
  assert.not.ok(existsSync(folder));
});

test('a container that claims files elsewhere on the host gets nothing written there', async () => {
  const { docker, engine, spec } = corner;
  const dir = mkdtempSync(join(tmpdir(), 'plimsoll-victim-'));
  const victim = join(dir, '0');
  writeFileSync(victim, 'untouched');
  const value = vault.put('claimed/key', canary);
  const wanted = spec('claimed');
  const Labels = {
    ...wanted.labels,
    'plimsoll.secret-files': JSON.stringify({ '/key': `400 ${value.version} a/b` }),
  };
  await docker.createContainer({
    name: wanted.name,
    Image: wanted.image,
    Cmd: ['/bin/sleep', '60'],
    Labels,
    HostConfig: { Mounts: [{ Type: 'bind', Source: victim, Target: '/key' }] },
  });
  const { mounts } = (await live(wanted.name)).live;
  assert.equal(mounts, [{ kind: 'bind', source: victim, target: '/key', readOnly: false }]);
  const file = { mount: '/key', content: value, mode: 0o400 };
  assert.is((await failing(engine.deliver(wanted.name, file, undefined))).reason, 'SecretFolderMissing');
  assert.is((await failing(engine.start(wanted.name))).reason, 'SecretFolderMissing');
  await engine.remove(wanted.name);
  assert.is(readFileSync(victim, 'utf8'), 'untouched');
  rmSync(dir, { recursive: true });
});

test('logs, output of commands and their errors are redacted', async () => {
  const { engine } = corner;
  vault.put('log/word', canary);
  const command = ['/bin/sh', '-c', `echo "it is ${canary}"; echo "${'x'.repeat(490)} ${canary}"; sleep 60`];
  const wanted = corner.spec('talks', { command });
  await engine.createContainer(wanted, [], true);
  await engine.start(wanted.name);
  const lines = await until('the log', async () => {
    const found = await reader.tail(wanted.name, 10);
    return found.length === 2 && found;
  });
  assert.is(lines[0], 'it is ***');
  assert.not.match(lines.join('\n'), /canary/);
  const all: string[] = [];
  const options = { follow: false, timestamps: false };
  for await (const { line } of reader.logs(wanted.name, options, new AbortController().signal))
    all.push(line);
  assert.not.match(all.join('\n'), /canary/);
  assert.equal(await reader.exec(wanted.name, ['echo', `${'y'.repeat(195)}${canary}`], 5000), {
    ok: true,
    detail: `exit 0: ${'y'.repeat(195)}***`,
  });
  assert.not.match((await reader.exec(wanted.name, [`/no/${canary}`], 5000)).detail, /canary/);
  await drop(wanted.name);
});

test.run();
