import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import type { CaddyProxy } from '../../src/caddy/proxy.ts';
import type { RouteTable } from '../../src/observed/observed.ts';
import { fixed, freePorts, RealCaddy, route, until } from './real-caddy.ts';

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

async function refusal(proxy: CaddyProxy, routes: RouteTable): Promise<EdgeError> {
  try {
    await proxy.load(routes);
  } catch (error) {
    assert.instance(error, EdgeError);
    return error as EdgeError;
  }
  throw new Error('the routes were not refused');
}

async function shop(caddy: RealCaddy): Promise<RouteTable> {
  return [route({ host: 'shop.test', upstreams: fixed(await caddy.app('shop')) })];
}

scenario('observes exactly what was loaded, also in a process without memory', async (caddy) => {
  const routes = [
    ...(await shop(caddy)),
    route({
      host: 'b.test',
      app: 'b',
      tls: 'internal',
      headers: { 'X-A': 'ä "b"' },
      redirectFrom: ['c.test'],
    }),
  ];
  await caddy.proxy().load(routes);
  assert.equal(await caddy.proxy().observe(), { state: 'running', routes, sharesFlags: true, flags: [] });
  const file = join(caddy.dir, 'Caddyfile');
  assert.match(readFileSync(file, 'utf8'), /http:\/\/shop\.test \{/);
  assert.is(statSync(file).mode & 0o777, 0o600);
});

scenario('sends no second load for what runs already', async (caddy) => {
  const { admin, calls, close } = await countingAdmin(caddy);
  try {
    const routes = await shop(caddy);
    // Caddy listens where it always did, whatever stands between: the template says so too.
    const template = readFileSync(caddy.template, 'utf8');
    writeFileSync(
      caddy.template,
      template.replace(/^(\s*)# plimsoll:global$/m, `$&\n\tadmin 127.0.0.1:${caddy.adminPort}`),
    );
    const proxy = caddy.proxy({ admin });
    await proxy.load(routes);
    await proxy.load(routes);
    await caddy.proxy({ admin }).load(routes);
    assert.is((await proxy.observe()).state, 'running');
    assert.is(calls.filter((call) => call === 'POST /load').length, 1);
    calls.length = 0;
    await proxy.observe();
    assert.equal(calls, ['GET /config/']);
  } finally {
    close();
  }
});

scenario('reports an edit by hand and mends it', async (caddy) => {
  const proxy = caddy.proxy();
  const routes = await shop(caddy);
  const before = Date.now();
  await proxy.load(routes);
  await caddy.askAdmin('/config/apps/http/servers/srv0/routes/0/match/0/host', '"evil.test"');
  const { loadedAt = 0, ...state } = await proxy.observe();
  assert.ok(before <= loadedAt && loadedAt <= Date.now());
  assert.is(state.state, 'edited');
  assert.equal(state.routes, []);
  assert.match(String(state.message), /apps\.http\.servers\.srv0\.routes\[0\]\.match\[0\]\.host\[1\]/);
  assert.equal(await caddy.proxy().observe(), state);
  await proxy.load(routes);
  const mended = await proxy.observe();
  assert.ok((mended.loadedAt ?? 0) >= loadedAt);
  const running = { state: 'running', routes, sharesFlags: true, loadedAt: mended.loadedAt, flags: [] };
  assert.equal(mended, running);
});

scenario('reports a Caddy that came back empty, and restores its routes', async (caddy) => {
  const proxy = caddy.proxy();
  const routes = await shop(caddy);
  await proxy.load(routes);
  await caddy.kill();
  const gone = await proxy.observe();
  assert.is(gone.state, 'unreachable');
  assert.match(String(gone.message), /ECONNREFUSED/);
  const error = await refusal(proxy, routes);
  assert.is(`${error.kind} ${error.reason}`, 'unreachable ProxyUnreachable');
  await caddy.run();
  const empty = await proxy.observe();
  assert.is(empty.state, 'edited');
  assert.match(String(empty.message), /runs nothing of ours/);
  await proxy.load(routes);
  assert.is((await caddy.http({ host: 'shop.test' })).body, 'shop /');
  assert.is((await proxy.observe()).state, 'running');
});

scenario('gives up on a Caddy that does not answer', async (caddy) => {
  const silent = createServer(() => {});
  const [port = 0] = await freePorts(1);
  await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
  try {
    const state = await caddy.proxy({ admin: `http://127.0.0.1:${port}` }).observe();
    assert.is(state.state, 'unreachable');
    assert.match(String(state.message), /no answer within 2 s/);
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});

scenario('keeps the old configuration when Caddy refuses a new one, and names the app', async (caddy) => {
  const template = readFileSync(caddy.template, 'utf8');
  writeFileSync(caddy.template, `${template}\nhttp://taken.test {\n\trespond "mine"\n}\n`);
  const proxy = caddy.proxy();
  const routes = await shop(caddy);
  await proxy.load(routes);
  const error = await refusal(proxy, [...routes, route({ app: 'thief', host: 'taken.test' })]);
  assert.is(`${error.kind} ${error.reason}`, 'transient ProxyRejected');
  assert.match(error.message, /^load routes: app thief: .*ambiguous site definition.*taken\.test/);
  assert.is((await caddy.http({ host: 'shop.test' })).body, 'shop /');
  assert.is((await caddy.http({ host: 'taken.test' })).body, 'mine');
  const state = await proxy.observe();
  assert.equal(state.routes, routes);
  assert.is(state.message, error.message);
  await proxy.load(routes);
  assert.is((await proxy.observe()).message, undefined);
});

scenario(
  'loads the routes of the other apps, and leaves those of a refused one as they are',
  async (caddy) => {
    const template = readFileSync(caddy.template, 'utf8');
    writeFileSync(caddy.template, `${template}\nhttp://taken.test {\n\trespond "mine"\n}\n`);
    const proxy = caddy.proxy();
    const upstreams = fixed(await caddy.app('thief'));
    const thief = route({ app: 'thief', host: 'a.test', upstreams });
    await proxy.load([thief]);
    const others = [
      route({ app: 'blog', host: 'b.test', upstreams: fixed(await caddy.app('blog')) }),
      ...(await shop(caddy)),
    ];
    const bad = [
      { headers: { 'X-A': '`' } },
      { host: 'taken.test' },
      { host: 'b.test', path: '/x', tls: 'internal' as const },
    ];
    for (const change of bad) {
      await proxy.load([thief]);
      assert.match((await refusal(proxy, [...others, { ...thief, ...change }])).message, /app thief: /);
      const { state, routes, message } = await proxy.observe();
      assert.equal({ state, routes }, { state: 'running', routes: [thief, ...others] });
      assert.match(String(message), /app thief/);
      assert.is((await caddy.http({ host: 'shop.test' })).body, 'shop /');
      assert.is((await caddy.http({ host: 'a.test' })).body, 'thief /');
    }
  },
);

scenario('names the app and the field that may not be written', async (caddy) => {
  const proxy = caddy.proxy();
  const error = await refusal(proxy, [
    route({ app: 'evil', host: 'a.test', headers: { 'X-A': '{env.HOME}' } }),
  ]);
  assert.match(error.message, /app evil: header value/);
});

scenario('tells when a port is taken', async (caddy) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(caddy.httpPort, resolve));
  try {
    const error = await refusal(caddy.proxy(), await shop(caddy));
    assert.is(error.reason, 'ProxyRejected');
    assert.match(error.message, /address already in use/);
  } finally {
    other.close();
  }
});

scenario('sees that the template was edited, and loads it with the next routes', async (caddy) => {
  const proxy = caddy.proxy();
  const routes = await shop(caddy);
  await proxy.load(routes);
  const template = readFileSync(caddy.template, 'utf8');
  writeFileSync(caddy.template, `${template}\nhttp://extra.test {\n\trespond "extra"\n}\n`);
  assert.is((await proxy.observe()).state, 'edited');
  await proxy.load(routes);
  assert.is((await proxy.observe()).state, 'running');
  assert.is((await caddy.http({ host: 'extra.test' })).body, 'extra');
});

scenario('blames a template that Caddy cannot read, and goes on serving', async (caddy) => {
  const proxy = caddy.proxy();
  const routes = await shop(caddy);
  await proxy.load(routes);
  const template = readFileSync(caddy.template, 'utf8');
  for (const [broken, words] of [
    [`${template}\nnonsense.test {\n\tnonsense\n}\n`, /the template .*nonsense/],
    [template.replace('# plimsoll:routes\n', ''), /# plimsoll:routes/],
  ] as const) {
    writeFileSync(caddy.template, broken);
    assert.match((await refusal(proxy, routes)).message, words);
    const state = await proxy.observe();
    assert.is(state.state, 'edited');
    assert.is((await caddy.http({ host: 'shop.test' })).body, 'shop /');
  }
  rmSync(caddy.template);
  assert.match((await refusal(proxy, routes)).message, /template .*ENOENT/);
  assert.is((await proxy.observe()).state, 'edited');
});

scenario('reads the flags each time, and only those that are flags', async (caddy) => {
  const proxy = caddy.proxy();
  assert.equal((await proxy.observe()).flags, []);
  await proxy.switch('shop', 1, true);
  await proxy.switch('blog', 0, true);
  await proxy.switch('blog', 0, true);
  mkdirSync(join(caddy.flagDir, 'not-a-flag'));
  writeFileSync(join(caddy.flagDir, '.shop.2'), '');
  assert.equal((await proxy.observe()).flags, ['blog.0', 'shop.1']);
  assert.is(statSync(join(caddy.flagDir, 'shop.1')).mode & 0o777, 0o644);
  assert.is(statSync(caddy.flagDir).mode & 0o777, 0o755);
  await proxy.switch('blog', 0, false);
  await proxy.switch('blog', 0, false);
  assert.equal((await proxy.observe()).flags, ['shop.1']);
  await proxy.switch('../x', 0, true).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /not a slot/),
  );
});

