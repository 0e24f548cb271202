import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { App } from '../desired/app.ts';
import type { Memory } from '../observed/memory.ts';
import { createMemoryStore } from './memory-store.ts';
import { migrations } from './migrations.ts';

const nothing: Memory<App> = { apps: {}, approvedPrunes: [], containers: {} };

/**
 * What is remembered, for a command that only looks while a controller may be writing: nothing is created,
 * migrated or locked. A database of another schema, like a missing one, says nothing.
 */
export function readMemory(path: string): Memory<App> {
  if (!existsSync(path)) return nothing;
  const db = new Database(path, { readonly: true, timeout: 400 });
  try {
    if (Number(db.pragma('user_version', { simple: true })) !== migrations.length) return nothing;
    return createMemoryStore(db, () => {}).load();
  } finally {
    db.close();
  }
}
