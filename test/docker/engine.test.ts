import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import { createEngineReader } from '../../src/docker/engine-reader.ts';
import { nameOf, readContainer } from '../../src/docker/read-container.ts';
import { containerName } from '../../src/observed/container-name.ts';
import type { ContainerSpec, Mount } from '../../src/observed/observed.ts';
import { type Corner, hashB, openCorner, until } from './test-engine.ts';
import { ensureTestImage } from './test-image.ts';

let corner: Corner;
test.before(async () => {
  corner = await openCorner();
});
test.after(async () => {
  await corner?.clear();
});

const nothing = new Set<string>();

async function liveOf(name: string): Promise<ContainerSpec | undefined> {
  const { docker, instance, network } = corner;
  return readContainer(await docker.getContainer(name).inspect(), { instance, network }).container?.live;
}

async function failing(act: Promise<unknown>): Promise<EdgeError> {
  const error = await act.then(
    () => assert.unreachable('it should have failed'),
    (reason) => reason,
  );
  assert.instance(error, EdgeError);
  return error;
}

/** Runs a command in a container and answers what it printed. */
async function output(name: string, command: string[]): Promise<string> {
  const reader = createEngineReader(corner);
  const { detail } = await reader.exec(name, command, 10_000);
  reader.close();
  return detail;
}

const variations: Record<string, () => Partial<ContainerSpec>> = {
  'the plainest container': () => ({}),
  'environment with equals signs, spaces and nothing': () => ({
    env: { PATH: '/bin', FROM_IMAGE: 'no', A: 'x=y=z', B: '', C: 'ä "quoted" $HOME', 'd.e-f': '1' },
  }),
  'an entrypoint with a command, a folder and a user': () => ({
    entrypoint: ['/bin/busybox'],
    command: ['sleep', '100'],
    workingDir: '/tmp',
    user: '1000:1000',
  }),
  'an entrypoint alone': () => ({ entrypoint: ['/bin/sleep', '100'], command: [] }),
  'volumes, binds and tmpfs of all kinds': () => ({
    mounts: [
      { kind: 'tmpfs', target: '/a', size: 0 },
      { kind: 'tmpfs', target: '/b', size: 1_048_576 },
      { kind: 'bind', source: '/tmp', target: '/c', readOnly: true },
      { kind: 'volume', name: `${corner.network}-data`, target: '/d', readOnly: false },
      { kind: 'volume', name: `${corner.network}-more`, target: '/e', readOnly: true },
    ] satisfies Mount[],
  }),
  // Below those that the kernel gives to whoever asks for any.
  'published ports': () => ({
    ports: [
      { container: 53, protocol: 'tcp', host: 19_053, hostIp: '127.0.0.1' },
      { container: 53, protocol: 'udp', host: 19_053, hostIp: '127.0.0.1' },
      { container: 80, protocol: 'tcp', host: 19_080, hostIp: '' },
      { container: 80, protocol: 'tcp', host: 19_081, hostIp: '127.0.0.2' },
    ],
  }),
  'limits and privileges': () => ({
    memory: 67_108_864,
    nanoCpus: 250_000_000,
    pids: 64,
    capAdd: ['NET_ADMIN', 'SYS_TIME'],
    capDrop: ['ALL'],
    readOnlyRootfs: true,
    noNewPrivileges: false,
    logging: { maxSize: 1_000_000, maxFile: 2 },
  }),
  'a privileged one without any bound': () => ({ privileged: true, pids: 0 }),
  'an address, aliases and another network': () => ({
    address: corner.address(77),
    aliases: ['app', 'other'],
    networks: [`${corner.network}-x`],
  }),
};

for (const [what, change] of Object.entries(variations)) {
  test(`reads back what it created: ${what}`, async () => {
    await corner.engine.createNetwork(`${corner.network}-x`, '');
    const spec = corner.spec('round-trip', change());
    try {
      await corner.engine.createContainer(spec, [], true);
      assert.equal(await liveOf(spec.name), spec, 'created');
      // The machine of the tests may itself lack the privileges that this would give away.
      if (spec.privileged) return;
      await corner.engine.start(spec.name);
      assert.equal(await liveOf(spec.name), spec, 'running');
    } finally {
      await corner.docker.getContainer(spec.name).remove({ force: true, v: true });
    }
  });
}

