import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import type { Snapshot } from '../../src/desired/desired.ts';

/** A temp folder with real repositories in it, made by the `git` program. */
export interface Workshop {
  readonly root: string;
  path(...parts: readonly string[]): string;
  git(folder: string, ...args: readonly string[]): string;
  /** The same, with something to read on its standard input. */
  gitInput(folder: string, input: string, ...args: readonly string[]): string;
  write(folder: string, files: Readonly<Record<string, string>>): void;
  /** Makes a repository with one commit of these files; the branch is `main`. */
  repository(name: string, files: Readonly<Record<string, string>>): string;
  /** Writes and commits all; gives the commit id. */
  commit(folder: string, files: Readonly<Record<string, string>>): string;
  remove(): void;
}

export function createWorkshop(): Workshop {
  const root = mkdtempSync(join(tmpdir(), 'plimsoll-git-'));
  const workshop: Workshop = {
    root,
    path: (...parts) => join(root, ...parts),
    git: (folder, ...args) => workshop.gitInput(folder, '', ...args),
    gitInput: (folder, input, ...args) =>
      execFileSync('git', ['-C', folder, ...args], {
        encoding: 'utf8',
        stdio: 'pipe',
        env: environment,
        input,
      }).trim(),
    write(folder, files) {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), content);
      }
    },
    repository(name, files) {
      const folder = join(root, name);
      mkdirSync(folder, { recursive: true });
      workshop.git(folder, 'init', '-q', '-b', 'main');
      if (Object.keys(files).length > 0) workshop.commit(folder, files);
      return folder;
    },
    commit(folder, files) {
      workshop.write(folder, files);
      workshop.git(folder, 'add', '-A', '-f');
      workshop.git(folder, 'commit', '-q', '--allow-empty', '-m', 'change');
      return workshop.git(folder, 'rev-parse', 'HEAD');
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  return workshop;
}

const environment = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
};

export function texts(snapshot: Snapshot): Record<string, string> {
  return Object.fromEntries(
    snapshot.files.map(({ path, content }) => [path, Buffer.from(content).toString()]),
  );
}

/** The EdgeError that the work throws. */
export async function refusal(work: () => unknown): Promise<EdgeError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof EdgeError) return error;
    throw error;
  }
  throw new Error('it did not throw');
}

export async function throwsReason(work: () => unknown, reason: string, text?: RegExp): Promise<void> {
  const error = await refusal(work);
  assert.is(error.kind, 'unreachable');
  assert.is(error.reason, reason, error.message);
  if (text !== undefined) assert.match(error.message, text);
}

/** Waits for the condition and gives the milliseconds it took; an error after the deadline. */
export async function until(condition: () => boolean | Promise<boolean>, deadline = 5_000): Promise<number> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > deadline) throw new Error(`not within ${deadline} ms`);
    await new Promise((done) => setTimeout(done, 5));
  }
  return performance.now() - start;
}
