import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { expectWhole, openCrashing, spec } from './crashing.ts';
import { manifest, onHost } from './host.ts';

test(
  'a controller killed at any request of an update is no loss to anybody',
  onHost(async (host) => {
    const { socket, start } = openCrashing(host);
    let controller = start();
    const first = host.commit({ 'shop/app.yaml': manifest('shop', '0', spec) });
    await until('the controller answers', () => host.hasSocket);
    await host.untilConverged(first);
    const clients = host.clients('shop', /^shop \d+$/);
    const loads = host.caddyLoads;
    let at = 0;
    for (; ; at += 1) {
      const release = String(at + 1);
      // Every state that requests leave behind, once; the very first request also unseen by the engine.
      socket.arm({ at: Math.max(1, at), when: at === 0 ? 'before' : 'after' });
      const revision = host.commit({ 'shop/app.yaml': manifest('shop', release, spec) });
      await until('it is killed or done', async () => {
        if (!controller.isRunning) return true;
        const { body } = await host.ask('GET', '/api/v1/status');
        const { revision: seen, converged } = body as { revision: string; converged: boolean };
        return seen === revision && converged;
      });
      if (socket.isArmed) break;
      await controller.ended();
      controller = start();
      await expectWhole(host, revision, release);
      assert.is(host.caddyLoads, loads, `killed at request ${at}: Caddy was reloaded`);
    }
    assert.ok(at > 8, `an update took ${at} requests`);
    await clients.end();
    assert.equal(clients.wrong, []);
    await host.expectDiff(0);
  }),
);

test.run();
