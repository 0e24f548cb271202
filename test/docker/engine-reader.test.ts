import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError, type EngineState } from '../../src/apply/ports.ts';
import { isSameValue } from '../../src/desired/canonical.ts';
import { fileDigest } from '../../src/desired/file-digest.ts';
import { patrolShares } from '../../src/docker/engine-cache.ts';
import { createEngineReader, type DockerReader } from '../../src/docker/engine-reader.ts';
import { connectEngine, findEngine } from '../../src/docker/find-engine.ts';
import type { LogLine } from '../../src/docker/log-lines.ts';
import { type CutSocket, openCutSocket } from './cut-socket.ts';
import { type Corner, openCorner, patrolAll, until } from './test-engine.ts';
import { ensureTestImage } from './test-image.ts';

let corner: Corner;
let socket: CutSocket;
let reader: DockerReader;
const lost: unknown[] = [];

test.before(async () => {
  corner = await openCorner();
  const found = findEngine(process.env);
  socket = await openCutSocket(found.kind === 'socket' ? found.path : '/var/run/docker.sock');
  const docker = connectEngine({ kind: 'socket', path: socket.path, from: 'test' });
  const onUnreachable = (error: unknown): void => void lost.push(error);
  reader = createEngineReader({ ...corner, docker, onUnreachable });
});
test.after(async () => {
  reader?.close();
  await socket?.close();
  await corner?.clear();
});

const nothing: ReadonlySet<string> = new Set();
const observe = (known = nothing): Promise<EngineState> => reader.observe(known);

/** Waits until a reading shows it; every change must come through events, never by listing. */
async function seen<T>(what: string, find: (state: EngineState) => T | undefined | false): Promise<T> {
  return until(what, async () => find(await observe()));
}

/** Waits until the events of what was done before have come and gone. */
async function quiet(read: () => Promise<EngineState> = observe): Promise<void> {
  let before = await read();
  let same = 0;
  await until('quiet', async () => {
    const now = await read();
    same = now === before ? same + 1 : 0;
    before = now;
    return same > 8;
  });
}

function lists(): string[] {
  return socket.requests.filter((request) => request.includes('/containers/json'));
}

async function run(app: string, command?: string[]): Promise<string> {
  const spec = corner.spec(app, command ? { command } : {});
  await corner.engine.createContainer(spec, [], true);
  await corner.engine.start(spec.name);
  return (await corner.docker.getContainer(spec.name).inspect()).Id;
}

test('sees by events alone what is done by hand, and asks nothing while nothing happens', async () => {
  await observe();
  const id = await run('watched');
  const mine = (state: EngineState) => state.containers.find((one) => one.id === id);
  await seen('it running', (state) => mine(state)?.state === 'running');
  await quiet();
  socket.forget();

  const before = await observe();
  for (let times = 0; times < 20; times++) assert.is(await observe(), before);
  assert.equal(socket.requests, [], 'no call while idle');

  const container = corner.docker.getContainer(id);
  await container.rename({ name: `${corner.instance}-by-hand` });
  // With another name nothing proves that it is ours, except history.
  await seen('the new name', (state) => state.foreign.some((one) => one.id === id));
  const known = new Set([id]);
  assert.is(
    (await observe(known)).containers.find((one) => one.id === id)?.name,
    `${corner.instance}-by-hand`,
  );
  assert.equal((await observe()).foreign.length, 1);
  await container.rename({ name: corner.spec('watched').name });
  await seen('the old name', mine);

  await container.update({ Memory: 67_108_864, MemorySwap: 67_108_864 });
  await seen('the new limit', (state) => mine(state)?.live.memory === 67_108_864);
  await container.pause();
  await seen('the pause', (state) => mine(state)?.state === 'paused');
  await container.unpause();
  await container.kill();
  const exited = await seen('its end', (state) => mine(state)?.state === 'exited' && mine(state));
  assert.is(exited.exitCode, 137);
  assert.ok(exited.startedAt > 0 && exited.finishedAt >= exited.startedAt);
  await container.remove();
  await seen('its removal', (state) => mine(state) === undefined);
  assert.equal(lists(), [], 'no list was needed');
});

