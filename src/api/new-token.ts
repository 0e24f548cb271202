import { createHash, randomBytes } from 'node:crypto';

/** A token that nobody can guess. */
export function newToken(): string {
  return `plt_${randomBytes(32).toString('base64url')}`;
}

/** All that is kept of one: SHA-256 in hexadecimal. It needs no salt, for a token is no word that could be tried. */
export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
