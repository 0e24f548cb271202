import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { App } from '../../src/desired/app.ts';
import { loadFiles, usualHead } from './corpus.ts';

const policy = {
  allowPrivileged: true,
  allowCapabilities: [],
  apps: {},
  allowHostPaths: ['/srv'],
  allowedRegistries: [],
  instance: 'default',
};

function read(body: string, files: Readonly<Record<string, string>> = {}): App {
  const desired = loadFiles({ ...files, 'app.yaml': usualHead + body }, { policy });
  assert.equal(desired.problems, []);
  const [app] = desired.apps;
  if (app === undefined) throw new Error('no app was read');
  return app;
}

test('the smallest manifest has every default', () => {
  assert.equal(read(''), {
    name: 'shop',
    origin: { file: 'app.yaml', line: 4, column: 9 },
    labels: {},
    links: [],
    state: 'running',
    suspend: false,
    replicas: 1,
    container: {
      image: 'registry.test/shop:1',
      ports: [],
      env: {},
      files: [],
      volumes: [],
      resources: { pids: 512 },
      networks: [],
      security: { readOnlyRootfs: false, capAdd: [], capDrop: [], noNewPrivileges: true, privileged: false },
      logging: { maxSize: 10 * 1024 ** 2, maxFile: 3 },
    },
    pull: 'missing',
    domains: [],
    healthCheck: { kind: 'none', interval: 5000, timeout: 3000, retries: 3, successes: 1, startPeriod: 0 },
    deploy: {
      order: 'start-first',
      maxSurge: 1,
      deadline: 120_000,
      bake: 0,
      drain: 10_000,
      stopGrace: 10_000,
      onFailure: 'rollback',
      approval: 'auto',
    },
    hooks: {},
    dependsOn: [],
    restart: 'always',
    policy: { selfHeal: true, prune: 'auto', windows: [] },
  });
});

