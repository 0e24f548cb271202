import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts, until } from '../caddy/real-caddy.ts';
import { Forge } from './forge.ts';
import { manifest, onHost, type TestHost } from './host.ts';
import { makeIdentity, seal } from './seal.ts';

/** One value for every place that a secret can have; each is found nowhere but in its own. */
const canaries = Object.fromEntries(
  ['env', 'all', 'file', 'live', 'user', 'registry', 'token', 'hook', 'broken'].map((place) => [
    place,
    `canary-${place}-${randomBytes(9).toString('base64url')}`,
  ]),
) as Readonly<Record<string, string>>;

/** The forms in which a value may get somewhere. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  // Of the three ways in which a value can lie in base64 the parts that its neighbours do not change.
  const inside = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift, 0x20), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(shift + 1, -4),
  );
  return [
    value,
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    encodeURIComponent(value),
    ...inside,
  ];
}

const everyForm = Object.entries(canaries).flatMap(([place, value]) =>
  [...new Set(formsOf(value))].map((form) => [place, form] as const),
);

function found(where: string, text: string): string[] {
  return everyForm
    .filter(([, form]) => text.includes(form))
    .map(([place, form]) => `${place} as ${form} in ${where}`);
}

/** An app that tells everything it knows, in every way it can. */
const gossip = [
  'trap "exit 0" TERM; mkdir -p /www; echo "shop 1" > /www/index.html',
  'tell() { echo "$1"; echo "$1" | base64; echo "x$1" | base64; echo "xy$1" | base64; printf "%s" "$1" | od -An -tx1 | tr -d " \\n"; echo; echo "{\\"password\\": \\"$1\\"}"; echo "https://u:$1@example.com/?t=$1"; }',
  'tell "$TOKEN"; tell "$ALL"; tell "$(cat /run/secret)"; tell "$(cat /run/live)"',
  'httpd -f -p 8080 -h /www & wait',
].join('; ');

/** Answers its secret with every probe, and is never healthy. */
const broken =
  'printf "HTTP/1.0 500 no\\r\\n\\r\\n%s" "$TOKEN" > /answer; echo "failing with $TOKEN" >&2; while true; do nc -l -p 8080 < /answer; done';

const commands = [
  ['status'],
  ['status', '-o', 'json'],
  ['status', 'shop'],
  ['status', 'broken', '-o', 'yaml'],
  ['diff'],
  ['diff', '-o', 'json'],
  ['history', 'shop', '-o', 'json'],
  ['history', 'broken', '-o', 'json'],
  ['events', '-o', 'json'],
  ['logs', 'shop'],
  ['logs', 'broken'],
  ['config', 'view'],
  ['render', 'shop'],
  ['audit', '-o', 'json'],
  ['doctor'],
  ...['apps', 'containers', 'networks', 'volumes', 'images', 'routes', 'hosts', 'sources', 'deliveries'].map(
    (kind) => ['get', kind, '-o', 'json'],
  ),
];

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => statSync(file).isFile());
}

