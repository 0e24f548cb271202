import { EdgeError } from '../apply/ports.ts';

/** What this room refused, with its reason; undefined for any other error. */
export function refusalOf(error: unknown): EdgeError | undefined {
  return error instanceof EdgeError ? error : undefined;
}
