import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError, type ProbePort } from '../../src/apply/ports.ts';
import type { HealthCheck, HealthTimings } from '../../src/desired/app.ts';
import type { Health } from '../../src/observed/observed.ts';
import type { ProbeTarget } from '../../src/plan/plan.ts';
import type { Exec } from '../../src/probe/attempt.ts';
import { createProbe } from '../../src/probe/probe.ts';

const timings: HealthTimings = { interval: 40, timeout: 400, retries: 2, successes: 1, startPeriod: 0 };
const noExec: Exec = () => Promise.reject(new Error('no command was expected'));

test('is healthy when the app answers, and says so once', async () => {
  const app = await httpApp((_asked, answer) => answer.end('ok'));
  await probing([httpTarget(app)], async (probe) => {
    const changes: string[] = [];
    probe.onChange((container) => changes.push(container));
    const health = await verdict(probe, 'healthy');
    assert.is(health.attempts[0]?.detail, 'status 200');
    await until(() => (probe.health().c1?.attempts.length ?? 0) >= 4);
    assert.equal(changes, ['c1']);
  });
});

const bad: readonly (readonly [string, RequestListener, RegExp])[] = [
  [
    'an error status',
    (_asked, answer) => answer.writeHead(503).end('no\ndatabase'),
    /^status 503: no\\ndatabase$/,
  ],
  [
    'a redirect, which is not followed',
    (_asked, answer) => answer.writeHead(302, { Location: 'http://127.0.0.1/' }).end(),
    /^status 302/,
  ],
  [
    'an answer that never ends',
    (_asked, answer) => drip(answer.writeHead(200)),
    /^no whole answer within 0\.4 s$/,
  ],
  ['no answer', () => {}, /^no whole answer within 0\.4 s$/],
  ['a connection that is closed at once', (asked) => asked.socket.destroy(), /hang up|closed|ECONNRESET/],
  ['garbage', (asked) => asked.socket.end('SSH-2.0-nonsense\r\n\r\n'), /Parse Error/],
  [
    'endless headers',
    (asked) => asked.socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`),
    /Parse Error|Header/,
  ],
  [
    'another protocol',
    (asked) => asked.socket.end('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    /another protocol/,
  ],
];
for (const [what, listener, detail] of bad) {
  test(`takes ${what} for a failure`, async () => {
    const app = await httpApp(listener);
    await probing([httpTarget(app, { status: [[200, 299]] })], async (probe) => {
      const health = await verdict(probe, 'unhealthy');
      for (const attempt of health.attempts) assert.match(attempt.detail, detail);
    });
  });
}

test('reads no more than it needs of a huge answer', async () => {
  let sent = 0;
  const app = await httpApp((_asked, answer) => {
    const more = (): void => {
      while (answer.write('x'.repeat(65_536))) sent += 65_536;
      sent += 65_536;
    };
    answer.on('drain', more);
    more();
  });
  await probing([httpTarget(app, {}, { interval: 60_000 })], async (probe) => {
    await verdict(probe, 'healthy');
    const before = sent;
    await delay(50);
    assert.is(sent, before);
    assert.ok(sent < 32 * 2 ** 20, `${sent} bytes were sent`);
  });
});

test('asks at the given path with the given headers, on a fresh connection each time', async () => {
  const asked: string[] = [];
  const ports = new Set<number | undefined>();
  const app = await httpApp((request, answer) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers['x-probe']}`);
    ports.add(request.socket.remotePort);
    answer.writeHead(204).end();
  });
  await probing(
    [httpTarget(app, { path: '/up?x', headers: { Host: 'shop.test', 'X-Probe': 'yes' } })],
    async () => {
      await until(() => asked.length >= 3);
      assert.is(asked[0], 'GET /up?x shop.test yes');
      assert.is(ports.size, asked.length);
    },
  );
});

test('goes nowhere but to an address', async () => {
  for (const address of ['', 'localhost', 'evil.test']) {
    await probing(
      [{ ...httpTarget(await httpApp((_asked, answer) => answer.end())), address }],
      async (probe) => {
        const health = await verdict(probe, 'unhealthy');
        assert.match(String(health.attempts[0]?.detail), /no address/);
      },
    );
  }
});

