import type Database from 'better-sqlite3';

const deploymentsKept = 50;
const revisionsKept = 1_000;
const eventsKept = 14 * 24 * 60 * 60_000;
const auditKept = 90 * 24 * 60 * 60_000;
/** So that refusals from ever new addresses do not fill the disk. */
const auditRows = 50_000;
const deliveriesKept = 30 * 24 * 60 * 60_000;

/** Drops what is older than its keeping time; what is open stays. */
export function compactTables(db: Database.Database, now: number): void {
  db.prepare<[number]>(
    `DELETE FROM deployments WHERE seq IN (
       SELECT seq FROM (
         SELECT seq, finished_at, row_number() OVER (PARTITION BY app ORDER BY seq DESC) AS place FROM deployments
       ) WHERE place > ? AND finished_at IS NOT NULL)`,
  ).run(deploymentsKept);
  db.prepare<[number]>('DELETE FROM events WHERE at < ?').run(now - eventsKept);
  db.prepare<[number]>('DELETE FROM deliveries WHERE received_at < ?').run(now - deliveriesKept);
  db.prepare<[number]>('DELETE FROM audit WHERE at < ?').run(now - auditKept);
  db.prepare<[number]>(
    'DELETE FROM audit WHERE id NOT IN (SELECT id FROM audit ORDER BY id DESC LIMIT ?)',
  ).run(auditRows);
  db.prepare<[number]>('DELETE FROM steps WHERE deployment IS NULL AND ended_at < ?').run(now - eventsKept);
  db.prepare<[number]>(
    'DELETE FROM revisions WHERE seq NOT IN (SELECT seq FROM revisions ORDER BY seq DESC LIMIT ?)',
  ).run(revisionsKept);
}
