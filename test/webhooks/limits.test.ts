import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { serveTcp, type TcpServing } from '../../src/api/serve.ts';
import { createRoom, type Room } from './a-room.ts';
import { hex, secrets, signed } from './signing.ts';

interface Context {
  room: Room;
  serving: TcpServing;
  sockets: Socket[];
}

const test = suite<Context>('webhooks: connections');

test.before.each(async (context) => {
  context.room = createRoom();
  context.serving = await serveTcp(context.room.hooks, '127.0.0.1', 0);
  context.sockets = [];
});

test.after.each(async ({ room, serving, sockets }) => {
  for (const socket of sockets) socket.destroy();
  await serving.close();
  room.history.close();
});

const push = JSON.stringify({
  ref: 'refs/heads/main',
  repository: { clone_url: 'https://git.example.com/acme/config.git' },
});
const start = 'POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\n';

/** A connection, and everything that came over it. */
interface Wire {
  readonly socket: Socket;
  text(): string;
  /** False when it stays open for longer than the deadline, in seconds. */
  ended(deadline: number): Promise<boolean>;
}

function open({ serving, sockets }: Context): Wire {
  const socket = connect(serving.port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  const closed = Promise.withResolvers<true>();
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += String(chunk);
  });
  // A server that does not want to hear more resets the connection: its answer has come before.
  socket.on('error', () => undefined).on('close', () => closed.resolve(true));
  return {
    socket,
    text: () => text,
    async ended(deadline) {
      const cancel = new AbortController();
      const late = delay(deadline * 1_000, false, { signal: cancel.signal }).catch(() => false);
      const result = await Promise.race([closed.promise, late]);
      cancel.abort();
      return result;
    },
  };
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await delay(10);
  }
}

/** Everything is still well: a signed push is accepted. */
async function isWell({ serving }: Context, id = 'well'): Promise<void> {
  const answer = await post(serving, signed.github(push, 'push', id), push);
  assert.equal([answer.status, answer.said], [202, 'accepted']);
}

async function post(
  { port }: TcpServing,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ readonly status: number; readonly said: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/webhooks/github`, { method: 'POST', headers, body });
  const answer = (await response.json()) as { readonly status: string | number };
  return { status: response.status, said: String(answer.status) };
}

test('headers of more than 16 KiB are refused', async (context) => {
  const wire = open(context);
  wire.socket.write(`${start}X-Long: ${'x'.repeat(17 * 1024)}\r\n\r\n`);
  assert.ok(await wire.ended(10));
  assert.match(wire.text(), 'HTTP/1.1 431');
  await isWell(context);
});

test('a body without an end is left at 1 MiB', async (context) => {
  const wire = open(context);
  wire.socket.write(
    `${start}X-Hub-Signature-256: sha256=${'0'.repeat(64)}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const more = (): void => {
    while (wire.socket.writable && wire.socket.write(chunk));
  };
  wire.socket.on('drain', more);
  more();
  assert.ok(await wire.ended(10), 'the connection stays open');
  assert.match(wire.text(), 'HTTP/1.1 413');
  // What the kernel's buffers hold comes on top.
  assert.ok(wire.socket.bytesWritten < 20 * 1024 * 1024, String(wire.socket.bytesWritten));
  await isWell(context);
});

test('a length that is too large is refused before the body comes', async (context) => {
  const wire = open(context);
  wire.socket.write(`${start}Content-Length: 1073741824\r\n\r\n{`);
  assert.ok(await wire.ended(10));
  assert.match(wire.text(), 'HTTP/1.1 413');
  assert.match(wire.text(), 'connection: close');
  await isWell(context);
});

test('a length that lies downwards signs nothing', async (context) => {
  const wire = open(context);
  const signature = `X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=${hex(secrets.github, push)}\r\n`;
  wire.socket.write(`${start}${signature}Content-Length: ${push.length - 1}\r\n\r\n${push}`);
  // What is left over is no request, and may be found out before the answer is written.
  await until('an answer', () => /^HTTP\/1\.1 40[01]/.test(wire.text()));
  assert.equal(context.room.asked, []);
});

test('a length that lies upwards is waited for, and nothing comes of it when the sender goes', async (context) => {
  const wire = open(context);
  const signature = `X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=${hex(secrets.github, push)}\r\n`;
  wire.socket.write(`${start}${signature}Content-Length: ${push.length + 5}\r\n\r\n${push}`);
  await delay(50);
  wire.socket.destroy();
  const { deliveries } = context.room.history;
  await until('the sender is noticed', () => deliveries.list({ limit: 1 }).length === 1);
  assert.is(deliveries.list({ limit: 1 })[0]?.reason, 'did not come whole');
  assert.equal(context.room.asked, []);
  await isWell(context);
});

