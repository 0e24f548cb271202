import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ControllerPort } from './controller-port.ts';
import { isCalledLocally } from './guard.ts';
import type { Metrics } from './metrics.ts';
import { readinessOf, statusOf } from './readiness.ts';
import { redactedJson } from './redacted-json.ts';
import { securityHeaders } from './security-headers.ts';
import type { Reply } from './serve.ts';

/**
 * Answers `GET /healthz` and `GET /readyz` as the API does, without anything that the other operations are made of: a
 * controller that only its monitor asks stays as small and starts as soon as one that nobody asks. A request that says
 * more of itself than a monitor's is the API's to judge, and so is one that cannot be answered.
 */
export function plainHealth(port: ControllerPort, metrics: Metrics) {
  return async (request: IncomingMessage): Promise<Reply | undefined> => {
    const { method, url: path = '', headers, socket } = request;
    const isAsked = method === 'GET' && (path === '/healthz' || path === '/readyz');
    // On our own socket anybody may come by any name.
    const { localAddress: local } = socket;
    const isUsual = local === undefined || isCalledLocally({ host: headers.host, local });
    if (!isAsked || !isUsual || headers['x-request-id'] !== undefined) return undefined;
    const begun = performance.now();
    const readiness = path === '/readyz' ? await readinessOf(port) : undefined;
    const status = readiness ? statusOf(readiness) : 200;
    metrics.requested({ method, route: path, status, milliseconds: performance.now() - begun });
    return {
      status,
      headers: { ...securityHeaders, 'x-request-id': randomUUID(), 'content-type': 'application/json' },
      body: redactedJson(port, readiness ?? { status: 'ok' }),
    };
  };
}