scenario('tells whether Caddy sees the flag folder', async (caddy) => {
  const proxy = caddy.proxy();
  assert.is(await proxy.seesFlags(), false);
  await proxy.load([]);
  assert.is(await proxy.seesFlags(), true);
  rmSync(caddy.flagDir, { recursive: true });
  assert.is(await proxy.seesFlags(), false);
  assert.type(await proxy.version(), 'string');
  await caddy.kill();
  assert.is(await proxy.version(), undefined);
});

scenario('calls its listeners when Caddy or the flags change, and not otherwise', async (caddy) => {
  const proxy = caddy.proxy({ pollInterval: 50 });
  await proxy.load(await shop(caddy));
  const { calls, close, admin } = await countingAdmin(caddy);
  const watching = caddy.proxy({ admin, pollInterval: 50 });
  let changes = 0;
  const unsubscribe = watching.onChange(() => {
    changes += 1;
  });
  try {
    await until('it has looked a few times', () => calls.length > 3);
    assert.is(changes, 1, 'once at the beginning');
    const changed = async (what: () => Promise<unknown>): Promise<void> => {
      const before = changes;
      await what();
      await until('the listener is called', () => changes > before);
    };
    await changed(() => proxy.switch('shop', 0, true));
    await changed(() =>
      caddy.askAdmin('/config/apps/http/servers/srv0/routes/0/match/0/host', '"evil.test"'),
    );
    await changed(() => caddy.kill());
    await changed(() => caddy.run());
    unsubscribe();
    const before = changes;
    await proxy.switch('shop', 0, false);
    await proxy.observe();
    assert.is(changes, before);
  } finally {
    unsubscribe();
    close();
  }
});

