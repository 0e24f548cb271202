import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RealCaddy, route, until } from './real-caddy.ts';

test('switches a hundred times under concurrent clients without an error or a call to Caddy', async () => {
  const caddy = await RealCaddy.start();
  const stop = new AbortController();
  try {
    const proxy = caddy.proxy();
    const [plain, flagged] = [await caddy.app('plain'), await caddy.app('flagged')];
    await proxy.load([route({ host: 'shop.test', upstreams: [{ replica: 0, plain, flagged }] })]);
    const logged = caddy.log.length;

    const answers = { plain: 0, flagged: 0, errors: [] as string[] };
    const clients = Array.from({ length: 12 }, (_, index) =>
      client(caddy, index % 2 === 0, stop.signal, answers),
    );
    for (let turn = 1; turn <= 100; turn++) {
      const flag = turn % 2 === 1;
      await proxy.switch('shop', 0, flag);
      // The very next request sees it: nothing is cached.
      assert.is((await caddy.http({ host: 'shop.test' })).body, flag ? 'flagged /' : 'plain /');
      const seen = answers.plain + answers.flagged;
      await until('clients go on', () => answers.plain + answers.flagged > seen + 12);
    }
    stop.abort();
    await Promise.all(clients);
    assert.equal(answers.errors, []);
    assert.ok(answers.plain > 500 && answers.flagged > 500, JSON.stringify(answers));
    assert.not.match(caddy.log.slice(logged).join(''), /admin\.api/);
  } finally {
    stop.abort();
    await caddy.close();
  }
});

test('lets requests and websockets on the old slot go on after a switch', async () => {
  const caddy = await RealCaddy.start();
  try {
    const proxy = caddy.proxy();
    let release: (() => void) | undefined;
    const plain = await caddy.upstream(
      (_asked, answer) => {
        answer.write('begun ');
        release = () => answer.end('on the old slot');
      },
      (server) =>
        server.on('upgrade', (asked, socket: Socket) =>
          echo(String(asked.headers['sec-websocket-key']), socket),
        ),
    );
    const flagged = await caddy.app('flagged');
    await proxy.load([route({ host: 'shop.test', upstreams: [{ replica: 0, plain, flagged }] })]);
    const download = caddy.http({ host: 'shop.test' });
    await until('the download is under way', () => release !== undefined);
    const socket = await upgrade(caddy);

    await proxy.switch('shop', 0, true);
    assert.is((await caddy.http({ host: 'shop.test' })).body, 'flagged /');
    assert.is(await say(socket, 'still there?'), 'still there?');
    release?.();
    assert.is((await download).body, 'begun on the old slot');
    socket.destroy();
  } finally {
    await caddy.close();
  }
});

test('passes over a replica that is gone while another answers', async () => {
  const caddy = await RealCaddy.start();
  try {
    const alive = await caddy.app('alive');
    const upstreams = [
      { replica: 0, plain: '127.0.0.1:1', flagged: '127.0.0.1:1' },
      { replica: 1, plain: alive, flagged: alive },
    ];
    await caddy.proxy().load([route({ host: 'shop.test', upstreams })]);
    for (let i = 0; i < 6; i++) {
      assert.is((await caddy.http({ host: 'shop.test' })).body, 'alive /');
    }
  } finally {
    await caddy.close();
  }
});

async function client(
  caddy: RealCaddy,
  keepAlive: boolean,
  stop: AbortSignal,
  answers: { plain: number; flagged: number; errors: string[] },
): Promise<void> {
  const agent = new Agent({ keepAlive });
  while (!stop.aborted) {
    try {
      const body = await ask(caddy, agent);
      if (body === 'plain /') answers.plain += 1;
      else if (body === 'flagged /') answers.flagged += 1;
      else answers.errors.push(body);
    } catch (error) {
      answers.errors.push(String(error));
    }
  }
  agent.destroy();
}

function ask(caddy: RealCaddy, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: caddy.httpPort, headers: { Host: 'shop.test' }, agent }, (answer) => {
      text(answer).then(resolve, reject);
    }).on('error', reject);
  });
}

async function upgrade(caddy: RealCaddy): Promise<Socket> {
  const socket = connect(caddy.httpPort, '127.0.0.1');
  socket.write(
    [
      'GET /ws HTTP/1.1',
      'Host: shop.test',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '\r\n',
    ].join('\r\n'),
  );
  const [head] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1\.1 101 /);
  return socket;
}

/** After the handshake the bytes are the app's business: these come back as they are. */
function echo(key: string, socket: Socket): void {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => {}).pipe(socket);
}

async function say(socket: Socket, words: string): Promise<string> {
  socket.write(words);
  const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  return answer.toString();
}

test.run();
