import type { EdgeError } from '../apply/ports.ts';

/** The error of an edge, which is told and not thrown on; anything else is a bug. */
export function edgeFault(error: unknown): EdgeError {
  if (error instanceof Error && error.name === 'EdgeError') return error as EdgeError;
  throw error;
}
