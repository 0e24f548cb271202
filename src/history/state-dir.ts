import { chmodSync, closeSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { SqliteError } from 'better-sqlite3';
import { EdgeError } from '../apply/ports.ts';

/** Something lies in the state directory that we never follow or overwrite (exit code 4). */
export class StateRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StateRefusedError';
  }
}

/** What the disk or a lock of others refuses, as an edge says it (exit code 3); anything else stays what it is. */
export function usable<Result>(what: string, open: () => Result): Result {
  try {
    return open();
  } catch (error) {
    const isSystem = error instanceof Error && 'syscall' in error;
    if (!isSystem && !(error instanceof SqliteError)) throw error;
    throw new EdgeError('unreachable', 'StateUnusable', `${what}: ${error.message}`, error);
  }
}

/** Makes the state directory ours alone (0700); one that everybody may write to, like /tmp, is left as it is. */
export function ensureStateDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const { mode, uid } = lstatSync(dir);
  const isShared = (mode & 0o002) !== 0;
  if (!isShared && uid === process.getuid?.() && (mode & 0o077) !== 0) chmodSync(dir, 0o700);
}

/**
 * Makes the file, empty and 0600, where there is none; a link is refused. A file that is there is never
 * opened: closing it again would drop the locks that this process holds on it
 * (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
 */
export function ensurePrivateFile(file: string): { readonly isNew: boolean } {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) {
    closeSync(openSync(file, 'wx', 0o600));
    return { isNew: true };
  }
  if (!found.isFile()) throw new StateRefusedError(`${file} is no regular file`);
  if ((found.mode & 0o077) !== 0) chmodSync(file, 0o600);
  return { isNew: found.size === 0 };
}
