import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readPause } from '../../src/docker/asked-pause.ts';
import { findOwner } from '../../src/docker/container-user.ts';
import { createBody } from '../../src/docker/create-body.ts';
import { engineError, redacted } from '../../src/docker/engine-error.ts';
import { escapeText } from '../../src/docker/escape-text.ts';
import { marksOf } from '../../src/docker/event-marks.ts';
import { connectEngine, findEngine } from '../../src/docker/find-engine.ts';
import { imageReference } from '../../src/docker/image-reference.ts';
import { createLogParser, logLines } from '../../src/docker/log-lines.ts';
import { createPullProgress } from '../../src/docker/pull-progress.ts';
import { readContainer } from '../../src/docker/read-container.ts';
import { readNetwork } from '../../src/docker/read-host.ts';
import { toStats } from '../../src/docker/read-stats.ts';
import { repoDigest } from '../../src/docker/repo-digest.ts';
import { firstEntry, tarOf } from '../../src/docker/tar.ts';
import { containerName } from '../../src/observed/container-name.ts';
import type { ContainerSpec } from '../../src/observed/observed.ts';
import { runs } from '../property-runs.ts';

const imageId = `sha256:${'1'.repeat(64)}`;
const specHash = 'c'.repeat(64);
const id = 'f'.repeat(64);

const spec: ContainerSpec = {
  name: containerName({ instance: 'default', app: 'shop', specHash, imageId, replica: 1 }),
  image: imageId,
  entrypoint: [],
  command: ['run'],
  workingDir: '/app',
  user: 'app',
  env: { A: '1', B: 'x=y' },
  labels: {
    'plimsoll.app': 'shop',
    'plimsoll.deployment': 'd1',
    'plimsoll.instance': 'default',
    'plimsoll.replica': '1',
    'plimsoll.spec-hash': specHash,
  },
  address: '10.9.0.7',
  aliases: ['shop'],
  networks: [],
  mounts: [{ kind: 'volume', name: 'plimsoll-shop-data', target: '/data', readOnly: false }],
  ports: [{ container: 53, protocol: 'udp', host: 5353, hostIp: '127.0.0.1' }],
  memory: 1_000_000_000,
  nanoCpus: 500_000_000,
  pids: 100,
  readOnlyRootfs: true,
  capAdd: ['NET_ADMIN'],
  capDrop: ['ALL'],
  noNewPrivileges: true,
  privileged: false,
  logging: { maxSize: 1000, maxFile: 2 },
};

test('the create call says exactly this', () => {
  const files = [{ mount: '/etc/shop/config.yml', content: '', mode: 0o600 }];
  assert.equal(createBody(spec, { network: 'plimsoll', imageHealthCheck: false, files }), {
    Image: imageId,
    Labels: spec.labels,
    Env: ['A=1', 'B=x=y'],
    Entrypoint: [''],
    Cmd: ['run'],
    WorkingDir: '/app',
    User: 'app',
    ExposedPorts: { '53/udp': {} },
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      Memory: 1_000_000_000,
      MemorySwap: 1_000_000_000,
      NanoCpus: 500_000_000,
      PidsLimit: 100,
      NetworkMode: 'plimsoll',
      Mounts: [
        {
          Type: 'volume',
          Source: 'plimsoll-shop-data',
          Target: '/data',
          ReadOnly: false,
          VolumeOptions: { Labels: { 'plimsoll.instance': 'default', 'plimsoll.app': 'shop' } },
        },
        { Type: 'volume', Target: '/etc/shop' },
      ],
      PortBindings: { '53/udp': [{ HostIp: '127.0.0.1', HostPort: '5353' }] },
      CapAdd: ['NET_ADMIN'],
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Privileged: false,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1000', 'max-file': '2' } },
      RestartPolicy: { Name: 'no' },
    },
    NetworkingConfig: {
      EndpointsConfig: {
        plimsoll: { Aliases: ['shop'], IPAMConfig: { IPv4Address: '10.9.0.7' } },
      },
    },
  });
});

test('nothing foreign gets into the create call, whatever a value holds', () => {
  const hostile = { ...spec, labels: { ...spec.labels, 'com.docker.x': '1' }, PidMode: 'host', Devices: [] };
  const body = createBody(hostile, { network: 'plimsoll', imageHealthCheck: true });
  assert.equal(body.Labels, spec.labels);
  assert.not.match(JSON.stringify(body), /PidMode|Devices|com\.docker/);
});