test('tells its listeners what happened, and not what health commands do', async () => {
  const news: string[] = [];
  const off = reader.onChange((what) => void news.push(what));
  const id = await run('told');
  const { name } = corner.spec('told');
  await until('the start', () => news.includes(`container ${name} start`));
  await quiet();
  news.length = 0;
  assert.equal(await reader.exec(id, ['true'], 5_000), { ok: true, detail: 'exit 0' });
  await corner.docker.getContainer(id).kill();
  await until('the end', () => news.includes(`container ${name} die`));
  assert.not.ok(news.some((what) => what.includes('exec')));
  off();
});

test('a container with copied labels is foreign, and a labelled one without sense is too', async () => {
  const { docker, engine, spec, instance } = corner;
  const genuine = spec('owner');
  await engine.createContainer(genuine, [], true);
  const copies: [name: string, labels: Record<string, string>][] = [
    [`${instance}-copy`, { ...genuine.labels }],
    [`${genuine.name}-x`, { ...genuine.labels }],
    [`${instance}-no-replica`, { ...genuine.labels, 'plimsoll.replica': '-1' }],
    [`${instance}-bare`, { 'plimsoll.instance': instance }],
  ];
  const ids: string[] = [];
  for (const [name, Labels] of copies) {
    ids.push((await docker.createContainer({ name, Image: corner.image, Labels })).id);
  }
  const attempt = { ...genuine, name: `${genuine.name}-2` };
  await engine.createContainer(attempt, [], true);
  const state = await seen(
    'all of them',
    (one) =>
      one.foreign.length === copies.length && one.containers.some(({ name }) => name === attempt.name) && one,
  );
  assert.equal(state.foreign.map(({ name }) => name).sort(), copies.map(([name]) => name).sort());
  const names = state.containers.filter(({ app }) => app === 'owner').map(({ name }) => name);
  assert.equal(names, [genuine.name, attempt.name]);
  const known = await observe(new Set(ids));
  assert.equal(
    known.foreign.map(({ name }) => name).sort(),
    [`${instance}-bare`, `${instance}-no-replica`],
    'what makes no sense stays foreign even when known',
  );
  for (const id of ids) await docker.getContainer(id).remove();
});

test('another instance on the same engine is ignored', async () => {
  const { docker, spec, image } = corner;
  const Labels = { ...spec('other').labels, 'plimsoll.instance': `${corner.instance}-2` };
  const other = await docker.createContainer({ name: `${corner.instance}-2-x`, Image: image, Labels });
  try {
    reader.invalidate();
    const state = await observe();
    assert.not.ok([...state.containers, ...state.foreign].some(({ id }) => id === other.id));
  } finally {
    await other.remove();
  }
});

test('after a gap it lists everything and has missed nothing', async () => {
  const id = await run('gap');
  await seen('it running', (state) =>
    state.containers.some((one) => one.id === id && one.state === 'running'),
  );
  lost.length = 0;
  socket.cut(true);
  try {
    const error = await until('the loss', async () =>
      observe().then(
        () => undefined,
        (reason) => reason,
      ),
    );
    assert.instance(error, EdgeError);
    assert.is(error.kind, 'unreachable');
    // A request may notice it before the event stream does.
    await until('the word of it', () => lost.length > 0);
    assert.is(lost.length, 1, 'told once');

    const container = corner.docker.getContainer(id);
    await container.update({ Memory: 67_108_864, MemorySwap: 67_108_864 });
    const news: string[] = [];
    const off = reader.onChange((what) => void news.push(what));
    socket.cut(false);
    await until('the reconnect', () => news.includes('engine connected'));
    off();
    const state = await observe();
    assert.is(state.containers.find((one) => one.id === id)?.live.memory, 67_108_864);
  } finally {
    socket.cut(false);
  }
});

