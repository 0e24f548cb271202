import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SealedSecret } from '../../src/desired/secret.ts';
import { createSecrets, type Secrets } from '../../src/secrets/secrets.ts';
import type { ProviderSettings } from '../../src/secrets/value-provider.ts';
import { anIdentity, inFolder, writeIdentity } from './a-secret.ts';

const me = await anIdentity();

interface Scene {
  readonly folder: string;
  readonly secrets: Secrets;
  /** Half a minute later. */
  readonly later: () => void;
}

async function withSecrets(
  settings: (folder: string) => ProviderSettings,
  work: (scene: Scene) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    let time = 1_000_000;
    const secrets = createSecrets({
      identity: join(folder, 'age.key'),
      stateDir: join(folder, 'state'),
      providers: settings(folder),
      env,
      warn: () => undefined,
      now: () => time,
    });
    await work({
      folder,
      secrets,
      later: () => {
        time += 30_000;
      },
    });
  });
}

function aSecret(provider: SealedSecret['provider'], data: Readonly<Record<string, string>>): SealedSecret {
  return {
    name: 'ext',
    origin: { file: 'app.yaml', line: 1, column: 1 },
    provider,
    text: JSON.stringify(data),
    data,
  };
}

/** The value, or the reason and message why there is none. */
async function read(
  { secrets }: Scene,
  provider: SealedSecret['provider'],
  reference: string,
): Promise<string> {
  const opened = (await secrets.open([aSecret(provider, { KEY: reference })])).get('ext');
  if (opened?.kind !== 'open') return `${opened?.reason}: ${opened?.message}`;
  const value = await secrets.reveal({ secret: 'ext/KEY', version: opened.versions.KEY ?? '' });
  assert.is(secrets.redact(`<${value.trim()}>`), '<***>');
  return value;
}

test('file: the text of a file below the root, without the line break at its end', () =>
  withSecrets(
    (folder) => ({ file: { root: join(folder, 'root') } }),
    async (scene) => {
      const root = join(scene.folder, 'root');
      await mkdir(join(root, 'db', '..data'), { recursive: true });
      await writeFile(join(root, 'db', 'password'), 'two\nlines\n\n');
      await writeFile(join(root, 'db', '..data', 'user'), 'postgres\r\n');
      await symlink('..data/user', join(root, 'db', 'user'));
      assert.is(await read(scene, 'file', 'db/password'), 'two\nlines\n');
      assert.is(await read(scene, 'file', 'db/user'), 'postgres');
    },
  ));

test('file: nothing outside of the root, nothing that is no file, nothing large', () =>
  withSecrets(
    (folder) => ({ file: { root: join(folder, 'root') } }),
    async (scene) => {
      const root = join(scene.folder, 'root');
      await mkdir(join(root, 'dir'), { recursive: true });
      await mkdir(join(scene.folder, 'root-beside'));
      await writeFile(join(scene.folder, 'outside'), 'stolen-value');
      await writeFile(join(scene.folder, 'root-beside', 'file'), 'stolen-value');
      await symlink('../outside', join(root, 'link'));
      await symlink('../root-beside', join(root, 'beside'));
      await symlink('/etc', join(root, 'etc'));
      await writeFile(join(root, 'large'), 'x'.repeat(1024 * 1024 + 1));
      await writeFile(join(root, 'binary'), Buffer.from([0xff, 0xfe, 0x80]));
      await writeFile(join(root, 'empty'), '\n');
      execFileSync('mkfifo', [join(root, 'pipe')]);
      for (const reference of ['../outside', 'dir/../../outside', '/etc/passwd', '', '.', 'a//b', 'a\0b'])
        assert.match(
          await read(scene, 'file', reference),
          /^NotAllowed: .*data\.KEY: .*no path below the root/,
          reference,
        );
      for (const reference of ['link', 'beside/file', 'etc/passwd'])
        assert.match(await read(scene, 'file', reference), /^NotAllowed: .*link out of the root/);
      for (const reference of ['dir', 'pipe'])
        assert.match(await read(scene, 'file', reference), /^NotAllowed: .*no regular file/);
      assert.match(await read(scene, 'file', 'large'), /^NotAllowed: .*larger than 1 MiB/);
      assert.match(await read(scene, 'file', 'binary'), /^Corrupt: .*no text/);
      assert.match(await read(scene, 'file', 'empty'), /^Missing: .*empty/);
      assert.match(await read(scene, 'file', 'none'), /^Missing: .*not there/);
      assert.match(await read(scene, 'file', 'large/x'), /^Missing: /);
    },
  ));

