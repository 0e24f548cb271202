import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../src/api/create-api.ts';
import type { MachinePort } from '../../src/api/machine-port.ts';
import { EdgeError } from '../../src/apply/ports.ts';
import { aDomain, anApp, aWorld } from '../plan/worlds.ts';
import { AController } from './a-controller.ts';
import { aShop, first, second, unreadOf } from './a-shop.ts';
import { type OverTcp, overTcp } from './over-tcp.ts';
import type { Said } from './said.ts';

async function read(controller: AController, path: string): Promise<Said> {
  return (await createApi(controller).request(`/api/v1/${path}`)).json();
}

function names(items: readonly { readonly name: string }[]): string[] {
  return items.map(({ name }) => name);
}

const unreachable = () => new EdgeError('unreachable', 'EngineUnreachable', 'ask info: connection refused');

test('the host is told with its engine, its Caddy and what runs on it', async () => {
  const { items, next } = await read(aShop(), 'hosts');
  assert.is(next, null);
  assert.equal(items, [
    {
      name: 'dock',
      status: 'ready',
      error: null,
      instance: 'default',
      engine: { name: 'Docker Engine', version: '28.1.0', apiVersion: '1.49' },
      os: 'Debian GNU/Linux 12',
      architecture: 'x86_64',
      kernel: '6.1.0',
      cpus: 2,
      memoryBytes: 4 * 1024 ** 3,
      disk: { path: '/var/lib/docker', totalBytes: 40 * 1024 ** 3, freeBytes: 30 * 1024 ** 3 },
      labels: { zone: 'a' },
      apps: 2,
      containers: 3,
      caddy: { state: 'running', version: '2.10.0' },
    },
  ]);
});

test('a host whose engine does not answer is told so; lists that need the engine are a problem', async () => {
  const controller = aShop();
  controller.machine.error = unreachable();
  const [host] = (await read(controller, 'hosts')).items;
  assert.equal(
    [host.name, host.status, host.error, host.engine, host.apps],
    ['default', 'unreachable', 'ask info: connection refused', null, 2],
  );
  for (const path of ['networks', 'volumes', 'images'])
    assert.is((await read(controller, path)).code, 'EngineUnreachable', path);
});

test('networks, volumes and images say who uses them, and are chosen by that', async () => {
  const controller = aShop();
  const all = await read(controller, 'images');
  assert.equal(
    all.items.map(({ name, apps, bytes }: { name: string; apps: string[]; bytes: number }) => [
      name,
      apps,
      bytes,
    ]),
    [
      ['cart:1', ['cart'], 7 * 1024 ** 2],
      ['shop:1', [], 7 * 1024 ** 2],
      ['shop:2', ['shop'], 7 * 1024 ** 2],
    ],
  );
  assert.equal(names((await read(controller, 'images?project=outer')).items), ['shop:2']);
  assert.equal((await read(controller, 'networks?labels=team=core')).items[0].apps, ['cart']);
  assert.equal((await read(controller, 'networks?project=none')).items, []);
  const [first, ...pages] = [(await read(controller, 'images?limit=2')) as { items: []; next: string }];
  assert.is(first?.items.length, 2);
  const rest = await read(controller, `images?limit=2&cursor=${first?.next}`);
  assert.equal([names(rest.items), rest.next, pages], [['shop:2'], null, []]);
});

/** Serves `one` with TLS and a password, `two` with TLS, `three` without. */
function aSite(): AController {
  const controller = new AController(aWorld([]));
  const domains = [
    {
      ...aDomain('one.example.com'),
      tls: 'auto' as const,
      basicAuth: [{ user: 'ann', hash: '$2b$10$secrethash' }],
    },
    { ...aDomain('two.example.com'), tls: 'internal' as const },
    { ...aDomain('three.example.com'), tls: 'off' as const },
  ];
  controller.release(first, [anApp({ domains })]);
  return controller;
}

test('a route tells its certificate, and of those who may pass the names alone', async () => {
  const controller = aSite();
  controller.machine.certificates.set('two.example.com', {
    status: 'missing',
    error: 'Caddy has no certificate for it yet',
  });
  const text = await (await createApi(controller).request('/api/v1/routes')).text();
  assert.not.match(text, 'secrethash');
  const { items } = JSON.parse(text);
  assert.equal(
    items.map(({ host, certificate, basicAuth }: Record<string, { status: string; error: string }>) => [
      host,
      certificate?.status,
      certificate?.error,
      basicAuth,
    ]),
    [
      ['one.example.com', 'valid', null, ['ann']],
      ['three.example.com', 'off', null, null],
      ['two.example.com', 'missing', 'Caddy has no certificate for it yet', null],
    ],
  );
  assert.match(items[0].certificate.notAfter, /^\d{4}-.*Z$/);
});

