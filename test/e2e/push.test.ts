import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts, until } from '../caddy/real-caddy.ts';
import { Forge } from './forge.ts';
import { manifest, onHost, type TestHost } from './host.ts';
import { makeIdentity, seal } from './seal.ts';

const hookSecret = 'a-secret-that-only-forge-and-controller-know';

/** A host that follows a forge, which tells it of every push. */
async function withForge(
  host: TestHost,
  source: (forge: Forge) => Promise<object>,
  run: (forge: Forge, api: string) => Promise<void>,
): Promise<void> {
  const forge = await Forge.open('token-of-the-deploy-user');
  host.endsWith(() => forge.close());
  const [port] = await freePorts(1);
  const api = `http://127.0.0.1:${port}`;
  const identity = await makeIdentity(host);
  await host.configure(
    {},
    {
      // So long that only the webhook can have brought the news.
      source: { interval: '1h', ...(await source(forge)) },
      secrets: { identity },
      api: { listen: `127.0.0.1:${port}` },
      webhooks: { github: { secrets: ['an-older-one', hookSecret] } },
    },
  );
  forge.hook(`${api}/webhooks/github`, hookSecret);
  await forge.push({ 'README.md': 'empty\n' });
  await host.controller();
  await run(forge, api);
}

const greeting =
  'trap "exit 0" TERM; mkdir -p /www; echo "$APP $RELEASE $TOKEN" > /www/index.html; httpd -f -p 8080 -h /www & wait';

const shop = (release: string) =>
  manifest('shop', release, {
    command: ['/bin/sh', '-c', greeting],
    env: { APP: 'shop', RELEASE: release, TOKEN: { secret: 'shop/TOKEN' } },
  });

for (const [kind, source] of [
  [
    'HTTPS with a token',
    async (forge: Forge) => ({
      url: forge.url,
      auth: { username: 'git', token: 'token-of-the-deploy-user' },
    }),
  ],
  [
    'SSH with a deploy key',
    async (forge: Forge) => {
      await forge.openSsh();
      const { url } = forge.ssh;
      return { url: `${url}/config.git`, auth: { sshKey: forge.sshKey, knownHosts: [forge.ssh.hostLine()] } };
    },
  ],
] as const)
  test(
    `a push is live within seconds, with a secret from the repo, by a signed webhook (${kind})`,
    onHost(async (host) => {
      await withForge(host, source, async (forge, api) => {
        const first = await forge.push({
          'shop/app.yaml': shop('1'),
          'secrets/shop/app.yaml': await seal(host, 'shop', { TOKEN: 'open-sesame-1' }),
        });
        const answer = forge.answers().at(-1);
        assert.is(answer?.status, 202, JSON.stringify(forge.answers()));
        await host.untilConverged(first);
        assert.is(await host.marker('shop'), 'shop 1 open-sesame-1');
        await host.expectDiff(0);

        const clients = host.clients('shop', /^shop (1 open-sesame-1|2 open-sesame-2)$/);
        const second = await forge.push({
          'shop/app.yaml': shop('2'),
          'secrets/shop/app.yaml': await seal(host, 'shop', { TOKEN: 'open-sesame-2' }),
        });
        await host.untilConverged(second);
        assert.is(await host.marker('shop'), 'shop 2 open-sesame-2');
        await clients.end();
        assert.equal(clients.wrong, []);
        await host.expectDiff(0);

        const token = JSON.parse(
          (await host.plimsoll('token', 'create', 'watcher', '--scope', 'read', '-o', 'json')).stdout,
        ) as { token: string };
        const seen = await fetch(`${api}/api/v1/apps/shop`, {
          headers: { authorization: `Bearer ${token.token}` },
        });
        assert.is(seen.status, 200);
        const body = await seen.text();
        assert.match(body, second);
        assert.not.match(body, /open-sesame/);
        assert.is((await fetch(`${api}/api/v1/apps/shop`)).status, 401);
        const deliveries = await host.plimsoll('get', 'deliveries', '-o', 'json');
        assert.is(deliveries.code, 0, deliveries.stderr);
        const { items } = JSON.parse(deliveries.stdout) as { items: { outcome: string; commit: string }[] };
        assert.ok(items.some(({ commit }) => commit === second));
        assert.ok(items.every(({ outcome }) => outcome === 'accepted'));
        // A bad signature moves nothing.
        forge.hook(`${api}/webhooks/github`, 'guessed');
        await forge.push({ 'shop/app.yaml': shop('3') });
        assert.is(forge.answers().at(-1)?.status, 401);
      });
    }),
  );

test(
  'a new ciphertext replaces exactly the apps that use it, with the cause "secret"',
  onHost(async (host) => {
    await withForge(
      host,
      async (forge) => ({ url: forge.url, auth: { username: 'git', token: 'token-of-the-deploy-user' } }),
      async (forge) => {
        const files = {
          'shop/app.yaml': shop('1'),
          'api/app.yaml': manifest('api', '1'),
          'secrets/shop/app.yaml': await seal(host, 'shop', { TOKEN: 'one-value-here' }),
        };
        await host.untilConverged(await forge.push(files));
        const before = { api: await host.ids('api'), shop: await host.ids('shop') };
        const changed = await forge.push({
          'secrets/shop/app.yaml': await seal(host, 'shop', { TOKEN: 'another-value-here' }),
        });
        await host.untilConverged(changed);
        assert.equal(await host.ids('api'), before.api);
        assert.not.equal(await host.ids('shop'), before.shop);
        const { body } = await host.ask('GET', '/api/v1/apps/shop/deployments');
        const [latest] = (body as { items: { cause: string; revision: string }[] }).items;
        assert.is(latest?.cause, 'secret');
        // One that nobody here can decrypt hurts those who use it, and they run on as they are.
        const foreign = files['secrets/shop/app.yaml'].replace(/"?recipient"?: "?age1[a-z0-9]{4}/, (text) =>
          text.replace(/[a-z0-9]{4}$/, 'qqqq'),
        );
        const kept = await host.ids('shop');
        await forge.push({
          'secrets/shop/app.yaml': foreign.replaceAll(
            /AGE ENCRYPTED FILE-----\n[^\n]+/g,
            (text) => `${text.slice(0, -4)}AAAA`,
          ),
          'api/app.yaml': manifest('api', '2'),
        });
        await until('the other app converges', async () => (await host.marker('api')) === 'api 2');
        await host.untilReason('shop', 'InvalidManifest');
        assert.equal(await host.ids('shop'), kept);
        assert.is(await host.marker('shop'), 'shop 1 another-value-here');
      },
    );
  }),
);

test.run();
