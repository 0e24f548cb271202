import { hash } from 'node:crypto';
import type { ContainerFields } from './app.ts';
import { canonicalJson } from './canonical.ts';

/** 64 hexadecimal digits that differ exactly when only a new container can bring the change about. */
export function specHash(fields: ContainerFields): string {
  return valueHash(fields);
}

/** 64 hexadecimal digits, the same for equal values. */
export function valueHash(value: unknown): string {
  return hash('sha256', canonicalJson(value));
}