/** Every key that a create call may hold; `*` stands for a name that is data, `[]` for what a list holds. */
const allowedKeys: readonly RegExp[] = [
  'Image',
  'Labels.*',
  'Env[]',
  'Entrypoint[]',
  'Cmd[]',
  'WorkingDir',
  'User',
  'ExposedPorts.*',
  'Healthcheck.Test[]',
  'HostConfig.Memory',
  'HostConfig.MemorySwap',
  'HostConfig.NanoCpus',
  'HostConfig.PidsLimit',
  'HostConfig.NetworkMode',
  'HostConfig.Mounts[].Type',
  'HostConfig.Mounts[].Source',
  'HostConfig.Mounts[].Target',
  'HostConfig.Mounts[].ReadOnly',
  'HostConfig.Mounts[].VolumeOptions.Labels.*',
  'HostConfig.Mounts[].TmpfsOptions.SizeBytes',
  'HostConfig.Mounts[].TmpfsOptions.Mode',
  'HostConfig.PortBindings.*[].HostIp',
  'HostConfig.PortBindings.*[].HostPort',
  'HostConfig.CapAdd[]',
  'HostConfig.CapDrop[]',
  'HostConfig.SecurityOpt[]',
  'HostConfig.ReadonlyRootfs',
  'HostConfig.Privileged',
  'HostConfig.LogConfig.Type',
  'HostConfig.LogConfig.Config.max-size',
  'HostConfig.LogConfig.Config.max-file',
  'HostConfig.RestartPolicy.Name',
  'NetworkingConfig.EndpointsConfig.plimsoll.Aliases[]',
  'NetworkingConfig.EndpointsConfig.plimsoll.IPAMConfig.IPv4Address',
].map((path) => new RegExp(`^${path.replace(/[.[\]]/g, '\\$&').replaceAll('*', '[^\u0000]*')}$`));

/** The paths of all that is no list and no mapping; keys that are data may hold anything but NUL. */
function leaves(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => leaves(one, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, one]) => leaves(one, path === '' ? key : `${path}.${key}`));
}

const word = fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\0', ''));
const secretValue = fc.record({
  secret: fc.constant('db/password'),
  version: fc.constant('0123456789abcdef'),
});
const anyMount = fc.oneof(
  fc.record({ kind: fc.constant('volume' as const), name: word, target: word, readOnly: fc.boolean() }),
  fc.record({ kind: fc.constant('bind' as const), source: word, target: word, readOnly: fc.boolean() }),
  fc.record({ kind: fc.constant('tmpfs' as const), target: word, size: fc.nat() }),
  fc.record({ kind: fc.constant('secret' as const), target: fc.constant('/run/key') }),
);
/** Any spec at all, also ones that hold more than a spec has. */
const anySpec = fc.record({
  image: word,
  entrypoint: fc.array(word),
  command: fc.array(word),
  workingDir: word,
  user: word,
  env: fc.dictionary(word, fc.oneof(word, secretValue)),
  labels: fc.dictionary(
    fc.oneof(
      word,
      word.map((name) => `plimsoll.${name}`),
    ),
    word,
  ),
  address: word,
  aliases: fc.array(word),
  networks: fc.array(word),
  mounts: fc.array(anyMount),
  liveFiles: fc.dictionary(word, word),
  ports: fc.array(
    fc.record({
      container: fc.nat(65_535),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      host: fc.nat(65_535),
      hostIp: word,
    }),
  ),
  memory: fc.nat(),
  nanoCpus: fc.nat(),
  pids: fc.nat(),
  readOnlyRootfs: fc.boolean(),
  capAdd: fc.array(word),
  capDrop: fc.array(word),
  noNewPrivileges: fc.boolean(),
  privileged: fc.boolean(),
  logging: fc.record({ maxSize: fc.nat(), maxFile: fc.nat() }),
  PidMode: fc.constant('host'),
  IpcMode: fc.constant('host'),
  Devices: fc.constant([{ PathOnHost: '/dev/sda' }]),
  Binds: fc.constant(['/:/host']),
  HostConfig: fc.constant({ UsernsMode: 'host', CgroupParent: '/', Sysctls: { a: 'b' } }),
});

