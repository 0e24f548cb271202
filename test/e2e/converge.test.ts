import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost } from './host.ts';

test(
  'apply brings a commit in, and a second one finds nothing to do',
  onHost(async (host) => {
    host.commit({ 'shop/app.yaml': manifest('shop', '1'), 'api/app.yaml': manifest('api', '1') });
    const before = await host.expectDiff(1);
    assert.match(before.stdout, 'diff shop');
    await host.apply();
    assert.is(await host.marker('shop'), 'shop 1');
    assert.is(await host.marker('api'), 'api 1');
    await host.expectDiff(0);
    assert.is((await host.expectDiff(0)).stdout, '');
    const ids = await host.ids();
    await host.apply();
    assert.equal(await host.ids(), ids);
  }),
);

test(
  'what means the same, and what concerns another app, moves no container',
  onHost(async (host) => {
    const first = host.commit({ 'shop/app.yaml': manifest('shop', '1') });
    await host.controller();
    await host.untilConverged(first);
    const ids = await host.ids('shop');
    const clients = host.clients('shop', /^shop 1$/);
    const loads = host.caddyLoads;

    const { spec, metadata, ...rest } = JSON.parse(manifest('shop', '1')) as Record<string, object>;
    const reordered = {
      spec: Object.fromEntries(Object.entries(spec ?? {}).toReversed()),
      metadata,
      ...rest,
    };
    const edits = [
      { 'shop/app.yaml': `# a comment\n${manifest('shop', '1')}\n# another\n` },
      { 'shop/app.yaml': JSON.stringify(reordered) },
      { 'shop/app.yaml': manifest('shop', '1'), 'README.md': 'text\n', 'api/app.yaml': manifest('api', '1') },
      { 'shop/app.yaml': undefined, 'elsewhere/shop/app.yml': manifest('shop', '1') },
    ];
    for (const files of edits) {
      await host.untilConverged(host.commit(files));
      assert.equal(await host.ids('shop'), ids);
    }
    await clients.end();
    // The other app brings a route.
    assert.equal(clients.wrongBeyond(host.caddyLoads - loads), []);
    await host.expectDiff(0);
  }),
);

test(
  'a change of routes takes effect without a restart',
  onHost(async (host) => {
    const domain = { host: 'shop.test', tls: 'off' };
    const first = host.commit({ 'shop/app.yaml': manifest('shop', '1', { domains: [domain] }) });
    await host.controller();
    await host.untilConverged(first);
    const ids = await host.ids();
    const domains = [
      { ...domain, headers: { 'X-Mark': 'two' } },
      { host: 'shop2.test', tls: 'off' },
    ];
    const second = host.commit({ 'shop/app.yaml': manifest('shop', '1', { domains }) });
    await host.untilConverged(second);
    // A listener of the old configuration may still take a connection right after the load.
    await until('the header is there', async () => {
      const { headers, body } = await host.caddy.http({ host: 'shop.test' });
      assert.is(body.trim(), 'shop 1');
      return headers['x-mark'] === 'two';
    });
    assert.is((await host.caddy.http({ host: 'shop2.test' })).body.trim(), 'shop 1');
    assert.equal(await host.ids(), ids);
    assert.is((await host.app('shop')).sync, 'Synced');
  }),
);

test(
  'an update loses no request, and a restarted controller has nothing to do',
  onHost(async (host) => {
    const spec = { replicas: 2 };
    await host.controller().then(async (controller) => {
      await host.untilConverged(host.commit({ 'shop/app.yaml': manifest('shop', '1', spec) }));
      const clients = host.clients('shop', /^shop [12]$/);
      const loads = host.caddyLoads;
      await host.untilConverged(host.commit({ 'shop/app.yaml': manifest('shop', '2', spec) }));
      await until('the clients saw both', () => clients.seen.length === 2);
      await clients.end();
      assert.equal(clients.wrong, []);
      assert.ok(clients.count > 20);
      assert.is(host.caddyLoads, loads, 'Caddy was reloaded');
      assert.is(await controller.end(), 0);
    });
    const ids = await host.ids();
    assert.is(ids.length, 2);
    await host.controller();
    await host.untilConverged(host.commit({ 'README.md': 'text\n' }));
    await host.expectDiff(0);
    assert.equal(await host.ids(), ids);
  }),
);

test.run();
