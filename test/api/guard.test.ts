import { Hono } from 'hono';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Guard } from '../../src/api/guard.ts';
import { hashOfToken, newToken } from '../../src/api/new-token.ts';
import type { Scope } from '../../src/api/operation.ts';
import { operationList } from '../../src/api/operations.ts';
import { TokenBook } from '../../src/api/token-book.ts';
import { ConfigError, loadConfig } from '../../src/config.ts';
import { aShop } from './a-shop.ts';
import { checkAnswer, document } from './check-answer.ts';
import type { OverTcp, TcpAsked } from './over-tcp.ts';
import { overTcp } from './over-tcp.ts';

const minute = 60_000;

function pathOf(path: string): string {
  return path.replace('{name}', 'shop').replace('{id}', 'x').replace('{provider}', 'github');
}

test('every operation but the open ones needs a token with its scope, which admin has too, but for exec', () =>
  overTcp(aShop(), async (server) => {
    const all: readonly Scope[] = ['read', 'logs', 'reconcile', 'operate', 'exec', 'admin'];
    const tokens = new Map(all.map((scope) => [scope, server.token([scope])]));
    for (const [id, operation] of operationList) {
      const { method, scope, socketOnly, elsewhere } = operation;
      if (socketOnly || elsewhere) continue;
      const told = document.paths[operation.path]?.[method.toLowerCase()];
      const asked: TcpAsked = { method, ...(method === 'POST' ? { body: {} } : {}) };
      const bare = await server.ask(pathOf(operation.path), asked);
      if (scope === 'open') {
        assert.is(bare.status, 200, id);
        continue;
      }
      assert.equal([bare.status, bare.body.code], [401, 'NoToken'], id);
      assert.is(bare.headers['www-authenticate'], 'Bearer realm="plimsoll"');
      if (told) checkAnswer(told, { ...bare, type: 'application/problem+json' });
      for (const [one, token] of tokens) {
        const answer = await server.ask(pathOf(operation.path), { ...asked, token });
        const may = scope === 'any' || one === scope || (one === 'admin' && scope !== 'exec');
        assert.is(answer.status !== 403, may, `${id} with ${one}: ${answer.status}`);
        if (may)
          assert.ok(
            ![401, 404, 405].includes(answer.status) || id.startsWith('getDeployment'),
            `${id} ${answer.text}`,
          );
        else {
          assert.match(answer.body.detail, `lacks the scope ${scope}`);
          assert.match(answer.headers['www-authenticate'] ?? '', `scope="${scope}"`);
          if (told) checkAnswer(told, { ...answer, type: 'application/problem+json' });
        }
      }
    }
  }));

test('tokens are not made over the network, with no scope at all', () =>
  overTcp(aShop(), async (server) => {
    const token = server.token(['admin', 'exec']);
    const made = await server.ask('/api/v1/tokens', {
      method: 'POST',
      token,
      body: { name: 'x', scopes: ['read'] },
    });
    assert.equal([made.status, made.headers.allow], [405, 'GET, HEAD']);
    assert.is(
      (await server.ask('/api/v1/tokens/t1/revoke', { method: 'POST', token, body: {} })).status,
      404,
    );
    assert.is(server.tokens.list().length, 1);
  }));