test('env: variables that begin with the prefix', () =>
  withSecrets(
    () => ({ env: { prefix: 'APP_' } }),
    async (scene) => {
      assert.is(await read(scene, 'env', 'PASSWORD'), 'from-env');
      assert.match(await read(scene, 'env', 'NONE'), /^Missing: .*APP_NONE is not set/);
      for (const reference of ['password', '../X', 'A-B', '', 'A B', '__proto__'])
        assert.match(await read(scene, 'env', reference), /^NotAllowed: .*no name of a variable/, reference);
    },
    { APP_PASSWORD: 'from-env', OTHER: 'of-the-controller' },
  ));

async function withServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  work: (url: string, seen: IncomingMessage[]) => Promise<void>,
): Promise<void> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`, seen);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('http: GET of the URL and the reference, with the token', () =>
  withServer(
    (_request, response) => response.end('from-http'),
    (url, seen) =>
      withSecrets(
        () => ({ http: { url, token: 't0ken' } }),
        async (scene) => {
          assert.is(await read(scene, 'http', 'db/pass word?x=1#y'), 'from-http');
          const [request] = seen;
          assert.equal(
            [request?.method, request?.url, request?.headers.authorization],
            ['GET', '/v1/db/pass%20word%3Fx%3D1%23y', 'Bearer t0ken'],
          );
          for (const reference of ['..', 'a/../b', '/a', 'a/', '', './a'])
            assert.match(await read(scene, 'http', reference), /^NotAllowed: .*no reference/, reference);
          assert.is(seen.length, 1);
        },
      ),
  ));

test('http: no redirect is followed, no endless answer read, and each refusal has its reason', () =>
  withServer(
    (request, response) => {
      const status = Number(request.url?.split('/').at(-1));
      if (request.url?.endsWith('/endless')) {
        const more = () =>
          response.write('x'.repeat(16_384), (error) => (error ? undefined : setImmediate(more)));
        more();
      } else if (request.url?.endsWith('/binary')) response.end(Buffer.from([0x80]));
      else if (request.url?.endsWith('/cut')) response.write('half', () => response.destroy());
      else if (request.url?.endsWith('/empty')) response.end();
      else response.writeHead(status, { location: '/v1/200' }).end('leaked-by-a-server');
    },
    (url, seen) =>
      withSecrets(
        () => ({ http: { url } }),
        async (scene) => {
          const answers: readonly (readonly [string, RegExp])[] = [
            ['301', /^NotAllowed: .*redirected \(301\)/],
            ['302', /^NotAllowed: .*redirected/],
            ['307', /^NotAllowed: .*redirected/],
            ['401', /^NotAllowed: .*refused to us/],
            ['403', /^NotAllowed: .*refused to us/],
            ['404', /^Missing: .*404/],
            ['204', /^Unreachable: .*204/],
            ['500', /^Unreachable: .*500/],
            ['endless', /^NotAllowed: .*64 KiB/],
            ['binary', /^Corrupt: /],
            ['empty', /^Missing: /],
            ['cut', /^Unreachable: /],
          ];
          for (const [reference, told] of answers) {
            const answer = await read(scene, 'http', reference);
            assert.match(answer, told);
            assert.not.match(answer, /leaked/);
          }
          assert.is(seen.length, answers.length, 'something was asked twice');
          assert.is(seen[0]?.headers.authorization, undefined);
        },
      ),
  ));

test('http: only https, or the loopback, and nothing that does not answer', () =>
  inFolder(async (folder) => {
    await writeIdentity(join(folder, 'age.key'), me);
    const answers: readonly (readonly [string, RegExp])[] = [
      ['http://example.com/', /^NotAllowed: .*must be https/],
      ['http://127.0.0.1.example.com/', /^NotAllowed: /],
      ['ftp://127.0.0.1/', /^NotAllowed: /],
      ['https://user:password@127.0.0.1/', /^NotAllowed: /],
      ['no url', /^NotAllowed: /],
      ['http://127.0.0.1:9/', /^Unreachable: .*cannot be asked for/],
    ];
    for (const [url, told] of answers)
      await withSecrets(
        () => ({ http: { url } }),
        async (scene) => assert.match(await read(scene, 'http', 'x'), told),
      );
  }));

test('http: a server that never answers is given up', () =>
  withServer(
    () => undefined,
    (url) =>
      withSecrets(
        () => ({ http: { url } }),
        async (scene) => assert.match(await read(scene, 'http', 'x'), /^Unreachable: .*no answer in 5 s/),
      ),
  ));

test('a provider that is not configured is off', () =>
  withSecrets(
    () => ({}),
    async (scene) => {
      for (const provider of ['file', 'env', 'http'] as const)
        assert.match(
          await read(scene, provider, 'X'),
          new RegExp(`^NotAllowed: .*secrets\\.providers\\.${provider}`),
        );
    },
  ));

test('values are read again after half a minute, and their version follows from the value alone', () =>
  withSecrets(
    (folder) => ({ file: { root: folder } }),
    async ({ folder, secrets, later }) => {
      const versionOf = async () => {
        const opened = (await secrets.open([aSecret('file', { KEY: 'value' })])).get('ext');
        return opened?.kind === 'open' ? (opened.versions.KEY ?? '') : opened?.reason;
      };
      await writeFile(join(folder, 'value'), 'first-value');
      const first = await versionOf();
      assert.match(first ?? '', /^[0-9a-f]{16}$/);
      await writeFile(join(folder, 'value'), 'second-value');
      assert.is(await versionOf(), first, 'it was read at once');
      later();
      const second = await versionOf();
      assert.is.not(second, first);
      assert.is(await secrets.reveal({ secret: 'ext/KEY', version: first ?? '' }), 'first-value');
      await writeFile(join(folder, 'value'), 'first-value');
      later();
      assert.is(await versionOf(), first);
      await rm(join(folder, 'value'));
      later();
      assert.is(await versionOf(), 'Missing');
    },
  ));

test('versions need an identity, differ between secrets and say nothing without it', () =>
  inFolder(async (folder) => {
    const env = { P_X: 'same-value' };
    const from = async (identity: string | undefined) => {
      const secrets = createSecrets({
        identity,
        stateDir: join(folder, 'state'),
        providers: { env: { prefix: 'P_' } },
        env,
        warn: () => undefined,
        writable: false,
      });
      return (await secrets.open([aSecret('env', { A: 'X', B: 'X' })])).get('ext');
    };
    const without = await from(undefined);
    assert.is(without?.kind === 'sealed' && without.reason, 'IdentityMissing');
    const mine = await from(await writeIdentity(join(folder, 'mine'), me));
    const theirs = await from(await writeIdentity(join(folder, 'theirs'), await anIdentity()));
    if (mine?.kind !== 'open' || theirs?.kind !== 'open') throw new Error('it did not open');
    const versions = [mine.versions.A, mine.versions.B, theirs.versions.A, theirs.versions.B];
    assert.is(new Set(versions).size, 4);
    await chmod(folder, 0o700);
  }));

test.run();
