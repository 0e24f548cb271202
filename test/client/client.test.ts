import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../src/api/create-api.ts';
import { serveSocket } from '../../src/api/serve.ts';
import { createClient } from '../../src/client/create-client.ts';
import { readEvents, readLines } from '../../src/client/read-events.ts';
import { aShop } from '../api/a-shop.ts';
import { overTcp } from '../api/over-tcp.ts';

async function onSocket(work: (socket: string, controller: ReturnType<typeof aShop>) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-client-'));
  const controller = aShop();
  const socket = join(folder, 'plimsoll.sock');
  const serving = await serveSocket(createApi(controller), socket);
  try {
    await work(socket, controller);
  } finally {
    await serving.close();
    await rm(folder, { recursive: true });
  }
}

test('over the socket a call is typed by the document, and a problem is a value', () =>
  onSocket(async (socket, controller) => {
    const client = createClient({ socket, headers: { 'plimsoll-actor': 'ann' } });
    const path = { name: 'shop' };
    const { data } = await client.GET('/api/v1/apps/{name}', { params: { path } });
    assert.equal([data?.name, data?.scale.ready, data?.containers[0]?.image], ['shop', 2, 'shop:2']);
    const body = { reason: 'a sale', for: '2h' };
    const asked = await client.POST('/api/v1/apps/{name}/suspend', { params: { path }, body });
    assert.ok(asked.data?.until);
    assert.is(controller.history.memory().apps.shop?.suspended?.actor, 'ann');
    const { error, response } = await client.GET('/api/v1/apps/{name}', {
      params: { path: { name: 'a/../b' } },
    });
    assert.equal(
      [response.status, error?.code, error?.detail],
      [404, 'UnknownApp', 'no app "a/../b" in git or on this host'],
    );
  }));

test('a page leads to the next', () =>
  onSocket(async (socket) => {
    const client = createClient({ socket });
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: 1, ...(cursor === undefined ? {} : { cursor }) };
      const { data } = await client.GET('/api/v1/apps', { params: { query } });
      names.push(...(data?.items ?? []).map(({ name }) => name));
      cursor = data?.next ?? undefined;
    } while (cursor !== undefined);
    assert.equal(names, ['cart', 'shop']);
  }));

test('events are read as they come, with the id that resumes them, until they are left', () =>
  onSocket(async (socket, controller) => {
    const client = createClient({ socket });
    const { data } = await client.GET('/api/v1/events', {
      params: { query: { app: 'cart' } },
      headers: { accept: 'text/event-stream' },
      parseAs: 'stream',
    });
    assert.ok(data);
    controller.history.suspend('cart', { actor: 'ann', reason: 'näher' });
    const seen: string[] = [];
    for await (const { id, event, data: told } of readEvents(data as ReadableStream<Uint8Array>)) {
      seen.push(`${event} ${(JSON.parse(told) as { message: string }).message}`);
      assert.match(id ?? '', /^\d+$/);
      break;
    }
    assert.equal(seen, ['event suspended by ann: näher']);
  }));

test('lines and characters may be cut anywhere on the way', async () => {
  const bytes = new TextEncoder().encode(
    'id: 1\r\nevent: a\r\ndata: ä\n\n: comment\n\ndata: x\ndata: y\n\ndata: cut',
  );
  for (let at = 0; at <= bytes.length; at += 1) {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, at));
        controller.enqueue(bytes.slice(at));
        controller.close();
      },
    });
    const events = await Array.fromAsync(readEvents(stream));
    assert.equal(events, [
      { id: '1', event: 'a', data: 'ä' },
      { id: '1', event: 'message', data: 'x\ny' },
    ]);
  }
  const whole = await Array.fromAsync(readLines(ReadableStream.from([bytes])));
  assert.is(whole.at(-1), 'data: cut');
});

test('over TCP a token says who asks, also below a path of a proxy', () =>
  overTcp(aShop(), async (server) => {
    const url = `http://127.0.0.1:${server.port}`;
    const good = createClient({ server: url, token: server.token(['read'], { name: 'ci' }) });
    assert.is((await good.GET('/api/v1/whoami')).data?.actor, 'ci');
    assert.is((await createClient({ server: url }).GET('/api/v1/whoami')).error?.code, 'NoToken');
    const below = await createClient({ server: `${url}/below/` }).GET('/api/v1/whoami');
    assert.match(below.error?.detail ?? '', '"/below/api/v1/whoami"');
  }));

test('who does not answer is told as an error, and a redirect does not carry the token away', async () => {
  await createClient({ socket: '/nowhere/plimsoll.sock' })
    .GET('/healthz')
    .then(() => assert.unreachable())
    .catch((error: NodeJS.ErrnoException) => assert.is(error.code, 'ENOENT'));
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    if (request.url === '/healthz') response.writeHead(302, { location: '/elsewhere' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const client = createClient({ server: `http://127.0.0.1:${port}`, token: 'plt_x', timeout: 200 });
    assert.is((await client.GET('/healthz')).response.status, 302);
    assert.is(asked, 1);
    await client
      .GET('/readyz')
      .then(() => assert.unreachable())
      .catch((error: Error) => assert.is(error.message, 'no answer for 0.2 s'));
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test.run();
