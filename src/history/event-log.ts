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
  /** Only of these apps; of the host too only when absent. */
  readonly apps?: readonly string[] | undefined;
  /** Only those with a higher id, the oldest of them first; without it the newest ones. */
  readonly after?: number | undefined;
  /** The newest of those with a lower id. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface EventLog {
  /** The same once more raises the counter of the app's last event. */
  add(event: NewEvent): EventRecord;
  /** Always in the order of their ids. */
  list(query: EventQuery): readonly EventRecord[];
}

interface Asked {
  readonly apps: string | null;
  readonly edge: number | null;
  readonly limit: number;
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
  const ofApps = '(@apps IS NULL OR app IN (SELECT value FROM json_each(@apps)))';
  const after = db.prepare<[Asked], EventRecord>(
    `SELECT ${columns} FROM events WHERE id > @edge AND ${ofApps} ORDER BY id LIMIT @limit`,
  );
  const newest = db.prepare<[Asked], EventRecord>(
    `SELECT ${columns} FROM events WHERE (@edge IS NULL OR id < @edge) AND ${ofApps} ORDER BY id DESC LIMIT @limit`,
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
    list({ apps, after: id, before, limit }) {
      const asked = { apps: apps === undefined ? null : JSON.stringify(apps), limit };
      return id === undefined
        ? newest.all({ ...asked, edge: before ?? null }).reverse()
        : after.all({ ...asked, edge: id });
    },
  };
}
