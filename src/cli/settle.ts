import { setTimeout as sleep } from 'node:timers/promises';
import type { AppItem } from '../api/app-item.ts';
import type { ApiClient } from './api-client.ts';
import { whyNotReady } from './app-columns.ts';

const pollEvery = 500;

/** Every app is where git wants it, or will not get there by itself. */
export interface Settled {
  readonly converged: boolean;
  readonly apps: readonly AppItem[];
}

/** Polls until the app, or all of them, converged or clearly will not; undefined when the time is over. */
export async function settle(
  api: ApiClient,
  app: string | undefined,
  options: { readonly timeout: number; readonly progress: (line: string) => void },
): Promise<Settled | undefined> {
  const deadline = Date.now() + options.timeout;
  const told = new Map<string, string>();
  // Between the end of one turn and the look that follows it an app is still for a moment: twice still is still.
  let stillFor = 0;
  while (Date.now() < deadline) {
    const { items } = await api.list<AppItem>('apps');
    const wanted = items.filter(({ name }) => app === undefined || name === app);
    tellChanges(wanted, told, options.progress);
    if (wanted.every(isReady)) return { converged: true, apps: wanted };
    stillFor = isStill(wanted, items) ? stillFor + 1 : 0;
    if (stillFor > 1) return { converged: false, apps: wanted };
    await sleep(pollEvery);
  }
  return undefined;
}

function isReady({ conditions }: AppItem): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** None of them moves; one that waits for another app moves as long as that does. */
function isStill(wanted: readonly AppItem[], all: readonly AppItem[]): boolean {
  const isWaiting = (app: AppItem) =>
    app.conditions.some(({ type, reason }) => type === 'Ready' && reason === 'DependencyNotReady');
  const watched = wanted.some(isWaiting) ? all : wanted;
  return watched.every((app) => isReady(app) || isWaiting(app) || !isMoving(app));
}

function isMoving({ conditions }: AppItem): boolean {
  return conditions.some(
    ({ type, status, reason }) =>
      (type === 'Reconciling' && status === 'True') || (type === 'Ready' && reason === 'Progressing'),
  );
}

function tellChanges(
  apps: readonly AppItem[],
  told: Map<string, string>,
  progress: (line: string) => void,
): void {
  for (const app of apps) {
    const text = `${app.name}: ${isReady(app) ? 'ready' : `${app.operation}, ${whyNotReady(app)}`}`;
    if (told.get(app.name) !== text && !(isReady(app) && !told.has(app.name))) progress(text);
    told.set(app.name, text);
  }
}
