import type { Container } from '../observed/observed.ts';
import type { Handlers } from './call.ts';
import type { ControllerPort } from './controller-port.ts';
import { knownApp, seenWorld } from './known-app.ts';
import { mapInTurns } from './map-in-turns.ts';
import type { Metrics } from './metrics.ts';
import { type PageQuery, pageOf } from './page.ts';
import { chosenApps } from './visible-apps.ts';

/** Each costs the engine a second of waiting, but next to no work. */
const mostAtOnce = 32;

/** What containers use, and what is counted of the controller itself. */
export function usageRoutes(port: ControllerPort, metrics: Metrics) {
  return {
    getAppStats: ({ caller, params, query }) => {
      const { name } = knownApp(port, caller, params.name);
      return usagePage(port, query, (app) => app === name);
    },
    listStats: ({ caller, query }) => {
      const chosen = chosenApps(port, caller, query);
      return usagePage(port, query, (app) => chosen?.has(app) ?? true);
    },
    getMetrics: async ({ c }) => {
      const { type, text } = await metrics.read();
      return c.body(text, 200, { 'content-type': type });
    },
  } satisfies Partial<Handlers>;
}

/** Only the containers of the page are measured; one that ends meanwhile is left out. */
async function usagePage(port: ControllerPort, query: PageQuery, isWanted: (app: string) => boolean) {
  const { containers, unread } = seenWorld(port).observed;
  // The engine may keep who asks for such a one waiting, and all others of the page with him.
  const untold = new Set(unread.map(({ id }) => id));
  const running = containers
    .filter(({ id, app, state }) => state === 'running' && isWanted(app) && !untold.has(id))
    .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const { items, next } = pageOf(query, running, placeOf);
  const measured = await mapInTurns(items, mostAtOnce, (container) => usageItem(port, container));
  return { items: measured.filter((item) => item !== undefined), next };
}

/** Sorts replicas as numbers. */
function placeOf({ app, replica, name }: Container): string {
  return `${app} ${String(replica).padStart(4, '0')} ${name}`;
}

async function usageItem({ machine }: ControllerPort, { app, replica, name, id }: Container) {
  const used = await machine.stats(id);
  if (!used) return undefined;
  const { at, cpuPercent, cpuSeconds, memoryBytes, memoryLimit, pids } = used;
  const { networkReceivedBytes, networkSentBytes } = used;
  return {
    app,
    replica,
    container: name,
    id,
    at: new Date(at).toISOString(),
    cpuPercent,
    cpuSeconds,
    memoryBytes,
    memoryLimit,
    networkReceivedBytes,
    networkSentBytes,
    pids,
  };
}

export type UsageItem = NonNullable<Awaited<ReturnType<typeof usageItem>>>;