test('a token that is wrong, malformed, expired or revoked is no token, and a good one says when it was used', () => {
  const controller = aShop();
  return overTcp(controller, async (server) => {
    const good = server.token(['read'], { expiresAt: controller.now() + 90 * minute });
    const asks = (authorization: string) => server.ask('/api/v1/whoami', { headers: { authorization } });
    for (const header of [
      `Bearer ${newToken()}`,
      `Bearer ${good.slice(0, -1)}`,
      `Bearer ${good}x`,
      `Bearer ${hashOfToken(good)}`,
      `Basic ${good}`,
      'Bearer',
      good,
      `Bearer ${good}, Bearer ${good}`,
    ]) {
      const answer = await asks(header);
      assert.equal([answer.status, answer.body.code], [401, 'BadToken'], header);
      assert.match(answer.headers['www-authenticate'] ?? '', 'error="invalid_token"');
      assert.not.match(answer.text, good.slice(4));
    }
    assert.is(server.tokens.list()[0]?.lastUsedAt, undefined);
    assert.equal((await asks(`bearer ${good}`)).body, {
      actor: 't1',
      via: 'tcp',
      scopes: ['read'],
      project: null,
      selector: null,
      expires: new Date(controller.now() + 90 * minute).toISOString(),
    });
    const used = server.tokens.list()[0]?.lastUsedAt;
    assert.is(used, controller.now());
    controller.host.tick(minute - 1);
    await asks(`Bearer ${good}`);
    assert.is(server.tokens.list()[0]?.lastUsedAt, used, 'not written again within the minute');
    controller.host.tick(2);
    await asks(`Bearer ${good}`);
    assert.is(server.tokens.list()[0]?.lastUsedAt, controller.now());
    controller.host.tick(90 * minute);
    assert.is((await asks(`Bearer ${good}`)).body.code, 'TokenExpired');
    const second = server.token(['read']);
    assert.is((await asks(`Bearer ${second}`)).status, 200);
    server.tokens.revoke('t2');
    assert.is((await asks(`Bearer ${second}`)).body.code, 'BadToken');
  });
});

test('a token of the configuration is known by its hash alone, and cannot be revoked', () => {
  const token = newToken();
  const declared = {
    name: 'board',
    hash: `sha256:${hashOfToken(token)}`,
    scopes: ['read'] as const,
    project: 'inner',
  };
  return overTcp(
    aShop(),
    async (server) => {
      const who = await server.ask('/api/v1/whoami', { token });
      assert.equal([who.body.actor, who.body.project], ['board', 'inner']);
      assert.is(server.tokens.create({ name: 'board', scopes: ['admin'], createdBy: 'ann' }), undefined);
      const [kept] = server.tokens.list();
      assert.equal([kept?.createdBy, kept?.lastUsedAt !== undefined], ['plimsoll.yaml', true]);
      assert.is(server.tokens.revoke('board'), undefined);
    },
    { declared: [declared] },
  );
});

const limits: readonly { readonly project?: string; readonly selector?: string }[] = [
  { project: 'outer' },
  { selector: 'team=web' },
  { project: 'outer', selector: 'team!=core' },
];
for (const limit of limits)
  test(`for a token limited to ${JSON.stringify(limit)} other apps are not there`, () => {
    const controller = aShop();
    controller.history.suspend('cart', { actor: 'ann', reason: 'cart secret' });
    const [cart] = controller.history.deployments('cart', 1);
    return overTcp(controller, async (server) => {
      const token = server.token(['read', 'logs', 'reconcile', 'operate', 'admin'], limit);
      const get = async (path: string) => server.ask(`/api/v1/${path}`, { token });
      for (const path of ['apps/cart', 'apps/cart/diff', 'apps/cart/logs', 'apps/cart/deployments']) {
        const answer = await get(path);
        assert.equal([answer.status, answer.body.code], [404, 'UnknownApp'], path);
        assert.is(answer.body.hint, undefined, 'nothing is meant that is not there');
      }
      assert.is((await get(`deployments/${cart?.id}`)).status, 404);
      assert.is((await get('events?app=cart')).body.items.length, 0);
      for (const path of [
        'apps',
        'containers',
        'routes',
        'images',
        'volumes',
        'events',
        'status',
        'apps?project=inner',
      ])
        assert.not.match((await get(path)).text, 'cart', path);
      assert.ok((await get('events')).body.items.length > 0);
      assert.equal((await get('status')).body.counts.apps, 1);
      for (const verb of ['suspend', 'resume', 'rollback', 'approve', 'restart']) {
        const body = verb === 'suspend' ? { reason: 'x' } : {};
        const answer = await server.ask(`/api/v1/apps/cart/${verb}`, { method: 'POST', token, body });
        assert.is(answer.status, 404, verb);
      }
      const looked = await server.ask('/api/v1/reconcile', { method: 'POST', token, body: { retry: true } });
      assert.equal(
        looked.body.apps.map(({ name }: { name: string }) => name),
        ['shop'],
      );
      assert.is(
        (await server.ask('/api/v1/reconcile', { method: 'POST', token, body: { app: 'cart' } })).status,
        404,
      );
      assert.ok(controller.history.memory().apps.cart?.suspended);
      for (const path of ['tokens', 'audit']) assert.is((await get(path)).body.code, 'LimitedToken', path);
      const prune = await server.ask('/api/v1/approve-prune', { method: 'POST', token, body: {} });
      assert.is(prune.body.code, 'LimitedToken');
      assert.is((await get('apps/shop')).status, 200);
      assert.match((await get('apps/shop/logs')).text, 'hello');
    });
  });