test('every field of a full manifest arrives', () => {
  const app = read(`
  state: stopped
  suspend: true
  restartedAt: 2026-01-31T08:00:00Z
  pull: always
  command: serve --name "a b" 'c d'
  entrypoint: [/bin/server]
  workingDir: /srv/
  user: 1000
  ports:
    - {name: web, container: 8080}
    - {name: dns, container: 53, protocol: udp, host: 5353, hostIp: "0:0:0:0:0:0:0:1"}
  domains:
    - host: Shop.Example.com
      path: /api/
      port: web
      tls: internal
      redirectFrom: [WWW.example.com]
      stripPrefix: true
      headers: {X-B: 0, X-A: a}
      loadBalancing: ip-hash
      compress: false
      allowIPs: [10.1.2.3, "2001:DB8::/32"]
      maxBody: 10m
      x-note: ignored
  env: {B: b, A: a}
  files: [{mount: /etc/a, content: "x", mode: 0o600}]
  volumes:
    - {tmpfs: true, mount: /tmp, size: 64Mi}
    - {name: data, mount: /data/, retain: false}
    - {hostPath: /srv//media/./, mount: /media, readOnly: true}
  replicas: 1
  resources: {cpus: 500m, memory: 256Mi, pids: 64}
  networks: [b, a, b]
  healthCheck:
    http: {path: "/healthz?full=1", status: "200-299,404", headers: {Host: a}}
    interval: 1m30s
    startPeriod: 500ms
  deploy: {maxSurge: 2, bake: 5s, onFailure: pause, approval: manual, notBefore: "2026-01-31T09:00:00+01:00"}
  hooks: {preDeploy: {command: bin/migrate}, postDeploy: {command: [a, b c], timeout: 10s}}
  dependsOn: []
  restart: on-failure
  security: {readOnlyRootfs: true, capAdd: [cap_net_admin], capDrop: [all]}
  logging: {maxSize: 1g, maxFile: 5}
  policy:
    selfHeal: false
    prune: confirm
    windows: [{deny: "0 18 * * fri", for: 60h, timeZone: Europe/Berlin}, {allow: "*/5 8-17 * * 1-5", for: 5m}]
  x-ignored: {anything: [1]}
`);
  assert.equal(app.container, {
    image: 'registry.test/shop:1',
    entrypoint: ['/bin/server'],
    command: ['serve', '--name', 'a b', 'c d'],
    workingDir: '/srv',
    user: '1000',
    ports: [
      { name: 'dns', container: 53, protocol: 'udp', host: 5353, hostIp: '::1' },
      { name: 'web', container: 8080, protocol: 'tcp' },
    ],
    env: { A: 'a', B: 'b' },
    files: [{ mount: '/etc/a', content: 'x', mode: 0o600 }],
    volumes: [
      { kind: 'named', name: 'data', mount: '/data', readOnly: false, retain: false },
      { kind: 'bind', hostPath: '/srv/media', mount: '/media', readOnly: true },
      { kind: 'tmpfs', mount: '/tmp', size: 64 * 1024 ** 2 },
    ],
    resources: { cpuMillis: 500, memory: 256 * 1024 ** 2, pids: 64 },
    networks: ['a', 'b'],
    security: {
      readOnlyRootfs: true,
      capAdd: ['NET_ADMIN'],
      capDrop: ['ALL'],
      noNewPrivileges: true,
      privileged: false,
    },
    logging: { maxSize: 1024 ** 3, maxFile: 5 },
    restartedAt: '2026-01-31T08:00:00Z',
  });
  assert.equal(app.domains, [
    {
      host: 'shop.example.com',
      path: '/api',
      port: 'web',
      tls: 'internal',
      redirectFrom: ['www.example.com'],
      stripPrefix: true,
      headers: { 'X-A': 'a', 'X-B': '0' },
      loadBalancing: 'ip-hash',
      compress: false,
      allowIPs: ['10.1.2.3/32', '2001:db8::/32'],
      maxBody: 10 * 1024 ** 2,
      origin: { file: 'app.yaml', line: 20, column: 7 },
    },
  ]);
  assert.equal(app.healthCheck, {
    kind: 'http',
    path: '/healthz?full=1',
    port: 8080,
    status: [
      [200, 299],
      [404, 404],
    ],
    headers: { Host: 'a' },
    interval: 90_000,
    timeout: 3000,
    retries: 3,
    successes: 1,
    startPeriod: 500,
  });
  assert.equal(app.deploy, {
    order: 'stop-first',
    maxSurge: 2,
    deadline: 120_000,
    bake: 5000,
    drain: 10_000,
    stopGrace: 10_000,
    onFailure: 'pause',
    approval: 'manual',
    notBefore: Date.UTC(2026, 0, 31, 8),
  });
  assert.equal(app.hooks, {
    preDeploy: { command: ['bin/migrate'], timeout: 300_000 },
    postDeploy: { command: ['a', 'b c'], timeout: 10_000 },
  });
  assert.equal(app.policy.windows, [
    { kind: 'deny', cron: '0 18 * * fri', duration: 216_000_000, timeZone: 'Europe/Berlin' },
    { kind: 'allow', cron: '*/5 8-17 * * 1-5', duration: 300_000, timeZone: 'UTC' },
  ]);
  assert.equal([app.state, app.suspend, app.pull, app.restart], ['stopped', true, 'always', 'on-failure']);
});

const envValues: readonly (readonly [string, string])[] = [
  ['010', '010'],
  ['1.10', '1.10'],
  ['1e3', '1e3'],
  ['0x1F', '0x1F'],
  ['0o17', '0o17'],
  ['12345678901234567890', '12345678901234567890'],
  ['1_000', '1_000'],
  ['+1', '+1'],
  ['.5', '.5'],
  ['.inf', '.inf'],
  ['.NaN', '.NaN'],
  ['true', 'true'],
  ['True', 'True'],
  ['FALSE', 'FALSE'],
  ['NO', 'NO'],
  ['on', 'on'],
  ['22:22', '22:22'],
  ['2026-01-31', '2026-01-31'],
  ['"010"', '010'],
  ["''", ''],
  ['"\\u00e9"', 'é'],
  ['|\n      a\n      b', 'a\nb\n'],
];

for (const [written, value] of envValues) {
  test(`an env value stands as it is written: ${JSON.stringify(written)}`, () => {
    assert.is(read(`  env:\n    A: ${written}\n`).container.env.A, value);
  });
}

