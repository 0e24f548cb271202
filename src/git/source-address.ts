import { sourceInvalid } from './source-error.ts';

const act = 'configure source';

/** The rules of git-check-ref-format, for a name below `refs/heads/` or `refs/tags/`. */
export function isRefName(name: string): boolean {
  if (name === '' || name === '@' || name.startsWith('-') || name.length > 255) return false;
  if (/[\p{C}\s~^:?*[\\\u007f]|\.\.|@\{|\/\/|\.$|\/$|^\//u.test(name)) return false;
  return name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));
}

/** A subfolder as its segments; `.` and the empty string are the root. */
export function checkFolder(path: string): string[] {
  if (path.startsWith('/')) throw sourceInvalid(act, `path "${shown(path)}" must be relative`);
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  const bad = segments.find((segment) => segment === '..' || /[\p{C}\\]/u.test(segment));
  if (bad !== undefined) throw sourceInvalid(act, `path "${shown(path)}" leads outside or is no folder name`);
  return segments;
}

/** Where a remote repository is; safe to print, store and log. */
export type Address =
  | { readonly kind: 'http'; readonly url: string; readonly host: string }
  | {
      readonly kind: 'ssh';
      readonly url: string;
      readonly user: string;
      /** Without its port. */
      readonly host: string;
      readonly port: number;
    };

/** Whether a text is meant as an address and not as a folder. */
export function looksRemote(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || scpForm.test(text);
}

/** `https://…`, `http://…`, `ssh://user@host:port/path` or `user@host:path`, without credentials in it. */
export function checkUrl(url: string): Address {
  const scp = url.includes('://') ? undefined : scpForm.exec(url)?.groups;
  if (scp !== undefined) return scpAddress(url, scp);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  // The address itself is not repeated: a mistyped one may hold a password.
  if (parsed === undefined || !/^(https?|ssh):$/.test(parsed.protocol) || parsed.hostname === '') {
    throw sourceInvalid(act, 'url must be https://…, http://…, ssh://user@host/path or user@host:path');
  }
  if (parsed.password !== '' || (parsed.username !== '' && parsed.protocol !== 'ssh:')) {
    throw sourceInvalid(act, 'url must not hold credentials: put them under source.auth');
  }
  if (parsed.search !== '' || parsed.hash !== '') {
    throw sourceInvalid(act, 'url must not hold a query or a fragment: credentials belong under source.auth');
  }
  if (parsed.protocol !== 'ssh:')
    return { kind: 'http', url: parsed.href.replace(/\/+$/, ''), host: hostOf(parsed) };
  const user = checkUser(parsed.username === '' ? defaultUser : parsed.username);
  const host = checkHost(parsed.hostname.replace(/^\[|\]$/g, ''));
  checkRemotePath(parsed.pathname);
  const port = parsed.port === '' ? sshPort : Number(parsed.port);
  const shownPort = port === sshPort ? '' : `:${port}`;
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return {
    kind: 'ssh',
    url: `ssh://${user}@${shownHost}${shownPort}${parsed.pathname.replace(/\/+$/, '')}`,
    user,
    host,
    port,
  };
}

/** How `credentials` names the host of an address: with its port when it is no usual one. */
export function hostKeyOf(address: Address): string {
  if (address.kind === 'http') return address.host;
  return address.port === sshPort ? address.host : `${address.host}:${address.port}`;
}

/** `user@host:path`, as git reads it: the colon comes before any slash. */
const scpForm = /^(?:(?<user>[^@/:\s]+)@)(?<host>[^@/:\s]+):(?<path>[^\s].*)$/;
/** What every forge calls it. */
const defaultUser = 'git';
const sshPort = 22;

function scpAddress(
  url: string,
  { user = '', host = '', path = '' }: Record<string, string | undefined>,
): Address {
  checkUser(user);
  checkHost(host);
  checkRemotePath(path);
  return { kind: 'ssh', url, user, host: host.toLowerCase(), port: sshPort };
}

function hostOf({ protocol, hostname, port }: URL): string {
  const usual = protocol === 'https:' ? '443' : '80';
  return port === '' || port === usual ? hostname : `${hostname}:${port}`;
}

/** A name that begins with a dash would be an option of ssh. */
function checkUser(user: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(user))
    throw sourceInvalid(act, 'url has no plain user name');
  return user;
}

function checkHost(host: string): string {
  const plain = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(host) || /^[0-9a-f:.]+$/i.test(host);
  if (!plain) throw sourceInvalid(act, 'url has no plain host name');
  return host.toLowerCase();
}

function checkRemotePath(path: string): void {
  if (!/^\/?[^\s/-]/u.test(path) || /[\p{C}"'`\\]/u.test(path) || path.length > 1_000)
    throw sourceInvalid(act, 'url has no plain path');
}

function shown(text: string): string {
  return text.replace(/\p{C}/gu, '?').slice(0, 80);
}
