import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { inspect } from 'node:util';
import type Docker from 'dockerode';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import type { RegistryLogin } from '../../src/desired/app.ts';
import { createEngineReader } from '../../src/docker/engine-reader.ts';
import { freePort, type Login, type Registry, startRegistry } from './a-registry.ts';
import { aVault } from './a-vault.ts';
import { type Corner, openCorner, until } from './test-engine.ts';
import { ensureTestImage } from './test-image.ts';

const vault = aVault();
const login: Login = { username: 'robot', password: 'canary-l0gin' };
const sealed: RegistryLogin = { username: 'robot', password: vault.put('registry/password', login.password) };

async function withRegistry(
  run: (corner: Corner, registry: Registry) => Promise<void>,
  withLogin?: Login,
): Promise<void> {
  const corner = await openCorner({ secrets: vault });
  const registry = await startRegistry(withLogin);
  try {
    await run(corner, registry);
  } finally {
    await registry.stop();
    await corner.clear();
  }
}

async function pull(corner: Corner, reference: string, as?: RegistryLogin): Promise<string[]> {
  const lines: string[] = [];
  await corner.engine.pull(reference, new AbortController().signal, (line) => lines.push(line), as);
  return lines;
}

async function refused(corner: Corner, reference: string, as?: RegistryLogin): Promise<EdgeError> {
  const error = await pull(corner, reference, as).then(
    () => assert.unreachable('it should have failed'),
    (caught: unknown) => caught,
  );
  assert.instance(error, EdgeError);
  assert.not.match(inspect(error, { depth: 9, showHidden: true }), /canary/);
  return error as EdgeError;
}

async function reasonOf(corner: Corner, reference: string, as?: RegistryLogin): Promise<string> {
  const { kind, reason } = await refused(corner, reference, as);
  return `${kind} ${reason}`;
}

async function forget(docker: Docker, reference: string): Promise<void> {
  await docker
    .getImage(reference)
    .remove()
    .catch(() => undefined);
}

test('pulls an image with progress, and the reader sees it and its digest under its tag', () =>
  withRegistry(async (corner, registry) => {
    const { docker, instance, network } = corner;
    // Of its own, so that its layers are not on this host any more when it is pulled.
    const image = await ensureTestImage(docker, `plimsoll-test/${instance}:1`, [`ENV OF=${instance}`]);
    const reference = await registry.push(docker, image, 'shop:1');
    await docker.getImage(`plimsoll-test/${instance}:1`).remove();
    const reader = createEngineReader({ docker, instance, network });
    try {
      reader.want([reference]);
      assert.is((await reader.observe(new Set())).images[reference], undefined);
      const lines = await pull(corner, reference);
      assert.ok(
        lines.some((line) => line.startsWith('Status: Downloaded newer image')),
        lines.join('\n'),
      );
      assert.match(lines.join('\n'), /^(\d) of \1 layers/m);
      const found = await until(
        'the image is seen',
        async () => (await reader.observe(new Set())).images[reference],
      );
      assert.is(found.id, image);
      assert.match(found.digest ?? '', /^sha256:[0-9a-f]{64}$/);
    } finally {
      reader.close();
      await forget(docker, reference);
    }
  }));

test('a private registry opens to the right credentials alone, which nothing else ever sees', () =>
  withRegistry(async (corner, registry) => {
    const { docker, image } = corner;
    const reference = await registry.push(docker, image, 'private/shop:1');
    try {
      assert.is(await reasonOf(corner, reference), 'transient RegistryDenied');
      const wrong = { username: 'robot', password: vault.put('registry/wrong', 'canary-wrong') };
      assert.is(await reasonOf(corner, reference, wrong), 'transient RegistryDenied');
      assert.is(
        await reasonOf(corner, reference, { username: 'robot', password: 'canary-plain' }),
        'transient RegistryDenied',
      );
      const gone = vault.put('registry/gone', 'canary-gone');
      vault.forget(gone);
      assert.is(
        await reasonOf(corner, reference, { username: 'robot', password: gone }),
        'transient SecretUnavailable',
      );
      const lines = await pull(corner, reference, sealed);
      assert.not.match(lines.join('\n'), /canary/);
      assert.is((await docker.getImage(reference).inspect()).Id, image);
      assert.is(
        await reasonOf(corner, `${registry.host}/private/shop:none`, sealed),
        'terminal ImageNotFound',
      );
      assert.is(await reasonOf(corner, `${registry.host}/nothing:1`, sealed), 'terminal ImageNotFound');
    } finally {
      await forget(docker, reference);
    }
  }, login));