test('an aliased number stands as it is written at its anchor', () => {
  assert.equal(read('  env: {A: &a 1.10, B: *a}\n').container.env, { A: '1.10', B: '1.10' });
});

test('keys that objects inherit are ordinary names', () => {
  const { env } = read('  env: {__proto__: a, constructor: b, toString: c, x-own: d}\n').container;
  assert.equal(Object.entries(env), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
    ['toString', 'c'],
    ['x-own', 'd'],
  ]);
  assert.is(Object.getPrototypeOf(env), Object.prototype);
});

const orders: readonly (readonly [string, string, App['deploy']['order']])[] = [
  ['nothing to hold', '', 'start-first'],
  ['a writable volume', 'volumes: [{name: data, mount: /data}]', 'stop-first'],
  ['a read-only volume', 'volumes: [{name: data, mount: /data, readOnly: true}]', 'start-first'],
  ['a writable host path', 'volumes: [{hostPath: /srv/a, mount: /data}]', 'stop-first'],
  ['a tmpfs', 'volumes: [{tmpfs: true, mount: /tmp}]', 'start-first'],
  ['a host port', 'ports: [{name: dns, container: 53, host: 53}]', 'stop-first'],
  ['a port that is not published', 'port: 80', 'start-first'],
  [
    'a volume and a wish',
    'volumes: [{name: data, mount: /data}]\n  deploy: {order: start-first}',
    'start-first',
  ],
];

for (const [title, body, order] of orders) {
  test(`the order of deployment with ${title} is ${order}`, () =>
    assert.is(read(`  ${body}\n`).deploy.order, order));
}

test('port is short for one port named http, and a string for a domain on it', () => {
  const app = read('  port: 8080\n  domains: [BÜCHER.example, "*.example.com"]\n');
  assert.equal(app.container.ports, [{ name: 'http', container: 8080, protocol: 'tcp' }]);
  assert.equal(
    app.domains.map(({ host, path, port, tls, compress }) => [host, path, port, tls, compress]),
    [
      ['xn--bcher-kva.example', '/', 'http', 'auto', true],
      ['*.example.com', '/', 'http', 'auto', true],
    ],
  );
});

test('a domain in short and in full means the same', () => {
  const [short] = read('  port: 80\n  domains: [a.example.com]\n').domains;
  const [full] = read('  port: 80\n  domains: [{host: a.example.com}]\n').domains;
  assert.equal({ ...short, origin: 0 }, { ...full, origin: 0 });
});

const probes: readonly (readonly [string, string, number])[] = [
  [
    'the port named http',
    'ports: [{name: a, container: 1}, {name: http, container: 2}]\n  healthCheck: {tcp: {}}',
    2,
  ],
  [
    'the only tcp port',
    'ports: [{name: a, container: 1}, {name: b, container: 2, protocol: udp}]\n  healthCheck: {http: {}}',
    1,
  ],
  [
    'a port by name',
    'ports: [{name: a, container: 1}, {name: b, container: 2}]\n  healthCheck: {tcp: {port: b}}',
    2,
  ],
  [
    'a port by number',
    'ports: [{name: a, container: 1}, {name: b, container: 2}]\n  healthCheck: {tcp: {port: 2}}',
    2,
  ],
];

for (const [title, body, port] of probes) {
  test(`a health check asks ${title}`, () => {
    const check = read(`  ${body}\n`).healthCheck;
    assert.is(check.kind === 'http' || check.kind === 'tcp' ? check.port : undefined, port);
  });
}

test('dependencies are sorted and wait for health', () => {
  const other = (name: string) => usualHead.replace('shop', name);
  const app = loadFiles(
    {
      'app.yaml': `${usualHead}  dependsOn: [db, {app: cache, condition: started}]\n`,
      'b/app.yaml': other('db'),
      'c/app.yaml': other('cache'),
    },
    { policy },
  ).apps.find(({ name }) => name === 'shop');
  assert.equal(app?.dependsOn, [
    { app: 'cache', condition: 'started' },
    { app: 'db', condition: 'healthy' },
  ]);
});

test.run();
