import type Database from 'better-sqlite3';
import type { App } from '../desired/app.ts';
import type { AppMemory, KnownContainer, Memory, Release } from '../observed/memory.ts';

/** A release that passed its gate, for `rollback --to`. */
export interface ReleaseRecord {
  readonly release: Release<App>;
  /** When it passed, milliseconds. */
  readonly at: number;
}

/** The tables behind `Memory`. */
export interface MemoryStore {
  load(): Memory<App>;
  /** Undefined forgets the app. */
  saveApp(app: string, memory: AppMemory<App> | undefined): void;
  /** Undefined forgets the container. */
  saveContainer(id: string, known: KnownContainer | undefined, app: string): void;
  addRelease(app: string, release: Release<App>, now: number): void;
  /** Newest first, at most ten. */
  releases(app: string): readonly ReleaseRecord[];
  forgetReleases(app: string): void;
  approve(approval: Approval): void;
  /** All rows of one app become another's. */
  rename(from: string, to: string): void;
}

export interface Approval {
  /** `rollout` of a spec hash, `removal` of an app, `prune` of all that a commit removes. */
  readonly kind: 'rollout' | 'removal' | 'prune';
  readonly subject: string;
  /** Empty for a prune. */
  readonly app: string;
  readonly actor: string;
  readonly at: number;
}

const releasesKept = 10;

export function createMemoryStore(db: Database.Database, warn: (message: string) => void): MemoryStore {
  const apps = db.prepare<[], { app: string; memory: string }>(
    'SELECT app, memory FROM app_memory ORDER BY app',
  );
  const containers = db.prepare<[], { id: string; name: string; since: number | null }>(
    'SELECT id, name, unrouted_since AS since FROM containers ORDER BY id',
  );
  const prunes = db
    .prepare<[], string>("SELECT DISTINCT subject FROM approvals WHERE kind = 'prune' ORDER BY subject")
    .pluck();
  const putApp = db.prepare<[string, string]>(
    'INSERT INTO app_memory (app, memory) VALUES (?, ?) ON CONFLICT (app) DO UPDATE SET memory = excluded.memory',
  );
  const dropApp = db.prepare<[string]>('DELETE FROM app_memory WHERE app = ?');
  const putContainer = db.prepare<[string, string, string, number | null]>(
    `INSERT INTO containers (id, name, app, unrouted_since) VALUES (?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, unrouted_since = excluded.unrouted_since`,
  );
  const dropContainer = db.prepare<[string]>('DELETE FROM containers WHERE id = ?');
  const putRelease = db.prepare<[string, string, string, number, string]>(
    'INSERT OR REPLACE INTO releases (app, revision, spec_hash, at, release) VALUES (?, ?, ?, ?, ?)',
  );
  const trimReleases = db.prepare<[string, string, number]>(
    `DELETE FROM releases WHERE app = ? AND seq NOT IN
       (SELECT seq FROM releases WHERE app = ? ORDER BY seq DESC LIMIT ?)`,
  );
  const releasesOf = db.prepare<[string], { at: number; release: string }>(
    'SELECT at, release FROM releases WHERE app = ? ORDER BY seq DESC',
  );
  const dropReleases = db.prepare<[string]>('DELETE FROM releases WHERE app = ?');
  const putApproval = db.prepare<[string, string, string, string, number]>(
    'INSERT INTO approvals (kind, subject, app, actor, at) VALUES (?, ?, ?, ?, ?)',
  );
  // `app_memory` and `conditions` are written anew by their owners: theirs have one row an app.
  const renames = ['deployments', 'steps', 'events', 'containers', 'approvals'].map((table) =>
    db.prepare<[string, string]>(`UPDATE ${table} SET app = ? WHERE app = ?`),
  );
  const renameReleases = db.prepare<[string, string]>('UPDATE OR REPLACE releases SET app = ? WHERE app = ?');

  return {
    load: () => ({
      apps: Object.fromEntries(apps.all().flatMap(({ app, memory }) => parsed(app, memory))),
      approvedPrunes: prunes.all(),
      containers: Object.fromEntries(
        containers
          .all()
          .map(({ id, name, since }) => [id, since === null ? { name } : { name, unroutedSince: since }]),
      ),
    }),
    saveApp: (app, memory) =>
      void (memory === undefined ? dropApp.run(app) : putApp.run(app, JSON.stringify(memory))),
    saveContainer: (id, known, app) =>
      void (known === undefined
        ? dropContainer.run(id)
        : putContainer.run(id, known.name, app, known.unroutedSince ?? null)),
    addRelease(app, release, now) {
      putRelease.run(app, release.revision, release.specHash, now, JSON.stringify(release));
      trimReleases.run(app, app, releasesKept);
    },
    releases: (app) =>
      releasesOf.all(app).map(({ at, release }) => {
        const kept: Release<App> = JSON.parse(release);
        return { at, release: kept };
      }),
    forgetReleases: (app) => void dropReleases.run(app),
    approve: ({ kind, subject, app, actor, at }) => void putApproval.run(kind, subject, app, actor, at),
    rename(from, to) {
      for (const statement of [...renames, renameReleases]) statement.run(to, from);
    },
  };

  /** Memory explains and holds back, it never says what should run: a row that makes no sense is as none. */
  function parsed(app: string, text: string): [string, AppMemory<App>][] {
    try {
      const memory: AppMemory<App> = JSON.parse(text);
      return [[app, { ...memory, restarts: memory.restarts ?? {} }]];
    } catch {
      warn(`read history: what was remembered of ${app} cannot be read and is left out`);
      return [];
    }
  }
}