scenario('calls its listeners when Caddy is again as it was before our load', async (caddy) => {
  const routes = await shop(caddy);
  const proxy = caddy.proxy({ pollInterval: 2_000 });
  let changes = 0;
  const unsubscribe = proxy.onChange(() => {
    changes += 1;
  });
  try {
    await until('it is told of a Caddy that runs nothing', () => changes === 1);
    // All of this between two polls.
    await proxy.load(routes);
    assert.is((await proxy.observe()).state, 'running');
    await caddy.kill();
    await caddy.run();
    await until('it is told of it again', () => changes > 1);
    assert.is((await proxy.observe()).state, 'edited');
  } finally {
    unsubscribe();
  }
});

/** An admin API that passes everything on to Caddy's and writes down what was asked. */
async function countingAdmin(
  caddy: RealCaddy,
): Promise<{ admin: string; calls: string[]; close: () => void }> {
  const calls: string[] = [];
  const server = createServer((asked, answer) => {
    calls.push(`${asked.method} ${asked.url}`);
    const host = `127.0.0.1:${caddy.adminPort}`;
    const options = {
      method: asked.method,
      path: asked.url,
      headers: { ...asked.headers, host, origin: `http://${host}` },
    };
    asked.pipe(
      request(caddy.admin, { ...options, agent: false }, (from) => {
        answer.writeHead(from.statusCode ?? 500, from.headers);
        from.pipe(answer);
      }).on('error', () => answer.destroy()),
    );
  });
  const [port = 0] = await freePorts(1);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { admin: `http://127.0.0.1:${port}`, calls, close };
}

test.run();
