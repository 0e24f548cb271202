import type Database from 'better-sqlite3';

/** Who wanted what, and what came of it. */
export interface AuditEntry {
  /** Milliseconds since the epoch; the last time of several. */
  readonly at: number;
  /** Name of a token, or of a user of the socket; empty when nobody was told apart. */
  readonly actor: string;
  readonly via: 'socket' | 'tcp';
  readonly address: string;
  readonly verb: string;
  readonly object: string;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly detail: string;
  /** Id of the request; the first one's when several are counted. */
  readonly request: string;
}

export interface AuditRecord extends AuditEntry {
  readonly id: number;
  readonly count: number;
}

export interface AuditQuery {
  readonly limit: number;
  /** Only those with a lower id. */
  readonly before?: number | undefined;
  readonly actor?: string | undefined;
}

export interface AuditLog {
  add(entry: AuditEntry): void;
  /** Refusals, each with how many there were: raises the count of the same one of the last hour. One transaction. */
  addCounted(entries: readonly (readonly [entry: AuditEntry, count: number])[]): void;
  /** Newest first. */
  list(query: AuditQuery): readonly AuditRecord[];
}

const hour = 60 * 60_000;

/** `write` is history's door to the disk. */
export function createAuditLog(db: Database.Database, write: <T>(work: () => T) => T): AuditLog {
  const insert = db.prepare<[AuditEntry & { readonly count: number }]>(
    `INSERT INTO audit (at, actor, via, address, verb, object, outcome, detail, request, count)
     VALUES (@at, @actor, @via, @address, @verb, @object, @outcome, @detail, @request, @count)`,
  );
  const raise = db.prepare<[AuditEntry & { readonly count: number; readonly since: number }]>(
    `UPDATE audit SET at = @at, count = count + @count WHERE id = (
       SELECT id FROM audit WHERE at > @since AND actor = @actor AND via = @via AND address = @address
         AND verb = @verb AND object = @object AND outcome = @outcome AND detail = @detail
       ORDER BY id DESC LIMIT 1)`,
  );
  const select = db.prepare<
    [{ readonly before: number | null; readonly actor: string | null; readonly limit: number }],
    AuditRecord
  >(
    `SELECT id, at, actor, via, address, verb, object, outcome, detail, request, count FROM audit
     WHERE (@before IS NULL OR id < @before) AND (@actor IS NULL OR actor = @actor) ORDER BY id DESC LIMIT @limit`,
  );
  return {
    add: (entry) => void write(() => insert.run({ ...entry, count: 1 })),
    addCounted: (entries) =>
      write(() => {
        for (const [entry, count] of entries) {
          const raised = raise.run({ ...entry, count, since: entry.at - hour });
          if (raised.changes === 0) insert.run({ ...entry, count });
        }
      }),
    list: ({ limit, before = null, actor = null }) => select.all({ limit, before, actor }),
  };
}
