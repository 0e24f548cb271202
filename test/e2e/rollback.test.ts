import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost, programs, type TestHost } from './host.ts';

interface Deployment {
  readonly id: string;
  readonly revision: string;
  readonly result: string | null;
  readonly phase: string;
}

async function deployments(host: TestHost, app: string, revision: string): Promise<Deployment[]> {
  const { body } = await host.ask('GET', `/api/v1/apps/${app}/deployments`);
  return (body as { items: Deployment[] }).items.filter((one) => one.revision === revision);
}

test(
  'a release that fails its gate leaves the old one serving, is tried once, and again only when asked',
  onHost(async (host) => {
    const good = {
      'shop/app.yaml': manifest('shop', '1', { replicas: 2 }),
      'api/app.yaml': manifest('api', '1'),
    };
    await host.controller();
    await host.untilConverged(host.commit(good));
    const ids = { shop: await host.ids('shop'), api: await host.ids('api') };
    const clients = [host.clients('shop', /^shop 1$/), host.clients('api', /^api 1$/)];

    const bad = host.commit({
      'shop/app.yaml': manifest('shop', '2', {
        replicas: 2,
        command: programs.neverHealthy,
        deploy: { deadline: '2s', drain: '1s', stopGrace: '1s' },
        domains: [{ host: 'other.test', tls: 'off' }],
      }),
      'api/app.yaml': manifest('api', '2', { command: programs.exits }),
    });
    await host.untilReason('api', 'Quarantined');
    await host.untilReason('shop', 'Quarantined');
    await until('what failed is gone', async () => (await host.ids()).length === 3);
    assert.equal(await host.ids('shop'), ids.shop);
    assert.equal(await host.ids('api'), ids.api);
    const status = await host.app('shop');
    assert.is(status.sync, 'OutOfSync');
    assert.is(status.operation, 'RolledBack');
    assert.is(status.quarantine?.reason, 'DeadlineExceeded');
    assert.is((await host.app('api')).quarantine?.reason, 'ContainerExited');
    const { stdout } = await host.expectDiff(1);
    assert.match(stdout, /# Quarantined: DeadlineExceeded/);
    assert.match(stdout, /# Quarantined: ContainerExited/);

    // Other commits do not try it again.
    const later = host.commit({ 'README.md': 'text\n' });
    await until('the commit is seen', async () => {
      const { body } = await host.ask('GET', '/api/v1/status');
      return (body as { revision: string }).revision === later;
    });
    for (const app of ['shop', 'api']) {
      const tried = await deployments(host, app, bad);
      assert.equal(
        tried.map(({ result }) => result),
        ['RolledBack'],
        app,
      );
      assert.is((await deployments(host, app, later)).length, 0);
    }

    await host.ask('POST', '/api/v1/reconcile', { app: 'api', retry: true });
    await until('it is tried again', async () => {
      const tried = [...(await deployments(host, 'api', bad)), ...(await deployments(host, 'api', later))];
      return tried.length === 2 && tried.every(({ result }) => result === 'RolledBack');
    });
    for (const one of clients) {
      await one.end();
      assert.equal(one.wrong, []);
    }

    const mended = host.commit({
      'shop/app.yaml': manifest('shop', '3'),
      'api/app.yaml': manifest('api', '3'),
    });
    await host.untilConverged(mended);
    assert.is(await host.marker('shop'), 'shop 3');
    assert.is(await host.marker('api'), 'api 3');
    await host.expectDiff(0);
  }),
);

test(
  'apply says that a release was rolled back',
  onHost(async (host) => {
    host.commit({ 'shop/app.yaml': manifest('shop', '1') });
    await host.apply();
    host.commit({ 'shop/app.yaml': manifest('shop', '2', { command: programs.ends }) });
    const { stderr } = await host.apply(1);
    assert.match(stderr, /RolledBack/);
    assert.is(await host.marker('shop'), 'shop 1');
    // A second one neither tries again nor calls it done.
    const ids = await host.ids();
    await host.apply(1);
    assert.equal(await host.ids(), ids);
  }),
);

test(
  'stop-first returns to the old release, made anew, with its data',
  onHost(async (host) => {
    const volumes = [{ name: 'data', mount: '/data' }];
    const keeps = [
      '/bin/sh',
      '-c',
      'trap "exit 0" TERM; mkdir -p /www; test -e /data/first || echo "$RELEASE" > /data/first; echo "$APP $(cat /data/first)" > /www/index.html; httpd -f -p 8080 -h /www & wait',
    ];
    await host.controller();
    await host.untilConverged(
      host.commit({ 'shop/app.yaml': manifest('shop', '1', { volumes, command: keeps }) }),
    );
    const before = await host.ids();
    assert.is(await host.marker('shop'), 'shop 1');
    host.commit({ 'shop/app.yaml': manifest('shop', '2', { volumes, command: programs.exits }) });
    await host.untilReason('shop', 'Quarantined');
    await until('the old release serves again', async () => (await host.marker('shop')) === 'shop 1');
    await until('it stands alone', async () => (await host.containers()).length === 1);
    assert.not.equal(await host.ids(), before);
    const { stdout } = await host.expectDiff(1);
    assert.match(stdout, /# Quarantined/);

    // Going on from there keeps the data too, and a container that ignores SIGTERM holds up nothing.
    await host.untilConverged(
      host.commit({ 'shop/app.yaml': manifest('shop', '3', { volumes, command: keeps }) }),
    );
    assert.is(await host.marker('shop'), 'shop 1');
  }),
);

test(
  'a slow start is waited for, and a container that ignores SIGTERM is ended',
  onHost(async (host) => {
    await host.controller();
    await host.untilConverged(
      host.commit({ 'shop/app.yaml': manifest('shop', '1', { command: programs.deaf }) }),
    );
    const clients = host.clients('shop', /^shop [12]$/);
    await host.untilConverged(
      host.commit({
        'shop/app.yaml': manifest('shop', '2', {
          command: programs.slow,
          deploy: { deadline: '15s', drain: '1s', stopGrace: '1s' },
        }),
      }),
    );
    await until('the clients saw both', () => clients.seen.length === 2);
    await clients.end();
    assert.equal(clients.wrong, []);
    assert.is((await host.ids()).length, 1);
  }),
);

test.run();