test('an engine that answers nothing does not hold a reading for ever', async () => {
  const docker = connectEngine({ kind: 'socket', path: socket.path, from: 'test' });
  const other = createEngineReader({ ...corner, docker });
  socket.hang(true);
  try {
    const startedAt = performance.now();
    const error = await other.observe(nothing).catch((reason) => reason);
    assert.is(error.reason, 'EngineUnreachable');
    assert.ok(performance.now() - startedAt < 15_000);
  } finally {
    socket.hang(false);
    other.close();
  }
});

test('who is asked to end is told from who ends by itself, although both say code 0', async () => {
  const ends = "trap 'exit 0' TERM; sleep 100 & wait";
  const [asked, alone] = [await run('asked', ['sh', '-c', ends]), await run('alone', ['sh', '-c', 'exit 0'])];
  const one = (state: EngineState, id: string) => state.containers.find((container) => container.id === id);
  await seen('it running', (state) => one(state, asked)?.state === 'running');
  // Time to set its trap: without it the engine ends it by force after ten seconds.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await corner.docker.getContainer(asked).stop({ t: 10 });
  await seen('both ended', (state) => [asked, alone].every((id) => one(state, id)?.state === 'exited'));
  const state = await observe();
  const [first, second] = [one(state, asked), one(state, alone)];
  assert.equal([first?.exitCode, first?.signalled], [0, true]);
  assert.equal([second?.exitCode, second?.signalled], [0, undefined]);
  // After a start it is another end that is told of.
  await corner.docker.getContainer(asked).start();
  await seen('it running again', (state) => one(state, asked)?.state === 'running');
  assert.is(one(await observe(), asked)?.signalled, undefined);
});

test('a resync is one list, and where it finds nothing new, no news', async () => {
  const id = await run('resync');
  await seen('it', (state) => state.containers.some((one) => one.id === id && one.state === 'running'));
  await quiet();
  const before = await observe();
  socket.forget();
  reader.invalidate();
  assert.is(await observe(), before);
  assert.is(lists().length, 1);
  assert.is(socket.requests.length, 1);
  socket.forget();
  await observe();
  assert.equal(socket.requests, []);
});

test('a patrol asks again for everything, a share at a time', async () => {
  const id = await run('patrolled');
  await seen('it', (state) => state.containers.some((one) => one.id === id && one.state === 'running'));
  await quiet();
  let latest = await observe();
  socket.forget();
  let most = 0;
  for (let share = 0; share < patrolShares; share += 1) {
    const before = socket.requests.length;
    reader.patrol();
    const now = await observe();
    // Tests that run beside this one make networks on the same engine.
    if (isSameValue(now.networks, latest.networks)) assert.is(now, latest, 'what says the same is no news');
    latest = now;
    most = Math.max(most, socket.requests.length - before);
  }
  const asked = (what: RegExp) => socket.requests.filter((one) => what.test(one)).length;
  assert.is(asked(new RegExp(`/containers/${id}/json`)), 1);
  assert.is(asked(/\/networks(\?|$| )/), 1);
  assert.is(asked(/\/volumes/), 1);
  assert.is(lists().length, 0);
  assert.ok(most < 12, `${most} at once`);
});

test('a container that an act of ours is under way on is asked for when that is over, and not before', async () => {
  const spec = corner.spec('busy');
  await corner.engine.createContainer(spec, [], true);
  const mine = (state: EngineState) => state.containers.find(({ name }) => name === spec.name);
  await seen('the new one', mine);
  await quiet();
  const news: string[] = [];
  const off = reader.onChange((what) => void news.push(what));
  reader.acting(spec.name);
  await corner.docker.getContainer(spec.name).start();
  const beside = await run('beside');
  await seen('the one beside it', (state) => state.containers.some(({ id }) => id === beside));
  assert.is(mine(await observe())?.state, 'created');
  reader.invalidate();
  assert.is(mine(await observe())?.state, 'created', 'a list changes nothing in that');
  assert.equal(
    news.filter((what) => what.includes(spec.name)),
    [],
    'what our own act did is no news',
  );
  reader.touch('container', spec.name);
  assert.is(mine(await observe())?.state, 'running');
  off();
});

