import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Versions that somebody may come from, by the last commit of each. */
export const versions = {
  '0.1.0': 'dff74fdd57ece5303496948583397e91d00e6e56',
  'the first controller': '749895ff8302c9faab2b19f7efedcd25e077665a',
} as const;

/** An earlier version of this program as git has it, beside the packages of this one. */
export interface OldVersion {
  readonly entry: string;
  remove(): void;
}

export function checkOut(commit: string): OldVersion {
  const dir = mkdtempSync(join(tmpdir(), 'plimsoll-old-'));
  const parts = ['src', 'schemas', 'package.json', 'Caddyfile.tmpl'];
  const archive = execFileSync('git', ['-C', root, 'archive', commit, ...parts], { maxBuffer: 64 << 20 });
  execFileSync('tar', ['-x', '-C', dir], { input: archive });
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  return {
    entry: join(dir, 'src/plimsoll.js'),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** What is needed for `checkOut` and is not here. */
export function historyProblem(): string | undefined {
  try {
    for (const commit of Object.values(versions))
      execFileSync('git', ['-C', root, 'cat-file', '-e', `${commit}^{commit}`], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'this clone has no history to take an old version from';
  }
}
