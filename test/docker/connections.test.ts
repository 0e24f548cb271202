import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { read } from '../../src/docker/ask.ts';
import { connectEngine } from '../../src/docker/find-engine.ts';

/** Answers every question on a socket and counts who connects. */
async function anEngine(path: string): Promise<{ server: Server; connected: () => number }> {
  let count = 0;
  const server = createServer((_request, response) => response.end('OK'));
  server.on('connection', () => {
    count += 1;
  });
  server.listen(path);
  await once(server, 'listening');
  return { server, connected: () => count };
}

async function ended(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

test('who reads keeps a connection, and who acts does not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-connections-'));
  const path = join(folder, 'engine.sock');
  const address = { kind: 'socket', path, from: 'test' } as const;
  const first = await anEngine(path);
  try {
    const acting = connectEngine(address);
    for (let call = 0; call < 3; call += 1) await acting.ping();
    assert.is(first.connected(), 3);
    const reading = connectEngine(address, 'kept');
    for (let call = 0; call < 3; call += 1) await reading.ping();
    assert.is(first.connected(), 4);
    await ended(first.server);
    const second = await anEngine(path);
    try {
      const answer = await read({ operation: 'ping', object: 'engine' }, () => reading.ping());
      assert.equal(String(answer), 'OK', 'of an engine that was started anew');
      assert.is(second.connected(), 1);
    } finally {
      await ended(second.server);
    }
  } finally {
    if (first.server.listening) await ended(first.server);
    await rm(folder, { recursive: true });
  }
});

test.run();
