import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from '../../src/desired/app.ts';
import { type History, type HistoryOptions, openHistory } from '../../src/history/history.ts';
import type { OpenDeployment, Release } from '../../src/observed/memory.ts';
import { anApp } from '../plan/worlds.ts';

/** A state directory of its own, and the histories opened in it. */
export interface Bench {
  readonly dir: string;
  readonly path: string;
  /** What `now` says. */
  time: number;
  open(options?: Partial<HistoryOptions>): History;
  /** Closes what is open and removes everything. */
  end(): void;
}

export function createBench(): Bench {
  const root = mkdtempSync(join(tmpdir(), 'plimsoll-history-'));
  const dir = join(root, 'state');
  const opened: History[] = [];
  const bench: Bench = {
    dir,
    path: join(dir, 'history.db'),
    time: 1_000_000,
    open(options = {}) {
      const history = openHistory({ path: bench.path, now: () => bench.time, random: () => 0, ...options });
      opened.push(history);
      return history;
    },
    end() {
      for (const history of opened) history.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return bench;
}

export function aDeployment(id: string, over: Partial<OpenDeployment> = {}): OpenDeployment {
  return {
    id,
    specHash: 'hash1',
    revision: 'rev1',
    startedAt: 100,
    cause: 'commit',
    phase: 'Pending',
    ...over,
  };
}

export function aRelease(revision: string, over: Partial<Release<App>> = {}): Release<App> {
  return { specHash: `hash-${revision}`, imageId: 'sha256:1', revision, app: anApp(), ...over };
}
