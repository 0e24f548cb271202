import { type ChildProcess, fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FromServer, ServerOrder } from './webhook-server.ts';
import type { Part, Workbench } from './workbench.ts';

const badOnes = 10_000;
const span = 60_000;
const floodConnections = 24;
/** Milliseconds between two good ones. */
const pause = 250;
const secret = 'bench-secret';
const body = JSON.stringify({
  ref: 'refs/heads/main',
  after: 'a'.repeat(40),
  repository: { clone_url: 'https://git.example.com/acme/config.git' },
  commits: Array.from({ length: 20 }, (_, n) => ({ id: `${n}`.padStart(40, '0'), message: 'x'.repeat(200) })),
});

/** What a flood of bad webhooks costs the good ones: 10,000 within a minute, to a server in a process of its own. */
export const webhooks: Part = async (bench) => {
  const server = await startServer(bench);
  try {
    const rest = await good(bench, server.port, 5_000, 'rest');
    const before = await server.memory();
    bench.say(`${badOnes} bad ones within ${span / 1000} s, and a good one every ${pause} ms`);
    const samples: number[] = [];
    const watch = watchMemory(server);
    const [bad, flooded] = await Promise.all([
      flood(bench, server.port),
      good(bench, server.port, span, 'flood'),
    ]);
    samples.push(...(await watch.end()));
    const rows = await server.rows();
    const highest = Math.max(before, ...samples);
    const late = flooded.times.filter((time) => time >= 200).length;
    return {
      figures: [
        { name: 'good ones at rest', unit: 'ms', samples: rest.times },
        { name: 'good ones in the flood', unit: 'ms', samples: flooded.times, against: 'good ones at rest' },
        { name: 'good ones in the flood that took 200 ms or more', unit: '', samples: [late] },
        { name: 'bad ones sent', unit: '', samples: [bad.sent] },
        { name: 'bad ones accepted', unit: '', samples: [bad.accepted] },
        { name: 'seconds that they took', unit: 's', samples: [bad.seconds] },
        { name: 'memory before, MiB', unit: '', samples: [before] },
        { name: 'memory at most, MiB', unit: '', samples: [highest], against: 'memory before, MiB' },
        { name: 'rows that the bad ones left', unit: '', samples: [rows.refused] },
      ],
      faults: [
        ...(bad.accepted > 0 ? [`${bad.accepted} bad webhooks were accepted`] : []),
        ...(bad.other > 0
          ? [`${bad.other} bad webhooks were answered by something else than a refusal`]
          : []),
        ...(rest.failed + flooded.failed > 0
          ? [`${rest.failed + flooded.failed} good webhooks were not accepted`]
          : []),
        ...(rows.refused > 10 ? [`the bad ones left ${rows.refused} rows`] : []),
      ],
    };
  } finally {
    server.stop();
  }
};

interface Server {
  readonly port: number;
  /** Resident, in MiB. */
  memory(): Promise<number>;
  rows(): Promise<{ readonly refused: number }>;
  stop(): void;
}

async function startServer({ folder, signal }: Workbench): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'webhook-server.ts'), [
    join(folder, 'state', 'history.db'),
    secret,
  ]);
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const { port } = await answerOf(child, 'listening');
  const ask = <K extends ServerOrder>(order: K) => {
    const answer = answerOf(child, order);
    child.send(order);
    return answer;
  };
  return {
    port,
    memory: async () => (await ask('memory')).mebibytes,
    rows: () => ask('rows'),
    stop,
  };
}

function answerOf<K extends FromServer['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<FromServer, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the server of the webhooks ended'));
    const hear = (message: unknown): void => {
      const told = message as FromServer;
      if (told.kind !== kind) return;
      child.off('message', hear).off('exit', ended);
      resolve(told as Extract<FromServer, { kind: K }>);
    };
    child.on('message', hear).once('exit', ended);
  });
}

function watchMemory(server: Server): { end(): Promise<readonly number[]> } {
  const samples: number[] = [];
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      samples.push(await server.memory());
      await delay(500);
    }
  })();
  return {
    async end() {
      isOver = true;
      await watching;
      return samples;
    },
  };
}

/** Ways to be bad, in turn. */
const badHeaders: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
  { 'x-hub-signature-256': sign('guess') },
  { 'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}` },
  { 'x-hub-signature-256': sign(secret).slice(0, -1) },
];

interface Flooded {
  readonly sent: number;
  readonly accepted: number;
  readonly other: number;
  readonly seconds: number;
}

async function flood({ signal }: Workbench, port: number): Promise<Flooded> {
  const agent = new Agent({ keepAlive: true, maxSockets: floodConnections });
  const begin = performance.now();
  let [sent, accepted, other] = [0, 0, 0];
  const client = async (): Promise<void> => {
    while (sent < badOnes) {
      signal.throwIfAborted();
      const n = sent;
      sent += 1;
      const due = (n / badOnes) * span - (performance.now() - begin);
      if (due > 0) await delay(due);
      // Every hundredth is too large besides.
      const large = n % 100 === 99 ? Buffer.alloc(1_100_000, 120) : undefined;
      const status = await post({
        agent,
        port,
        headers: badHeaders[n % badHeaders.length] ?? {},
        body: large ?? body,
      });
      if (status === 202) accepted += 1;
      // A connection that is closed on a body that is too large may take the answer along.
      else if (status !== 401 && !(large && (status === 413 || status === 0))) other += 1;
    }
  };
  await Promise.all(Array.from({ length: floodConnections }, client));
  agent.destroy();
  return { sent, accepted, other, seconds: (performance.now() - begin) / 1000 };
}

async function good(
  { signal }: Workbench,
  port: number,
  milliseconds: number,
  name: string,
): Promise<{ readonly times: readonly number[]; readonly failed: number }> {
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  let failed = 0;
  for (let n = 0; n < milliseconds / pause; n += 1) {
    signal.throwIfAborted();
    const begin = performance.now();
    const headers = {
      'x-github-event': 'push',
      'x-github-delivery': `${name}-${n}`,
      'x-hub-signature-256': sign(secret),
    };
    if ((await post({ agent, port, headers, body })) !== 202) failed += 1;
    times.push(performance.now() - begin);
    await delay(pause);
  }
  agent.destroy();
  return { times, failed };
}

function sign(key: string): string {
  return `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
}

interface Post {
  readonly agent: Agent;
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** The status; 0 when the connection was cut. */
function post({ agent, port, headers, body: content }: Post): Promise<number> {
  return new Promise((resolve) => {
    const options = { agent, port, host: '127.0.0.1', path: '/webhooks/github', method: 'POST' };
    const length = { 'content-length': Buffer.byteLength(content) };
    const asked = request({ ...options, headers: { ...headers, ...length } }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0)).once('error', () => resolve(0));
    });
    asked.once('error', () => resolve(0));
    asked.end(content);
  });
}
