import type Database from 'better-sqlite3';

/** A token as it is kept: of the token itself only a hash. */
export interface TokenRecord {
  readonly name: string;
  /** SHA-256 in hexadecimal. */
  readonly hash: string;
  readonly scopes: readonly string[];
  readonly project?: string;
  readonly selector?: string;
  readonly createdBy: string;
  /** Milliseconds since the epoch, as are the following. */
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly lastUsedAt?: number;
  readonly revokedAt?: number;
}

export interface TokenStore {
  /** Sorted by name, revoked ones too; the same list until the next write. */
  list(): readonly TokenRecord[];
  /** False when there is one of that name that is not revoked. */
  create(token: TokenRecord): boolean;
  /** False when there is none that could be revoked. */
  revoke(name: string, now: number): boolean;
  used(name: string, now: number): void;
}

interface Row {
  readonly name: string;
  readonly hash: string;
  readonly scopes: string;
  readonly project: string | null;
  readonly selector: string | null;
  readonly created_by: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
}

/** `write` is history's door to the disk. */
export function createTokenStore(db: Database.Database, write: <T>(work: () => T) => T): TokenStore {
  const all = db.prepare<[], Row>('SELECT * FROM tokens ORDER BY name');
  const drop = db.prepare<[string]>('DELETE FROM tokens WHERE name = ? AND revoked_at IS NOT NULL');
  const insert = db.prepare<
    [string, string, string, string | null, string | null, string, number, number | null]
  >(
    `INSERT INTO tokens (name, hash, scopes, project, selector, created_by, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
  );
  const end = db.prepare<[number, string]>(
    'UPDATE tokens SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL',
  );
  const touch = db.prepare<[number, string]>('UPDATE tokens SET last_used_at = ? WHERE name = ?');
  let known: readonly TokenRecord[] | undefined;
  const change = (work: () => boolean): boolean => {
    known = undefined;
    return write(work);
  };
  return {
    list() {
      known ??= all.all().map(toRecord);
      return known;
    },
    create: ({ name, hash, scopes, project, selector, createdBy, createdAt, expiresAt }) =>
      change(() => {
        drop.run(name);
        const words = scopes.join(' ');
        const made = [project ?? null, selector ?? null, createdBy, createdAt, expiresAt ?? null] as const;
        return insert.run(name, hash, words, ...made).changes > 0;
      }),
    revoke: (name, now) => change(() => end.run(now, name).changes > 0),
    used: (name, now) => void change(() => touch.run(now, name).changes > 0),
  };
}

function toRecord(row: Row): TokenRecord {
  return {
    name: row.name,
    hash: row.hash,
    scopes: row.scopes.split(' '),
    createdBy: row.created_by,
    createdAt: row.created_at,
    ...(row.project === null ? {} : { project: row.project }),
    ...(row.selector === null ? {} : { selector: row.selector }),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  };
}