test('operators act over the network by their scope, and their name is kept', () => {
  const controller = aShop();
  return overTcp(controller, async (server) => {
    const token = server.token(['operate'], { name: 'ci' });
    const headers = { 'plimsoll-actor': 'somebody-else' };
    const asked = { method: 'POST', token, headers, body: { reason: 'a sale' } };
    assert.is((await server.ask('/api/v1/apps/shop/suspend', asked)).status, 200);
    assert.is(controller.history.memory().apps.shop?.suspended?.actor, 'ci');
  });
});

const hosts: readonly (readonly [string, number])[] = [
  ['127.0.0.1', 200],
  ['127.0.0.1:7320', 200],
  ['127.8.9.1', 200],
  ['localhost:1', 200],
  ['LOCALHOST.', 200],
  ['[::1]:7320', 200],
  ['plimsoll.example.com', 200],
  ['plimsoll.example.com:443', 200],
  ['evil.example.com', 421],
  ['127.0.0.1.evil.example.com', 421],
  ['plimsoll.example.com.evil.org', 421],
  ['localhost.evil.org', 421],
  ['10.0.0.1', 421],
  ['[fe80::1]', 421],
];
test('a Host that is none of ours is misdirected, before anything else', () =>
  overTcp(
    aShop(),
    async (server) => {
      for (const [host, status] of hosts) {
        const answer = await server.ask('/healthz', { headers: { host } });
        assert.equal([host, answer.status], [host, status]);
        if (status === 421) assert.is(answer.body.code, 'UnknownHost');
      }
    },
    { settings: { hosts: ['plimsoll.example.com'] } },
  ));

test('only GET, HEAD and the named POSTs are there; everything else says what is', () =>
  overTcp(aShop(), async (server) => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST']) {
      const answer = await server.ask('/api/v1/apps', { method });
      assert.equal([answer.status, answer.headers.allow], [405, 'GET, HEAD'], method);
    }
    const get = await server.ask('/api/v1/apps/shop/suspend');
    assert.equal([get.status, get.headers.allow], [405, 'POST']);
    for (const path of [
      '/nothing',
      '/api/v1/',
      '/api/v1/apps/',
      '/api/v2/apps',
      '/api/v1/apps/a/b/c',
      '/webhooks/github',
    ])
      assert.is(
        (await server.ask(path, { method: path.startsWith('/web') ? 'POST' : 'GET' })).status,
        404,
        path,
      );
    const trace = await server.ask('/healthz', { method: 'TRACE' }).catch(() => undefined);
    assert.ok(trace === undefined || (trace.status >= 400 && trace.status < 500), `${trace?.status}`);
    const head = await server.ask('/healthz', { method: 'HEAD' });
    assert.equal([head.status, head.text], [200, '']);
    const token = server.token(['read', 'logs']);
    for (const path of ['apps/shop/logs?follow=1', 'events', 'apps/shop/logs']) {
      const headers = { accept: 'text/event-stream' };
      const stream = await server.ask(`/api/v1/${path}`, { method: 'HEAD', token, headers });
      assert.equal([stream.status, stream.text], [200, ''], path);
    }
  }));