test('what is left of an interrupted making is not forgotten with the container that it was to be', async () => {
  const { name, image, labels } = corner.spec('halfway');
  const left = await corner.docker.createContainer({
    name: `${name}.unfinished`,
    Image: image,
    Labels: { ...labels },
  });
  const isSeen = (state: EngineState) => state.containers.some(({ id }) => id === left.id);
  await seen('it', isSeen);
  await quiet();
  // As every act does when it is over, whatever came of it.
  reader.touch('container', name);
  assert.ok(isSeen(await observe()), 'nobody has that name, and this one is still there');
  reader.touch('container', `${name}.unfinished`);
  assert.ok(isSeen(await observe()));
  await left.remove();
  await seen('its removal', (state) => !isSeen(state));
});

test('one that cannot be read is told by its row, keeps its address, and is read when the engine can again', async () => {
  const { docker, engine, spec, address } = corner;
  // It is not running: where it will be only its configuration tells.
  const ill = spec('ill', { address: address(80) });
  await engine.createContainer(ill, [], true);
  const { Id: id } = await docker.getContainer(ill.name).inspect();
  const copy = await docker.createContainer({
    name: `${ill.name}-copy`,
    Image: corner.image,
    Labels: { ...ill.labels },
  });
  const other = createEngineReader({
    ...corner,
    docker: connectEngine({ kind: 'socket', path: socket.path, from: 'test' }),
    redact: (text) => text.replace('broken', '***'),
  });
  const inspections = () => socket.requests.filter((one) => one.includes(`/containers/${id}/json`)).length;
  const names = ({ containers }: EngineState) => containers.map(({ name }) => name);
  const unreadUntil = (count: number) =>
    until(`${count} that cannot be read`, async () => {
      const state = await other.observe(nothing);
      return state.unread.length === count && state;
    });
  try {
    socket.fail(new RegExp(`/containers/(${id}|${copy.id})/json`));
    const beside = await run('well');
    const state = await other.observe(nothing);
    // Whose labels alone are ours holds nobody up.
    assert.equal(state.unread, [{ id, name: ill.name, app: 'ill', message: `inspect ${id}: ***` }]);
    assert.ok(state.containers.some((one) => one.id === beside));
    assert.not.ok(names(state).includes(ill.name));
    assert.ok(state.takenAddresses.includes(address(80)));

    await quiet(() => other.observe(nothing));
    socket.forget();
    const before = await other.observe(nothing);
    for (let times = 0; times < 20; times += 1) assert.is(await other.observe(nothing), before);
    assert.ok(inspections() <= 1, 'it is not asked for again and again');

    socket.fail(undefined);
    assert.ok(names(await unreadUntil(0)).includes(ill.name));

    socket.fail(new RegExp(`/containers/${id}/json`));
    await docker.getContainer(ill.name).update({ Memory: 67_108_864, MemorySwap: 67_108_864 });
    assert.ok(names(await unreadUntil(1)).includes(ill.name), 'what was read of it stands');
    await docker.getContainer(ill.name).remove();
    assert.not.ok(names(await unreadUntil(0)).includes(ill.name));
  } finally {
    socket.fail(undefined);
    other.close();
    await copy.remove();
  }
});

