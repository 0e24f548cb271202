import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database, { SqliteError } from 'better-sqlite3';
import { ensurePrivateFile, ensureStateDir, usable } from './state-dir.ts';

/** Another controller works with this state directory, or with this instance on this engine (exit code 4). */
export class StateLockedError extends Error {
  /** Of the holder; absent when it has not said so yet. */
  readonly pid: number | undefined;

  constructor(what: string, pid: number | undefined) {
    super(`lock ${what}: in use by another controller${pid === undefined ? '' : `, process ${pid}`}`);
    this.name = 'StateLockedError';
    this.pid = pid;
  }
}

export interface StateLock {
  release(): void;
}

/**
 * Takes the state directory for this process. What locks is an exclusive lock of SQLite's on a file held
 * open: the kernel drops it however the process ends. The pid file beside it only tells who it is.
 */
export function lockState(stateDir: string): StateLock {
  return usable(`lock ${stateDir}`, () => lock(stateDir));
}

function lock(stateDir: string): StateLock {
  ensureStateDir(stateDir);
  const file = join(stateDir, 'lock.db');
  const pidFile = join(stateDir, 'lock.pid');
  let db: Database.Database;
  try {
    db = lockedFile(file);
  } catch (error) {
    if (hasCode(error, 'SQLITE_BUSY')) throw new StateLockedError(stateDir, readPid(pidFile));
    if (!hasCode(error, 'SQLITE_NOTADB')) throw error;
    // What is no database locks nobody out. It is emptied and not removed: who did so a moment ago holds this very file.
    truncateSync(file);
    db = lockedFile(file);
  }
  writePid(pidFile);
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      rmSync(pidFile, { force: true });
      db.close();
    },
  };
}

function lockedFile(file: string): Database.Database {
  ensurePrivateFile(file);
  const db = new Database(file, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof SqliteError && error.code.startsWith(code);
}

function writePid(file: string): void {
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, `${process.pid}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(fresh, file);
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return pid > 0 && isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** The number of a holder before, which was killed, may still stand there. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