test('a container that needs several calls is one only when it is whole', async () => {
  const { docker, engine, spec } = corner;
  const wanted = spec('parts', { networks: ['no-such-network'] });
  const error = await failing(engine.createContainer(wanted, [], true));
  assert.is(error.reason, 'NoSuchNetwork');
  const lost = [{ mount: '/bin/busybox/x', content: '', mode: 0o600 }];
  await failing(engine.createContainer(spec('parts'), lost, true));
  const filters = { label: [`plimsoll.instance=${corner.instance}`] };
  assert.equal(await docker.listContainers({ all: true, filters }), [], 'nothing half made stays');

  // What a crash leaves: the marked container, without its files.
  const left = await docker.createContainer({
    name: `${wanted.name}.unfinished`,
    Image: wanted.image,
    Cmd: ['/bin/sleep', '9'],
    Labels: { ...wanted.labels },
  });
  const refused = await failing(engine.start(left.id));
  assert.is(refused.reason, 'Unfinished');
  assert.is(refused.kind, 'transient');

  const again = await docker.createContainer({
    name: `${wanted.name}.unfinished`,
    Image: wanted.image,
    Labels: { ...wanted.labels },
  });
  const whole = { ...wanted, networks: [] };
  await engine.createContainer(whole, [{ mount: '/etc/x', content: 'x', mode: 0o600 }], true);
  const made = await docker.getContainer(wanted.name).inspect();
  assert.is.not(made.Id, again.id);
  assert.equal((await docker.listContainers({ all: true, filters })).length, 1);
  await engine.remove(made.Id);
});

test('creating twice is success, and a foreign container of that name is not', async () => {
  const { docker, engine, spec } = corner;
  const wanted = spec('twice');
  await engine.createContainer(wanted, [], true);
  await engine.createContainer(wanted, [], true);
  await engine.start(wanted.name);
  await engine.start(wanted.name);
  await engine.createContainer(wanted, [], true);
  await engine.createContainer(wanted, [{ mount: '/etc/x', content: 'x', mode: 0o600 }], true);
  const other = { ...wanted, labels: { ...wanted.labels, 'plimsoll.spec-hash': hashB } };
  const error = await failing(engine.createContainer(other, [], true));
  assert.is(error.reason, 'NameTaken');
  assert.is(error.kind, 'transient');
  assert.match(error.message, `create ${wanted.name}: `);

  await engine.stop(wanted.name, 0);
  await engine.stop(wanted.name, 0);
  const { Id } = await docker.getContainer(wanted.name).inspect();
  await engine.remove(Id);
  await engine.remove(Id);
});

test('removes nothing that does not bear our label', async () => {
  const { docker, engine, instance } = corner;
  const name = `${instance}-foreign`;
  await docker.createContainer({ name, Image: corner.image });
  await docker.createVolume({ Name: name });
  try {
    assert.is((await failing(engine.remove(name))).reason, 'NotOurs');
    assert.is((await failing(engine.removeVolume(name))).reason, 'NotOurs');
    assert.is((await failing(engine.createVolume(name, 'app'))).reason, 'NameTaken');
  } finally {
    await docker.getContainer(name).remove();
    await docker.getVolume(name).remove();
  }
});

test('a volume is made with our labels and removed when nobody uses it', async () => {
  const { docker, engine, instance, spec } = corner;
  const name = `${corner.network}-kept`;
  await engine.createVolume(name, 'kept');
  await engine.createVolume(name, 'kept');
  const { Labels } = await docker.getVolume(name).inspect();
  assert.equal(Labels, { 'plimsoll.instance': instance, 'plimsoll.app': 'kept' });
  const user = spec('kept', { mounts: [{ kind: 'volume', name, target: '/data', readOnly: false }] });
  await engine.createContainer(user, [], true);
  assert.is((await failing(engine.removeVolume(name))).reason, 'VolumeInUse');
  await engine.remove(user.name);
  assert.ok(await docker.getVolume(name).inspect(), 'removing a container keeps its named volumes');
  await engine.removeVolume(name);
  await engine.removeVolume(name);
});

