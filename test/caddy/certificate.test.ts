import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createCertificates } from '../../src/caddy/certificate.ts';
import { fixed, RealCaddy, route, until } from './real-caddy.ts';

const day = 86_400_000;

test('what Caddy shows is read by a handshake, and judged by the clock', async () => {
  const caddy = await RealCaddy.start();
  try {
    const app = await caddy.app('shop');
    const proxy = caddy.proxy();
    await proxy.load([
      route({ host: '*.wild.test', tls: 'internal', upstreams: fixed(app) }),
      route({ host: 'shop.test', tls: 'internal', upstreams: fixed(app) }),
    ]);
    const at = (now: number) =>
      createCertificates({ address: '127.0.0.1', port: caddy.httpsPort, now: () => now });
    const now = Date.now();
    await until('it is there', async () => (await at(now).of('shop.test')).status === 'valid');
    const shop = await at(now).of('shop.test');
    assert.match(shop.issuer ?? '', 'Caddy Local Authority');
    assert.ok((shop.notAfter ?? 0) > now && (shop.notAfter ?? 0) < now + day, String(shop.notAfter));
    assert.equal([shop.error, shop.since], [undefined, now]);
    await until(
      'so is that of the wildcard',
      async () => (await at(now).of('*.wild.test')).status === 'valid',
    );
    const late = await at((shop.notAfter ?? 0) - 60_000).of('shop.test');
    assert.is(late.status, 'expiring');
    assert.match(late.error ?? '', 'renewed');
    assert.is((await at((shop.notAfter ?? 0) + 1).of('shop.test')).status, 'expired');
    const other = await at(now).of('other.test');
    assert.equal([other.status, other.issuer], ['missing', undefined]);
    assert.match(other.error ?? '', /^Caddy /);
  } finally {
    await caddy.close();
  }
});

/** A server that takes connections and says nothing. */
async function aDeafServer() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, sockets, close };
}

test('one who does not answer costs the time of a handshake once, however many ask', async () => {
  const server = await aDeafServer();
  try {
    let now = 1_700_000_000_000;
    const { port, sockets } = server;
    const certificates = createCertificates({ address: '127.0.0.1', port, timeout: 50, now: () => now });
    const answers = await Promise.all(Array.from({ length: 10 }, () => certificates.of('shop.test')));
    assert.equal(new Set(answers.map(({ status }) => status)), new Set(['unknown']));
    assert.match(answers[0]?.error ?? '', 'within 0.05 s');
    await certificates.of('shop.test');
    assert.is(sockets.length, 1);
    const first = answers[0]?.since;
    now += 16_000;
    assert.equal([(await certificates.of('shop.test')).since, sockets.length], [first, 2]);
    await Promise.all(Array.from({ length: 60 }, (_, index) => certificates.of(`a${index}.test`)));
    assert.is(sockets.length, 62, 'all of them had their turn');
  } finally {
    server.close();
  }
});

test('no Caddy at all is unknown, and never thrown', async () => {
  const server = await aDeafServer();
  server.close();
  const { status, error } = await createCertificates({ address: '127.0.0.1', port: server.port }).of(
    'a.test',
  );
  assert.equal([status, error], ['unknown', 'Caddy does not answer: ECONNREFUSED']);
});

test.run();
