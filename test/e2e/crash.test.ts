import { watch as watchFolder } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost, type TestController, type TestHost } from './host.ts';
import { KillingSocket } from './killing-socket.ts';

const spec = {
  replicas: 2,
  healthCheck: { http: {}, interval: '1s', timeout: '1s' },
  deploy: { deadline: '20s', drain: '300ms', stopGrace: '1s', maxSurge: 2 },
};

/** A controller whose every request can be its last. */
function openCrashing(host: TestHost) {
  const socket = new KillingSocket(join(host.dir, 'engine.sock'));
  host.endsWith(() => socket.close());
  let controller: TestController | undefined;
  socket.onKill = () => controller?.signal('SIGKILL');
  const start = () => {
    controller = host.start({ DOCKER_HOST: `unix://${socket.path}` });
    return controller;
  };
  return { socket, start };
}

/** Exactly what was committed, and nothing else, is there and said. */
async function expectWhole(host: TestHost, revision: string, release: string): Promise<void> {
  await host.untilConverged(revision);
  assert.is(await host.marker('shop'), `shop ${release}`);
  const containers = await host.containers();
  assert.equal(containers.map(({ app, replica, state }) => `${app} ${replica} ${state}`).sort(), [
    'shop 0 running',
    'shop 1 running',
  ]);
  const { body } = await host.ask('GET', '/api/v1/apps/shop/deployments');
  const { items } = body as { items: readonly { result: string | null }[] };
  assert.equal(
    items.filter(({ result }) => result === null),
    [],
  );
}

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