test('every answer, good or bad, bears the headers that keep it from being misused', () =>
  overTcp(aShop(), async (server) => {
    const token = server.token(['read']);
    for (const [path, asked] of [
      ['/healthz', {}],
      ['/api/v1/apps', { token }],
      ['/api/v1/apps', {}],
      ['/nothing', {}],
      ['/healthz', { headers: { host: 'evil.org' } }],
      ['/docs', {}],
      ['/api/v1/apps', { method: 'OPTIONS', headers: { origin: 'https://evil.org' } }],
    ] as const) {
      const { headers } = await server.ask(path, asked);
      assert.match(
        headers['content-security-policy'] ?? '',
        /^default-src 'none'; frame-ancestors 'none'/,
        path,
      );
      assert.equal(
        [headers['x-content-type-options'], headers['cache-control'], headers['referrer-policy']],
        ['nosniff', 'no-store', 'no-referrer'],
        path,
      );
      assert.match(headers['x-request-id'] ?? '', /^[\w-]{36}$/, path);
      assert.is(headers['access-control-allow-origin'], undefined, path);
    }
  }));

test('who asks too often has to wait as long as the answer says, and others do not', () => {
  const controller = aShop();
  return overTcp(
    controller,
    async (server) => {
      const token = server.token(['read', 'operate']);
      const from = (address: string, asked: TcpAsked = {}, path = '/api/v1/apps') =>
        server.ask(path, { token, ...asked, headers: { 'x-forwarded-for': address } });
      for (let count = 0; count < 5; count += 1) assert.is((await from('198.51.100.1')).status, 200);
      const late = await from('198.51.100.1');
      assert.equal([late.status, late.body.code], [429, 'RateLimited']);
      const wait = Number(late.headers['retry-after']);
      assert.ok(wait > 0 && wait <= 120, late.headers['retry-after']);
      assert.is((await from('198.51.100.1', {}, '/nothing')).status, 429, 'unknown paths count too');
      assert.is((await from('198.51.100.1', {}, '/healthz')).status, 200, 'open ones do not');
      assert.is((await from('198.51.100.2')).status, 200);
      const write = { method: 'POST', body: {} };
      assert.is((await from('198.51.100.1', write, '/api/v1/apps/shop/resume')).status, 200);
      assert.is((await from('198.51.100.1', write, '/api/v1/apps/shop/resume')).status, 200);
      assert.is((await from('198.51.100.1', write, '/api/v1/apps/shop/resume')).status, 429);
      controller.host.tick(wait * 1000);
      assert.is((await from('198.51.100.1')).status, 200);
    },
    { rateLimit: { read: 5, write: 2 }, settings: { trustedProxies: ['127.0.0.1'] } },
  );
});

test('X-Forwarded-For counts only behind a proxy of ours, and only its last hop that is none', () => {
  const read = (server: OverTcp, forwarded: string) =>
    server.ask('/openapi.json', { headers: { 'x-forwarded-for': forwarded } });
  return (async () => {
    await overTcp(
      aShop(),
      async (server) => {
        assert.is((await read(server, '198.51.100.1')).status, 200);
        assert.is((await read(server, '198.51.100.2')).status, 429, 'anybody can write that header');
      },
      { rateLimit: { read: 1 } },
    );
    await overTcp(
      aShop(),
      async (server) => {
        assert.is((await read(server, '198.51.100.1')).status, 200);
        assert.is((await read(server, '203.0.113.9, 198.51.100.1')).status, 429, 'what the client wrote');
        assert.is((await read(server, '198.51.100.1, 10.1.2.3')).status, 429, 'a second proxy of ours');
        assert.is((await read(server, '::ffff:198.51.100.1')).status, 429, 'the same, written otherwise');
        assert.is((await read(server, '198.51.100.7')).status, 200);
        assert.is((await read(server, '2001:db8::1')).status, 200);
        assert.is((await read(server, '2001:db8::ffff:2')).status, 429, 'one network of IPv6');
        assert.is((await read(server, 'nonsense')).status, 200, 'the proxy itself');
      },
      { rateLimit: { read: 1 }, settings: { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] } },
    );
  })();
});

