import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { askAdmin, UnreachableError } from './admin-client.ts';
import { flagCheck } from './render-caddyfile.ts';

const timeout = 2_000;

/** Caddy's version as its metrics tell it; distributions leave it out. Undefined when Caddy is unreachable. */
export async function caddyVersion(admin: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { body } = await askAdmin(admin, { method: 'GET', path: '/metrics', timeout }, signal);
    return /^go_build_info\{[^}\n]*version="v?(\d[^"\n]*)"/m.exec(body)?.[1] ?? 'unknown';
  } catch (error) {
    if (error instanceof UnreachableError) return undefined;
    throw error;
  }
}

/** Asks Caddy, through its HTTP port, for the answer that only a Caddy gives that can read the flag folder. */
export async function seesFlags(admin: string, httpPort: number, signal: AbortSignal): Promise<boolean> {
  const options = {
    host: caddyAddress(admin),
    port: httpPort,
    headers: { Host: flagCheck.host },
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
  };
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(options, resolve).on('error', reject).end();
    });
    return (await text(answer)) === flagCheck.answer;
  } catch {
    return false;
  }
}

/** Where Caddy listens for requests, as far as its admin API tells. */
export function caddyAddress(admin: string): string {
  return admin.startsWith('unix/') ? '127.0.0.1' : new URL(admin).hostname.replace(/^\[|\]$/g, '');
}
