import { EdgeError } from '../apply/ports.ts';

/** The source does not answer, or not now: trying again may help. */
export function sourceUnreachable(act: string, why: string, cause?: unknown): EdgeError {
  return new EdgeError('unreachable', 'SourceUnreachable', `${act}: ${why}`, cause);
}

/** It answers, and the branch is not there. */
export function branchMissing(act: string, why: string): EdgeError {
  return new EdgeError('unreachable', 'BranchMissing', `${act}: ${why}`);
}

/** What is there cannot be read by us: only a person can mend it. */
export function sourceInvalid(act: string, why: string, cause?: unknown): EdgeError {
  return new EdgeError('unreachable', 'SourceInvalid', `${act}: ${why}`, cause);
}

/** The part of an unknown error's text that is safe to show: one line, printable, short. */
export function plainReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/[\p{C}\s]+/gu, ' ').slice(0, 200);
}
