import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import { createEngineReader } from '../../src/docker/engine-reader.ts';
import { jsonLines } from '../../src/docker/json-lines.ts';
import { type Corner, openCorner, until } from './test-engine.ts';

interface Registry {
  readonly host: string;
  /** Gives an image this tag in the registry, and takes it off this host. */
  push(docker: Docker, image: string, tag: string): Promise<string>;
  stop(): Promise<void>;
}

async function withRegistry(run: (corner: Corner, registry: Registry) => Promise<void>): Promise<void> {
  const corner = await openCorner();
  const registry = await startRegistry();
  try {
    await run(corner, registry);
  } finally {
    await registry.stop();
    await corner.clear();
  }
}

test('pulls an image with progress, and the reader sees it under its tag', () =>
  withRegistry(async ({ docker, instance, network, image, engine }, registry) => {
    const reference = await registry.push(docker, image, 'shop:1');
    const reader = createEngineReader({ docker, instance, network });
    try {
      reader.want([reference]);
      assert.is((await reader.observe(new Set())).images[reference], undefined);
      const lines: string[] = [];
      await engine.pull(reference, new AbortController().signal, (line) => lines.push(line));
      assert.ok(
        lines.some((line) => line.startsWith('Status: Downloaded newer image')),
        lines.join('\n'),
      );
      await until(
        'the image is seen',
        async () => (await reader.observe(new Set())).images[reference]?.id === image,
      );
    } finally {
      reader.close();
      await docker
        .getImage(reference)
        .remove()
        .catch(() => undefined);
    }
  }));

test('says which of missing, private and unreachable a registry is', () =>
  withRegistry(async ({ engine }, registry) => {
    const refusing = await startRefusing();
    const gone = `127.0.0.1:${await freePort()}`;
    const reasons = await Promise.all(
      [`${registry.host}/nothing:1`, `${refusing.host}/secret:1`, `${gone}/shop:1`].map(async (reference) => {
        const error = await engine
          .pull(reference, new AbortController().signal, () => {})
          .catch((caught: unknown) => caught);
        return error instanceof EdgeError ? `${error.kind} ${error.reason}` : 'no error';
      }),
    );
    await refusing.stop();
    assert.equal(reasons, [
      'transient ImageNotFound',
      'transient ImageAccessDenied',
      'transient RegistryUnreachable',
    ]);
  }));

test('a cancelled pull ends at once', () =>
  withRegistry(async ({ engine }) => {
    const silent = createTcpServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 200);
    const error = await engine
      .pull(`127.0.0.1:${port}/slow:1`, abort.signal, () => {})
      .catch((caught: unknown) => caught);
    silent.close();
    assert.instance(error, EdgeError);
    assert.is((error as EdgeError).reason, 'Cancelled');
  }));

/** Debian's docker-registry on a free port of loopback, which every engine may speak plain HTTP to. */
async function startRegistry(): Promise<Registry> {
  const dir = mkdtempSync(join(tmpdir(), 'plimsoll-registry-'));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = join(dir, 'config.yml');
  const settings = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: dir } },
    http: { addr: host },
  };
  writeFileSync(config, JSON.stringify(settings));
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  await until('the registry answers', () => canConnect(port));
  return {
    host,
    async push(docker, image, tag) {
      const [repo = '', name = ''] = tag.split(':');
      const reference = `${host}/${repo}:${name}`;
      await docker.getImage(image).tag({ repo: `${host}/${repo}`, tag: name });
      const output = await docker
        .getImage(reference)
        .push({ authconfig: { username: '', password: '', serveraddress: host } });
      for await (const line of jsonLines(output as Parameters<typeof jsonLines>[0])) {
        const { error } = JSON.parse(line) as { error?: string };
        if (error !== undefined) throw new Error(`push ${reference}: ${error}`);
      }
      await docker.getImage(reference).remove();
      return reference;
    },
    async stop() {
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A registry that lets nobody in. */
async function startRefusing(): Promise<{ readonly host: string; stop(): Promise<void> }> {
  const server = createServer((_asked, answer) => {
    answer.writeHead(401, { 'content-type': 'application/json', 'www-authenticate': 'Basic realm="test"' });
    answer.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
  }).listen(0, '127.0.0.1');
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

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.unref();
    setTimeout(() => socket.destroy(), 50).unref();
  });
}

test.run();
