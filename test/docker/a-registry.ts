import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import type Docker from 'dockerode';
import { jsonLines } from '../../src/docker/json-lines.ts';
import { until } from './test-engine.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Debian's docker-registry on a free port of loopback, which every engine may speak plain HTTP to. */
export interface Registry {
  readonly host: string;
  /** Method and path of every request, from its access log. */
  readonly requests: readonly string[];
  /** Gives an image this tag in the registry, and takes it off this host; answers its reference. */
  push(docker: Docker, image: string, tag: string): Promise<string>;
  /** A tag whose only image is for a machine that nobody has. */
  pushForeign(tag: string): Promise<string>;
  stop(): Promise<void>;
}

/** With a login nobody else gets in. */
export async function startRegistry(login?: Login): Promise<Registry> {
  const dir = mkdtempSync(join(tmpdir(), 'plimsoll-registry-'));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = join(dir, 'config.yml');
  const htpasswd = join(dir, 'htpasswd');
  if (login) writeFileSync(htpasswd, `${login.username}:${hashSync(login.password, 5)}\n`);
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: dir }, delete: { enabled: true } },
    http: { addr: host },
    ...(login ? { auth: { htpasswd: { realm: 'test', path: htpasswd } } } : {}),
  };
  writeFileSync(config, JSON.stringify(settings));
  const child: ChildProcess = spawn('docker-registry', ['serve', config], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const requests: string[] = [];
  child.stdout?.on('data', (chunk) => {
    for (const [, request] of String(chunk).matchAll(/"((?:GET|HEAD|PUT|POST|PATCH) \S+) HTTP/g))
      if (request) requests.push(request);
  });
  await until('the registry answers', () => canConnect(port));
  const authorization =
    login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;

  return {
    host,
    requests,
    async push(docker, image, tag) {
      const [repo = '', name = ''] = tag.split(':');
      const reference = `${host}/${repo}:${name}`;
      await docker.getImage(image).tag({ repo: `${host}/${repo}`, tag: name });
      const authconfig = { ...(login ?? { username: '', password: '' }), serveraddress: host };
      const output = await docker.getImage(reference).push({ authconfig });
      for await (const line of jsonLines(output as Parameters<typeof jsonLines>[0])) {
        const { error } = JSON.parse(line) as { error?: string };
        if (error !== undefined) throw new Error(`push ${reference}: ${error}`);
      }
      await docker.getImage(reference).remove();
      return reference;
    },
    async pushForeign(tag) {
      const [repo = '', name = ''] = tag.split(':');
      const send = async (path: string, body: string, type: string, method = 'PUT'): Promise<void> => {
        const headers = { 'content-type': type, ...(authorization ? { authorization } : {}) };
        const answer = await fetch(`http://${host}/v2/${repo}/${path}`, { method, headers, body });
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      };
      const blob = JSON.stringify({
        architecture: 's390x',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: [] },
      });
      const open = await fetch(`http://${host}/v2/${repo}/blobs/uploads/`, {
        method: 'POST',
        headers: authorization ? { authorization } : {},
      });
      const upload = new URL(open.headers.get('location') ?? '', `http://${host}`);
      upload.searchParams.set('digest', digestOf(blob));
      await send(
        `x/../${upload.pathname.split(`/v2/${repo}/`)[1]}${upload.search}`,
        blob,
        'application/octet-stream',
      );
      const docker = 'application/vnd.docker.distribution.manifest';
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: `${docker}.v2+json`,
        config: {
          mediaType: 'application/vnd.docker.container.image.v1+json',
          size: blob.length,
          digest: digestOf(blob),
        },
        layers: [],
      });
      await send(`manifests/${digestOf(manifest)}`, manifest, `${docker}.v2+json`);
      const list = JSON.stringify({
        schemaVersion: 2,
        mediaType: `${docker}.list.v2+json`,
        manifests: [
          {
            mediaType: `${docker}.v2+json`,
            size: manifest.length,
            digest: digestOf(manifest),
            platform: { architecture: 's390x', os: 'linux' },
          },
        ],
      });
      await send(`manifests/${name}`, list, `${docker}.list.v2+json`);
      return `${host}/${tag}`;
    },
    async stop() {
      const closed = once(child, 'close');
      if (child.exitCode === null && child.kill('SIGTERM')) await closed;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.unref();
    setTimeout(() => socket.destroy(), 50).unref();
  });
}