test('connects by tcp, and sees when nobody listens any more', async () => {
  const app = await tcpApp(() => {});
  await probing([target({ kind: 'tcp', port: app.port })], async (probe) => {
    await verdict(probe, 'healthy');
    app.close();
    const health = await verdict(probe, 'unhealthy');
    assert.match(String(health.attempts.at(-1)?.detail), /ECONNREFUSED/);
  });
});

test('runs commands in the container, one at a time', async () => {
  let running = 0;
  let most = 0;
  const calls: unknown[] = [];
  const exec: Exec = async (container, command, timeout) => {
    calls.push([container, command, timeout]);
    running += 1;
    most = Math.max(most, running);
    await delay(60);
    running -= 1;
    return { ok: calls.length > 1, detail: 'said so' };
  };
  await probing(
    [target({ kind: 'exec', command: ['check', '--fast'] })],
    async (probe) => {
      await verdict(probe, 'healthy');
      assert.equal(calls[0], ['c1', ['check', '--fast'], 400]);
      assert.is(most, 1);
    },
    exec,
  );
});

test('learns nothing from a command while the engine is away', async () => {
  let calls = 0;
  const exec: Exec = async () => {
    calls += 1;
    throw new EdgeError('unreachable', 'EngineUnreachable', 'exec c1: the engine does not answer');
  };
  await probing(
    [target({ kind: 'exec', command: ['check'] })],
    async (probe) => {
      await until(() => calls > 4);
      assert.equal(probe.health(), {});
    },
    exec,
  );
});

test('takes a container without a check for healthy after five seconds', async () => {
  const started = Date.now() - 4_900;
  const young = { ...target({ kind: 'none' }), container: 'young', startedAt: Date.now() };
  const image = { ...target({ kind: 'none' }), container: 'image', startedAt: 1, image: true };
  await probing([{ ...target({ kind: 'none' }), startedAt: started }, young, image], async (probe) => {
    const health = await verdict(probe, 'healthy');
    assert.ok(health.since >= started + 4_990, `${health.since - started} ms`);
    assert.equal(Object.keys(probe.health()), ['c1']);
  });
});

test('begins anew after a restart, and forgets what is no target any more', async () => {
  let up = true;
  const app = await httpApp((_asked, answer) => (up ? answer.end() : answer.writeHead(500).end()));
  const first = httpTarget(app, {}, { interval: 100 });
  await probing([first], async (probe) => {
    await verdict(probe, 'healthy');
    probe.setTargets([{ ...first, check: { ...first.check } }]);
    assert.is(probe.health().c1?.verdict, 'healthy');
    up = false;
    const restarted = { ...first, startedAt: Date.now() };
    probe.setTargets([restarted]);
    assert.is(probe.health().c1, undefined);
    await until(() => probe.health().c1?.attempts[0]?.ok === false);
    assert.is(probe.health().c1?.verdict, 'unknown');
    assert.is(probe.health().c1?.startedAt, restarted.startedAt);
    probe.setTargets([]);
    assert.equal(probe.health(), {});
  });
});

test('keeps the verdict over a changed check until that says otherwise', async () => {
  const app = await httpApp((asked, answer) => answer.writeHead(asked.url === '/good' ? 200 : 500).end());
  const good = httpTarget(app, { path: '/good' });
  await probing([good], async (probe) => {
    await verdict(probe, 'healthy');
    probe.setTargets([httpTarget(app, { path: '/bad' })]);
    assert.is(probe.health().c1?.verdict, 'healthy');
    await verdict(probe, 'unhealthy');
    probe.setTargets([good]);
    await verdict(probe, 'healthy');
  });
});

test('that nobody answered at another address says nothing of this one', async () => {
  const app = await httpApp((_asked, answer) => answer.end('ok'));
  const target = httpTarget(app, {}, { interval: 60_000, retries: 1 });
  const away = { ...target, address: '' };
  await probing([away], async (probe) => {
    const { address, attempts } = await verdict(probe, 'unhealthy');
    assert.equal([address, attempts.at(-1)?.detail], ['', 'the container has no address on our network']);
    probe.setTargets([target]);
    assert.is(probe.health().c1, undefined);
    const health = await verdict(probe, 'healthy');
    assert.is(health.address, target.address);
    assert.is(health.attempts.length, 1);
    // Who is well stays so until it fails where it is.
    probe.setTargets([away]);
    assert.is(probe.health().c1?.verdict, 'healthy');
  });
});

