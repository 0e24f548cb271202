import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { manifest, onHost } from './host.ts';

test(
  'one bad manifest hurts one app: its containers stay, every other app converges',
  onHost(async (host) => {
    host.commit({ 'shop/app.yaml': manifest('shop', '1'), 'api/app.yaml': manifest('api', '1') });
    await host.apply();
    const shop = await host.ids('shop');

    host.commit({
      'shop/app.yaml': manifest('shop', '2', { replicaz: 2 }),
      'api/app.yaml': manifest('api', '2'),
      'new/app.yaml': manifest('new', '1'),
    });
    const [validated, shown] = await Promise.all([host.plimsoll('validate'), host.expectDiff(2)]);
    assert.is(validated.code, 2);
    assert.match(validated.stderr, /shop\/app\.yaml:\d+:\d+: error E\d+ .*replicaz/);
    assert.match(shown.stderr, /shop\/app\.yaml:\d+:\d+/);
    assert.match(shown.stdout, /diff api/);
    const applied = await host.apply(2);
    assert.match(applied.stderr, /shop\/app\.yaml:\d+:\d+/);
    assert.equal(await host.ids('shop'), shop);
    assert.is(await host.marker('shop'), 'shop 1');
    assert.is(await host.marker('api'), 'api 2');
    assert.is(await host.marker('new'), 'new 1');

    // Nor when it does not even tell its name any more; an app that is killed then is still looked after.
    host.commit({ 'shop/app.yaml': 'kind: [', 'api/app.yaml': manifest('api', '3') });
    await (await host.only('shop')).kill();
    await host.apply(2);
    assert.equal(await host.ids('shop'), shop);
    assert.is(await host.marker('shop'), 'shop 1');
    assert.is(await host.marker('api'), 'api 3');
    await host.expectDiff(2);
  }),
);

test.run();