test('whatever is wanted, the create call holds nothing but what the list names', () => {
  const files = [
    { mount: '/run/key', content: { secret: 'tls/key', version: 'fedcba9876543210' }, mode: 0o400 },
  ];
  void fc.assert(
    fc.property(anySpec, fc.boolean(), (any, forgetful) => {
      const wanted = { ...spec, ...any };
      const revealed = Object.fromEntries(Object.keys(wanted.env).map((name) => [name, 'plain']));
      const body = createBody(wanted, {
        network: 'plimsoll',
        imageHealthCheck: false,
        files,
        forgetful,
        revealed,
        sources: { '/run/key': '/run/plimsoll/plimsoll-shop/0' },
      });
      for (const path of leaves(body))
        assert.ok(
          allowedKeys.some((one) => one.test(path)),
          path,
        );
      const { HostConfig: host = {} } = body;
      assert.is(host.NetworkMode, 'plimsoll');
      assert.is(host.RestartPolicy?.Name, 'no');
      assert.is(host.LogConfig?.Type, 'json-file');
      assert.ok((host.SecurityOpt ?? []).every((one: string) => one === 'no-new-privileges'));
      for (const { Type, Source } of host.Mounts ?? []) {
        assert.ok(['volume', 'bind', 'tmpfs'].includes(Type));
        const isAsked = wanted.mounts.some((one) => one.kind === 'bind' && one.source === Source);
        if (Type === 'bind') assert.ok(isAsked || Source === '/run/plimsoll/plimsoll-shop/0');
      }
      assert.ok(Object.keys(body.Labels ?? {}).every((name) => name.startsWith('plimsoll.')));
      assert.is(host.Privileged, wanted.privileged);
    }),
    { numRuns: runs(100) },
  );
});

test('labels tell of secrets by version, and a container reads back so', () => {
  const value = { secret: 'db/password', version: '0123456789abcdef' };
  const sealed = {
    ...spec,
    env: { ...spec.env, PASSWORD: value },
    mounts: [{ kind: 'secret' as const, target: '/k' }, ...spec.mounts],
  };
  const making = {
    network: 'plimsoll',
    imageHealthCheck: true,
    files: [{ mount: '/k', content: value, mode: 0o400 }],
    revealed: { PASSWORD: 'correct-horse' },
    sources: { '/k': '/run/plimsoll/plimsoll-shop/0' },
  };
  const body = createBody(sealed, { ...making, forgetful: true });
  assert.not.match(JSON.stringify(body.Labels), /correct-horse/);
  assert.equal(body.Env?.at(-1), 'PASSWORD=correct-horse');
  const { Labels, Env, HostConfig } = createBody(sealed, making);
  const read = (labels: object, matches?: () => boolean | undefined) =>
    readContainer(
      inspected({ Config: { ...inspected().Config, Env, Labels: { ...Labels, ...labels } }, HostConfig }),
      {
        ...where,
        matches,
      },
    ).container?.live;
  assert.equal(read({})?.env.PASSWORD, value);
  assert.equal(read({}, () => undefined)?.env.PASSWORD, value);
  assert.equal(read({}, () => false)?.env.PASSWORD, { ...value, version: 'changed-by-hand' });
  assert.equal(read({})?.mounts[1], { kind: 'secret', target: '/k' });
  assert.equal(read({})?.labels, spec.labels);
  for (const nonsense of ['', '[]', 'null', '{"PASSWORD":7}', '{"PASSWORD":"x"}', '{'])
    assert.not.match(JSON.stringify(read({ 'plimsoll.secrets': nonsense })), /correct-horse/, nonsense);
});

const passwd = 'root:x:0:0::/:/bin/sh\nbroken\napp:x:1000:50::/:/bin/sh\n';
const owners: [user: string, expected: [uid: number, gid: number]][] = [
  ['', [0, 0]],
  ['app', [1000, 50]],
  ['app:staff', [1000, 60]],
  ['app:7', [1000, 7]],
  ['1000', [1000, 50]],
  ['1000:7', [1000, 7]],
  ['77', [77, 0]],
  ['nobody', [0, 0]],
];
for (const [user, [uid, gid]] of owners) {
  test(`a file of user "${user}" belongs to ${uid}:${gid}`, async () => {
    const read = async (path: string) => (path === '/etc/passwd' ? passwd : 'staff:x:60:app\n');
    assert.equal(await findOwner(user, read), { uid, gid });
  });
}

test('an archive’s first entry is read back, long names and all', () => {
  const content = Buffer.from('ä: 1\n');
  for (const path of ['/etc/x', `/${'deep/'.repeat(40)}x`])
    assert.equal(firstEntry(tarOf([{ path, content, mode: 0o640 }])), { kind: 'file', mode: 0o640, content });
  assert.is(firstEntry(Buffer.alloc(100)), undefined);
});

