import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export type Connections = 'keep-alive' | 'close';

/** What the clients of one wrk saw; latencies in microseconds. */
export interface Answers {
  readonly requests: number;
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly timeout: number;
  /** Another status than 200, or another page. */
  readonly wrong: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Load {
  /** Ends it, and tells what it saw. */
  stop(): Promise<Answers>;
}

const clients = 8;
/** Milliseconds between two requests of a client: the machine is to be busy with the updates, not with us. */
const pause = 20;
/** Seconds after which it ends by itself, should nobody end it. */
const longest = 7_200;

/** Keeps asking for the page of each host in turn until it is stopped; each page must begin with `marker`. */
export function startLoad(
  {
    port,
    hosts,
    marker,
  }: { readonly port: number; readonly hosts: readonly string[]; readonly marker: string },
  connections: Connections,
): Load {
  const options = ['--threads', '1', '--connections', String(clients), '--duration', `${longest}s`];
  const script = ['--timeout', '10s', '--script', join(import.meta.dirname, 'wrk.lua')];
  const url = `http://127.0.0.1:${port}/`;
  const child = spawn(
    'wrk',
    [...options, ...script, url, '--', marker, String(pause), connections, ...hosts],
    // A process group of its own: ctrl-C is ours to pass on.
    { detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  return {
    async stop() {
      if (child.exitCode !== null) throw new Error('wrk ended before it was stopped');
      child.kill('SIGINT');
      await closed;
      const [said, complaint] = await output;
      const answers = /^\{.*\}$/m.exec(said)?.[0];
      if (answers === undefined) throw new Error(`wrk: ${said}${complaint}`);
      return JSON.parse(answers) as Answers;
    },
  };
}

export function failedOf({ connect, read, write, timeout, wrong }: Answers): number {
  return connect + read + write + timeout + wrong;
}
