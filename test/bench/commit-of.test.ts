import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commitOf } from '../../bench/commit-of.ts';

const test = suite('the commit that is measured');
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-commit-of-'));

function git(...args: readonly string[]): string {
  const as = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', folder, ...as, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

test.after(() => rmSync(folder, { recursive: true, force: true }));

test('a page that was written makes no other tree of it, and any other change does', async () => {
  assert.is(await commitOf(folder), 'unknown');
  git('init', '--quiet');
  mkdirSync(join(folder, 'bench'));
  for (const file of ['bench/RESULTS.md', 'bench/prove.ts']) writeFileSync(join(folder, file), 'before');
  git('add', '.');
  git('commit', '--quiet', '-m', 'all');
  const commit = git('rev-parse', '--short', 'HEAD');
  writeFileSync(join(folder, 'bench/RESULTS.md'), 'after');
  mkdirSync(join(folder, 'results'));
  writeFileSync(join(folder, 'results', 'faults.json'), '{}');
  assert.is(await commitOf(folder), commit);
  writeFileSync(join(folder, 'bench/prove.ts'), 'after');
  assert.is(await commitOf(folder), `${commit}-dirty`);
  git('add', '.');
  assert.is(await commitOf(folder), `${commit}-dirty`);
});

test.run();