test('a proxy that is no address is refused with the configuration, not when somebody calls', () => {
  const load = (text: string) => loadConfig({ env: { PLIMSOLL_API_TRUSTED_PROXIES: text } });
  const good = ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1'];
  new Guard(load(JSON.stringify(good)).api, new TokenBook(aShop().history.tokens, [], Date.now), Date.now);
  for (const bad of ['proxy.example.com', '10.0.0.0/33', '10.0.0', ''])
    assert.throws(
      () => load(JSON.stringify([bad])),
      (error: unknown) => error instanceof ConfigError,
      bad,
    );
});

test('guessing tokens has to wait, and a good one is not looked at meanwhile', () => {
  const controller = aShop();
  return overTcp(
    controller,
    async (server) => {
      const token = server.token(['read']);
      for (let count = 0; count < 3; count += 1)
        assert.is((await server.ask('/api/v1/apps', { token: newToken() })).status, 401);
      const late = await server.ask('/api/v1/apps', { token });
      assert.equal([late.status, late.body.code], [429, 'TooManyFailures']);
      assert.ok(Number(late.headers['retry-after']) > 0);
      assert.is(server.tokens.list()[0]?.lastUsedAt, undefined);
      assert.is((await server.ask('/readyz')).status, 200);
      controller.host.tick(2 * minute);
      assert.is((await server.ask('/api/v1/apps', { token })).status, 200);
    },
    { rateLimit: { failedAuth: 3 } },
  );
});

test('every write stands in the audit log with who, what, and what came of it', () => {
  const controller = aShop();
  return overTcp(controller, async (server) => {
    const token = server.token(['operate', 'reconcile'], { name: 'ci' });
    const admin = server.token(['admin'], { name: 'root' });
    const post = (path: string, body: unknown) =>
      server.ask(`/api/v1/${path}`, { method: 'POST', token, body });
    const done = await post('apps/shop/suspend', { reason: 'a sale' });
    await post('apps/shop/suspend', {});
    await post('apps/cart/rollback', {});
    await post('reconcile', {});
    const { body } = await server.ask('/api/v1/audit', { token: admin });
    assert.equal(
      body.items.map(({ actor, via, address, verb, object, outcome, detail }: Record<string, string>) => [
        actor,
        via,
        address,
        verb,
        object,
        outcome,
        detail,
      ]),
      [
        ['ci', 'tcp', '127.0.0.1', 'reconcile', '', 'done', ''],
        [
          'ci',
          'tcp',
          '127.0.0.1',
          'rollback',
          'cart',
          'failed',
          'NoEarlierRelease: cart has no earlier release that was healthy',
        ],
        ['ci', 'tcp', '127.0.0.1', 'suspend', 'shop', 'failed', 'InvalidField: field reason is missing'],
        ['ci', 'tcp', '127.0.0.1', 'suspend', 'shop', 'done', ''],
      ],
    );
    assert.is(body.items.at(-1).requestId, done.headers['x-request-id']);
    const page = await server.ask('/api/v1/audit?limit=3', { token: admin });
    const rest = await server.ask(`/api/v1/audit?limit=3&cursor=${page.body.next}`, { token: admin });
    assert.equal([...page.body.items, ...rest.body.items], body.items);
    assert.is(rest.body.next, null);
    assert.is((await server.ask('/api/v1/audit?actor=nobody', { token: admin })).body.items.length, 0);
  });
});

