import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findCaddy, startCaddy } from '../../src/caddy/caddy-process.ts';
import { createProxy } from '../../src/caddy/proxy.ts';
import { freePorts, until } from './real-caddy.ts';

async function inFolder(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'plimsoll-caddy-'));
  try {
    await run(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test('keeps its own Caddy running, which comes back with its routes when it dies', () =>
  inFolder(async (dir) => {
    const [http = 0, https = 0] = await freePorts(2);
    const admin = `unix/${join(dir, 'admin.sock')}`;
    const template = join(dir, 'Caddyfile.tmpl');
    writeFileSync(template, '{\n\t# plimsoll:global\n}\n# plimsoll:routes\n');
    const lines: string[] = [];
    const options = {
      program: findCaddy(),
      admin,
      dir,
      onLine: (line: string) => void lines.push(line),
      backoff: 20,
    };
    const caddy = await startCaddy(options);
    const flagDir = join(dir, 'flags');
    const proxy = createProxy({ admin, template, flagDir, httpPort: http, httpsPort: https });
    try {
      assert.is((await proxy.observe()).state, 'edited');
      await proxy.load([]);
      assert.is((await proxy.observe()).state, 'running');
      const { pid } = caddy;
      process.kill(Number(pid), 'SIGKILL');
      await until('another one runs', () => caddy.pid !== undefined && caddy.pid !== pid);
      await until('it runs the same', async () => (await proxy.observe()).state === 'running');
      assert.match(readFileSync(join(dir, 'caddy.log'), 'utf8'), 'serving initial configuration');
      assert.ok(lines.some((line) => line.startsWith('caddy ended after')));
    } finally {
      await proxy.close();
      await caddy.stop();
    }
    assert.is(caddy.pid, undefined);
  }));

test('uses a Caddy that answers already, and takes over when that ends', () =>
  inFolder(async (dir) => {
    const [port = 0] = await freePorts(1);
    const options = { program: findCaddy(), admin: `http://127.0.0.1:${port}`, dir, onLine: () => {} };
    const first = await startCaddy(options);
    const second = await startCaddy(options);
    try {
      assert.is(second.pid, undefined);
      await first.stop();
      await until('the second runs one', () => second.pid !== undefined);
    } finally {
      await first.stop();
      await second.stop();
    }
  }));

test('says so when there is no caddy to start', () => {
  assert.throws(() => findCaddy('/nowhere:/nothing'), /find caddy: no such program in PATH; install it/);
});

test('says so when its Caddy cannot be started', () =>
  inFolder(async (dir) => {
    const options = {
      program: '/bin/false',
      admin: `unix/${join(dir, 'admin.sock')}`,
      dir,
      onLine: () => {},
      deadline: 300,
    };
    await startCaddy(options).then(
      () => assert.unreachable(),
      (error: unknown) => assert.match(String(error), /start caddy: .*does not answer/),
    );
  }));

test.run();
