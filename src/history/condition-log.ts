import type Database from 'better-sqlite3';
import type { Condition } from '../plan/plan.ts';

/** A condition as users see it; the time changes only with the status. */
export interface TimedCondition extends Condition {
  /** Milliseconds since the epoch. */
  readonly lastTransitionTime: number;
}

export interface ConditionLog {
  /** Writes nothing; `changed` when `save` has something to write. */
  compare(
    app: string,
    conditions: readonly Condition[],
    now: number,
  ): { readonly timed: readonly TimedCondition[]; readonly changed: boolean };
  /** A type that is not among them any more is forgotten. */
  save(app: string, timed: readonly TimedCondition[]): void;
  forget(app: string): void;
  rename(from: string, to: string): void;
  /** Nothing of a transaction that was undone is believed. */
  reload(): void;
}

interface Known {
  readonly status: string;
  readonly since: number;
}

/** By app, then by type. Kept in memory besides: a look at every app must not read the disk. */
type Cache = Map<string, ReadonlyMap<string, Known>>;

export function createConditionLog(db: Database.Database): ConditionLog {
  const all = db.prepare<[], { app: string; type: string } & Known>('SELECT * FROM conditions');
  const put = db.prepare<[string, string, string, number]>(
    'INSERT INTO conditions (app, type, status, since) VALUES (?, ?, ?, ?)',
  );
  const drop = db.prepare<[string]>('DELETE FROM conditions WHERE app = ?');
  const move = db.prepare<[string, string]>('UPDATE conditions SET app = ? WHERE app = ?');
  let cache: Cache | undefined;

  return {
    compare(app, conditions, now) {
      const before = known().get(app) ?? new Map<string, Known>();
      const timed = conditions.map((condition) => {
        const same = before.get(condition.type);
        const stays = same?.status === condition.status;
        return { ...condition, lastTransitionTime: stays ? same.since : now };
      });
      const stays = timed.every(({ type, status }) => before.get(type)?.status === status);
      return { timed, changed: !stays || timed.length !== before.size };
    },
    save(app, timed) {
      drop.run(app);
      for (const { type, status, lastTransitionTime } of timed)
        put.run(app, type, status, lastTransitionTime);
      known().set(
        app,
        new Map(timed.map(({ type, status, lastTransitionTime: since }) => [type, { status, since }])),
      );
    },
    forget(app) {
      drop.run(app);
      known().delete(app);
    },
    rename(from, to) {
      drop.run(to);
      move.run(to, from);
      cache = undefined;
    },
    reload() {
      cache = undefined;
    },
  };

  function known(): Cache {
    cache ??= loaded();
    return cache;
  }

  function loaded(): Cache {
    const apps = Map.groupBy(all.all(), ({ app }) => app);
    return new Map([...apps].map(([app, rows]) => [app, new Map(rows.map((row) => [row.type, row]))]));
  }
}