test('refusals are counted up: a thousand of them are a few lines', () => {
  const controller = aShop();
  return overTcp(controller, async (server) => {
    const token = server.token(['read'], { name: 'ci' });
    for (let round = 0; round < 25; round += 1)
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          server.ask(`/api/v1/apps/app${index}`, { token: newToken(), headers: { 'x-n': `${round}` } }),
        ),
      );
    await server.ask('/api/v1/reconcile', { method: 'POST', token, body: {} });
    await server.ask('/api/v1/apps', { headers: { host: 'evil.org' } });
    const found = server.audit.list({ limit: 100 });
    assert.equal(
      found.map(({ actor, verb, object, outcome, detail, count }) => [
        actor,
        verb,
        object,
        outcome,
        detail,
        count,
      ]),
      [
        ['', 'read', '', 'refused', '421 UnknownHost', 1],
        ['ci', 'reconcile', '/api/v1/reconcile', 'refused', '403 InsufficientScope', 1],
        ['', 'read', '/api/v1/apps/{name}', 'refused', '401 BadToken', 1000],
      ],
    );
    await server.ask('/api/v1/apps/x', { token: newToken() });
    assert.is(server.audit.list({ limit: 100 }).at(-1)?.count, 1001);
    controller.host.tick(61 * minute);
    await server.ask('/api/v1/apps/x', { token: newToken() });
    assert.is(server.audit.list({ limit: 100 })[0]?.count, 1, 'another hour is another line');
  });
});

test('log lines and answers of one request bear one id, which a proxy of ours may give', () => {
  const lines: Record<string, unknown>[] = [];
  const take = (fields: Record<string, unknown>) => void lines.push(fields);
  const log = { info: take, warn: take, error: take, debug: take };
  const controller = Object.assign(aShop(), { log });
  return (async () => {
    await overTcp(
      controller,
      async (server) => {
        const token = server.token(['operate']);
        const headers = { 'x-request-id': 'of-the-proxy-1' };
        const answer = await server.ask('/api/v1/apps/shop/resume', {
          method: 'POST',
          token,
          headers,
          body: {},
        });
        assert.is(answer.headers['x-request-id'], 'of-the-proxy-1');
        assert.is(lines.at(-1)?.requestId, 'of-the-proxy-1');
        const bad = await server.ask('/healthz', { headers: { 'x-request-id': 'a b\u0022' } });
        assert.match(bad.headers['x-request-id'] ?? '', /^[\w-]{36}$/);
      },
      { settings: { trustedProxies: ['127.0.0.1'] } },
    );
    await overTcp(controller, async (server) => {
      const { headers } = await server.ask('/healthz', { headers: { 'x-request-id': 'of-a-stranger' } });
      assert.is.not(headers['x-request-id'], 'of-a-stranger');
    });
  })();
});

test('a part of the server answers by itself, within the rate of its kind and behind the same Host', () => {
  const part = new Hono().post('/webhooks/:provider', async (c) =>
    c.req.param('provider') === 'github'
      ? c.json({ took: (await c.req.text()).length }, 202)
      : c.json({}, 401),
  );
  return overTcp(
    aShop(),
    async (server) => {
      const post = (provider: string, headers = {}) =>
        server.ask(`/webhooks/${provider}`, { method: 'POST', body: 'x'.repeat(100_000), headers });
      const took = await post('github');
      assert.equal([took.status, took.body], [202, { took: 100_002 }]);
      assert.is(took.headers['x-content-type-options'], 'nosniff');
      assert.is((await post('github', { host: 'evil.org' })).status, 421);
      assert.is((await post('gitea')).status, 401);
      assert.is((await post('gitea')).status, 429);
      const [limited, refused] = server.audit.list({ limit: 2 });
      assert.ok([limited?.detail, refused?.detail].includes('401 Status401'));
    },
    { rateLimit: { webhook: 2 }, parts: [part] },
  );
});

test('a bug of ours is told by its id alone, its stack goes to the log', () => {
  const lines: { err?: Error; requestId?: string }[] = [];
  const take = (fields: Record<string, unknown>) => void lines.push(fields);
  const controller = Object.assign(aShop(), { log: { info: take, warn: take, error: take, debug: take } });
  controller.history.deployments = () => {
    throw new TypeError('plt_secret in /srv/place');
  };
  return overTcp(controller, async (server) => {
    const answer = await server.ask('/api/v1/apps/shop/deployments', { token: server.token(['read']) });
    assert.equal([answer.status, answer.body.code], [500, 'InternalError']);
    assert.not.match(answer.text, /plt_secret|srv/);
    const bug = lines.find(({ err }) => err !== undefined);
    assert.is(bug?.requestId, answer.body.requestId);
  });
});

test.run();