test('statistics are read from both generations of control groups', () => {
  const cpu = (total: number, system: number) => ({
    cpu_usage: { total_usage: total },
    system_cpu_usage: system,
  });
  const answer = {
    read: '2026-01-02T03:04:05Z',
    cpu_stats: { ...cpu(3e9, 20e9), online_cpus: 2 },
    precpu_stats: cpu(2e9, 16e9),
    memory_stats: { usage: 1000, limit: 9, stats: { inactive_file: 300 } },
    networks: { a: { rx_bytes: 1, tx_bytes: 2 }, b: { rx_bytes: 10, tx_bytes: 20 } },
    pids_stats: { current: 4 },
  };
  assert.equal(toStats(answer as unknown as Parameters<typeof toStats>[0], 0), {
    at: Date.parse('2026-01-02T03:04:05Z'),
    cpuSeconds: 3,
    cpuPercent: 50,
    memoryBytes: 700,
    memoryLimit: 0,
    networkReceivedBytes: 11,
    networkSentBytes: 22,
    pids: 4,
  });
});

/** What an engine answers about the container that `spec` made, with its own additions. */
function inspected(change: object = {}): Parameters<typeof readContainer>[0] {
  const body = createBody(spec, { network: 'plimsoll', imageHealthCheck: true });
  const answer: unknown = {
    Id: id,
    Name: `/${spec.name}`,
    Image: imageId,
    Created: '2026-01-02T03:04:05.123456789Z',
    State: { Status: 'running', StartedAt: '2026-01-02T03:04:06Z', FinishedAt: '0001-01-01T00:00:00Z' },
    Config: { ...body, Entrypoint: null, Labels: { ...spec.labels, 'com.example.by': 'the image' } },
    HostConfig: { ...body.HostConfig, CapAdd: ['CAP_NET_ADMIN'] },
    Mounts: [],
    NetworkSettings: {
      Networks: {
        plimsoll: { IPAMConfig: { IPv4Address: '10.9.0.7' }, Aliases: ['shop', id.slice(0, 12), spec.name] },
      },
    },
    ...change,
  };
  return answer as Parameters<typeof readContainer>[0];
}

const where = { instance: 'default', network: 'plimsoll' };

test('reads a container back in the shape it was wanted in', () => {
  const { container, proven } = readContainer(inspected(), where);
  assert.ok(proven);
  assert.equal(container?.live, spec);
  assert.equal(
    { ...container, live: undefined },
    {
      id,
      name: spec.name,
      app: 'shop',
      specHash,
      deployment: 'd1',
      replica: 1,
      imageId,
      state: 'running',
      exitCode: 0,
      oomKilled: false,
      createdAt: Date.parse('2026-01-02T03:04:05.123Z'),
      startedAt: Date.parse('2026-01-02T03:04:06Z'),
      finishedAt: 0,
      live: undefined,
      imageHealth: 'none',
    },
  );
});

test('an engine that forgets what it was asked is reminded by a label, but not of what can change', () => {
  const { Labels } = createBody(spec, { network: 'plimsoll', imageHealthCheck: true, forgetful: true });
  const base = inspected();
  const forgotten = inspected({
    Config: {
      ...base.Config,
      Labels,
      Entrypoint: [''],
      WorkingDir: '/',
      Env: ['A=1', 'B=x=y', 'container=podman', 'HOSTNAME=f'],
    },
    HostConfig: {
      ...base.HostConfig,
      LogConfig: { Type: 'json-file', Config: null },
      Mounts: null,
      Memory: 7,
    },
    NetworkSettings: { Networks: { plimsoll: { IPAMConfig: null, Aliases: ['shop'], IPAddress: '' } } },
  });
  assert.equal(readContainer(forgotten, where).container?.live, { ...spec, memory: 7 });
  for (const nonsense of ['', 'null', '[]', '{}', '{"mounts":7}', `${Labels?.['plimsoll.asked']}x`]) {
    const labels = { ...Labels, 'plimsoll.asked': nonsense };
    const { container } = readContainer(inspected({ Config: { ...base.Config, Labels: labels } }), where);
    assert.equal(container?.live, spec, nonsense);
  }
});

