import { EdgeError } from '../apply/ports.ts';
import { escapeText } from '../desired/shown-text.ts';

/** The source does not answer, or not now: trying again may help. */
export function sourceUnreachable(act: string, why: string, cause?: unknown): EdgeError {
  return new EdgeError('unreachable', 'SourceUnreachable', `${act}: ${why}`, cause);
}

/** It answers, and the branch is not there. */
export function branchMissing(act: string, why: string): EdgeError {
  return new EdgeError('unreachable', 'BranchMissing', `${act}: ${why}`);
}

/** It answers, and the tag, version or commit is not there. */
export function revisionMissing(act: string, why: string): EdgeError {
  return new EdgeError('unreachable', 'RevisionMissing', `${act}: ${why}`);
}

/** What is there cannot be read by us: only a person can mend it. */
export function sourceInvalid(act: string, why: string, cause?: unknown): EdgeError {
  return new EdgeError('unreachable', 'SourceInvalid', `${act}: ${why}`, cause);
}

/** More than the configuration allows; `key` is the one below `limits` that raises it. */
export function limitExceeded(act: string, why: string, key: string): EdgeError {
  return new EdgeError(
    'unreachable',
    'LimitExceeded',
    `${act}: ${why} (limits.${key} of this source raises it)`,
  );
}

export function packTooLarge(act: string, what: string, limit: number): EdgeError {
  return limitExceeded(
    act,
    `the pack is refused: ${what} is larger than the limit of ${limit} bytes`,
    'pack',
  );
}

/** The server's host key is not pinned, or not the one that is. */
export function hostKeyRefused(
  reason: 'HostKeyUnknown' | 'HostKeyChanged',
  act: string,
  why: string,
): EdgeError {
  return new EdgeError('unreachable', reason, `${act}: ${why}`);
}

/** A program that is needed is not installed. */
export function programMissing(act: string, why: string): EdgeError {
  return new EdgeError('unreachable', 'ProgramMissing', `${act}: ${why}`);
}

/** Nobody who may sign has signed it. */
export function unverified(act: string, why: string): EdgeError {
  return new EdgeError('unreachable', 'Unverified', `${act}: ${why}`);
}

/** The part of an unknown error's text that is safe to show: one line, printable, short. */
export function plainReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return escapeText(text.replace(/[\p{Cc}\s]+/gu, ' ').trim()).slice(0, 200);
}
