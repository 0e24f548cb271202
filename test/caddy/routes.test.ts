import { get } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { hashSync } from 'bcryptjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RouteTable } from '../../src/observed/observed.ts';
import { fixed, RealCaddy, route, until } from './real-caddy.ts';

function scenario(name: string, run: (caddy: RealCaddy) => Promise<void>): void {
  test(name, async () => {
    const caddy = await RealCaddy.start();
    try {
      await run(caddy);
    } finally {
      await caddy.close();
    }
  });
}

async function load(caddy: RealCaddy, routes: RouteTable): Promise<void> {
  await caddy.proxy().load(routes);
}

scenario('sends each host to its app, and knows no other host', async (caddy) => {
  await load(caddy, [
    route({ host: 'blog.test', app: 'blog', upstreams: fixed(await caddy.app('blog')) }),
    route({ host: 'shop.test', upstreams: fixed(await caddy.app('shop')) }),
  ]);
  assert.is((await caddy.http({ host: 'shop.test', path: '/a?b=c' })).body, 'shop /a?b=c');
  assert.is((await caddy.http({ host: 'blog.test' })).body, 'blog /');
  const unknown = await caddy.http({ host: 'other.test' });
  assert.is(unknown.status, 404);
  assert.match(unknown.body, /no app answers to this host/);
});

scenario('answers 404 for every host when there is no route at all', async (caddy) => {
  await load(caddy, []);
  assert.is((await caddy.http({ host: 'shop.test' })).status, 404);
});

scenario('prefers the longest path, and takes a prefix for whole segments only', async (caddy) => {
  const [shop, api, admin] = [await caddy.app('shop'), await caddy.app('api'), await caddy.app('admin')];
  await load(caddy, [
    route({ host: 'a.test', app: 'api', path: '/api', stripPrefix: true, upstreams: fixed(api) }),
    route({ host: 'a.test', app: 'admin', path: '/api/admin', upstreams: fixed(admin) }),
    route({ host: 'a.test', upstreams: fixed(shop) }),
    route({ host: 'b.test', app: 'api', path: '/api', upstreams: fixed(api) }),
  ]);
  const body = async (host: string, path: string): Promise<string> => (await caddy.http({ host, path })).body;
  assert.is(await body('a.test', '/api'), 'api /');
  assert.is(await body('a.test', '/api/x?y=1'), 'api /x?y=1');
  assert.is(await body('a.test', '/apix'), 'shop /apix');
  assert.is(await body('a.test', '/api/admin/x'), 'admin /api/admin/x');
  assert.is(await body('b.test', '/api/x'), 'api /api/x');
  assert.is((await caddy.http({ host: 'b.test', path: '/apix' })).status, 404);
});

scenario('lets only those pass whom basicAuth names, and nobody when it names none', async (caddy) => {
  const upstreams = fixed(await caddy.app('shop'));
  const basicAuth = [
    { user: 'ada', hash: hashSync('engine', 4) },
    { user: 'grace.h', hash: hashSync('compiler', 4).replace('$2b$', '$2a$') },
  ];
  await load(caddy, [
    route({ host: 'shop.test', basicAuth, upstreams }),
    route({ host: 'shut.test', basicAuth: [], upstreams }),
    route({ host: 'open.test', upstreams }),
  ]);
  const ask = async (host: string, login?: string) => {
    const headers = login === undefined ? {} : { authorization: `Basic ${btoa(login)}` };
    const { status, body } = await caddy.http({ host, headers });
    return [status, status === 200 ? body : ''];
  };
  assert.equal(await ask('shop.test'), [401, '']);
  assert.equal(await ask('shop.test', 'ada:compiler'), [401, '']);
  assert.equal(await ask('shop.test', 'bob:engine'), [401, '']);
  assert.equal(await ask('shop.test', 'ada:engine'), [200, 'shop /']);
  assert.equal(await ask('shop.test', 'grace.h:compiler'), [200, 'shop /']);
  assert.equal(await ask('shut.test', 'ada:engine'), [403, '']);
  assert.equal(await ask('open.test'), [200, 'shop /']);
  assert.equal(
    (await caddy.proxy().observe()).routes.find(({ host }) => host === 'shop.test')?.basicAuth,
    basicAuth,
  );
});

