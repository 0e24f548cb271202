import { isSecretValue } from './desired/secret.ts';
import type { History } from './history/history.ts';

/** Versions of secrets that a rollback may need: of every release that is remembered. */
export function versionsNeeded(history: Pick<History, 'memory' | 'releases'>): ReadonlySet<string> {
  const { apps } = history.memory();
  const releases = Object.entries(apps).flatMap(([name, { lastHealthy, pin }]) => [
    lastHealthy,
    pin,
    ...history.releases(name),
  ]);
  return new Set(versionsIn(releases));
}

function versionsIn(value: unknown): readonly string[] {
  if (isSecretValue(value)) return [value.version];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(versionsIn);
}
