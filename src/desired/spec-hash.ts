import { createHash } from 'node:crypto';
import type { ContainerFields } from './app.ts';
import { canonicalJson } from './canonical.ts';

/** 64 hexadecimal digits that differ exactly when only a new container can bring the change about. */
export function specHash(fields: ContainerFields): string {
  return createHash('sha256').update(canonicalJson(fields)).digest('hex');
}
