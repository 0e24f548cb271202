import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import type { AppFile } from '../../src/desired/app.ts';
import { fileDigest } from '../../src/desired/file-digest.ts';
import { createEngineReader, type DockerReader } from '../../src/docker/engine-reader.ts';
import { connectEngine, findEngine } from '../../src/docker/find-engine.ts';
import { tarOf } from '../../src/docker/tar.ts';
import type { ContainerSpec } from '../../src/observed/observed.ts';
import { type CutSocket, openCutSocket } from './cut-socket.ts';
import { type Corner, openCorner, patrolAll, until } from './test-engine.ts';

let corner: Corner;
let socket: CutSocket;
let reader: DockerReader;

test.before(async () => {
  corner = await openCorner();
  const found = findEngine(process.env);
  socket = await openCutSocket(found.kind === 'socket' ? found.path : '/var/run/docker.sock');
  reader = createEngineReader({
    ...corner,
    docker: connectEngine({ kind: 'socket', path: socket.path, from: 'test' }),
  });
});
test.after(async () => {
  reader?.close();
  await socket?.close();
  await corner?.clear();
});

const first: AppFile = { mount: '/etc/app/config.yml', content: 'ä: 1\n', mode: 0o640 };
const second: AppFile = { ...first, content: 'ä: 2 and longer\n', mode: 0o600 };
const waiting = ['/bin/sh', '-c', 'trap "echo heard >> /tmp/log" HUP; while :; do sleep 0.1; done'];

async function run(app: string, file: AppFile, change: Partial<ContainerSpec> = {}): Promise<ContainerSpec> {
  const wanted = corner.spec(app, {
    command: waiting,
    mounts: [{ kind: 'tmpfs', target: '/tmp', size: 0 }],
    liveFiles: { [file.mount]: fileDigest(file) },
    ...change,
  });
  await corner.engine.createContainer(wanted, [file], true);
  await corner.engine.start(wanted.name);
  return wanted;
}

async function liveOf(name: string): Promise<ContainerSpec> {
  const found = (await reader.observe(new Set())).containers.find((one) => one.name === name);
  if (!found) throw new Error(`${name} is not seen`);
  return found.live;
}

async function touched(name: string): Promise<Readonly<Record<string, string>> | undefined> {
  reader.touch('container', name);
  return (await liveOf(name)).liveFiles;
}

async function output(name: string, command: string[]): Promise<string> {
  return (await reader.exec(name, command, 10_000)).detail;
}

function archives(): string[] {
  return socket.requests.filter((request) => request.startsWith('GET') && request.includes('/archive?'));
}

for (const readOnlyRootfs of [false, true]) {
  test(`a file is delivered whole into a ${readOnlyRootfs ? 'read-only ' : ''}container, twice as once`, async () => {
    const { engine } = corner;
    const wanted = await run('whole', first, { readOnlyRootfs });
    reader.touch('container', wanted.name);
    assert.equal(await liveOf(wanted.name), wanted);
    for (const signal of ['SIGHUP', undefined]) {
      await engine.deliver(wanted.name, second, signal);
      assert.is(await output(wanted.name, ['cat', second.mount]), 'exit 0: ä: 2 and longer');
      assert.is(await output(wanted.name, ['stat', '-c', '%a', second.mount]), 'exit 0: 600');
      assert.equal(await touched(wanted.name), { [second.mount]: fileDigest(second) });
    }
    await until(
      'the signal',
      async () => (await output(wanted.name, ['cat', '/tmp/log'])) === 'exit 0: heard',
    );
    await engine.stop(wanted.name, 0);
    await engine.deliver(wanted.name, first, 'SIGHUP');
    await engine.start(wanted.name);
    assert.is(await output(wanted.name, ['cat', first.mount]), 'exit 0: ä: 1');
    assert.equal(await touched(wanted.name), { [first.mount]: fileDigest(first) });
    await engine.stop(wanted.name, 0);
    await engine.remove(wanted.name);
  });
}

test('a delivery to nobody, by no signal or to a foreign container is refused', async () => {
  const { docker, engine, instance, image } = corner;
  const reason = async (act: Promise<void>): Promise<string> => {
    const error = await act.catch((caught: unknown) => caught);
    return error instanceof EdgeError ? `${error.kind} ${error.reason}` : 'no error';
  };
  assert.is(await reason(engine.deliver('plimsoll-nobody-0', first, undefined)), 'transient NoSuchContainer');
  const wanted = await run('signals', first);
  assert.is(await reason(engine.deliver(wanted.name, first, 'SIGKILL')), 'terminal InvalidConfig');
  const foreign = await docker.createContainer({ name: `${instance}-foreign`, Image: image });
  assert.is(await reason(engine.deliver(foreign.id, first, undefined)), 'terminal NotOurs');
  await foreign.remove();
  await engine.stop(wanted.name, 0);
  await engine.remove(wanted.name);
});

test('files are read when they may have changed, and only of containers that have such', async () => {
  const { docker, engine, spec } = corner;
  const plain = spec('plain');
  await engine.createContainer(plain, [{ mount: '/etc/fixed', content: 'x', mode: 0o644 }], true);
  await engine.start(plain.name);
  const wanted = await run('counted', first);
  patrolAll(reader);
  await reader.observe(new Set());
  socket.forget();
  for (let times = 0; times < 5; times += 1) await reader.observe(new Set());
  assert.equal(archives(), [], 'none while nothing happens');

  const container = docker.getContainer(wanted.name);
  await container.pause();
  await until('the pause', async () => {
    const { containers } = await reader.observe(new Set());
    return containers.some(({ name, state }) => name === wanted.name && state === 'paused');
  });
  assert.equal(archives(), [], 'none for an event that touches no file');
  await container.unpause();

  reader.touch('container', wanted.name);
  reader.touch('container', plain.name);
  await reader.observe(new Set());
  assert.is(archives().length, 1, 'one after a touch');

  await container.putArchive(tarOf([{ path: first.mount, content: Buffer.from('by hand'), mode: 0o644 }]), {
    path: '/',
  });
  patrolAll(reader);
  const byHand = (await liveOf(wanted.name)).liveFiles?.[first.mount];
  assert.is(
    byHand,
    fileDigest({ content: 'by hand', mode: 0o644 }),
    'a resync finds what was changed by hand',
  );

  socket.forget();
  await engine.restart(wanted.name, 0);
  await until('the restart', async () => {
    await reader.observe(new Set());
    return archives().length === 1;
  });
  for (const one of [plain, wanted]) {
    await engine.stop(one.name, 0);
    await engine.remove(one.name);
  }
});

test('what is no file, too large or not there is not what anybody wants', async () => {
  const wanted = await run('strange', first);
  const shell = (script: string) => output(wanted.name, ['sh', '-c', script]);
  const { mount } = first;
  await shell(`rm ${mount}`);
  assert.equal(await touched(wanted.name), {});
  await shell(`mkdir ${mount}`);
  assert.equal(await touched(wanted.name), { [mount]: 'no file' });
  await shell(`rmdir ${mount}; ln -s /bin/busybox ${mount}`);
  assert.equal(await touched(wanted.name), { [mount]: 'no file' });
  await shell(`rm ${mount}; head -c 3000000 /dev/zero > ${mount}`);
  assert.equal(await touched(wanted.name), { [mount]: 'no file' });
  await corner.engine.deliver(wanted.name, first, undefined);
  assert.equal(await touched(wanted.name), { [mount]: fileDigest(first) });
  await corner.engine.stop(wanted.name, 0);
  await corner.engine.remove(wanted.name);
});

test.run();
