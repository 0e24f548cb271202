import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Container, Health } from './observed/observed.ts';
import { isPublished } from './plan/release.ts';

/** The part of the API's containers that is read here. */
interface ContainerHealth {
  readonly id: string;
  readonly health: Health['verdict'];
}

const patience = 1_000;

/** What a running controller's probes say, by container. */
export type Verdicts = ReadonlyMap<string, Health['verdict']>;

/** Nothing when no controller answers. */
export async function askVerdicts(socketPath: string): Promise<Verdicts> {
  return askController(socketPath).catch(() => new Map());
}

/**
 * Health for a command that probes nothing itself: what the running controller says, and where none answers the
 * mark of having passed the gate.
 */
export function liveHealth(verdicts: Verdicts, containers: readonly Container[]): Record<string, Health> {
  const running = containers.filter((container) => container.state === 'running');
  const answers = running.map((container): [string, Health] => {
    const marked = isPublished(container) ? 'healthy' : 'unknown';
    const verdict = verdicts.get(container.id) ?? marked;
    const { startedAt } = container;
    return [container.id, { startedAt, verdict, since: startedAt, attempts: [] }];
  });
  return Object.fromEntries(answers);
}

async function askController(socketPath: string): Promise<Verdicts> {
  const found = new Map<string, Health['verdict']>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page = JSON.parse(await get(socketPath, `/api/v1/containers${query}`)) as {
      items: ContainerHealth[];
      next: string | null;
    };
    for (const { id, health } of page.items) found.set(id, health);
    cursor = page.next;
  }
  return found;
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patience);
    const asked = request({ socketPath, path, signal, agent: false }, (answer) => {
      if (answer.statusCode === 200) text(answer).then(resolve, reject);
      else reject(new Error(`status ${answer.statusCode}`));
    });
    asked.on('error', reject).end();
  });
}
