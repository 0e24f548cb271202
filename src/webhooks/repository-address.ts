/** A repository, whichever way it is written: `github.com/acme/config`. */
export interface RepositoryAddress {
  readonly host: string;
  /** Without `/` and `.git` at its ends. */
  readonly path: string;
}

/**
 * `https://`, `ssh://`, `git://` and `git@host:path` of one repository read the same. User, password, port and query are
 * left out: the port of SSH is not that of HTTPS. So is the case, of which forges make nothing in paths either: two
 * repositories taken for one cost a look, one taken for two would cost every webhook. Undefined for what is no address.
 */
export function parseRepositoryAddress(text: string): RepositoryAddress | undefined {
  if (text.length > longest) return undefined;
  const { host, path } = text.includes('://') ? parseUrl(text) : parseScp(text);
  const trimmed = trimPath(path);
  return host === '' || trimmed === '' ? undefined : { host: host.toLowerCase(), path: trimmed };
}

/** A folder of this host as it is compared, from its path or its `file://` address. */
export function parseFolder(text: string): string | undefined {
  const path = text.startsWith('file://') ? text.slice('file://'.length) : text;
  if (!path.startsWith('/') || text.length > longest) return undefined;
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}

export function isSameRepository(one: RepositoryAddress, other: RepositoryAddress): boolean {
  return one.host === other.host && samePath(one.path) === samePath(other.path);
}

/** Whether the address ends with this path, whose host is not known. */
export function endsWithPath({ path }: RepositoryAddress, end: string): boolean {
  const wanted = samePath(trimPath(end));
  return wanted !== '' && `/${samePath(path)}`.endsWith(`/${wanted}`);
}

const longest = 2_000;

function parseUrl(text: string): { readonly host: string; readonly path: string } {
  if (!/^(?:https?|ssh|git|git\+ssh):\/\//i.test(text) || !URL.canParse(text)) return { host: '', path: '' };
  const { hostname, pathname } = new URL(text);
  return { host: hostname, path: pathname };
}

/** `git@host:path`, or `host/path` as we show it. */
function parseScp(text: string): { readonly host: string; readonly path: string } {
  const match = /^(?:[^@/:\s]+@)?([a-z0-9.-]+|\[[0-9a-f:.]+\])[:/](.+)$/i.exec(text);
  return { host: match?.[1] ?? '', path: match?.[2] ?? '' };
}

function trimPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.join('/').replace(/\.git$/i, '');
}

/** Bitbucket's own server has one more folder in HTTPS addresses than in those of SSH. */
function samePath(path: string): string {
  return path.toLowerCase().replace(/^scm\//, '');
}
