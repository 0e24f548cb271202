import { createHash } from 'node:crypto';
import type { ContainerFields } from './app.ts';
import { canonicalJson } from './canonical.ts';

/** SHA-256 (64 hex digits) over all that only a new container can change; a label of every container. */
export function specHash(fields: ContainerFields): string {
  return createHash('sha256').update(canonicalJson(fields)).digest('hex');
}
