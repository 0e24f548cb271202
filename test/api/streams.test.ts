import { connect, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OpenStreams, type StreamLimits } from '../../src/api/open-streams.ts';
import type { AController } from './a-controller.ts';
import { aShop } from './a-shop.ts';
import { type OverTcp, overTcp } from './over-tcp.ts';

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not in 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

class RawClient {
  readonly socket: Socket;
  received = '';
  ended = false;

  constructor(port: number, path: string, token: string, headers: Readonly<Record<string, string>> = {}) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('error', () => undefined);
    this.socket.once('close', () => {
      this.ended = true;
    });
    const lines = Object.entries({
      host: '127.0.0.1',
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
      ...headers,
    }).map(([name, value]) => `${name}: ${value}`);
    this.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  }

  read(): this {
    this.socket.on('data', (text) => {
      this.received += String(text);
    });
    return this;
  }

  get status(): string {
    return this.received.slice(9, 12);
  }

  /** Reads what comes and throws it away, so that only the head is kept. */
  end(): void {
    this.socket.destroy();
  }
}

async function withStreams(
  limits: Partial<StreamLimits>,
  work: (
    server: OverTcp,
    streams: OpenStreams,
    controller: AController,
    clients: RawClient[],
  ) => Promise<void>,
): Promise<void> {
  const streams = new OpenStreams(limits);
  const controller = aShop();
  const clients: RawClient[] = [];
  try {
    await overTcp(controller, (server) => work(server, streams, controller, clients), {
      streams,
      settings: { trustedProxies: ['127.0.0.1'] },
    });
  } finally {
    for (const client of clients) client.end();
    streams.close();
  }
}

const events = '/api/v1/events?after=0';

test('ten streams an address and so many in all, and a place is free again when one leaves', () =>
  withStreams({ all: 15 }, async (server, streams, _controller, clients) => {
    const token = server.token(['read']);
    const open = (address: string) => {
      const client = new RawClient(server.port, events, token, { 'x-forwarded-for': address }).read();
      clients.push(client);
      return client;
    };
    const first = Array.from({ length: 10 }, () => open('198.51.100.1'));
    await until('ten are open', () => first.every(({ status }) => status === '200'));
    const eleventh = open('198.51.100.1');
    await until('the eleventh is refused', () => eleventh.status === '429');
    assert.match(eleventh.received, 'TooManyStreams');
    const others = Array.from({ length: 5 }, (_, index) => open(`198.51.100.${index + 2}`));
    await until('fifteen are open', () => others.every(({ status }) => status === '200'));
    const sixteenth = open('198.51.100.9');
    await until('the sixteenth is refused', () => sixteenth.status === '503');
    assert.is(streams.open, 15);
    first[0]?.end();
    await until('a place is free', () => streams.open === 14);
    const next = open('198.51.100.1');
    await until('it is taken', () => next.status === '200');
  }));

test('a silent stream says that it lives, and all end when the controller does', () =>
  withStreams({ heartbeat: 50 }, async (server, streams, _controller, clients) => {
    const client = new RawClient(server.port, '/api/v1/events', server.token(['read'])).read();
    clients.push(client);
    await until('two signs of life', () => (client.received.match(/: still here/g)?.length ?? 0) >= 2);
    streams.close();
    await until('the stream is over', () => client.received.includes('\r\n0\r\n'));
    assert.is(streams.open, 0);
  }));

test('a stream of events goes on after the last that was read, and begins anew with a history that was lost', () =>
  withStreams({}, async (server, _streams, controller, clients) => {
    const token = server.token(['read']);
    const last = controller.history.events({ limit: 1 })[0]?.id ?? 0;
    const follow = (id: string) => {
      const client = new RawClient(server.port, '/api/v1/events', token, { 'last-event-id': id }).read();
      clients.push(client);
      return client;
    };
    const [after, lost, odd] = [follow(String(last - 1)), follow('999999'), follow('x')];
    await until('the last one comes', () => after.received.includes(`id: ${last}\n`));
    assert.not.match(after.received, `id: ${last - 1}\n`);
    await until('all of them come', () => lost.received.includes('id: 1\n'));
    await until('it is open', () => odd.status === '200');
    controller.history.suspend('shop', { actor: 'ann', reason: 'a sale' });
    for (const client of [after, lost, odd])
      await until('news come', () => client.received.includes('suspended by ann: a sale'));
    assert.not.match(odd.received, 'id: 1\n');
  }));

test('a log goes on after the line of each container that was read last', () =>
  withStreams({}, async (server, _streams, controller, clients) => {
    const token = server.token(['logs']);
    const [one, two] = controller.host.world.observed.containers.filter(({ app }) => app === 'shop');
    const lines = (name: string) =>
      Array.from({ length: 5 }, (_, at) => `2026-01-01T00:00:0${at}.000000000Z ${name}${at}`);
    controller.written.set(one?.id ?? '', lines('a'));
    controller.written.set(two?.id ?? '', lines('b'));
    const path = '/api/v1/apps/shop/logs?follow=1';
    const whole = new RawClient(server.port, path, token).read();
    clients.push(whole);
    await until('all is read', () => whole.received.includes('event: end'));
    const ids = [...whole.received.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id);
    assert.is(ids.length, 10);
    const rest = new RawClient(server.port, path, token, { 'last-event-id': ids[3] ?? '' }).read();
    clients.push(rest);
    await until('the rest is read', () => rest.received.includes('event: end'));
    const linesOf = (text: string) => [...text.matchAll(/"line":"(\w+)"/g)].map(([, line]) => line);
    assert.equal(
      [...linesOf(whole.received).slice(0, 4), ...linesOf(rest.received)].sort(),
      linesOf(whole.received).sort(),
    );
    assert.is(linesOf(rest.received).length, 6);
  }));

test('a thousand clients that never read are dropped or refused, hold no memory, and others are served', () =>
  withStreams({ patience: 500 }, async (server, streams, controller, clients) => {
    const token = server.token(['read']);
    const now = controller.now();
    // Far more than the kernel buffers for the sockets that are let in.
    const filler = 'x'.repeat(8_000);
    for (let index = 0; index < 2_500; index += 1)
      controller.history.event({ at: now, app: 'shop', type: 'Test', reason: `R${index}`, message: filler });
    const before = memory();
    for (let index = 0; index < 1_000; index += 1)
      clients.push(
        new RawClient(server.port, events, token, { 'x-forwarded-for': `198.51.${index % 100}.1` }),
      );
    for (const client of clients) client.socket.pause();
    let [most, open] = [0, 0];
    await until('those that are let in are dropped, one after the other', () => {
      [most, open] = [Math.max(most, memory()), Math.max(open, streams.open)];
      return streams.dropped > 60;
    });
    assert.ok(open <= 100, `${open} were open at once`);
    for (const client of clients) client.end();
    await until('none is left', () => streams.open === 0);
    await until('others are served', async () => {
      const answer = await server.ask('/api/v1/apps', { token }).catch(() => undefined);
      return answer?.status === 200;
    });
    const grown = most - before;
    assert.ok(grown < 250 * 1024 * 1024, `${Math.round(grown / 1024 / 1024)} MiB more`);
  }));

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

test.run();
