import { checkUrl, hostKeyOf } from './source-address.ts';

/** What a server may be told, in plain text; sent only when it asks, and only to the host of the source. */
export interface SourceAuth {
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
  /** Text of a private key. */
  readonly sshKey?: string;
  /** Lines of a known_hosts file: the host keys that are trusted. */
  readonly knownHosts?: readonly string[];
}

/**
 * The credentials of a source: its own, else those of exactly its host (and port, when it is no usual one). Several
 * entries of one host are for its transports: SSH takes the one with a key or with pinned host keys.
 */
export function authFor<Own, Entry extends HostCredentials>(
  url: string,
  own: Own | undefined,
  credentials: readonly Entry[],
): Own | Entry | undefined {
  if (own !== undefined) return own;
  const address = checkUrl(url);
  const matching = credentials.filter(
    ({ host }) => usualHost(host, address.kind, url) === hostKeyOf(address),
  );
  const fitting = matching.filter(({ sshKey, knownHosts = [], password, token }) =>
    address.kind === 'ssh'
      ? sshKey !== undefined || knownHosts.length > 0
      : password !== undefined || token !== undefined,
  );
  return fitting[0];
}

interface HostCredentials {
  readonly host: string;
  readonly password?: unknown;
  readonly token?: unknown;
  readonly sshKey?: unknown;
  readonly knownHosts?: readonly string[];
}

/** Without the port that everybody means anyway. */
function usualHost(host: string, kind: 'http' | 'ssh', url: string): string {
  const usual = kind === 'ssh' ? ':22' : /^http:/i.test(url) ? ':80' : ':443';
  const lower = host.toLowerCase();
  return lower.endsWith(usual) && !lower.slice(0, -usual.length).endsWith(':')
    ? lower.slice(0, -usual.length)
    : lower;
}