const ownership: [what: string, change: object, expected: 'ours' | 'unproven' | 'foreign'][] = [
  ['as made', {}, 'ours'],
  ['a later attempt', { Name: `/${spec.name}-3` }, 'ours'],
  ['attempt 0 does not exist', { Name: `/${spec.name}-0` }, 'unproven'],
  ['not finished', { Name: `/${spec.name}.unfinished` }, 'ours'],
  ['renamed', { Name: '/mine' }, 'unproven'],
  ['another image', { Image: `sha256:${'2'.repeat(64)}` }, 'unproven'],
  ['another instance', { Config: { Labels: { ...spec.labels, 'plimsoll.instance': 'x' } } }, 'foreign'],
  ['a hostile app', { Config: { Labels: { ...spec.labels, 'plimsoll.app': '../x' } } }, 'foreign'],
  ['a short hash', { Config: { Labels: { ...spec.labels, 'plimsoll.spec-hash': 'abc' } } }, 'foreign'],
  ['replica 1.5', { Config: { Labels: { ...spec.labels, 'plimsoll.replica': '1.5' } } }, 'foreign'],
  ['an unknown hook', { Config: { Labels: { ...spec.labels, 'plimsoll.hook': 'x' } } }, 'foreign'],
  ['no labels', { Config: { Labels: null } }, 'foreign'],
];
for (const [what, change, expected] of ownership) {
  test(`whose it is: ${what}`, () => {
    const { container, proven } = readContainer(inspected(change), where);
    assert.is(container === undefined ? 'foreign' : proven ? 'ours' : 'unproven', expected);
  });
}

const refusals: [operation: string, status: number, message: string, reason: string, kind: string][] = [
  ['create', 404, 'No such image: sha256:1', 'ImageNotFound', 'transient'],
  [
    'create',
    409,
    'Conflict. The container name "/x" is already in use by container "y".',
    'NameTaken',
    'transient',
  ],
  [
    'create',
    400,
    'invalid mount config for type "bind": bind source path does not exist: /x',
    'InvalidConfig',
    'terminal',
  ],
  ['create', 500, 'open /var/lib/docker/x: no space left on device', 'OutOfDisk', 'transient'],
  ['create', 500, 'something else', 'EngineError', 'transient'],
  [
    'create network',
    403,
    'Pool overlaps with other one on this address space',
    'NetworkConflict',
    'transient',
  ],
  ['create network', 409, 'network with name plimsoll already exists', 'NetworkConflict', 'transient'],
  ['start', 404, 'No such container: x', 'NoSuchContainer', 'transient'],
  ['start', 404, 'network abc not found', 'NoSuchNetwork', 'transient'],
  ['start', 403, 'Address already in use', 'AddressTaken', 'transient'],
  [
    'start',
    500,
    'driver failed programming external connectivity on endpoint x: Bind for 0.0.0.0:80 failed: port is already allocated',
    'PortTaken',
    'transient',
  ],
  ['start', 500, 'listen tcp4 0.0.0.0:80: bind: address already in use', 'PortTaken', 'transient'],
  [
    'start',
    400,
    'OCI runtime create failed: exec: "x": executable file not found in $PATH: unknown',
    'StartFailed',
    'terminal',
  ],
  [
    'start',
    400,
    'OCI runtime create failed: exec: "/x": permission denied: unknown',
    'StartFailed',
    'terminal',
  ],
  [
    'start',
    400,
    'OCI runtime create failed: exec /x: exec format error: unknown',
    'WrongPlatform',
    'terminal',
  ],
  [
    'start',
    500,
    'OCI runtime create failed: fork/exec: resource temporarily unavailable',
    'EngineError',
    'transient',
  ],
  ['restart', 500, 'OCI runtime create failed: exec: "x": not a directory', 'StartFailed', 'terminal'],
  [
    'pull',
    404,
    'manifest for a/b:1 not found: manifest unknown: manifest unknown',
    'ImageNotFound',
    'terminal',
  ],
  [
    'pull',
    404,
    "pull access denied for a/b, repository does not exist or may require 'docker login': denied",
    'RegistryDenied',
    'transient',
  ],
  ['pull', 500, 'unauthorized: authentication required', 'RegistryDenied', 'transient'],
  ['pull', 500, 'toomanyrequests: You have reached your pull rate limit', 'RegistryRateLimited', 'transient'],
  ['pull', 500, 'Get "https://r/v2/": dial tcp: lookup r: no such host', 'RegistryUnreachable', 'transient'],
  ['pull', 500, 'Get "https://r/v2/": net/http: TLS handshake timeout', 'RegistryUnreachable', 'transient'],
  [
    'pull',
    404,
    'no matching manifest for linux/amd64 in the manifest list entries',
    'WrongPlatform',
    'terminal',
  ],
  ['pull', 429, 'slow down', 'RegistryRateLimited', 'transient'],
  ['pull', 401, 'who are you', 'RegistryDenied', 'transient'],
  ['pull', 500, 'failed to register layer: write /x: no space left on device', 'OutOfDisk', 'transient'],
  ['stop', 0, 'connect ECONNREFUSED /var/run/docker.sock', 'EngineUnreachable', 'unreachable'],
];
for (const [operation, status, message, reason, kind] of refusals) {
  test(`${operation} ${status} "${message.slice(0, 50)}" is ${reason}`, () => {
    const answer = Object.assign(
      new Error(message),
      status > 0 ? { statusCode: status, json: { message } } : {},
    );
    const error = engineError({ operation, object: 'x' }, answer);
    assert.equal([error.reason, error.kind], [reason, kind]);
  });
}