test('a tag that did not move downloads nothing, one that moved is noticed', () =>
  withRegistry(async (corner, registry) => {
    const { docker, image, instance } = corner;
    const other = await ensureTestImage(docker, `plimsoll-test/${instance}:2`, [`ENV OF=${instance}-2`]);
    const reference = await registry.push(docker, image, 'moving:1');
    try {
      await pull(corner, reference, sealed);
      const before = registry.requests.length;
      assert.equal(await pull(corner, reference, sealed), ['Status: Image is up to date']);
      await until('its look-up is in the log', () => registry.requests.length > before);
      const asked = registry.requests.slice(before);
      // The engine looks into the image's configuration, some kilobytes, to tell its platform.
      const layers = asked.filter((request) => request.includes('/blobs/') && !request.endsWith(image));
      assert.equal(layers, [], asked.join('\n'));
      const { RepoDigests } = await docker.getImage(reference).inspect();
      const pinned = RepoDigests.find((one) => one.startsWith(registry.host)) ?? '';

      await docker.getImage(other).tag({ repo: `${registry.host}/moving`, tag: '1' });
      await registry.push(docker, other, 'moving:1');
      await docker.getImage(image).tag({ repo: `${registry.host}/moving`, tag: '1' });
      const lines = await pull(corner, reference, sealed);
      assert.match(lines.join('\n'), /Status: /);
      assert.is((await docker.getImage(reference).inspect()).Id, other);

      await registry.stop();
      assert.equal(await pull(corner, pinned), ['Status: Image is up to date'], 'a digest never moves');
      assert.is(await reasonOf(corner, reference, sealed), 'transient RegistryUnreachable');
    } finally {
      await forget(docker, reference);
      await forget(docker, `plimsoll-test/${instance}:2`);
    }
  }, login));

test('says which of missing, private, wrong platform and unreachable a registry is', () =>
  withRegistry(async (corner, registry) => {
    const refusing = await startLying((_asked, answer) => {
      answer.writeHead(401, { 'content-type': 'application/json', 'www-authenticate': 'Basic realm="test"' });
      answer.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
    });
    const foreign = await registry.pushForeign('foreign:1');
    const broken = await startLying((_asked, answer) => answer.writeHead(503).end('no'));
    const reasons = await Promise.all(
      [
        `${registry.host}/nothing:1`,
        `${refusing.host}/secret:1`,
        foreign,
        `${broken.host}/shop:1`,
        `127.0.0.1:${await freePort()}/shop:1`,
      ].map((reference) => reasonOf(corner, reference)),
    );
    await refusing.stop();
    await broken.stop();
    assert.equal(reasons, [
      'terminal ImageNotFound',
      'transient RegistryDenied',
      'terminal WrongPlatform',
      'transient RegistryUnreachable',
      'transient RegistryUnreachable',
    ]);
  }));

test('a registry that asks to be left alone says for how long, though the engine hides it', async () => {
  const corner = await openCorner({ secrets: vault });
  const pauses: string[] = ['37', new Date(Date.now() + 3_600_000).toUTCString(), 'nonsense'];
  const authorizations: (string | undefined)[] = [];
  let pause = '';
  const lying = await startLying(({ url, method, headers }, answer) => {
    if (url === '/v2/') return void answer.writeHead(200).end('{}');
    if (method === 'HEAD') authorizations.push(headers.authorization);
    answer.writeHead(429, { 'retry-after': pause, 'content-type': 'application/json' });
    answer.end(JSON.stringify({ errors: [{ code: 'TOOMANYREQUESTS', message: 'slow down' }] }));
  });
  try {
    const found: (number | undefined)[] = [];
    for (pause of pauses) {
      const error = await refused(corner, `${lying.host}/shop:1`, sealed);
      assert.equal([error.kind, error.reason], ['transient', 'RegistryRateLimited']);
      found.push(error.retryAfter);
    }
    assert.is(found[0], 37_000);
    assert.ok((found[1] ?? 0) > 3_500_000 && (found[1] ?? 0) <= 3_600_000, `${found[1]}`);
    assert.is(found[2], undefined);
    const basic = `Basic ${Buffer.from('robot:canary-l0gin').toString('base64')}`;
    assert.ok(authorizations.includes(basic), 'it is asked as the one that is to wait');
  } finally {
    await lying.stop();
    await corner.clear();
  }
});

test('a cancelled pull ends at once', async () => {
  const corner = await openCorner();
  const silent = createTcpServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 200);
  const error = await corner.engine
    .pull(`127.0.0.1:${port}/slow:1`, abort.signal, () => {})
    .catch((caught: unknown) => caught);
  silent.close();
  await corner.clear();
  assert.instance(error, EdgeError);
  assert.is((error as EdgeError).reason, 'Cancelled');
});

/** A registry that answers as no real one can be made to. */
async function startLying(
  answer: RequestListener,
): Promise<{ readonly host: string; stop(): Promise<void> }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

test.run();
