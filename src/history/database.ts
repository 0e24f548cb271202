import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database, { SqliteError } from 'better-sqlite3';
import { ensurePrivateFile, ensureStateDir } from './state-dir.ts';

/** The database was written by a newer plimsoll: nothing is changed in it (exit code 2). */
export class NewerSchemaError extends Error {
  readonly found: number;
  readonly supported: number;

  constructor(path: string, found: number, supported: number) {
    super(
      `open history ${path}: its schema is version ${found}, this program knows up to ${supported}: ` +
        'run the newer program, or start with another state directory',
    );
    this.name = 'NewerSchemaError';
    this.found = found;
    this.supported = supported;
  }
}

export interface OpenedDatabase {
  readonly db: Database.Database;
  /** Where a damaged one was put aside, and what was wrong with it. */
  readonly damaged?: { readonly path: string; readonly reason: string };
  /** The copy made before migrating. */
  readonly backup?: string;
}

/** SQLite's calls block the whole process: a lock elsewhere must not hold it for long. */
const busyTimeout = 400;
/** KiB; otherwise 16 MB of pages that are read once stay. The kernel has them, too. */
const mostCached = 256;

/** Opens or begins a database and brings it to the newest schema. `now` names what is put aside. */
export function openDatabase(path: string, migrations: readonly string[], now: number): OpenedDatabase {
  if (path === ':memory:') return { db: migrated(connect(path), migrations) };
  ensureStateDir(dirname(path));
  try {
    return openFile(path, migrations, now);
  } catch (error) {
    const reason = damageIn(error);
    if (reason === undefined) throw error;
    const aside = setAside(path, now);
    return { ...openFile(path, migrations, now), damaged: { path: aside, reason } };
  }
}

function openFile(path: string, migrations: readonly string[], now: number): OpenedDatabase {
  ensurePrivateFile(path);
  const db = connect(path);
  try {
    checkWhole(db);
    const version = versionOf(db);
    if (version < 0) throw new DamagedError(`its schema is version ${version}`);
    const missing = version === migrations.length ? missingTable(db, migrations) : undefined;
    if (missing !== undefined) throw new DamagedError(`table ${missing} is missing`);
    if (version > migrations.length) throw new NewerSchemaError(path, version, migrations.length);
    db.pragma('journal_mode = WAL');
    if (version === 0 || version === migrations.length) return { db: migrated(db, migrations) };
    const backup = backUp(db, path, now);
    return { db: migrated(db, migrations), backup };
  } catch (error) {
    db.close();
    throw error;
  }
}

function connect(path: string): Database.Database {
  const db = new Database(path, { timeout: busyTimeout });
  try {
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma(`cache_size = -${mostCached}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Each migration and its version number come together or not at all. */
function migrated(db: Database.Database, migrations: readonly string[]): Database.Database {
  for (let version = versionOf(db); version < migrations.length; version += 1) {
    db.transaction(() => {
      db.exec(migrations[version] ?? '');
      db.pragma(`user_version = ${version + 1}`);
    }).immediate();
  }
  return db;
}

function versionOf(db: Database.Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/** A table that the migrations make and that is not there. */
function missingTable(db: Database.Database, migrations: readonly string[]): string | undefined {
  const made = [...migrations.join('\n').matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name ?? '');
  const found = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all();
  return made.find((name) => !found.includes(name));
}

class DamagedError extends Error {}

function checkWhole(db: Database.Database): void {
  const found = String(db.pragma('quick_check(1)', { simple: true }));
  if (found !== 'ok') throw new DamagedError(found);
}

function damageIn(error: unknown): string | undefined {
  if (error instanceof DamagedError) return error.message;
  const isDamage = error instanceof SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
  return isDamage ? error.message : undefined;
}

/** The write-ahead log goes along: a new database must not find an old one's. */
function setAside(path: string, now: number): string {
  const aside = free(`${path}.damaged-${stamp(now)}`);
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}

/** A copy that was opened and checked, or an error: without one nothing is migrated. */
function backUp(db: Database.Database, path: string, now: number): string {
  const version = versionOf(db);
  const copy = free(`${path}.backup-v${version}-${stamp(now)}`);
  ensurePrivateFile(copy);
  try {
    db.prepare('VACUUM INTO ?').run(copy);
    verifyCopy(copy, version);
  } catch (error) {
    rmSync(copy, { force: true });
    throw error;
  }
  return copy;
}

function verifyCopy(copy: string, version: number): void {
  const db = new Database(copy, { readonly: true });
  try {
    checkWhole(db);
    if (versionOf(db) !== version) throw new Error(`back up history to ${copy}: the copy differs`);
  } finally {
    db.close();
  }
}

function free(path: string): string {
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? path : `${path}-${n}`;
    if (!existsSync(candidate)) return candidate;
  }
}

/** `20251121T124900Z` */
function stamp(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
}
