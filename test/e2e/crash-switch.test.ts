import { watch as watchFolder } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { expectWhole, spec } from './crashing.ts';
import { manifest, onHost } from './host.ts';

test(
  'a controller killed at a switch of traffic is no loss to anybody',
  onHost(async (host) => {
    let controller = host.start();
    const first = host.commit({ 'shop/app.yaml': manifest('shop', '0', spec) });
    await until('the controller answers', () => host.hasSocket);
    await host.untilConverged(first);
    const clients = host.clients('shop', /^shop \d+$/);
    const loads = host.caddyLoads;
    // An update of two replicas switches twice: each of the two is a controller's last act once.
    for (const fatal of [1, 2]) {
      const switched = new Set<string>();
      const watch = watchFolder(host.caddy.flagDir, (_event, flag) => {
        if (flag !== null && /^shop\.\d$/.test(flag)) switched.add(flag);
        if (switched.size >= fatal && controller.isRunning) controller.signal('SIGKILL');
      });
      host.endsWith(() => watch.close());
      const revision = host.commit({ 'shop/app.yaml': manifest('shop', String(fatal), spec) });
      await until('it is killed', () => !controller.isRunning);
      watch.close();
      await controller.ended();
      controller = host.start();
      await expectWhole(host, revision, String(fatal));
    }
    assert.is(host.caddyLoads, loads, 'Caddy was reloaded');
    await clients.end();
    assert.equal(clients.wrong, []);
    await host.expectDiff(0);
  }),
);

test.run();