test('messages carry no credentials and no control characters', () => {
  const error = engineError(
    { operation: 'pull', object: 'x\u001b[2J' },
    Object.assign(new Error('Get "https://me:secret@r/v2/": \u0007no'), { statusCode: 500 }),
  );
  assert.is(error.message, 'pull x\\e[2J: Get "https://***@r/v2/": \\u0007no');
  assert.is(escapeText('x'.repeat(20), 10), `${'x'.repeat(9)}…`);
});

const hosts: [
  env: Record<string, string>,
  configured: string | undefined,
  there: string[],
  expected: object,
][] = [
  [{}, undefined, [], { kind: 'socket', path: '/var/run/docker.sock', from: 'default' }],
  [
    {},
    undefined,
    ['/run/podman/podman.sock'],
    { kind: 'socket', path: '/run/podman/podman.sock', from: 'default' },
  ],
  [
    { XDG_RUNTIME_DIR: '/run/user/7' },
    undefined,
    ['/run/user/7/podman/podman.sock'],
    { kind: 'socket', path: '/run/user/7/podman/podman.sock', from: 'default' },
  ],
  [
    { DOCKER_HOST: 'unix:///x.sock' },
    undefined,
    ['/var/run/docker.sock'],
    { kind: 'socket', path: '/x.sock', from: 'DOCKER_HOST' },
  ],
  [
    { DOCKER_HOST: 'unix:///x.sock' },
    'unix:///y.sock',
    [],
    { kind: 'socket', path: '/y.sock', from: 'docker.host' },
  ],
  [
    { DOCKER_HOST: 'tcp://h:2375' },
    undefined,
    [],
    { kind: 'tcp', host: 'h', port: 2375, from: 'DOCKER_HOST' },
  ],
  [{}, 'tcp://h:80', [], { kind: 'tcp', host: 'h', port: 80, from: 'docker.host' }],
  [
    { DOCKER_HOST: 'tcp://h', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' },
    undefined,
    [],
    { kind: 'tcp', host: 'h', port: 2376, tls: { folder: '/certs' }, from: 'DOCKER_HOST' },
  ],
];
for (const [env, configured, there, expected] of hosts) {
  test(`finds the engine by ${JSON.stringify(env)}, ${configured}, ${there}`, () => {
    assert.equal(
      findEngine(env, configured, (path) => there.includes(path)),
      expected,
    );
  });
}

test('an engine address that means nothing is refused', () => {
  for (const host of ['ssh://me@h', 'nonsense', 'unix://relative', 'tcp://', 'tcp://me:secret@h:1']) {
    assert.throws(() => findEngine({ DOCKER_HOST: host }), /DOCKER_HOST: expected unix:/, host);
  }
});

const references: [text: string, expected: string | undefined][] = [
  ['nginx', 'nginx:latest'],
  ['cafe', 'cafe:latest'],
  ['nginx:1.2', 'nginx:1.2'],
  ['host.example:5000/a/b-c', 'host.example:5000/a/b-c:latest'],
  [`a/b@sha256:${'0'.repeat(64)}`, `a/b@sha256:${'0'.repeat(64)}`],
  [`a/b:1@sha256:${'0'.repeat(64)}`, `a/b:1@sha256:${'0'.repeat(64)}`],
  [imageId, imageId],
  ['', undefined],
  ['a/../b', undefined],
  ['../containers', undefined],
  ['a?b', undefined],
  ['a b', undefined],
  ['A', undefined],
  ['a:', undefined],
];
for (const [text, expected] of references) {
  test(`the image reference "${text}" is ${expected}`, () => assert.is(imageReference(text), expected));
}

test('log lines are the same however the stream is cut', () => {
  const frame = (stream: number, text: string): Buffer => {
    const payload = Buffer.from(text);
    const head = Buffer.alloc(8);
    head[0] = stream;
    head.writeUInt32BE(payload.length, 4);
    return Buffer.concat([head, payload]);
  };
  const bytes = Buffer.concat([frame(1, 'one\ntw'), frame(2, 'err ä\r\n'), frame(1, 'o\n\nlast')]);
  const expected = [
    { stream: 'stdout', line: 'one' },
    { stream: 'stderr', line: 'err ä' },
    { stream: 'stdout', line: 'two' },
    { stream: 'stdout', line: '' },
    { stream: 'stdout', line: 'last' },
  ];
  void fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
      const parser = createLogParser();
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      assert.equal([...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.end()], expected);
    }),
  );
});

