import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import Docker from 'dockerode';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jsonLines } from '../../src/docker/json-lines.ts';
import { tarOf } from '../../src/docker/tar.ts';
import { testInstance } from '../test-instance.ts';
import { RealCaddy, route, until } from './real-caddy.ts';

const tag = 'plimsoll-test/caddy:1';
/** What Debian's Caddy needs besides itself (ldd). */
const libraries = [
  '/lib/x86_64-linux-gnu/libzstd.so.1',
  '/lib/x86_64-linux-gnu/libc.so.6',
  '/lib64/ld-linux-x86-64.so.2',
];

test('a Caddy in a container switches by the flag files that it is given, and reloads where it is given none', async () => {
  const docker = new Docker();
  await buildCaddyImage(docker);
  for (const shared of [true, false]) await tryContained(docker, shared);
});

async function tryContained(docker: Docker, shared: boolean): Promise<void> {
  const caddy = new RealCaddy([0, 1, 2].map((index) => (shared ? 18_380 : 18_480) + index));
  mkdirSync(caddy.flagDir, { recursive: true });
  writeFileSync(
    join(caddy.dir, 'initial.json'),
    JSON.stringify({ admin: { listen: `127.0.0.1:${caddy.adminPort}` } }),
  );
  const mounts = [
    `${join(caddy.dir, 'initial.json')}:/initial.json:ro`,
    ...(shared ? [`${caddy.flagDir}:${caddy.flagDir}:ro`] : []),
  ];
  const container = await docker.createContainer({
    Image: tag,
    Cmd: ['/usr/bin/caddy', 'run', '--config', '/initial.json'],
    Env: ['HOME=/', 'XDG_DATA_HOME=/data', 'XDG_CONFIG_HOME=/config'],
    Labels: { 'plimsoll.instance': testInstance('contained') },
    HostConfig: { NetworkMode: 'host', Binds: mounts },
  });
  try {
    await container.start();
    await until('the admin API answers', async () => (await caddy.askAdmin('/config/')).status === 200);
    const proxy = caddy.proxy();
    const [plain, flagged] = [await caddy.app('plain'), await caddy.app('flagged')];
    await proxy.load([route({ host: 'shop.test', upstreams: [{ replica: 0, plain, flagged }] })]);
    assert.is((await proxy.observe()).sharesFlags, shared);
    await proxy.switch('shop', 0, true);
    assert.is((await caddy.http({ host: 'shop.test' })).body, shared ? 'flagged /' : 'plain /');
  } finally {
    await container.remove({ force: true });
    await caddy.close();
  }
}

async function buildCaddyImage(docker: Docker): Promise<void> {
  const files = ['/usr/bin/caddy', ...libraries];
  const lines = ['FROM scratch', ...files.map((file) => `COPY ${file.slice(1)} ${file}`)];
  const context = tarOf([
    { path: 'Dockerfile', content: Buffer.from(lines.join('\n')), mode: 0o644 },
    ...files.map((file) => ({ path: file.slice(1), content: readFileSync(file), mode: 0o755 })),
  ]);
  const output = (await docker.buildImage(context as unknown as NodeJS.ReadableStream, {
    t: tag,
  })) as Readable;
  for await (const line of jsonLines(output)) {
    const { error } = JSON.parse(line) as { error?: string };
    if (error !== undefined) throw new Error(`build ${tag}: ${error}`);
  }
}

test.run();
