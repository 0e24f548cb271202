import { Answer, type Handlers } from './call.ts';
import type { ControllerPort } from './controller-port.ts';
import { readinessOf, statusOf } from './readiness.ts';

/** `/healthz` says that the process lives, `/readyz` whether it can do its work; nothing else. */
export function healthRoutes(port: ControllerPort) {
  return {
    getHealth: () => ({ status: 'ok' as const }),
    getReadiness: async () => {
      const readiness = await readinessOf(port);
      return new Answer(statusOf(readiness), readiness);
    },
  } satisfies Partial<Handlers>;
}
