import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost } from './host.ts';

test(
  'a restart that a person asks for is gapless, and recorded with who asked',
  onHost(async (host) => {
    await host.controller();
    await host.untilConverged(host.commit({ 'shop/app.yaml': manifest('shop', '1', { replicas: 2 }) }));
    const before = await host.ids('shop');
    const clients = host.clients('shop', /^shop 1$/);
    const ran = await host.plimsoll('restart', 'shop');
    assert.is(ran.code, 0, ran.stderr);
    await until(
      'both are others',
      async () => {
        const now = await host.ids('shop');
        return now.length === 2 && now.every((id) => !before.includes(id));
      },
      40_000,
    );
    await clients.end();
    assert.equal(clients.wrong, []);
    const events = await host.plimsoll('events', 'shop', '-o', 'json');
    assert.match(events.stdout, /RestartAsked/);
    const again = await host.plimsoll('restart', 'shop', '--replica', '7');
    assert.is(again.code, 4, again.stderr);
    assert.match(again.stderr, /no running replica 7/);
    const kept = (await host.ids('shop')).toSorted();
    await host.plimsoll('reconcile');
    assert.equal((await host.ids('shop')).toSorted(), kept);
    await host.expectDiff(0);
  }),
);

test(
  'a controller that starts anew tells nothing of an app that stands as before',
  onHost(async (host) => {
    const first = await host.controller();
    await host.untilConverged(host.commit({ 'shop/app.yaml': manifest('shop', '1') }));
    const told = async () => (await host.plimsoll('events', 'shop', '-o', 'json')).stdout;
    const before = await told();
    assert.match(before, /Reconciled/);
    await first.end();
    const second = await host.controller();
    await until('it was asked for its health', async () => {
      const { code } = await host.plimsoll('wait', 'shop', '--for', 'healthy', '--timeout', '20s');
      return code === 0;
    });
    assert.is(await told(), before);
    await second.end();
  }),
);

test.run();