scenario('redirects former hosts with path and query', async (caddy) => {
  await load(caddy, [
    route({ host: 'new.test', redirectFrom: ['old.test'], upstreams: fixed(await caddy.app('shop')) }),
  ]);
  const answer = await caddy.http({ host: 'old.test', path: '/a/b?c=d' });
  assert.is(answer.status, 308);
  assert.is(answer.headers.location, 'http://new.test/a/b?c=d');
});

scenario('sets response headers in place of those of the app', async (caddy) => {
  const address = await caddy.upstream((_asked, answer) => {
    answer.setHeader('X-Frame-Options', 'ALLOWALL');
    answer.end('ok');
  });
  const headers = { 'X-Frame-Options': 'DENY', 'X-Quoted': `a "b" 'c' \\` };
  await load(caddy, [route({ host: 'shop.test', headers, upstreams: fixed(address) })]);
  const answer = await caddy.http({ host: 'shop.test' });
  assert.is(answer.headers['x-frame-options'], 'DENY');
  assert.is(answer.headers['x-quoted'], `a "b" 'c' \\`);
});

scenario('balances round-robin, by address, by connections and by cookie', async (caddy) => {
  const upstreams = fixed(await caddy.app('one'), await caddy.app('two'), await caddy.app('three'));
  await load(caddy, [
    route({ host: 'cookie.test', app: 'a', loadBalancing: 'cookie', upstreams }),
    route({ host: 'hash.test', app: 'b', loadBalancing: 'ip-hash', upstreams }),
    route({ host: 'least.test', app: 'c', loadBalancing: 'least-conn', upstreams }),
    route({ host: 'robin.test', app: 'd', upstreams }),
  ]);
  const answers = async (host: string, headers = {}): Promise<Set<string>> => {
    const bodies = new Set<string>();
    for (let i = 0; i < 30; i++) bodies.add((await caddy.http({ host, headers })).body);
    return bodies;
  };
  assert.is((await answers('robin.test')).size, 3);
  assert.is((await answers('hash.test')).size, 1);
  assert.ok((await answers('least.test')).size > 1);
  const first = await caddy.http({ host: 'cookie.test' });
  const cookie = String(first.headers['set-cookie']?.[0]?.split(';')[0]);
  assert.match(cookie, /^plimsoll_a=/);
  assert.equal([...(await answers('cookie.test', { Cookie: cookie }))], [first.body]);
});

scenario('sends a request to the replica with the fewest connections', async (caddy) => {
  const held: (() => void)[] = [];
  const slow = await caddy.upstream((_asked, answer) => void held.push(() => answer.end('slow')));
  const quick = await caddy.app('quick');
  await load(caddy, [
    route({ host: 'least.test', loadBalancing: 'least-conn', upstreams: fixed(slow, quick) }),
  ]);
  const pending: Promise<unknown>[] = [];
  while (held.length === 0) {
    const asked = caddy.http({ host: 'least.test' });
    pending.push(asked);
    await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 300))]);
  }
  for (let i = 0; i < 10; i++) assert.is((await caddy.http({ host: 'least.test' })).body, 'quick /');
  for (const release of held) release();
  await Promise.all(pending);
});

scenario('compresses text, and passes server-sent events on at once', async (caddy) => {
  const address = await caddy.upstream((asked, answer) => {
    if (asked.url === '/events') {
      answer.writeHead(200, { 'Content-Type': 'text/event-stream' });
      answer.write(`data: ${'x'.repeat(4_000)}\n\n`);
      return;
    }
    answer.setHeader('Content-Type', 'text/html; charset=utf-8');
    answer.end('<p>'.repeat(1_000));
  });
  await load(caddy, [route({ host: 'shop.test', compress: true, upstreams: fixed(address) })]);
  const accept = { 'Accept-Encoding': 'gzip' };
  const raw = await fetchRaw(caddy, '/', accept);
  assert.is(raw.encoding, 'gzip');
  assert.is(gunzipSync(raw.bytes).toString(), '<p>'.repeat(1_000));
  const events = await fetchRaw(caddy, '/events', accept, 4_000);
  assert.ok(events.bytes.length >= 4_000);
});