test('an app with TLS has the condition CertificateReady, of its worst certificate', async () => {
  const controller = aSite();
  const ready = async () =>
    (await read(controller, 'apps/shop')).conditions.find(
      ({ type }: { type: string }) => type === 'CertificateReady',
    );
  const good = await ready();
  assert.equal([good.status, good.reason, good.message], ['True', 'Valid', 'one.example.com: by Pebble']);
  assert.match(good.lastTransitionTime, /Z$/);
  for (const [status, said, reason] of [
    ['expiring', 'True', 'Expiring'],
    ['unknown', 'Unknown', 'NotObserved'],
    ['missing', 'False', 'Missing'],
    ['expired', 'False', 'Expired'],
  ] as const) {
    controller.machine.certificates.set('two.example.com', { status, error: 'so it is' });
    const one = await ready();
    assert.equal([one.status, one.reason, one.message], [said, reason, 'two.example.com: so it is']);
  }
  controller.machine.certificates.set('three.example.com', { status: 'expired' });
  controller.release(second, [anApp({ domains: [aDomain('three.example.com')] })]);
  assert.is(await ready(), undefined, 'without TLS there is nothing to say');
});

test('an app lists its replicas, and its scale besides', async () => {
  const controller = aShop();
  const { replicas, scale } = await read(controller, 'apps/shop');
  assert.equal(scale, { desired: 2, ready: 2 });
  const { id, digest, release, startedAt, ...first } = replicas[0];
  assert.equal(first, {
    replica: 0,
    image: 'shop:2',
    standing: 'current',
    health: 'healthy',
    ports: [],
    restarts: 0,
  });
  assert.ok(id && digest && /^[0-9a-f]{64}$/.test(release) && startedAt);
  assert.is(replicas[1].replica, 1);
});

test('what containers use is told by replica, and one that ended meanwhile is left out', async () => {
  const controller = aShop();
  const { items } = await read(controller, 'apps/shop/stats');
  assert.equal(
    items.map(({ app, replica, cpuPercent, memoryBytes, pids }: Record<string, unknown>) => [
      app,
      replica,
      cpuPercent,
      memoryBytes,
      pids,
    ]),
    [
      ['shop', 0, 1.5, 50 * 1024 ** 2, 3],
      ['shop', 1, 1.5, 50 * 1024 ** 2, 3],
    ],
  );
  const seen: string[] = [];
  const stats: MachinePort['stats'] = controller.machine.stats.bind(controller.machine);
  controller.machine.stats = async (id) => {
    seen.push(id);
    return seen.length === 1 ? undefined : stats(id);
  };
  assert.is((await read(controller, 'stats')).items.length, 2);
  assert.is(seen.length, 3);
  assert.equal((await read(controller, 'stats?project=inner')).items.length, 1);
  assert.is((await read(controller, 'apps/shpo/stats')).code, 'UnknownApp');
});

test('what the engine does not tell about is not asked for its use', async () => {
  const controller = aShop();
  const untold = unreadOf(controller, 'cart');
  const { stats } = controller.machine;
  controller.machine.stats = (id) =>
    id === untold ? new Promise(() => undefined) : stats.call(controller.machine, id);
  const { items } = await read(controller, 'stats');
  assert.equal(
    items.map(({ app }: { app: string }) => app),
    ['shop', 'shop'],
  );
});

test('measuring takes turns, and pages measure only what is on them', async () => {
  const controller = new AController(aWorld([]));
  controller.release(first, [anApp({ replicas: 60 })]);
  let underway = 0;
  let most = 0;
  let calls = 0;
  const { stats } = controller.machine;
  controller.machine.stats = async (id) => {
    calls += 1;
    underway += 1;
    most = Math.max(most, underway);
    await new Promise((resolve) => setImmediate(resolve));
    underway -= 1;
    return stats.call(controller.machine, id);
  };
  const { items } = await read(controller, 'apps/shop/stats');
  assert.equal(
    items.map(({ replica }: { replica: number }) => replica),
    Array.from({ length: 60 }, (_, index) => index),
  );
  assert.ok(most > 1 && most <= 32, String(most));
  calls = 0;
  await read(controller, 'apps/shop/stats?limit=10');
  assert.is(calls, 10);
});

