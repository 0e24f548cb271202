import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Tally {
  readonly requests: number;
  /** No answer, another status than 200, or a page that is not the app's. */
  readonly failures: readonly string[];
  /** Answers by what the page says: `shop release 1`. */
  readonly answers: Readonly<Record<string, number>>;
  /** What answered last. */
  readonly latest: string;
}

export interface RequestLoop {
  tally(): Tally;
  stop(): Promise<Tally>;
}

/** Keeps asking for a host's page through a proxy on this machine, by several clients, until it is stopped. */
export function startRequestLoop(target: {
  readonly port: number;
  readonly host: string;
  readonly clients: number;
  /** What each page must match; the match is what is counted. */
  readonly marker: RegExp;
}): RequestLoop {
  const agent = new Agent({ keepAlive: true, maxSockets: target.clients });
  const answers: Record<string, number> = {};
  const failures: string[] = [];
  let requests = 0;
  let latest = '';
  let stopped = false;

  const client = async (): Promise<void> => {
    while (!stopped) {
      try {
        latest = await ask(agent, target);
        answers[latest] = (answers[latest] ?? 0) + 1;
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      requests += 1;
      // The machine is to be busy with the update, not with us.
      await delay(5);
    }
  };
  const clients = Array.from({ length: target.clients }, client);
  const tally = (): Tally => ({ requests, failures: [...failures], answers: { ...answers }, latest });
  return {
    tally,
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
      agent.destroy();
      return tally();
    },
  };
}

function ask(
  agent: Agent,
  { port, host, marker }: { port: number; host: string; marker: RegExp },
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const request = get({
    agent,
    host: '127.0.0.1',
    port,
    headers: { Host: `${host}:${port}` },
    timeout: 10_000,
  });
  request.on('timeout', () => request.destroy(new Error('no answer within 10 s')));
  request.on('error', reject);
  request.on('response', (response) => {
    let page = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      page += text;
    });
    response.on('error', reject);
    response.on('end', () => {
      const found = marker.exec(page)?.[0];
      if (response.statusCode === 200 && found !== undefined) resolve(found);
      else reject(new Error(`status ${response.statusCode}: ${page.slice(0, 80)}`));
    });
  });
  return promise;
}