async function prepare(host: TestHost): Promise<string> {
  const { token = '', hook = '' } = canaries;
  const forge = await Forge.open(token);
  host.endsWith(() => forge.close());
  const [port] = await freePorts(1);
  const identity = await makeIdentity(host);
  await host.configure(
    {},
    {
      source: { url: forge.url, interval: '1s', auth: { username: 'git', token } },
      secrets: { identity, runtimeDir: host.runtimeDir },
      api: { listen: `127.0.0.1:${port}` },
      webhooks: { github: { secrets: [hook] } },
      logLevel: 'trace',
    },
  );
  forge.hook(`http://127.0.0.1:${port}/webhooks/github`, hook);
  const { env, all, file, live, user, registry, broken: failing } = canaries as Record<string, string>;
  const secret = { ENV: env, FILE: file, LIVE: live, REGISTRY: registry, BROKEN: failing } as Record<
    string,
    string
  >;
  return forge.push({
    'app.yaml': JSON.stringify({
      apiVersion: 'plimsoll/v1',
      kind: 'Project',
      metadata: { name: 'all' },
      spec: { registries: [{ host: '127.0.0.1:1', username: 'bot', password: { secret: 'shop/REGISTRY' } }] },
    }),
    'secrets/shop/app.yaml': await seal(host, 'shop', secret),
    'secrets/all/app.yaml': await seal(host, 'all', { ALL: all ?? '' }),
    'secrets/users/app.yaml': await seal(host, 'users', { ada: user ?? '' }),
    'shop/app.yaml': manifest('shop', '1', {
      command: ['/bin/sh', '-c', gossip],
      env: { TOKEN: { secret: 'shop/ENV' } },
      envFrom: [{ secret: 'all' }],
      files: [
        { mount: '/run/secret', secret: 'shop/FILE' },
        { mount: '/run/live', secret: 'shop/LIVE', onChange: 'none' },
      ],
      domains: [{ host: 'shop.test', tls: 'off', basicAuth: { secret: 'users' } }],
    }),
    'broken/app.yaml': manifest('broken', '1', {
      command: ['/bin/sh', '-c', broken],
      env: { TOKEN: { secret: 'shop/BROKEN' } },
      domains: [],
    }),
    'pulled/app.yaml': manifest('pulled', '1', {
      image: '127.0.0.1:1/private:1',
      pull: 'missing',
      domains: [],
    }),
  });
}

test(
  'a secret is found in its container, and nowhere else',
  onHost(async (host) => {
    await prepare(host);
    const controller = await host.controller({ PLIMSOLL_LOG_LEVEL: 'trace' });
    await host.untilReason('shop', 'Reconciled', 60_000);
    await host.untilReason('broken', 'Quarantined', 60_000);
    await until(
      'the pull was tried',
      async () => (await host.reason('pulled')) === 'RegistryUnreachable',
      60_000,
    );

    // They are where they belong: what follows would else find nothing for another reason.
    const { env = '', file = '', live = '', all = '' } = canaries;
    const shop = await host.only('shop');
    const { Config, Mounts } = await shop.inspect();
    assert.ok(Config.Env.includes(`TOKEN=${env}`) && Config.Env.includes(`ALL=${all}`));
    const told = String(await shop.logs({ stdout: true, stderr: true }));
    for (const value of [env, all, file, live]) assert.ok(told.includes(value));
    assert.is(Mounts.length, 2);
    assert.equal(found('labels', JSON.stringify(Config.Labels)), []);

    const leaks: string[] = [];
    await Promise.all(
      commands.map(async (words) => {
        const { stdout, stderr, code } = await host.plimsoll(...words);
        assert.ok(code <= 4, `${words.join(' ')} exits ${code}\n${stderr}`);
        leaks.push(...found(`plimsoll ${words.join(' ')}`, stdout + stderr));
      }),
    );
    const { body: document } = await host.ask('GET', '/openapi.json');
    const paths = Object.entries((document as { paths: Record<string, Record<string, unknown>> }).paths);
    const reads = paths.filter(([, item]) => 'get' in item).map(([path]) => path);
    assert.ok(reads.length > 15);
    await Promise.all(
      reads.map(async (path) => {
        const asked = path.replace('{name}', 'broken').replace('{id}', 'broken.0');
        leaks.push(...found(asked, await host.askText(asked)));
      }),
    );
    leaks.push(...found('the log', controller.output));
    leaks.push(...found('Caddy', (await host.caddy.askAdmin('/config/')).body));
    for (const name of filesBelow(host.stateDir)) leaks.push(...found(name, readFileSync(name, 'latin1')));
    assert.equal(leaks, []);
    assert.match((await host.plimsoll('logs', 'shop')).stdout, /\*\*\*/);

    const removed = await controller.end();
    assert.is(removed, 0);
    for (const name of filesBelow(host.stateDir)) leaks.push(...found(name, readFileSync(name, 'latin1')));
    assert.equal(leaks, []);
  }),
);

test.run();