test('a line without end is cut and not collected', async () => {
  const payload = Buffer.alloc(100_000, 'x');
  const head = Buffer.from([1, 0, 0, 0, 0, 1, 0x86, 0xa0]);
  const lengths: number[] = [];
  for await (const { line } of logLines([head, payload])) lengths.push(line.length);
  assert.is(
    lengths.reduce((sum, length) => sum + length, 0),
    100_000,
  );
  assert.ok(lengths.every((length) => length <= 16_384));
});

test('a pull says layers and bytes in one line, and not with every message', () => {
  const lines: string[] = [];
  let now = 0;
  const progress = createPullProgress(
    (line) => lines.push(line),
    () => now,
  );
  const take = (event: object): void => progress.take(JSON.stringify(event));
  take({ status: 'Pulling from a/b', id: '1' });
  for (const id of ['a', 'b', 'c']) take({ status: 'Pulling fs layer', id });
  take({ status: 'Already exists', id: 'c' });
  for (let current = 0; current <= 1_000_000; current += 10_000) {
    now += 10;
    take({ status: 'Downloading', id: 'a', progressDetail: { current, total: 1_000_000 } });
  }
  take({ status: 'Downloading', id: 'b', progressDetail: { current: 500_000, total: 2_000_000 } });
  now += 500;
  take({ status: 'Extracting', id: 'a', progressDetail: { current: 3, total: 1_000_000 } });
  take({ status: 'Pull complete', id: 'a' });
  take({ status: 'Pull complete', id: 'b' });
  take({ status: 'Status: Downloaded newer image for a/b:1' });
  progress.end();
  assert.equal(lines, [
    '0 of 1 layers',
    '1 of 3 layers, 0.5 of 1.0 MB',
    '1 of 3 layers, 1.0 of 1.0 MB',
    '1 of 3 layers, 1.5 of 3.0 MB',
    '3 of 3 layers, 3.0 of 3.0 MB',
    'Status: Downloaded newer image for a/b:1',
  ]);
  assert.throws(() => take({ error: 'manifest unknown' }), /manifest unknown/);
});

const digests: [reference: string, known: string[], expected: string | undefined][] = [
  ['shop:1', ['shop@sha256:A', 'other@sha256:B'], 'sha256:A'],
  ['docker.io/library/shop:1', ['shop@sha256:A'], 'sha256:A'],
  ['127.0.0.1:5000/shop:1', ['shop@sha256:A', '127.0.0.1:5000/shop@sha256:B'], 'sha256:B'],
  ['r/shop:1@sha256:A', ['r/shop@sha256:A', 'r/shop@sha256:B'], 'sha256:A'],
  ['shop:1', ['other@sha256:B'], undefined],
  [imageId, ['shop@sha256:A', 'other@sha256:A'], 'sha256:A'],
  [imageId, ['shop@sha256:A', 'other@sha256:B'], undefined],
  ['shop:1', [], undefined],
];
for (const [reference, known, expected] of digests) {
  const whole = (text: string): string =>
    text.replace(/sha256:([AB])$/, (_all, one) => `sha256:${one.toLowerCase().repeat(64)}`);
  test(`of ${known.join(' and ') || 'no digest'}, ${reference.slice(0, 30)} has ${expected}`, () => {
    assert.is(repoDigest(whole(reference), known.map(whole)), expected && whole(expected));
  });
}

const pauses: [text: string | null, expected: number | undefined][] = [
  [null, undefined],
  ['37', 37_000],
  ['0', undefined],
  ['-5', undefined],
  ['Thu, 01 Jan 1970 00:00:20 GMT', 10_000],
  ['Thu, 01 Jan 1970 00:00:05 GMT', undefined],
  ['99999999999', 21_600_000],
  ['soon', undefined],
];
for (const [text, expected] of pauses) {
  test(`Retry-After "${text}" means ${expected}`, () => assert.is(readPause(text, 10_000), expected));
}