scenario('refuses bodies that are too large, whether they say so or not', async (caddy) => {
  await load(caddy, [route({ host: 'shop.test', maxBody: 100, upstreams: fixed(await caddy.app('shop')) })]);
  const post = async (bytes: number, headers = {}): Promise<number> => {
    const ask = { host: 'shop.test', method: 'POST', headers, body: 'x'.repeat(bytes) };
    return (await caddy.http(ask)).status;
  };
  assert.is(await post(100), 200);
  assert.is(await post(101), 413);
  assert.is(await post(100, { 'Transfer-Encoding': 'chunked' }), 200);
  assert.is(await post(10_000, { 'Transfer-Encoding': 'chunked' }), 413);
  assert.is((await caddy.http({ host: 'shop.test' })).status, 200);
});

scenario('lets only the allowed addresses in', async (caddy) => {
  await load(caddy, [
    route({
      host: 'shop.test',
      allowIPs: ['127.0.0.8/30', 'fd00::/8'],
      upstreams: fixed(await caddy.app('shop')),
    }),
  ]);
  assert.is((await caddy.http({ host: 'shop.test', from: '127.0.0.9' })).status, 200);
  assert.is((await caddy.http({ host: 'shop.test', from: '127.0.0.1' })).status, 403);
  const spoofed = { 'X-Forwarded-For': '127.0.0.9' };
  assert.is((await caddy.http({ host: 'shop.test', headers: spoofed })).status, 403);
});

scenario('says 503 for an app without a replica', async (caddy) => {
  await load(caddy, [route({ host: 'shop.test' })]);
  const answer = await caddy.http({ host: 'shop.test' });
  assert.is(answer.status, 503);
  assert.match(answer.body, /app shop has no replica/);
});

scenario('serves https with an internal certificate and redirects http to it', async (caddy) => {
  const upstreams = fixed(await caddy.app('shop'));
  await load(caddy, [
    route({ host: '*.wild.test', app: 'wild', tls: 'internal', upstreams }),
    route({ host: 'shop.test', tls: 'internal', redirectFrom: ['old.test'], upstreams }),
  ]);
  for (const host of ['shop.test', 'old.test', 'any.wild.test']) await certified(caddy, host);
  const secure = await caddy.https({ host: 'shop.test', path: '/a' });
  assert.is(secure.body, 'shop /a');
  assert.match(String(secure.issuer), /Caddy Local Authority/);
  const plain = await caddy.http({ host: 'shop.test', path: '/a?b=c' });
  assert.is(plain.status, 308);
  assert.is(plain.headers.location, 'https://shop.test/a?b=c');
  assert.is(
    (await caddy.https({ host: 'old.test', path: '/x?y' })).headers.location,
    'https://shop.test/x?y',
  );
  assert.is((await caddy.https({ host: 'any.wild.test' })).body, 'shop /');
  assert.is((await caddy.http({ host: 'other.test' })).status, 404);
});

scenario('answers 404 over https for a host that is not routed', async (caddy) => {
  await load(caddy, [
    route({ host: 'shop.test', tls: 'internal', upstreams: fixed(await caddy.app('shop')) }),
  ]);
  await certified(caddy, 'shop.test');
  const answer = await caddy.https({ host: 'other.test' }, 'shop.test');
  assert.is(answer.status, 404);
  assert.match(answer.body, /no app answers to this host/);
  // Without a certificate for the name there is no connection to answer on.
  await caddy.https({ host: 'other.test' }).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /alert/),
  );
});

/** Caddy makes certificates after it has loaded the configuration. */
async function certified(caddy: RealCaddy, host: string): Promise<void> {
  await until(`${host} has a certificate`, async () => (await caddy.https({ host })).status > 0);
}

async function fetchRaw(
  caddy: RealCaddy,
  path: string,
  headers: Record<string, string>,
  enough = Number.POSITIVE_INFINITY,
): Promise<{ encoding: string | null; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    get(
      {
        host: '127.0.0.1',
        port: caddy.httpPort,
        path,
        headers: { Host: 'shop.test', ...headers },
        timeout: 10_000,
      },
      (answer) => {
        const parts: Buffer[] = [];
        const done = (): void =>
          resolve({ encoding: answer.headers['content-encoding'] ?? null, bytes: Buffer.concat(parts) });
        answer.on('data', (part: Buffer) => {
          parts.push(part);
          if (Buffer.concat(parts).length < enough) return;
          done();
          answer.destroy();
        });
        answer.on('end', done);
      },
    )
      .on('error', reject)
      .on('timeout', () => reject(new Error('no more came within 10 s')));
  });
}

test.run();