test('answers to looks that come faster than its attempts', async () => {
  const app = await httpApp((_asked, answer) => void setTimeout(() => answer.end(), 50));
  const wanted = httpTarget(app);
  await probing([wanted], async (probe) => {
    await until(() => {
      probe.setTargets([{ ...wanted, check: { ...wanted.check } }]);
      return probe.health().c1?.verdict === 'healthy';
    });
  });
});

test('each attempt is told with its app, its result and its time; running alone is no attempt', async () => {
  let healthy = true;
  const app = await httpApp((_asked, answer) => answer.writeHead(healthy ? 200 : 500).end());
  const probe = createProbe({ exec: noExec });
  const told: string[] = [];
  const off = probe.onAttempt(({ app: name, ok, milliseconds }) => {
    told.push(`${name} ${ok ? 'ok' : 'failed'}${milliseconds >= 0 ? '' : ' in no time'}`);
    healthy = false;
  });
  try {
    const wanted = httpTarget(app);
    const started = Date.now() - 60_000;
    const running: ProbeTarget = {
      ...wanted,
      container: 'c2',
      app: 'other',
      startedAt: started,
      check: { ...timings, kind: 'none' },
    };
    probe.setTargets([wanted, running]);
    await until(() => told.length >= 2 && probe.health().c2 !== undefined);
    assert.equal(told.slice(0, 2), [`${wanted.app} ok`, `${wanted.app} failed`]);
    assert.ok(!told.some((line) => line.startsWith('other')));
    off();
    const before = told.length;
    await until(() => probe.health().c1?.verdict === 'unhealthy');
    assert.is(told.length, before);
  } finally {
    probe.close();
  }
});

test('asks nobody once it is closed', async () => {
  let asked = 0;
  const app = await httpApp((_asked, answer) => {
    asked += 1;
    answer.end();
  });
  const probe = createProbe({ exec: noExec });
  probe.setTargets([httpTarget(app)]);
  await until(() => asked > 1);
  probe.close();
  const before = asked;
  await delay(150);
  assert.ok(asked <= before + 1);
  assert.equal(probe.health(), {});
});

const servers: { close: () => void }[] = [];
test.after(() => {
  for (const server of servers) server.close();
});

interface App {
  readonly port: number;
  readonly close: () => void;
}

async function httpApp(listener: RequestListener): Promise<App> {
  return listening(createHttpServer(listener));
}

async function tcpApp(listener: (socket: Socket) => void): Promise<App> {
  return listening(createServer(listener));
}

async function listening(server: Server): Promise<App> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.7');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  servers.push({ close });
  return { port: (server.address() as AddressInfo).port, close };
}

type Kind = HealthCheck extends infer Check
  ? Check extends HealthCheck
    ? Omit<Check, keyof HealthTimings>
    : never
  : never;

function target(kind: Kind, over: Partial<HealthTimings> = {}): ProbeTarget {
  const check = { ...timings, ...over, ...kind } as HealthCheck;
  // Long ago, so that no failure is forgiven for being early.
  return { container: 'c1', app: 'shop', address: '127.0.0.7', startedAt: 1, check, image: false };
}

function httpTarget(
  { port }: App,
  http: Partial<Extract<HealthCheck, { kind: 'http' }>> = {},
  over: Partial<HealthTimings> = {},
): ProbeTarget {
  return target({ kind: 'http', path: '/', status: [[200, 399]], headers: {}, ...http, port } as Kind, over);
}

async function probing(
  targets: readonly ProbeTarget[],
  run: (probe: ProbePort) => Promise<void>,
  exec: Exec = noExec,
): Promise<void> {
  const probe = createProbe({ exec });
  try {
    probe.setTargets(targets);
    await run(probe);
  } finally {
    probe.close();
  }
}

async function verdict(probe: ProbePort, wanted: Health['verdict']): Promise<Health> {
  await until(() => probe.health().c1?.verdict === wanted);
  const health = probe.health().c1;
  if (health === undefined) throw new Error('it is gone again');
  return health;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${holds}`);
    await delay(5);
  }
}

function drip(answer: {
  write: (text: string) => boolean;
  on: (event: 'close', listener: () => void) => unknown;
}): void {
  const timer = setInterval(() => answer.write('x'), 20);
  answer.on('close', () => clearInterval(timer));
}

test.run();