test('sources tell what is followed, enforced and seen, and why that is not the newest', async () => {
  const controller = aShop();
  controller.followed = [
    {
      name: 'default',
      address: 'https://git.example.com/config.git',
      path: '.',
      follows: 'branch main',
      revision: first,
      seen: second,
      readAt: 1_700_000_000_000,
      error: { reason: 'Unverified', message: 'it is not signed', since: 1_700_000_000_000 },
      verification: {
        mode: 'head',
        keys: 1,
        by: 'ann',
        refused: { revision: second, why: 'it is not signed' },
      },
      nonFastForward: { from: first, to: second, at: 1_700_000_000_000 },
      omitted: Array.from({ length: 500 }, (_, index) => ({ path: `link${index}`, why: 'a symbolic link' })),
    },
  ];
  const [source] = (await read(controller, 'sources')).items;
  const at = new Date(1_700_000_000_000).toISOString();
  assert.is(source.omitted.length, 100);
  assert.equal(
    { ...source, omitted: source.omitted[0] },
    {
      name: 'default',
      address: 'https://git.example.com/config.git',
      path: '.',
      follows: 'branch main',
      tag: null,
      revision: first,
      seen: second,
      readAt: at,
      error: { reason: 'Unverified', message: 'it is not signed', since: at },
      verification: {
        mode: 'head',
        keys: 1,
        by: 'ann',
        refused: { revision: second, why: 'it is not signed' },
      },
      nonFastForward: { from: first, to: second, at },
      omitted: { path: 'link0', why: 'a symbolic link' },
    },
  );
});

test('a revision tells which one it was forced over', async () => {
  const controller = aShop();
  const forced = 'c'.repeat(40);
  controller.history.revision(forced, 0, controller.now(), second);
  assert.equal(
    (await read(controller, 'revisions')).items.map(
      ({ id, nonFastForwardFrom }: { id: string; nonFastForwardFrom: string | null }) => [
        id,
        nonFastForwardFrom,
      ],
    ),
    [
      [forced, second],
      [second, null],
      [first, null],
    ],
  );
});

test('deliveries are newest first, by pages, forge and outcome', async () => {
  const controller = aShop();
  for (let index = 0; index < 5; index += 1)
    controller.history.deliveries.add({
      provider: index % 2 === 0 ? 'github' : 'gitlab',
      delivery: `d${index}`,
      event: 'push',
      repository: 'git.example.com/config',
      ref: 'refs/heads/main',
      commit: second,
      address: '192.0.2.1',
      receivedAt: 1_700_000_000_000 + index,
      outcome: index === 0 ? 'accepted' : 'ignored',
      reason: index === 0 ? '' : 'another branch',
    });
  controller.history.deliveries.resolved(1, { look: 3, revision: second });
  const ids = async (query: string) => {
    const { items, next } = await read(controller, `webhooks/deliveries?${query}`);
    return [items.map(({ delivery }: { delivery: string }) => delivery).join(' '), next] as const;
  };
  assert.equal(await ids(''), ['d4 d3 d2 d1 d0', null]);
  const [page, next] = await ids('limit=3');
  assert.is(page, 'd4 d3 d2');
  assert.equal(await ids(`limit=3&cursor=${next}`), ['d1 d0', null]);
  assert.equal(await ids('provider=gitlab'), ['d3 d1', null]);
  assert.equal(await ids('outcome=accepted'), ['d0', null]);
  const [, , , , oldest] = (await read(controller, 'webhooks/deliveries')).items;
  assert.equal([oldest.look, oldest.revision], [3, second]);
});

test('a token that is limited to a project sees nothing of the others in any list', () => {
  const controller = aShop();
  controller.followed = ['inner', 'outer'].map((name) => ({
    name,
    address: `/srv/${name}`,
    path: '.',
    follows: 'branch main',
    omitted: [],
  }));
  const { world } = controller.host;
  controller.host.world = {
    ...world,
    desired: {
      ...world.desired,
      apps: world.desired.apps.map((app) => ({
        ...app,
        origin: { ...app.origin, file: `${app.project}/app.yaml` },
      })),
    },
  };
  controller.look();
  return overTcp(controller, async (server: OverTcp) => {
    const token = server.token(['read', 'logs'], { project: 'outer' });
    const deployment = controller.history.deployments('cart', 1)[0]?.id;
    for (const path of [
      'hosts',
      'networks',
      'volumes',
      'images',
      'routes',
      'containers',
      'stats',
      'sources',
      'apps',
    ]) {
      const { text, status } = await server.ask(`/api/v1/${path}`, { token });
      assert.is(status, 200, path);
      assert.not.match(text, /cart|inner/, path);
    }
    assert.is((await server.ask('/api/v1/hosts', { token })).body.items[0].apps, 1);
    for (const path of ['apps/cart/stats', `deployments/${deployment}`, `deployments/${deployment}/logs`])
      assert.is((await server.ask(`/api/v1/${path}`, { token })).status, 404, path);
    assert.is((await server.ask('/api/v1/webhooks/deliveries', { token })).body.code, 'LimitedToken');
  });
});

test.run();