test('a container that keeps who asks for it waiting is waited for once, and read when it answers', async () => {
  const { docker, engine, spec, address } = corner;
  const silent = spec('silent', { address: address(81) });
  await engine.createContainer(silent, [], true);
  const { Id: id } = await docker.getContainer(silent.name).inspect();
  const beside = await run('beside-silent');
  const other = createEngineReader({
    ...corner,
    docker: connectEngine({ kind: 'socket', path: socket.path, from: 'test' }),
  });
  const news: string[] = [];
  other.onChange((what) => void news.push(what));
  const inspection = new RegExp(`/containers/${id}/json`);
  const inspections = () => socket.requests.filter((one) => inspection.test(one)).length;
  const look = () => other.observe(nothing);
  const find = ({ containers }: EngineState, which: string) => containers.find((one) => one.id === which);
  const message = `inspect ${id}: no answer within 2 s, while the engine answers others`;
  const answers = `container ${silent.name} answers`;
  try {
    socket.hold(inspection);
    socket.forget();
    const state = await look();
    assert.equal(state.unread, [{ id, name: silent.name, app: 'silent', message }]);
    assert.is(find(state, beside)?.state, 'running');
    assert.not.ok(find(state, id));
    assert.ok(state.takenAddresses.includes(address(81)));
    assert.is(inspections(), 2, 'by the look, and on the side');

    // Whatever happens to it and to others, no look asks for it.
    await docker.getContainer(id).update({ Memory: 67_108_864, MemorySwap: 67_108_864 });
    await until('the word of it', () => news.includes(`container ${silent.name} update`));
    await docker.getContainer(beside).update({ Memory: 67_108_864, MemorySwap: 67_108_864 });
    await until('the change beside it', async () => find(await look(), beside)?.live.memory === 67_108_864);
    other.touch('container', silent.name);
    patrolAll(other);
    assert.equal((await look()).unread, state.unread);
    await quiet(look);
    assert.is(inspections(), 2);
    assert.not.ok(news.includes(answers));

    socket.hold(undefined);
    await until('the word that it answers', () => news.includes(answers));
    assert.is(find(await look(), id)?.live.memory, 67_108_864);
    assert.equal((await look()).unread, []);

    socket.hold(inspection);
    other.touch('container', id);
    const again = await look();
    assert.equal(again.unread, state.unread);
    assert.is(find(again, id)?.live.memory, 67_108_864, 'what was read of it stands');
    await docker.getContainer(id).remove();
    await until('it gone, as a list tells', async () => {
      const { containers, unread } = await look();
      return unread.length === 0 && containers.every((one) => one.id !== id);
    });
  } finally {
    socket.hold(undefined);
    other.close();
  }
});

test('a container that an act of ours keeps waiting has no fault', async () => {
  const { docker, engine, spec } = corner;
  const { name } = spec('kept-waiting');
  await engine.createContainer(spec('kept-waiting'), [], true);
  const { Id: id } = await docker.getContainer(name).inspect();
  await seen('the new one', (state) => state.containers.some((one) => one.id === id));
  await quiet();
  socket.hold(new RegExp(`/containers/${id}/json`));
  socket.forget();
  try {
    reader.touch('container', id);
    const looking = observe();
    await until('the question', () => socket.requests.length > 0);
    reader.acting(name);
    assert.equal((await looking).unread, []);
  } finally {
    socket.hold(undefined);
    reader.touch('container', name);
  }
  assert.equal((await observe()).unread, []);
});

test('a container whose files are not given holds up no look after the first', async () => {
  const { docker, engine, spec } = corner;
  const file = { mount: '/etc/held', content: 'held', mode: 0o644 };
  const holder = spec('held-files', { liveFiles: { [file.mount]: fileDigest(file) } });
  await engine.createContainer(holder, [file], true);
  const { Id: id } = await docker.getContainer(holder.name).inspect();
  const beside = await run('beside-held');
  const archive = new RegExp(`^GET /containers/${id}/archive`);
  const archives = () => socket.requests.filter((one) => archive.test(one)).length;
  const filesOf = (state: EngineState) => state.containers.find((one) => one.id === id)?.live.liveFiles;
  await seen('its files', filesOf);
  try {
    socket.hold(archive);
    socket.forget();
    patrolAll(reader);
    const state = await observe();
    assert.equal(
      state.unread.map(({ message }) => message),
      [`read file of ${id}: no answer within 5 s, while the engine answers others`],
    );
    assert.ok(state.containers.some((one) => one.id === beside));
    await until('the question on the side', () => archives() === 2);
    patrolAll(reader);
    assert.equal((await observe()).unread, state.unread);
    assert.is(archives(), 2);
    socket.hold(undefined);
    assert.equal(await seen('its files', (one) => one.unread.length === 0 && filesOf(one)), holder.liveFiles);
  } finally {
    socket.hold(undefined);
  }
});

