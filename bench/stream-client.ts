import { createHash, randomBytes } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export const streamKinds = ['download', 'events', 'socket'] as const;
export type StreamKind = (typeof streamKinds)[number];

/** One long answer, from its request to its end. */
export interface StreamEnd {
  readonly kind: StreamKind;
  readonly release: number;
  /** The first digits of its id. */
  readonly container: string;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly endedAt: number;
  /** It came to its own end; else it was cut. */
  readonly complete: boolean;
}

export interface StreamRequest {
  readonly port: number;
  /** The `Host` header. */
  readonly host: string;
  /** What `X-App` must say. */
  readonly app: string;
  /** Milliseconds after which the server ends it. */
  readonly lasts: number;
  readonly signal: AbortSignal;
}

/** Reads what came and answers whether it is whole; throws when it is not what it must be. */
type Reader = (opened: Opened, asked: StreamRequest) => Promise<boolean>;

interface Opened {
  readonly release: number;
  readonly parts: AsyncIterable<Buffer>;
  /** Of a web socket. */
  readonly socket?: Socket;
}

const readers: Readonly<Record<StreamKind, Reader>> = {
  download: readDownload,
  events: readEvents,
  socket: readSocket,
};

/** Milliseconds without an answer, or without a byte of it. */
const silence = 10_000;

/** Opens a long answer and reads it to its end; throws for one that is refused, or wrong in anything. */
export async function openStream(kind: StreamKind, asked: StreamRequest): Promise<StreamEnd> {
  const openedAt = Date.now();
  const { headers, parts, socket } = await open(kind, asked);
  const release = Number(headers['x-release']);
  const container = String(headers['x-container']);
  if (headers['x-app'] !== asked.app) throw new Error(`it answers as ${headers['x-app']}`);
  const opened = socket ? { release, parts, socket } : { release, parts };
  const complete = await readers[kind](opened, asked);
  socket?.destroy();
  return { kind, release, container, openedAt, endedAt: Date.now(), complete };
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly parts: AsyncIterable<Buffer>;
  readonly socket?: Socket;
}

function open(kind: StreamKind, { port, host, lasts, signal }: StreamRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const key = randomBytes(16).toString('base64');
  const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
  const more = kind === 'socket' ? { ...upgrade, 'Sec-WebSocket-Key': key } : {};
  const asked = request({
    ...{ host: '127.0.0.1', port, path: `/${kind}?for=${lasts}`, agent: false, timeout: silence, signal },
    headers: { Host: host, ...more },
  });
  asked.on('timeout', () => asked.destroy(new Error(`${silence / 1000} s without a byte`)));
  asked.on('error', reject);
  asked.on('response', (response: IncomingMessage) => {
    if (kind !== 'socket' && response.statusCode === 200) {
      resolve({ headers: response.headers, parts: response });
      return;
    }
    response.resume();
    reject(new Error(`status ${response.statusCode}`));
  });
  asked.on('upgrade', ({ headers }, socket, head) => {
    const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
    const accept = createHash('sha1').update(`${key}${guid}`).digest('base64');
    if (headers['sec-websocket-accept'] !== accept) reject(new Error('the handshake is wrong'));
    socket.unshift(head);
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    resolve({ headers, parts: socket, socket });
  });
  asked.end();
  return promise;
}

/** The same 512 KiB each time, as `web-server.c` makes them. */
const whole = Buffer.concat(
  Array.from({ length: 64 }, (_, n) => Uint8Array.from({ length: 8192 }, (_, i) => n * 31 + i * 7)),
);

/** Whole by its bytes alone: a proxy may end properly what it got cut (Caddy 2.6 does). */
async function readDownload({ parts }: Opened): Promise<boolean> {
  let length = 0;
  await readAll(parts, (part) => {
    if (!part.equals(whole.subarray(length, length + part.length)))
      throw new Error(`wrong bytes after ${length}`);
    length += part.length;
  });
  return length === whole.length;
}

/** Whole when the last event came. */
async function readEvents({ release, parts }: Opened, { app }: StreamRequest): Promise<boolean> {
  let text = '';
  let next = 0;
  let last = false;
  await readAll(parts, (part) => {
    const events = `${text}${part}`.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      last = event === 'event: end\ndata: end';
      if (last) continue;
      if (event !== `id: ${next}\ndata: ${app} ${release}`)
        throw new Error(`instead of event ${next}: ${JSON.stringify(event)}`);
      next += 1;
    }
  });
  return last;
}

/** Says something every 100 ms, which must come back; whole when it was closed with 1000. */
async function readSocket({ release, parts, socket }: Opened, { app }: StreamRequest): Promise<boolean> {
  let rest = Buffer.alloc(0);
  let ticks = 0;
  let echoes = 0;
  let closed = false;
  const talk = new AbortController();
  const talking = socket ? talkTo(socket, talk.signal) : undefined;
  await readAll(parts, (part) => {
    rest = Buffer.concat([rest, part]);
    for (let length = rest[1] ?? 0; rest.length >= 2 + length; length = rest[1] ?? 0) {
      const [kind, said] = [(rest[0] ?? 0) & 15, rest.subarray(2, 2 + length)];
      rest = rest.subarray(2 + length);
      if (kind === 8) {
        closed = said.readUInt16BE(0) === 1000;
        socket?.end();
      } else if (said.toString() === `tick ${ticks} ${app} ${release}`) ticks += 1;
      else if (said.toString() === `echo ${echoes}`) echoes += 1;
      else throw new Error(`instead of tick ${ticks} or echo ${echoes}: ${JSON.stringify(said.toString())}`);
    }
  }).finally(() => talk.abort());
  await talking;
  return closed;
}

async function talkTo(socket: Socket, signal: AbortSignal): Promise<void> {
  for (let said = 0; !signal.aborted && socket.writable; said += 1) {
    const text = Buffer.from(`echo ${said}`);
    // Masked by zeros, which leave it as it is.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
    await delay(100, undefined, { signal }).catch(() => undefined);
  }
}

/** Reads until the end or until the connection breaks. What `take` throws is thrown. */
async function readAll(parts: AsyncIterable<Buffer>, take: (part: Buffer) => void): Promise<void> {
  const iterator = parts[Symbol.asyncIterator]();
  for (;;) {
    const next = await iterator.next().catch(() => undefined);
    if (!next || next.done) return;
    take(next.value);
  }
}
