import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** What Caddy's admin API said; any status is an answer. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

export interface AdminRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly type?: 'application/json' | 'text/caddyfile';
  readonly body?: string;
  /** Milliseconds for the whole answer. */
  readonly timeout: number;
}

/** Caddy does not answer at all, or not in time. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/**
 * Sends one request to the admin API at `http://host:port` or `unix//path`, on a connection of its own. Throws
 * `UnreachableError` when there is no whole answer.
 */
export async function askAdmin(admin: string, ask: AdminRequest, signal: AbortSignal): Promise<AdminAnswer> {
  const { method, path, type, body = '' } = ask;
  const options: RequestOptions = {
    ...target(
      admin,
      type === undefined ? [] : ['Content-Type', type, 'Content-Length', `${Buffer.byteLength(body)}`],
    ),
    method,
    path,
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(ask.timeout)]),
  };
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(options, resolve).on('error', reject).end(body);
    });
    return { status: answer.statusCode ?? 0, body: await text(answer) };
  } catch (error) {
    throw new UnreachableError(reasonOf(error, ask.timeout), { cause: error });
  }
}

/** Headers are a list here, since Node makes an empty `Host`, which Caddy wants on a Unix socket, `localhost`. */
function target(admin: string, headers: readonly string[]): RequestOptions {
  if (admin.startsWith('unix/')) {
    return { socketPath: admin.slice('unix/'.length), headers: ['Host', '', ...headers] };
  }
  const { protocol, hostname, port, host } = new URL(admin);
  if (protocol !== 'http:')
    throw new Error(`caddy.admin: ${admin} is neither http://HOST:PORT nor unix//PATH`);
  // The origin is asked for when the user turned `enforce_origin` on.
  const names = ['Host', host, 'Origin', `http://${host}`];
  return { hostname: hostname.replace(/^\[|\]$/g, ''), port: port || 80, headers: [...names, ...headers] };
}

function reasonOf(error: unknown, timeout: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || (error.name === 'AbortError' && error.cause instanceof DOMException))
    return `no answer within ${timeout / 1000} s`;
  return 'code' in error && error.message === '' ? String(error.code) : error.message;
}
