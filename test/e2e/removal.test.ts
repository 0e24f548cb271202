import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost } from './host.ts';

const data = { name: 'data', mount: '/data' };

test(
  'an app that git drops is removed, and its volumes stay unless the manifest gave them up',
  onHost(async (host) => {
    const files = {
      'shop/app.yaml': manifest('shop', '1'),
      'kept/app.yaml': manifest('kept', '1', { volumes: [data] }),
      'given/app.yaml': manifest('given', '1', { volumes: [{ ...data, retain: false }] }),
      'api/app.yaml': manifest('api', '1'),
    };
    await host.controller();
    await host.untilConverged(host.commit(files));
    const volume = (app: string) => `plimsoll-${host.instance}-${app}-data`;
    assert.equal(await host.volumes(), [volume('given'), volume('kept')]);

    // A folder that is renamed is no removal.
    const ids = await host.ids();
    await host.untilConverged(
      host.commit({ 'shop/app.yaml': undefined, 'moved/deep/app.yaml': files['shop/app.yaml'] }),
    );
    assert.equal(await host.ids(), ids);

    const removed = host.commit({ 'kept/app.yaml': undefined, 'given/app.yaml': undefined });
    await until('they are gone', async () => (await host.containers()).length === 2);
    await host.untilConverged(removed);
    assert.is(await host.marker('kept'), '404');
    await until('the given volume is gone', async () => (await host.volumes()).length === 1);
    assert.equal(await host.volumes(), [volume('kept')]);
    assert.is(await host.marker('shop'), 'shop 1');
    await host.expectDiff(0);
  }),
);

test(
  'a commit that removes too much removes nothing until a person approves it',
  onHost(async (host) => {
    const apps = ['a1', 'a2', 'a3'];
    host.commit(Object.fromEntries(apps.map((app) => [`${app}/app.yaml`, manifest(app, '1')])));
    await host.apply();
    const ids = await host.ids();
    host.commit({ 'a1/app.yaml': undefined, 'a2/app.yaml': undefined, 'a3/app.yaml': manifest('a3', '2') });
    const { stderr } = await host.apply(4);
    assert.match(stderr, 'a1, a2');
    assert.is((await host.ids()).filter((id) => ids.includes(id)).length, 2);
    assert.is(await host.marker('a1'), 'a1 1');
    assert.is(await host.marker('a3'), 'a3 2', 'the others converge');
    const { stdout } = await host.expectDiff(1);
    assert.match(stdout, /# PruneHeld: .*a1, a2/);

    await host.controller();
    await host.untilReason('a1', 'PruneHeld');
    // What is held is still looked after.
    await (await host.only('a1')).kill();
    await until('a1 serves again', async () => (await host.marker('a1')) === 'a1 1');
    assert.is((await host.plimsoll('approve', '--prune')).code, 0);
    await until('they are gone', async () => (await host.containers()).length === 1);
    await until('nothing differs', async () => (await host.plimsoll('diff')).code === 0);
  }),
);

test(
  'a renamed app keeps its volume and serves without a gap',
  onHost(async (host) => {
    const domains = [{ host: 'shop.test', tls: 'off' }];
    const spec = { volumes: [{ ...data, readOnly: true }], domains };
    await host.controller();
    await host.untilConverged(host.commit({ 'shop/app.yaml': manifest('shop', '1', spec) }));
    const volumes = await host.volumes();
    const clients = host.clients('shop', /^(shop|store) 1$/);
    const loads = host.caddyLoads;
    const renamed = manifest('store', '1', spec, { renamedFrom: 'shop' });
    const revision = host.commit({ 'shop/app.yaml': undefined, 'store/app.yaml': renamed });
    await until('the clients saw both', () => clients.seen.length === 2);
    await host.untilConverged(revision);
    await clients.end();
    // The route's app is another one, so Caddy is loaded anew.
    assert.equal(clients.wrongBeyond(host.caddyLoads - loads), []);
    assert.equal(await host.volumes(), volumes);
    const { Mounts } = await (await host.only('store')).inspect();
    assert.equal(
      Mounts.map(({ Name }) => Name),
      volumes,
    );
    assert.is((await host.containers()).length, 1);
    await host.expectDiff(0);
  }),
);

test.run();
