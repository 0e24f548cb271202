import { statfs } from 'node:fs/promises';
import type { ControllerPort } from './controller-port.ts';

type CheckResult = { readonly status: 'ok' | 'degraded' | 'failing'; readonly message?: string };

/** What `/readyz` answers; 503 when failing. */
export interface Readiness {
  readonly status: CheckResult['status'];
  readonly version: string;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** Share of the state directory's disk below which it is said aloud. */
const littleSpace = 0.05;

/** The HTTP status that says it. */
export function statusOf({ status }: Readiness): 200 | 503 {
  return status === 'failing' ? 503 : 200;
}

/** What the controller can do now. */
export async function readinessOf(port: ControllerPort): Promise<Readiness> {
  const checks: Record<string, CheckResult> = {
    engine: engineCheck(port),
    caddy: caddyCheck(port),
    git: gitCheck(port),
    database: databaseCheck(port),
    ...(port.stateDir === undefined ? {} : { disk: await diskCheck(port.stateDir) }),
  };
  const found = Object.values(checks).map(({ status }) => status);
  const status = (['failing', 'degraded'] as const).find((one) => found.includes(one)) ?? 'ok';
  return { status, version: port.version, checks };
}

function engineCheck({ loop }: ControllerPort): CheckResult {
  const { look, engineError } = loop.status;
  if (engineError) return { status: 'failing', message: engineError.message };
  return look === 0 ? { status: 'failing', message: 'the first look is not over yet' } : { status: 'ok' };
}

/** Only apps with domains need Caddy. */
function caddyCheck({ loop }: ControllerPort): CheckResult {
  const { world } = loop.status;
  if (!world || world.observed.proxy.state === 'running') return { status: 'ok' };
  const { message, state } = world.observed.proxy;
  const isNeeded = world.desired.apps.some(({ domains }) => domains.length > 0);
  return isNeeded ? { status: 'degraded', message: message ?? `Caddy is ${state}` } : { status: 'ok' };
}

/** A snapshot is enough to go on with. */
function gitCheck({ loop }: ControllerPort): CheckResult {
  const { sourceError, engineError, historyError, world } = loop.status;
  if (!sourceError) return { status: 'ok' };
  const canGoOn = world !== undefined || (engineError ?? historyError) !== undefined;
  return { status: canGoOn ? 'degraded' : 'failing', message: sourceError.message };
}

function databaseCheck({ history, loop }: ControllerPort): CheckResult {
  const { historyError } = loop.status;
  if (historyError) return { status: 'failing', message: historyError.message };
  try {
    history.events({ limit: 1 });
    return { status: 'ok' };
  } catch (error) {
    return { status: 'failing', message: error instanceof Error ? error.message : String(error) };
  }
}

async function diskCheck(stateDir: string): Promise<CheckResult> {
  try {
    const { bavail, blocks } = await statfs(stateDir);
    if (blocks === 0 || bavail / blocks >= littleSpace) return { status: 'ok' };
    return { status: 'degraded', message: `${Math.round((100 * bavail) / blocks)} % is free at ${stateDir}` };
  } catch (error) {
    return { status: 'failing', message: error instanceof Error ? error.message : String(error) };
  }
}
