import { sourceInvalid } from './source-error.ts';

const act = 'configure source';

/** A branch name that git would accept, so that no part of it can lead out of `refs/heads`. */
export function checkBranch(branch: string): string {
  if (!isRefName(branch)) throw sourceInvalid(act, `"${shown(branch)}" is no branch name`);
  return branch;
}

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

/** An HTTP(S) address that is safe to print, store and log. */
export function checkUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    // The address itself is not repeated: a mistyped one may hold a password.
    throw sourceInvalid(
      act,
      'url must begin with https:// or http:// (for another transport clone it and use dir)',
    );
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw sourceInvalid(act, 'url must not hold credentials: put them under source.auth');
  }
  if (parsed.search !== '' || parsed.hash !== '') {
    throw sourceInvalid(act, 'url must not hold a query or a fragment: credentials belong under source.auth');
  }
  return parsed.href.replace(/\/+$/, '');
}

function shown(text: string): string {
  return text.replace(/\p{C}/gu, '?').slice(0, 80);
}