test('where no list is answered either, it is the engine that is silent, and no container', async () => {
  const id = await run('hung');
  await seen('it', (state) => state.containers.some((one) => one.id === id && one.state === 'running'));
  await quiet();
  socket.hang(true);
  try {
    reader.touch('container', id);
    const error = await observe().catch((reason) => reason);
    assert.instance(error, EdgeError);
    assert.equal([error.kind, error.reason], ['unreachable', 'EngineUnreachable']);
  } finally {
    socket.hang(false);
    socket.cut(false);
  }
  await seen('it again', ({ unread, containers }) => unread.length === 0 && containers.length > 0);
});

test('what an act touched is asked for without waiting for its event', async () => {
  const spec = corner.spec('touched');
  await corner.engine.createContainer(spec, [], true);
  reader.touch('container', spec.name);
  assert.ok((await observe()).containers.some(({ name }) => name === spec.name));
  await corner.engine.remove(spec.name);
  reader.touch('container', spec.name);
  assert.not.ok((await observe()).containers.some(({ name }) => name === spec.name));
});

test('knows networks, volumes and the addresses that are taken', async () => {
  const { docker, engine, instance, network, subnet, address, spec } = corner;
  const volume = `${network}-known`;
  await engine.createVolume(volume, 'known');
  const stopped = spec('stopped', { address: address(90) });
  await engine.createContainer(stopped, [], true);
  const foreign = await docker.createContainer({
    name: `${instance}-lodger`,
    Image: corner.image,
    HostConfig: { NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address(91) } } } },
  });
  try {
    await foreign.start();
    const wanted = [address(1), address(90), address(91)];
    const state = await seen(
      'the addresses',
      (one) => wanted.every((ip) => one.takenAddresses.includes(ip)) && one,
    );
    const ours = state.networks.find(({ name }) => name === network);
    assert.equal({ ...ours, id: '' }, { id: '', name: network, ours: true, subnet, gateway: address(1) });
    assert.is(state.networks.find(({ name }) => name === 'bridge')?.ours, false);
    assert.equal(
      state.volumes.filter(({ name }) => name === volume),
      [{ name: volume, app: 'known' }],
    );
    assert.not.ok(
      state.foreign.some(({ id }) => id === foreign.id),
      'what bears no label is not reported',
    );
  } finally {
    await foreign.remove({ force: true });
  }
  await seen('it gone', (state) => !state.takenAddresses.includes(address(91)));
  await engine.remove(stopped.name);
  await seen('ours gone', (state) => !state.takenAddresses.includes(address(90)));
});

test('knows the images that are wanted or used, and hears when a tag moves or goes', async () => {
  const { docker, image } = corner;
  const tag = `plimsoll-test/${corner.instance}:1`;
  reader.want([tag, 'no/such:image', 'not a reference', 'plimsoll-test/docker']);
  const first = await observe();
  assert.is(first.images[tag], undefined);
  assert.is(first.images['no/such:image'], undefined);
  await docker.getImage(image).tag({ repo: `plimsoll-test/${corner.instance}`, tag: '1' });
  const tagged = await seen('the tag', (state) => state.images[tag]);
  assert.equal(tagged, {
    id: image,
    env: { FROM_IMAGE: 'yes', PATH: '/bin' },
    entrypoint: [],
    command: ['/bin/sleep', '3600'],
    workingDir: '',
    user: '',
    hasHealthCheck: false,
    volumes: [],
  });
  await ensureTestImage(docker, tag, [
    'ENTRYPOINT ["/bin/sleep"]',
    'CMD ["1"]',
    'HEALTHCHECK CMD ["true"]',
    'VOLUME /b /a',
    'WORKDIR /w',
    'USER 7',
  ]);
  const moved = await seen('the moved tag', (state) => state.images[tag]?.id !== image && state.images[tag]);
  assert.equal(
    { ...moved, id: '', env: {} },
    {
      id: '',
      env: {},
      entrypoint: ['/bin/sleep'],
      command: ['1'],
      workingDir: '/w',
      user: '7',
      hasHealthCheck: true,
      volumes: ['/a', '/b'],
    },
  );
  await docker.getImage(tag).remove();
  await seen('the tag gone', (state) => state.images[tag] === undefined);
  reader.want([]);
});

