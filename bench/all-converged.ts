import type { Controller } from './controller.ts';
import { until } from './until.ts';
import type { Workbench } from './workbench.ts';

interface Status {
  readonly revision: string;
  readonly converged: boolean;
}

/** All that git wants at this revision is there and serves, and nothing is left to do: no routes are loaded any more. */
export async function allConverged(
  { signal }: Workbench,
  ask: Controller['ask'],
  revision: string,
  apps: number,
): Promise<void> {
  const wait = { what: `${apps} apps are converged`, deadline: apps * 5_000 + 60_000, pause: 250, signal };
  await until(wait, async () => {
    const status = await ask<Status>('status');
    return (status?.converged && status.revision === revision) || undefined;
  });
}
