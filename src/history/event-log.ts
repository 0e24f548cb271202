import type Database from 'better-sqlite3';

/** Something worth telling a person; app `''` is the host. */
export interface NewEvent {
  readonly at: number;
  readonly app: string;
  /** `Deployed`, `RolledBack`, `Drifted`: what notifications are chosen by. */
  readonly type: string;
  /** PascalCase, for machines. */
  readonly reason: string;
  readonly message: string;
}

export interface EventRecord extends NewEvent {
  readonly id: number;
  /** `at` is the last time, this the first. */
  readonly firstAt: number;
  readonly count: number;
}

export interface EventQuery {
  readonly app?: string;
  /** Only those with a higher id, the oldest of them first; without it the newest ones. */
  readonly after?: number;
  readonly limit: number;
}

export interface EventLog {
  /** The same once more raises the counter of the app's last event. */
  add(event: NewEvent): EventRecord;
  /** Always in the order of their ids. */
  list(query: EventQuery): readonly EventRecord[];
}

const columns = 'id, first_at AS firstAt, at, app, type, reason, message, count';

export function createEventLog(db: Database.Database): EventLog {
  const last = db.prepare<[string], EventRecord>(
    `SELECT ${columns} FROM events WHERE app = ? ORDER BY id DESC LIMIT 1`,
  );
  const raise = db.prepare<[number, number], EventRecord>(
    `UPDATE events SET at = ?, count = count + 1 WHERE id = ? RETURNING ${columns}`,
  );
  const insert = db.prepare<[number, number, string, string, string, string], EventRecord>(
    `INSERT INTO events (first_at, at, app, type, reason, message, count) VALUES (?, ?, ?, ?, ?, ?, 1)
     RETURNING ${columns}`,
  );
  const after = db.prepare<[number, string | null, string | null, number], EventRecord>(
    `SELECT ${columns} FROM events WHERE id > ? AND (? IS NULL OR app = ?) ORDER BY id LIMIT ?`,
  );
  const newest = db.prepare<[string | null, string | null, number], EventRecord>(
    `SELECT ${columns} FROM events WHERE (? IS NULL OR app = ?) ORDER BY id DESC LIMIT ?`,
  );
  return {
    add(event) {
      const { at, app, type, reason, message } = event;
      const before = last.get(app);
      const isSame =
        before !== undefined &&
        before.type === type &&
        before.reason === reason &&
        before.message === message;
      const written = isSame ? raise.get(at, before.id) : insert.get(at, at, app, type, reason, message);
      if (written === undefined) throw new Error('an event was written and is not there');
      return written;
    },
    list({ app = null, after: id, limit }) {
      return id === undefined ? newest.all(app, app, limit).reverse() : after.all(id, app, app, limit);
    },
  };
}
