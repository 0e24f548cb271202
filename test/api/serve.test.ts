import { link, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { serveSocket, serveTcp } from '../../src/api/serve.ts';

const app = new Hono().get('/hello', (c) => c.text('hello'));

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-serve-'));
  try {
    await work(join(folder, 'plimsoll.sock'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function get(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/hello' }, async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve(text);
    });
    asked.once('error', reject);
    asked.end();
  });
}

test('the socket answers, belongs to its owner alone, and goes when closed', () =>
  inFolder(async (path) => {
    const serving = await serveSocket(app, path);
    try {
      assert.is((await stat(path)).mode & 0o777, 0o600);
      assert.is(await get(path), 'hello');
    } finally {
      await serving.close();
    }
    assert.is(await stat(path).catch(() => 'gone'), 'gone');
  }));

test('the socket file of a dead process is replaced', () =>
  inFolder(async (path) => {
    await leaveDead(path);
    assert.ok((await stat(path)).isSocket());
    const serving = await serveSocket(app, path);
    assert.is(await get(path), 'hello');
    await serving.close();
  }));

test('a socket that somebody answers at is left alone', () =>
  inFolder(async (path) => {
    const serving = await serveSocket(app, path);
    try {
      await serveSocket(app, path);
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), 'another process answers there');
      assert.is(await get(path), 'hello');
    } finally {
      await serving.close();
    }
  }));

test('a file that is no socket is left alone', () =>
  inFolder(async (path) => {
    await writeFile(path, 'mine');
    try {
      await serveSocket(app, path);
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), 'a file that is no socket');
    }
  }));

test('a TCP server says where it listens', async () => {
  const serving = await serveTcp(app, '127.0.0.1', 0);
  try {
    const response = await fetch(`http://127.0.0.1:${serving.port}/hello`);
    assert.is(await response.text(), 'hello');
  } finally {
    await serving.close();
  }
});

/** Leaves a socket file behind that nobody listens on, as a killed process does. */
async function leaveDead(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.dying`, resolve));
  await link(`${path}.dying`, path);
  await new Promise((resolve) => server.close(resolve));
}

test.run();
