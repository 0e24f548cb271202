import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity } from 'age-encryption';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost, type TestHost } from './host.ts';

/** A host whose secrets come from files beside it: what they open to is the same as for encrypted ones. */
async function withValues(
  host: TestHost,
  values: Readonly<Record<string, string>>,
  over: object = {},
): Promise<(name: string, value: string) => void> {
  const root = join(host.dir, 'values');
  const identity = join(host.dir, 'identity');
  mkdirSync(root);
  const put = (name: string, value: string) => writeFileSync(join(root, name), value);
  for (const [name, value] of Object.entries(values)) put(name, value);
  writeFileSync(identity, `${await generateX25519Identity()}\n`, { mode: 0o600 });
  const { runtimeDir } = host;
  await host.configure({}, { secrets: { identity, runtimeDir, providers: { file: { root } } }, ...over });
  return put;
}

const secret = (name: string, data: Readonly<Record<string, string>>) =>
  JSON.stringify({ apiVersion: 'plimsoll/v1', kind: 'Secret', metadata: { name }, provider: 'file', data });

/** Runs a command in the app's only container and answers what it said. */
async function inside(host: TestHost, app: string, ...command: readonly string[]): Promise<string> {
  const { id } = await (await host.only(app)).inspect().then(({ Id }) => ({ id: Id }));
  const run = await host.docker
    .getContainer(id)
    .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: true });
  const stream = await run.start({ Tty: true });
  let said = '';
  for await (const chunk of stream) said += String(chunk);
  return said.replaceAll('\r', '').trim();
}

const uid = '1234:4321';

test(
  'a secret file lies in memory, is its owner’s alone, and goes with the container',
  onHost(async (host) => {
    await withValues(host, { key: 'the-private-key\n' });
    const files = [{ mount: '/run/key.pem', secret: 'tls/KEY' }];
    await host.controller();
    const revision = host.commit({
      'shop/app.yaml': manifest('shop', '1', { files, user: uid, volumes: [{ tmpfs: true, mount: '/www' }] }),
      'tls/app.yaml': secret('tls', { KEY: 'key' }),
    });
    await host.untilConverged(revision);
    assert.is(await inside(host, 'shop', '/bin/cat', '/run/key.pem'), 'the-private-key');
    assert.match(
      await inside(host, 'shop', '/bin/stat', '-c', '%a %u %g', '/run/key.pem'),
      /^400 1234 4321$/,
    );
    assert.match(await inside(host, 'shop', '/bin/df', '/run/key.pem'), /tmpfs|shm/);
    await host.expectDiff(0);
    const folder = host.runtimeDir;
    assert.ok(readdirSync(folder, { recursive: true }).length > 0);
    // After a reboot the memory is empty: the container comes back with its file.
    const before = await host.ids('shop');
    const container = await host.only('shop');
    await container.kill();
    execFileSync('rm', ['-rf', '--', folder]);
    await until('it runs again', async () => (await container.inspect()).State.Running, 30_000);
    assert.equal(await host.ids('shop'), before);
    assert.is(await inside(host, 'shop', '/bin/cat', '/run/key.pem'), 'the-private-key');
    await host.untilConverged(
      host.commit({ 'shop/app.yaml': undefined, 'other/app.yaml': manifest('other', '1') }),
    );
    await until('the app is gone', async () => (await host.ids('shop')).length === 0);
    assert.equal(
      readdirSync(folder, { recursive: true }).filter((name) => String(name).includes('shop')),
      [],
    );
  }),
);

const reloads =
  'mkdir -p /www; say() { echo "shop $(cat /etc/greeting) $1" > /www/index.html; }; n=0; say 0; trap "n=\\$((n+1)); say \\$n" HUP; trap "exit 0" TERM; httpd -f -p 8080 -h /www & while true; do sleep 0.2 & wait $!; done';

test(
  'a file with a signal is delivered into the running container, and a secret one as well',
  onHost(async (host) => {
    const put = await withValues(host, { token: 'first-token' });
    const files = (greeting: string) => [
      { mount: '/etc/greeting', content: greeting, onChange: 'signal:SIGHUP' },
      { mount: '/etc/token', secret: 'api/TOKEN', onChange: 'none', mode: '0444' },
    ];
    const app = (greeting: string) =>
      manifest('shop', '1', { command: ['/bin/sh', '-c', reloads], files: files(greeting) });
    await host.controller();
    await host.untilConverged(
      host.commit({ 'shop/app.yaml': app('hello'), 'api/app.yaml': secret('api', { TOKEN: 'token' }) }),
    );
    assert.is(await host.marker('shop'), 'shop hello 0');
    const ids = await host.ids('shop');
    await host.untilConverged(host.commit({ 'shop/app.yaml': app('goodbye') }));
    await until('it has read the file again', async () => (await host.marker('shop')) === 'shop goodbye 1');
    assert.equal(await host.ids('shop'), ids);
    await host.expectDiff(0);
    put('token', 'second-token');
    // Values of other managers are read again every half a minute.
    await until(
      'the new value is there',
      async () => (await inside(host, 'shop', '/bin/cat', '/etc/token')) === 'second-token',
      60_000,
    );
    assert.equal(await host.ids('shop'), ids);
    await host.expectDiff(0);
  }),
);

test(
  'basicAuth lets those pass whose password the secret holds',
  onHost(async (host) => {
    await withValues(host, { ada: 'engine-number-1' });
    await host.controller();
    const domains = [{ host: 'shop.test', tls: 'off', basicAuth: { secret: 'admins' } }];
    const revision = host.commit({
      'shop/app.yaml': manifest('shop', '1', { domains }),
      'admins/app.yaml': secret('admins', { ada: 'ada' }),
    });
    await host.untilConverged(revision);
    const status = async (login?: string) => {
      const headers = login === undefined ? {} : { authorization: `Basic ${btoa(login)}` };
      return (await host.caddy.http({ host: 'shop.test', headers })).status;
    };
    assert.equal(
      [await status(), await status('ada:wrong'), await status('ada:engine-number-1')],
      [401, 401, 200],
    );
    const ran = await host.expectDiff(0);
    assert.is(ran.stdout, '');
    const routes = await host.plimsoll('get', 'routes', '-o', 'json');
    assert.not.match(routes.stdout, /\$2[aby]\$/);
  }),
);

test.run();