test('an image’s own health check is read as it goes', async () => {
  const { docker, engine, spec } = corner;
  const image = await ensureTestImage(docker, 'plimsoll-test/docker-health:1', [
    'HEALTHCHECK --interval=200ms --retries=1 CMD ["/bin/test", "-e", "/well"]',
  ]);
  const wanted = spec('health', { image });
  await engine.createContainer(wanted, [], true);
  await engine.start(wanted.name);
  const healthOf = (state: EngineState) => state.containers.find(({ app }) => app === 'health')?.imageHealth;
  await seen('sickness', (state) => healthOf(state) === 'unhealthy');
  await reader.exec(wanted.name, ['touch', '/well'], 5_000);
  await seen('health', (state) => healthOf(state) === 'healthy');
  await docker.getContainer(wanted.name).remove({ force: true });
  await docker.getImage(image).remove();
});

test('tails both streams, escaped and shortened', async () => {
  const script = [
    'i=0; while [ $i -lt 30 ]; do echo line $i; i=$((i+1)); done',
    "printf '\\033[31mred\\033[0m\\ttab\\r\\n' >&2",
    "printf 'evil\\342\\200\\256txt\\n'",
    "head -c 3000 /dev/zero | tr '\\0' x; echo",
    // The engine holds an unfinished line back until the container ends.
    'printf "no end"',
  ].join('; ');
  const id = await run('tail', ['/bin/sh', '-c', script]);
  const lines = await until('the log', async () => {
    const found = await reader.tail(id, 100);
    return found.some((line) => line === 'no end') && found;
  });
  assert.is(lines.length, 34);
  assert.ok(lines.includes('\\e[31mred\\e[0m  tab'), JSON.stringify(lines.slice(-5)));
  assert.ok(lines.includes('evil\\u202etxt'));
  assert.ok(lines.every((line) => line.length <= 500));
  assert.is((await reader.tail(id, 2)).length, 2);
});

test('follows a log until it is told to stop', async () => {
  const id = await run('follow', ['/bin/sh', '-c', 'while :; do echo out; echo err >&2; sleep 0.1; done']);
  const stop = new AbortController();
  const lines: LogLine[] = [];
  const options = { follow: true, tail: 5, timestamps: true };
  for await (const line of reader.logs(id, options, stop.signal)) {
    lines.push(line);
    if (lines.length === 10) stop.abort();
  }
  assert.ok(lines.some(({ stream }) => stream === 'stderr'));
  assert.match(lines[0]?.line ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z (out|err)$/);
  await corner.docker.getContainer(id).kill();
  const rest: string[] = [];
  const all = { follow: true, since: Date.now() + 60_000, timestamps: false };
  for await (const { line } of reader.logs(id, all, new AbortController().signal)) rest.push(line);
  assert.equal(rest, [], 'it ends with the container');
});

test('a health command succeeds, fails, is missing, overstays', async () => {
  const id = await run('exec');
  assert.equal(await reader.exec(id, ['sh', '-c', 'echo fine'], 5_000), { ok: true, detail: 'exit 0: fine' });
  assert.equal(await reader.exec(id, ['sh', '-c', 'echo a >&2; echo bad >&2; exit 3'], 5_000), {
    ok: false,
    detail: 'exit 3: bad',
  });
  const missing = await reader.exec(id, ['/no/such'], 5_000);
  assert.not.ok(missing.ok);
  assert.equal(await reader.exec(id, ['sleep', '2'], 200), { ok: false, detail: 'no end within 0.2 s' });
  const second = await reader.exec(id, ['true'], 5_000);
  assert.equal(second, { ok: false, detail: 'the previous run of the command has not ended' });
  await until('its end', async () => (await reader.exec(id, ['true'], 5_000)).ok);
  await corner.docker.getContainer(id).kill();
  assert.not.ok((await reader.exec(id, ['true'], 5_000)).ok);
});

test('says which engine answers', async () => {
  const { name, version, apiVersion } = await reader.ping();
  assert.match(name, /^(docker|podman)$/);
  assert.match(version, /^\d+\./);
  assert.match(apiVersion, /^1\.\d+$/);
});

test.run();
