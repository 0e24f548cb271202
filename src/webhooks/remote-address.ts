import type { Context } from 'hono';

/** The other end of the connection, IPv4 as such; `unknown` where there is none. */
export function remoteAddress(c: Context): string {
  const socket: unknown = (c.env as { incoming?: { socket?: unknown } } | undefined)?.incoming?.socket;
  const address =
    typeof socket === 'object' && socket !== null && 'remoteAddress' in socket
      ? socket.remoteAddress
      : undefined;
  return typeof address === 'string' ? address.replace(/^::ffff:(?=\d+\.)/i, '') : 'unknown';
}
