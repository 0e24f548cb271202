import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Config, loadConfig } from '../src/config.ts';
import { openSecrets } from '../src/credentials.ts';
import { createSources } from '../src/git/sources.ts';
import { manifestSchemas } from '../src/manifest-schemas.ts';
import { sourceInputs, verifierOf } from '../src/source-inputs.ts';
import { makeKey, startSshServer } from './git/ssh-server.ts';
import { createWorkshop, texts, type Workshop } from './git/workshop.ts';

const test = suite<{ shop: Workshop }>('configured sources');

test.before.each((context) => {
  context.shop = createWorkshop();
});
test.after.each(({ shop }) => shop.remove());

function configure(shop: Workshop, value: object) {
  const file = shop.path('plimsoll.yaml');
  writeFileSync(file, JSON.stringify({ stateDir: 'state', ...value }));
  return loadConfig({ file, env: {} });
}

async function inputsOf(config: Config) {
  const options = { writable: false, warn: () => undefined };
  const { credential } = await openSecrets(config, manifestSchemas(), options);
  return sourceInputs(config, credential);
}

test('credentials are read from the configuration, and from files beside it', async ({ shop }) => {
  shop.write(shop.root, {
    'keys/token': 't0ken\nrest',
    'keys/deploy': 'line 1\nline 2\n',
    'keys/ada.pub': 'ssh-ed25519 A',
  });
  const config = configure(shop, {
    sources: [
      { name: 'own', url: 'https://git.example.com/a', auth: { username: 'ci', password: 'pw' } },
      {
        name: 'by-host',
        url: 'https://git.example.com/b',
        verify: { keys: ['ssh-ed25519 B', { file: 'keys/ada.pub' }] },
      },
      { name: 'ssh', url: 'git@git.example.com:c', auth: { sshKey: 'keys/deploy', knownHosts: ['line'] } },
      { name: 'elsewhere', url: 'https://other.example.com/e' },
    ],
    credentials: [{ host: 'git.example.com', token: { file: 'keys/token' } }],
  });
  const inputs = await inputsOf(config);
  assert.equal(
    inputs.map(({ auth }) => auth),
    [
      { username: 'ci', password: 'pw', knownHosts: [] },
      { token: 't0ken', knownHosts: [] },
      { sshKey: 'line 1\nline 2\n', knownHosts: ['line'] },
      undefined,
    ],
  );
  assert.equal(inputs[1]?.verify, { mode: 'head', keys: ['ssh-ed25519 B', 'ssh-ed25519 A'] });
});

test('a credential that cannot be had is the fault of its own source only', async ({ shop }) => {
  const config = configure(shop, {
    sources: [
      { name: 'file', url: 'https://git.example.com/a', auth: { token: { file: 'nowhere' } } },
      { name: 'secret', url: 'https://git.example.com/b', auth: { token: { secret: 'git/token' } } },
      { name: 'fine', dir: '.' },
    ],
  });
  const inputs = await inputsOf(config);
  assert.match(inputs[0]?.fault ?? '', /nowhere: ENOENT/);
  assert.match(inputs[1]?.fault ?? '', /\{secret: git\/token\}/);
  assert.is(inputs[2]?.fault, undefined);
});

test('a commit that git signed with a configured key is enforced, and one that it did not is not', async ({
  shop,
}) => {
  mkdirSync(shop.path('keys'));
  const ada = makeKey(shop.path('keys'), 'ada');
  const dir = shop.repository('config', { 'app.yaml': 'one' });
  const sign = ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${shop.path('keys', 'ada')}`];
  shop.git(dir, ...sign, 'commit', '-q', '--amend', '-S', '-m', 'signed');
  const signed = shop.git(dir, 'rev-parse', 'HEAD');
  const config = configure(shop, { source: { dir: 'config', verify: { keys: [ada.publicKey] } } });
  const inputs = await inputsOf(config);
  const sources = createSources(inputs, {
    stateDir: config.stateDir,
    keep: true,
    verify: verifierOf(inputs),
  });
  try {
    assert.is((await sources.read()).revision, signed);
    shop.commit(dir, { 'app.yaml': 'two' });
    assert.equal(texts(await sources.read()), { 'app.yaml': 'one' });
    const [status] = sources.status();
    assert.is(status?.error?.reason, 'Unverified');
    assert.ok(status?.verification?.by);
    // A source that may not be enforced may still be looked at.
    const { code } = await plimsoll('validate', '--config', shop.path('plimsoll.yaml'));
    assert.is(code, 2, 'its manifest is no manifest');
  } finally {
    await sources.close();
  }
});

test('a repository is validated over SSH, with the credentials of its host', async ({ shop }) => {
  shop.repository('served/config', {
    'app.yaml': 'apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: shop}\nspec: {image: "shop:1"}\n',
  });
  mkdirSync(shop.path('keys'));
  const key = makeKey(shop.path('keys'), 'deploy');
  const server = await startSshServer(shop.path('sshd'), shop.path('served'), key);
  try {
    const config = {
      source: { dir: '.' },
      credentials: [{ host: `127.0.0.1:${server.port}`, sshKey: 'keys/deploy' }],
    };
    configure(shop, config);
    const ask = () => plimsoll('validate', `${server.url}/config`, '--config', shop.path('plimsoll.yaml'));
    const refused = await ask();
    assert.is(refused.code, 3);
    assert.ok(refused.err.includes(server.hostLine()), refused.err);
    const [entry] = config.credentials;
    configure(shop, { ...config, credentials: [{ ...entry, knownHosts: [server.hostLine()] }] });
    const answer = await ask();
    assert.equal([answer.code, answer.out], [0, '1 app is valid\n'], answer.err);
  } finally {
    await server.close();
  }
});

function plimsoll(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const program = join(fileURLToPath(new URL('../src/plimsoll.js', import.meta.url)));
  return new Promise((done) => {
    execFile(process.execPath, [program, ...args], (error, out, err) => {
      const code = error === null ? 0 : Number(error.code);
      done({ code, out, err });
    });
  });
}

test.run();
