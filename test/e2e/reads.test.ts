import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Said } from '../api/said.ts';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost, programs, type TestHost } from './host.ts';

async function items(host: TestHost, path: string): Promise<Said[]> {
  const { status, body } = await host.ask('GET', `/api/v1/${path}`);
  assert.is(status, 200, `${path} ${JSON.stringify(body)}`);
  return (body as { items: [] }).items;
}

/** An answer that is no JSON. */
async function plain(host: TestHost, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request({ socketPath: `${host.stateDir}/plimsoll.sock`, path, agent: false });
  asked.on('error', reject).on('response', (answer) => text(answer).then(resolve, reject));
  asked.end();
  return promise;
}

const secret = 'the-secret-of-the-hook';

async function push(host: TestHost, secretUsed: string): Promise<number> {
  const { listen } = JSON.parse(readFileSync(host.config, 'utf8')).api;
  const body = JSON.stringify({ ref: 'refs/heads/main', after: 'c'.repeat(40) });
  const signature = createHmac('sha256', secretUsed).update(body).digest('hex');
  const { status } = await fetch(`http://${listen}/webhooks/github`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': 'd-1',
      'x-hub-signature-256': `sha256=${signature}`,
    },
  });
  return status;
}

test(
  'a running controller tells of its host, sources, certificates, deliveries, usage and deployments, and counts',
  onHost(
    async (host) => {
      await host.controller();
      const shop = {
        domains: [{ host: 'shop.test', tls: 'internal' }],
        volumes: [{ name: 'data', mount: '/data' }],
      };
      const rest = { 'cart/app.yaml': manifest('cart', '1', {}, { labels: { team: 'core' } }) };
      const revision = host.commit({ 'shop/app.yaml': manifest('shop', '1', shop), ...rest });
      await host.untilConverged(revision);
      const broken = manifest('cart', '2', { command: programs.exits }, { labels: { team: 'core' } });
      host.commit({ 'cart/app.yaml': broken });
      await host.untilReason('cart', 'Quarantined');
      assert.equal([await push(host, secret), await push(host, 'another')], [202, 401]);

      const [machine] = await items(host, 'hosts');
      assert.equal([machine.status, machine.apps, machine.caddy.state], ['ready', 2, 'running']);
      assert.match(machine.engine.apiVersion, /^1\.\d+$/);
      const [network] = await items(host, 'networks?labels=team=core');
      assert.equal([network.ours, network.apps], [true, ['cart']]);
      const [volume] = await items(host, 'volumes');
      assert.equal([volume.ours, volume.apps], [true, ['shop']]);
      const [image] = await items(host, 'images');
      assert.ok(image.bytes > 100_000, JSON.stringify(image));
      const [source] = await items(host, 'sources');
      assert.equal([source.address, source.follows, source.error], [host.repo, 'branch main', null]);
      assert.match(source.revision, /^[0-9a-f]{40}$/);
      const deliveries = await items(host, 'webhooks/deliveries');
      assert.equal(deliveries.map(({ outcome }) => outcome).sort(), ['ignored', 'refused']);
      const [used] = await items(host, 'apps/shop/stats');
      assert.ok(used.memoryBytes > 0 && used.pids > 0, JSON.stringify(used));
      await until('Caddy has its certificate', async () => {
        const [route] = await items(host, 'routes?labels=!team');
        return route.certificate.status === 'valid' && route.certificate.issuer.includes('Caddy Local');
      });

      const [failed] = await items(host, 'apps/cart/deployments');
      const lines = await plain(host, `/api/v1/deployments/${failed.id}/logs`);
      assert.match(lines, /Z create plimsoll-\S+-cart-/);
      assert.match(lines, '| it broke');
      assert.match(lines, 'RolledBack: ContainerExited');

      const metrics = (await plain(host, '/metrics')).split('\n');
      for (const line of [
        /^plimsoll_deployments_total\{app="cart",result="RolledBack"\} 1$/,
        /^plimsoll_probe_attempts_total\{app="shop",result="ok"\} [1-9]/,
        /^plimsoll_look_duration_seconds_count [1-9]/,
        /^plimsoll_webhooks_total\{provider="github",outcome="refused"\} 1$/,
        /^plimsoll_container_memory_bytes\{app="shop",replica="0"\} [1-9]/,
        /^plimsoll_http_request_duration_seconds_count\{method="POST",route="\/webhooks\/\{provider\}",status="401"\} 1$/,
      ])
        assert.ok(
          metrics.some((one) => line.test(one)),
          `${line}\n${metrics.join('\n')}`,
        );

      const top = await host.plimsoll('top', '-l', 'team=core');
      assert.is(top.code, 0, top.stderr);
      assert.match(top.stdout, /^APP +REPLICA +CPU[\s\S]*\ncart +0 +[\d.]+ %/);
      const routes = await host.plimsoll('get', 'routes');
      assert.match(routes.stdout, /shop\.test +\/ +shop +internal +valid/);
    },
    { webhooks: { github: { secrets: [secret] } } },
  ),
);

test.run();