test('two lengths, and a length beside chunks, are no request', async (context) => {
  for (const lengths of [
    'Content-Length: 5\r\nContent-Length: 6',
    'Content-Length: 5\r\nTransfer-Encoding: chunked',
  ]) {
    const wire = open(context);
    wire.socket.write(`${start}${lengths}\r\n\r\nhello`);
    assert.ok(await wire.ended(10));
    assert.match(wire.text(), 'HTTP/1.1 400');
  }
  await isWell(context);
});

test('bytes in headers that nobody writes there are answered, and accepted nowhere', async (context) => {
  for (const value of ['\xff\xfe', '\u00e9'.repeat(100), 'sha256=\x80'.padEnd(71, '\x80')]) {
    const wire = open(context);
    const lines = ['X-Hub-Signature-256', 'X-GitHub-Event', 'X-GitHub-Delivery'].map(
      (name) => `${name}: ${value}\r\n`,
    );
    wire.socket.write(
      Buffer.from(`${start}${lines.join('')}Connection: close\r\nContent-Length: 2\r\n\r\n{}`, 'latin1'),
    );
    assert.ok(await wire.ended(10));
    assert.match(wire.text(), /^HTTP\/1\.1 40[01]/);
  }
  await isWell(context);
});

test('more connections than are served are refused at once, and those that are served go on', async (context) => {
  const kept = open(context);
  await until('a connection', () => !kept.socket.connecting);
  const wires = Array.from({ length: 300 }, () => open(context));
  // 64, and as many as streams may take.
  await until(
    'the others are refused',
    () => wires.filter(({ socket }) => socket.destroyed).length >= 300 - 164,
  );
  assert.ok(wires.some(({ socket }) => !socket.destroyed));
  const headers = Object.entries(signed.github(push)).map(([name, value]) => `${name}: ${value}\r\n`);
  kept.socket.write(`${start}${headers.join('')}Content-Length: ${push.length}\r\n\r\n${push}`);
  await until('an answer', () => kept.text().includes('HTTP/1.1 202'));
  for (const { socket } of wires) socket.destroy();
  const { port } = context.serving;
  await until('there is room again', () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    ),
  );
  await isWell(context, 'after');
});

test('who is slow with the header, the body, or with everything is cut off', async (context) => {
  const silent = open(context);
  const header = open(context);
  header.socket.write(start);
  const body = open(context);
  body.socket.write(`${start}Content-Length: 1000\r\n\r\n`);
  const drip = setInterval(() => {
    if (header.socket.writable) header.socket.write('X-More: y\r\n');
    if (body.socket.writable) body.socket.write('x');
  }, 200);
  try {
    // Node's own interval for looking would be 30 s on top.
    assert.ok(await header.ended(20), 'the slow header is still there');
    assert.ok(await silent.ended(5), 'who says nothing is still there');
    assert.ok(await body.ended(25), 'the slow body is still there');
    assert.match(header.text(), 'HTTP/1.1 408');
    assert.match(body.text(), 'HTTP/1.1 408');
  } finally {
    clearInterval(drip);
  }
  await isWell(context);
});

test('a flood of bad requests lets nothing in, keeps nobody out, and leaves a handful of rows', async (context) => {
  const { room, serving } = context;
  const bad = [
    {},
    { 'x-hub-signature-256': 'sha256=00' },
    { 'x-hub-signature-256': `sha256=${hex('guess', push)}` },
    { 'x-hub-signature': `sha1=${hex(secrets.github, push, 'sha1')}` },
  ];
  const wrong: number[] = [];
  let sent = 0;
  const flood = async (): Promise<void> => {
    while (sent < 1_000) {
      const headers = { 'x-github-event': 'push', ...bad[sent % bad.length] };
      sent += 1;
      const { status } = await post(serving, headers, push);
      if (status !== 401) wrong.push(status);
    }
  };
  const good = async (): Promise<void> => {
    for (let n = 0; n < 25; n += 1) await isWell(context, `good-${n}`);
  };
  await Promise.all([...Array.from({ length: 16 }, flood), good()]);
  assert.equal(wrong, []);
  const rows = room.history.deliveries.list({ limit: 1_000 });
  assert.is(rows.filter(({ outcome }) => outcome === 'accepted').length, 25);
  const counts = rows.filter(({ outcome }) => outcome === 'refused');
  assert.is(counts.length, 1, 'the clock of the room stands still: one minute, one address');
  assert.equal([counts[0]?.count, counts[0]?.address], [1_000, '127.0.0.1']);
  assert.is(room.asked.length, 1);
});

test.run();
