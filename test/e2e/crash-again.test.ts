import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { expectWhole, openCrashing, spec } from './crashing.ts';
import { manifest, onHost } from './host.ts';

test(
  'a controller that is killed again and again gets there all the same',
  onHost(async (host) => {
    const { socket, start } = openCrashing(host);
    let controller = start();
    const first = host.commit({ 'shop/app.yaml': manifest('shop', '0', spec) });
    await until('the controller answers', () => host.hasSocket);
    await host.untilConverged(first);
    const clients = host.clients('shop', /^shop [01]$/);
    const loads = host.caddyLoads;
    socket.arm({ at: 1, when: 'after' });
    const revision = host.commit({ 'shop/app.yaml': manifest('shop', '1', spec) });
    let kills = 0;
    await until(
      'it is converged',
      async () => {
        if (controller.isRunning) {
          const { body } = await host.ask('GET', '/api/v1/status');
          const { revision: seen, converged } = body as { revision: string; converged: boolean };
          return seen === revision && converged;
        }
        kills += 1;
        await controller.ended();
        // Publishing takes two requests, and after the first of them alone it begins anew.
        socket.arm({ at: 1 + (kills % 3), when: 'after' });
        controller = start();
        return false;
      },
      60_000,
    );
    assert.ok(kills > 4, `killed ${kills} times`);
    socket.arm(undefined);
    await expectWhole(host, revision, '1');
    assert.is(host.caddyLoads, loads, 'Caddy was reloaded');
    await clients.end();
    assert.equal(clients.wrong, []);
    await host.expectDiff(0);
  }),
);

test.run();