test('a network of our name that is not ours is a conflict', async () => {
  const { docker, engine, instance, network, subnet } = corner;
  await engine.createNetwork(network, subnet);
  const foreign = await docker.createNetwork({ Name: `${instance}-theirs` });
  try {
    assert.is((await failing(engine.createNetwork(`${instance}-theirs`, ''))).reason, 'NetworkConflict');
    assert.is((await failing(engine.createNetwork(`${instance}-overlap`, subnet))).reason, 'NetworkConflict');
  } finally {
    await foreign.remove();
  }
});

test('a taken port fails the start as transient and leaves the container to be started later', async () => {
  const { engine, spec } = corner;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const bound = server.address();
  const host = typeof bound === 'object' && bound ? bound.port : 0;
  const ports = [{ container: 80, protocol: 'tcp' as const, host, hostIp: '' }];
  try {
    const wanted = spec('port', { ports });
    await engine.createContainer(wanted, [], true);
    const error = await failing(engine.start(wanted.name));
    assert.is(error.reason, 'PortTaken', error.message);
    assert.is(error.kind, 'transient');
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  const name = spec('port').name;
  await engine.start(name);
  const second = spec('port-two', { ports });
  await engine.createContainer(second, [], true);
  assert.is((await failing(engine.start(second.name))).reason, 'PortTaken', 'taken by a container');
  await engine.stop(name, 0);
  await engine.remove(name);
  await engine.remove(second.name);
});

test('a taken address fails as transient', async () => {
  const { engine, spec, address } = corner;
  const first = spec('address', { address: address(50) });
  const second = spec('address-two', { address: address(50) });
  await engine.createContainer(first, [], true);
  await engine.createContainer(second, [], true);
  await engine.start(first.name);
  const error = await failing(engine.start(second.name));
  assert.is(error.reason, 'AddressTaken', error.message);
  await engine.stop(first.name, 0);
  await engine.remove(first.name);
  await engine.remove(second.name);
});

const broken: [what: string, change: Partial<ContainerSpec>, reason: string, kind: string][] = [
  ['a program that is not there', { command: ['/no/such/program'] }, 'StartFailed', 'terminal'],
  ['a program that is not found in the path', { command: ['nothing'] }, 'StartFailed', 'terminal'],
  ['a file that is no program', { command: ['/etc/hostname'] }, 'StartFailed', 'terminal'],
  ['a user that is not there', { user: 'nobody-here' }, 'StartFailed', 'terminal'],
];
for (const [what, change, reason, kind] of broken) {
  test(`${what} fails the start for good`, async () => {
    const { engine, spec } = corner;
    const wanted = spec('broken', change);
    await engine.createContainer(wanted, [], true);
    try {
      const error = await failing(engine.start(wanted.name));
      assert.equal([error.reason, error.kind], [reason, kind], error.message);
    } finally {
      await engine.remove(wanted.name);
    }
  });
}

test('what the engine refuses to create is the release’s own fault', async () => {
  const { engine, spec } = corner;
  const mounts: Mount[] = [
    { kind: 'bind', source: `/no/such/${corner.instance}`, target: '/x', readOnly: true },
  ];
  const error = await failing(engine.createContainer(spec('refused', { mounts }), [], true));
  assert.equal([error.reason, error.kind], ['InvalidConfig', 'terminal'], error.message);
  const low = await failing(engine.createContainer(spec('refused', { memory: 1024 }), [], true));
  assert.equal([low.reason, low.kind], ['InvalidConfig', 'terminal'], low.message);
});

test('a missing image is told apart from a missing container', async () => {
  const { engine, spec } = corner;
  const image = `sha256:${'0'.repeat(64)}`;
  const error = await failing(engine.createContainer(spec('missing', { image }), [], true));
  assert.equal([error.reason, error.kind], ['ImageNotFound', 'transient'], error.message);
  const none = await failing(engine.start(`${corner.instance}-none`));
  assert.equal([none.reason, none.kind], ['NoSuchContainer', 'transient'], none.message);
});

test('a pull from a registry that is not there is transient, and can be cancelled', async () => {
  const { engine } = corner;
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const error = await failing(engine.pull('127.0.0.1:1/none:1', new AbortController().signal, say));
  assert.equal([error.reason, error.kind], ['RegistryUnreachable', 'transient'], error.message);
  assert.match(error.message, /^pull 127\.0\.0\.1:1\/none:1: /);

  const cancelled = await failing(engine.pull('127.0.0.1:1/none:1', AbortSignal.abort(), say));
  assert.is(cancelled.reason, 'Cancelled');
  const hostile = await failing(engine.pull('../../containers/json', new AbortController().signal, say));
  assert.equal([hostile.reason, hostile.kind], ['InvalidConfig', 'terminal']);
});

test('files are in place before the start, with their modes, and leave the folders as they are', async () => {
  const { engine, spec, docker } = corner;
  const image = await ensureTestImage(docker, 'plimsoll-test/docker-folders:1', [
    'RUN ["/bin/mkdir", "-m", "0711", "-p", "/etc/app"]',
    'RUN ["/bin/touch", "/etc/app/from-image"]',
  ]);
  const volume = `${corner.network}-files`;
  await engine.createVolume(volume, 'files');
  const files = [
    { mount: '/etc/app/config.yml', content: 'ä: 1\n', mode: 0o640 },
    { mount: `/new/${'deep/'.repeat(30)}file`, content: '', mode: 0o755 },
    { mount: '/data/inside', content: 'in the volume', mode: 0o600 },
  ];
  const mounts: Mount[] = [{ kind: 'volume', name: volume, target: '/data', readOnly: false }];
  for (const readOnlyRootfs of [false, true]) {
    const wanted = spec('files', { image, mounts, readOnlyRootfs });
    try {
      await engine.createContainer(wanted, files, true);
      assert.equal(await liveOf(wanted.name), wanted);
      await engine.start(wanted.name);
      const stat = (path: string): Promise<string> =>
        output(wanted.name, ['stat', '-c', '%a %u:%g %s', path]);
      assert.is(await stat('/etc/app/config.yml'), 'exit 0: 640 0:0 6');
      assert.is(await stat('/etc/app'), 'exit 0: 711 0:0 4096');
      assert.is(await stat('/etc/app/from-image'), 'exit 0: 644 0:0 0');
      assert.is(await stat(files[1]?.mount ?? ''), 'exit 0: 755 0:0 0');
      assert.match(await stat('/new'), /^exit 0: 755 /);
      assert.is(await stat('/data/inside'), 'exit 0: 600 0:0 13');
    } finally {
      await docker.getContainer(wanted.name).remove({ force: true, v: true });
    }
  }
});

test('a file that nobody would see is refused', async () => {
  const { engine, spec } = corner;
  const file = { mount: '/run/x', content: '', mode: 0o600 };
  const hidden = spec('hidden', { mounts: [{ kind: 'tmpfs', target: '/run', size: 0 }] });
  assert.is((await failing(engine.createContainer(hidden, [file], true))).reason, 'InvalidConfig');
  const bare = spec('hidden', { readOnlyRootfs: true });
  const atRoot = { ...file, mount: '/x' };
  assert.is((await failing(engine.createContainer(bare, [atRoot], true))).reason, 'InvalidConfig');
});

test('a published name means the container, which keeps its address', async () => {
  const { engine, spec, address, network } = corner;
  const server = spec('server', { address: address(60), command: ['/bin/sleep', '100'] });
  const client = spec('client');
  for (const one of [server, client]) {
    await engine.createContainer(one, [], true);
    await engine.start(one.name);
  }
  const resolve = (): Promise<string> => output(client.name, ['nslookup', 'server', '127.0.0.11']);
  assert.not.match(await resolve(), /^exit 0/, 'not before it is published');
  await engine.publish(server.name, address(60), ['server']);
  assert.match(await resolve(), /^exit 0/);
  const live = await liveOf(server.name);
  assert.equal([live?.address, live?.aliases], [address(60), ['server']]);
  await engine.publish(server.name, address(60), ['server']);

  await engine.disconnect(server.name, network);
  await engine.disconnect(server.name, network);
  assert.equal((await liveOf(server.name))?.address, '');
  await engine.publish(server.name, address(61), ['server']);
  assert.equal((await liveOf(server.name))?.address, address(61));
  await engine.createNetwork(`${network}-y`, '');
  await engine.connect(server.name, `${network}-y`, undefined, []);
  await engine.connect(server.name, `${network}-y`, undefined, []);
  assert.equal((await liveOf(server.name))?.networks, [`${network}-y`]);
});

test('limits change in place, up and down, but are not taken away', async () => {
  const { engine, spec } = corner;
  const wanted = spec('limits', { memory: 67_108_864, nanoCpus: 500_000_000, pids: 100 });
  await engine.createContainer(wanted, [], true);
  await engine.start(wanted.name);
  for (const change of [
    { memory: 268_435_456, nanoCpus: 1_000_000_000, pids: 50 },
    { memory: 33_554_432, nanoCpus: 250_000_000, pids: 200 },
    { memory: 33_554_432, nanoCpus: 250_000_000, pids: 0 },
    { memory: 67_108_864, nanoCpus: 500_000_000, pids: 10 },
  ]) {
    await engine.update(wanted.name, change);
    assert.equal(await liveOf(wanted.name), { ...wanted, ...change });
  }
  const unbound = { memory: 0, nanoCpus: 500_000_000, pids: 10 };
  assert.is((await failing(engine.update(wanted.name, unbound))).reason, 'CannotUpdate');
});

test('a renamed, a paused and a running container come back to what they were', async () => {
  const { docker, engine, spec } = corner;
  const wanted = spec('handled');
  await engine.createContainer(wanted, [], false);
  await engine.start(wanted.name);
  const container = docker.getContainer((await docker.getContainer(wanted.name).inspect()).Id);
  await container.rename({ name: `${corner.instance}-by-hand` });
  await engine.rename(container.id, wanted.name);
  await engine.rename(container.id, wanted.name);
  await container.pause();
  await engine.unpause(container.id);
  await engine.unpause(container.id);
  const before = await container.inspect();
  assert.is(nameOf(before.Name), wanted.name);
  assert.equal(before.Config.Healthcheck?.Test, ['NONE']);
  await engine.restart(container.id, 0);
  await until(
    'a later start',
    async () => (await container.inspect()).State.StartedAt > before.State.StartedAt,
  );
});

test('tells an engine that is not there from one that refuses', async () => {
  const { createEngine } = await import('../../src/docker/engine.ts');
  const { connectEngine } = await import('../../src/docker/find-engine.ts');
  const docker = connectEngine({ kind: 'socket', path: '/no/such.sock', from: 'test' });
  const engine = createEngine({ ...corner, docker });
  const error = await failing(engine.start('x1'));
  assert.equal([error.reason, error.kind], ['EngineUnreachable', 'unreachable']);
  const reader = createEngineReader({ ...corner, docker });
  try {
    assert.is((await failing(reader.observe(nothing))).kind, 'unreachable');
  } finally {
    reader.close();
  }
});

test('a hook container has a name of its own and reads back as one', async () => {
  const { docker, engine, spec, instance, network, image } = corner;
  const plain = spec('hooked');
  const name = containerName({
    instance,
    app: 'hooked',
    specHash: hashB,
    imageId: image,
    replica: 0,
    hook: 'preDeploy',
  });
  const labels = { ...plain.labels, 'plimsoll.spec-hash': hashB, 'plimsoll.hook': 'preDeploy' };
  await engine.createContainer({ ...plain, name, labels, command: ['/bin/true'] }, [], true);
  await engine.start(name);
  await until('its end', async () => !(await docker.getContainer(name).inspect()).State.Running);
  const reading = readContainer(await docker.getContainer(name).inspect(), { instance, network });
  assert.ok(reading.proven);
  assert.equal([reading.container?.hook, reading.container?.exitCode], ['preDeploy', 0]);
});

test.run();
