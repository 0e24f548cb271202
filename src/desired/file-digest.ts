import { createHash } from 'node:crypto';
import type { AppFile } from './app.ts';
import { isSecretValue } from './secret.ts';

/** What a file is compared by: the hash of mode and content, or the version of the secret in it. */
export function fileDigest({ content, mode }: Pick<AppFile, 'content' | 'mode'>): string {
  if (isSecretValue(content)) return secretFileDigest(content.version, mode);
  return createHash('sha256')
    .update(`${mode.toString(8)}\0`)
    .update(content)
    .digest('hex')
    .slice(0, 32);
}

export function secretFileDigest(version: string, mode: number): string {
  return `${mode.toString(8)} secret ${version}`;
}
