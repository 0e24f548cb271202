import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { RawRequest, Verdict, Verify } from './forge.ts';

/** `header: [sha256=]HEX`, an HMAC of the body under any of the secrets; with several headers the first that is there. */
export function hmacVerifier(
  secrets: readonly string[],
  headers: readonly string[],
  prefix: 'required' | 'optional' | 'none',
): Verify {
  return ({ header, body }) => {
    const given = headers.map((name) => header(name)).find((value) => value !== undefined);
    if (given === undefined || given === '') return 'missing';
    const digest = digestOf(given, prefix);
    if (digest === undefined) return 'wrong';
    return anyOf(secrets, (secret) => timingSafeEqual(hmac(secret, body), digest));
  };
}

/** The token itself in a header. */
export function tokenMatches(secrets: readonly string[], { header }: RawRequest, name: string): Verdict {
  const given = header(name);
  if (given === undefined || given === '') return 'missing';
  // Digests are of one length, so that not even that of a secret shows. Header bytes come as Latin-1.
  const digest = sha256(Buffer.from(given, 'latin1'));
  return anyOf(secrets, (secret) => timingSafeEqual(sha256(Buffer.from(secret)), digest));
}

/** Asks about every secret, also after one that matched: the time tells nothing. */
export function anyOf(secrets: readonly string[], matches: (secret: string) => boolean): Verdict {
  let isOne = false;
  for (const secret of secrets) isOne = matches(secret) || isOne;
  return isOne ? 'ok' : 'wrong';
}

export function hmac(key: string | Buffer, ...parts: readonly (string | Buffer)[]): Buffer {
  const sum = createHmac('sha256', key);
  for (const part of parts) sum.update(part);
  return sum.digest();
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function digestOf(given: string, prefix: 'required' | 'optional' | 'none'): Buffer | undefined {
  const match = /^(sha256=)?([0-9a-f]{64})$/i.exec(given);
  if (!match?.[2]) return undefined;
  const hasPrefix = match[1] !== undefined;
  if (prefix !== 'optional' && hasPrefix !== (prefix === 'required')) return undefined;
  return Buffer.from(match[2], 'hex');
}
