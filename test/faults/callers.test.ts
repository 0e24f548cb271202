import { createHmac, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { nextRelease } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { type Stage, whole } from './stage.ts';

const hookSecret = 'a-secret-of-the-forge';
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });

/** While they are attacked: 164 connections to each server, with what waits in them. */
const most = { files: 80 + 2 * 164, residentMegabytes: 400 };

interface Target {
  readonly port: number;
  readonly token: string;
}

/** One attack from this machine, bounded in number and time; resolves when it is over. */
type Attack = (target: Target) => Promise<void>;

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** The status of the answer; 0 where the connection was ended instead. */
function statusOf(port: number, { method = 'GET', path, headers = {}, body }: Sent): Promise<number> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: false, timeout: 20_000 });
    asked.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(0)).on('close', () => resolve(0));
    asked.end(body);
  });
}

/** `count` times, so many at once. */
async function inCrowds<T>(count: number, crowd: number, one: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < count; index += crowd) {
    const size = Math.min(crowd, count - index);
    results.push(...(await Promise.all(Array.from({ length: size }, (_, at) => one(index + at)))));
  }
  return results;
}

function onlyThese(statuses: readonly number[], allowed: readonly number[], what: string): void {
  const others = statuses.filter((status) => !allowed.includes(status));
  assert.equal([...new Set(others)], [], what);
}

/** Holds so many connections open that were begun with this text, and sends what `more` says on each, every second. */
async function hold(
  port: number,
  count: number,
  begin: string,
  more: string,
  seconds: number,
): Promise<void> {
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index += 1) {
    const socket = connect(port, '127.0.0.1');
    // Nothing is ever read from it.
    socket.on('error', () => undefined).pause();
    socket.write(begin);
    sockets.push(socket);
    if (index % 50 === 49) await delay(10);
  }
  for (let second = 0; second < seconds; second += 1) {
    await delay(1_000);
    for (const socket of sockets) if (socket.writable && more !== '') socket.write(more);
  }
  for (const socket of sockets) socket.destroy();
}

const attacks: Readonly<Record<string, Attack>> = {
  'bodies of 10 MB': async ({ port, token }) => {
    const body = Buffer.alloc(10 << 20, 0x61);
    const authorization = `Bearer ${token}`;
    const to = ['/webhooks/github', '/api/v1/reconcile'];
    const statuses = await inCrowds(20, 5, (index) =>
      statusOf(port, { method: 'POST', path: to[index % 2] ?? '', headers: { authorization }, body }),
    );
    onlyThese(statuses, [0, 400, 401, 403, 413, 415, 429], 'a body of 10 MB is refused');
  },
  'chunks without end': ({ port }) =>
    hold(
      port,
      40,
      'POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n',
      `10000\r\n${'x'.repeat(0x10000)}\r\n`,
      isLong ? 20 : 4,
    ),
  'a thousand slow connections': ({ port }) =>
    hold(port, 1_000, 'GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n', 'X-Slow: 1\r\n', isLong ? 15 : 4),
  'a thousand streams that nobody reads': ({ port, token }) =>
    hold(
      port,
      1_000,
      `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      '',
      isLong ? 40 : 4,
    ),
  'a flood of questions': async ({ port, token }) => {
    const headers = { authorization: `Bearer ${token}` };
    const statuses = await inCrowds(isLong ? 4_000 : 1_200, 40, () =>
      statusOf(port, { path: '/api/v1/apps', headers }),
    );
    onlyThese(statuses, [0, 200, 429], 'a flood is answered or told to wait');
    assert.ok(statuses.includes(200) && statuses.includes(429));
  },
  'a storm of webhooks': async ({ port }) => {
    const body = JSON.stringify({
      ref: 'refs/heads/main',
      repository: { clone_url: 'https://git.example.com/acme/config.git' },
    });
    const signature = createHmac('sha256', hookSecret).update(body).digest('hex');
    const statuses = await inCrowds(isLong ? 1_000 : 400, 40, () =>
      statusOf(port, {
        method: 'POST',
        path: '/webhooks/github',
        headers: {
          'content-type': 'application/json',
          'x-github-event': 'push',
          'x-github-delivery': randomUUID(),
          'x-hub-signature-256': `sha256=${signature}`,
        },
        body,
      }),
    );
    onlyThese(statuses, [0, 202, 429], 'a storm is accepted or told to wait');
    assert.ok(statuses.includes(202));
  },
};

/** What the controller held at most, and whether somebody who asks by the socket was ever kept waiting. */
class Watch {
  readonly peak = { files: 0, residentMegabytes: 0 };
  readonly wrong: string[] = [];
  #asked = 0;
  #ended = false;
  readonly #loop: Promise<void>;

  constructor(stage: Stage) {
    this.#loop = this.#run(stage);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#loop;
    assert.ok(this.#asked > 0, 'the good one asked');
    assert.equal(this.wrong, [], 'a good caller is answered');
    for (const what of ['files', 'residentMegabytes'] as const)
      assert.ok(
        this.peak[what] <= most[what],
        `${this.peak[what]} ${what} at most, ${most[what]} are allowed`,
      );
  }

  async #run({ host, controller }: Stage): Promise<void> {
    while (!this.#ended) {
      await delay(100);
      const files = readdirSync(`/proc/${controller.pid}/fd`).length;
      const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${controller.pid}/status`, 'utf8'));
      this.peak.files = Math.max(this.peak.files, files);
      this.peak.residentMegabytes = Math.max(this.peak.residentMegabytes, Number(resident?.[1]) / 1024);
      const begun = performance.now();
      const status = await host.ask('GET', '/api/v1/status').then(
        (answer) => answer.status,
        (error: Error) => error.message,
      );
      this.#asked += 1;
      if (status !== 200) this.wrong.push(`${status} after ${Math.round(performance.now() - begun)} ms`);
    }
  }
}

faultTest(
  {
    kind: 'callers',
    name: 'whatever callers do while a rollout goes on, it goes on, good ones are answered, and memory is bounded',
    config: () => ({ webhooks: { github: { secrets: [hookSecret] } } }),
  },
  async (stage) => {
    const { host } = stage;
    await beginWith(stage, { api: { release: '0' }, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api 0$/);
    const { listen } = (JSON.parse(readFileSync(host.config, 'utf8')) as { api: { listen: string } }).api;
    const port = Number(listen.split(':').at(-1));
    const { body } = await host.ask('POST', '/api/v1/tokens', {
      name: 'caller',
      scopes: ['read', 'reconcile'],
    });
    const { token } = body as { token: string };
    const all = Object.keys(attacks);
    const chosen = isLong ? all : sample(all, 1, seeded('callers'));
    say(`callers: ${chosen.join(', ')}; ${chosen.length} of ${all.length}, seed ${seed}`);
    for (const what of chosen) {
      const watch = new Watch(stage);
      stage.injected += 1;
      const attack = attacks[what]?.({ port, token });
      const revision = stage.commit(shop());
      try {
        await attack;
        await watch.end();
        const { files, residentMegabytes } = watch.peak;
        say(`${what}: at most ${files} files and ${Math.round(residentMegabytes)} MB`);
        // A flood leaves its address waiting for at most a minute; who has no place gets one sooner.
        await until(`the next one is answered after ${what}`, () =>
          statusOf(port, { path: '/healthz' }).then((status) => status === 200),
        );
        await expectHolds(stage, { revision });
      } catch (error) {
        if (error instanceof Error) error.message = `${what}: ${error.message}`;
        throw error;
      }
    }
  },
);

test.run();