test('a pause that a registry asks for in words is kept', () => {
  const message = 'toomanyrequests: retry-after: 1.5s, allowed: 44000/minute';
  const answer = Object.assign(new Error(message), { statusCode: 500, json: { message } });
  assert.is(engineError({ operation: 'pull', object: 'x' }, answer).retryAfter, 1500);
});

test('no secret survives at the edge of what is shortened', () => {
  const secret = 'correct-horse-battery';
  const message = `${'x'.repeat(390)} ${secret} and more`;
  const error = engineError(
    { operation: 'create', object: 'x' },
    Object.assign(new Error(message), { statusCode: 500, json: { message } }),
  );
  const clean = redacted(error, (text) => text.replaceAll(secret, '***'));
  assert.not.match(inspect(clean, { depth: 5 }), /correct-h/);
  assert.match(clean.message, /xxx \*\*\*/);
  assert.equal([clean.kind, clean.reason], [error.kind, error.reason]);
});

const concerns = { instance: 'default', network: 'plimsoll', isLabelled: (one: string) => one === 'known' };
const ours = { 'plimsoll.instance': 'default', name: 'x' };
const events: [
  type: string,
  action: string,
  id: string,
  attributes: Record<string, string>,
  expected: object,
][] = [
  ['container', 'die', 'c1', ours, { container: 'c1', news: 'container x die' }],
  [
    'container',
    'kill',
    'c1',
    { ...ours, signal: '15' },
    { container: 'c1', news: 'container x kill', signalled: true },
  ],
  ['container', 'kill', 'c1', { ...ours, signal: '1' }, { container: 'c1', news: 'container x kill' }],
  ['container', 'die', 'c1', { name: 'x' }, {}],
  ['container', 'died', 'known', { name: 'x' }, { container: 'known', news: 'container x died' }],
  ['container', 'init', 'c1', { name: 'x' }, { addresses: true }],
  ['container', 'exec_create: sh', 'c1', ours, {}],
  ['container', 'die', 'c1', { ...ours, 'plimsoll.instance': 'other' }, {}],
  [
    'network',
    'connect',
    'n',
    { container: 'known', name: 'plimsoll' },
    { container: 'known', news: 'network plimsoll connect' },
  ],
  ['network', 'connect', 'n', { container: 'theirs', name: 'plimsoll' }, { addresses: true }],
  ['network', 'disconnect', 'n', { container: 'theirs', name: 'other' }, {}],
  ['network', 'destroy', 'n', { name: 'other' }, { networks: true, addresses: true }],
  ['volume', 'mount', 'v', {}, {}],
  ['volume', 'destroy', 'plimsoll-x', {}, { volumes: true, news: 'volume plimsoll-x destroy' }],
  ['image', 'tag', imageId, { name: 'a:1' }, { images: true, news: 'image a:1 tag' }],
  ['image', 'push', 'a:1', {}, {}],
  ['daemon', 'reload', 'd', {}, {}],
];
for (const [Type, Action, ID, Attributes, expected] of events) {
  test(`the event ${Type} ${Action} of ${ID} ${JSON.stringify(Attributes)} marks what it concerns`, () => {
    assert.equal(marksOf({ Type, Action, Actor: { ID, Attributes } }, concerns), expected);
  });
}

test('a network whose gateway the engine keeps to itself has the first address of its subnet', () => {
  const gatewayOf = (Config: object[]): string =>
    readNetwork({ Id: 'n', Name: 'x', IPAM: { Config } } as Parameters<typeof readNetwork>[0], 'default')
      .gateway;
  assert.is(gatewayOf([{ Subnet: '10.9.4.0/22' }]), '10.9.4.1');
  assert.is(
    gatewayOf([{ Subnet: 'fd00::/64' }, { Subnet: '10.9.4.7/30', Gateway: '10.9.4.6/30' }]),
    '10.9.4.6',
  );
  assert.is(gatewayOf([]), '');
});

test('the agent of an engine client prints short, since docker-modem prints it with every call', () => {
  const docker = connectEngine({ kind: 'socket', path: '/no/such.sock', from: 'test' });
  const { agent } = docker.modem as { agent?: unknown };
  assert.is(inspect(agent, { showHidden: true, depth: null }), 'Agent');
});

test.run();
