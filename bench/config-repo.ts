import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runProgram } from '../.ci/run-program.ts';

export interface ConfigRepo {
  readonly dir: string;
  /** Writes the manifests, by path, and commits, one commit after the other; returns the commit's id. */
  commit(files: Readonly<Record<string, object>>, message: string): Promise<string>;
  /** Any command of git's in it. */
  git(...args: readonly string[]): Promise<string>;
}

export async function createConfigRepo(dir: string): Promise<ConfigRepo> {
  await mkdir(dir, { recursive: true });
  await git(dir, 'init', '--quiet', '--initial-branch=main');
  let last: Promise<unknown> = Promise.resolve();
  return {
    dir,
    git: (...args) => git(dir, ...args),
    commit(files, message) {
      const made = last.then(() => commit(dir, files, message));
      last = made.catch(() => undefined);
      return made;
    },
  };
}

async function commit(
  dir: string,
  files: Readonly<Record<string, object>>,
  message: string,
): Promise<string> {
  for (const [path, manifest] of Object.entries(files)) {
    const file = join(dir, path);
    await mkdir(dirname(file), { recursive: true });
    // JSON is YAML.
    await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
  }
  await git(dir, 'add', '--all');
  await git(dir, 'commit', '--quiet', '--message', message);
  return (await git(dir, 'rev-parse', 'HEAD')).trim();
}

/** With a name of its own: whose machine this is does not matter. */
async function git(dir: string, ...args: readonly string[]): Promise<string> {
  const identity = { name: 'Bench', email: 'bench@example.com' };
  const settings = [`user.name=${identity.name}`, `user.email=${identity.email}`, 'commit.gpgSign=false'];
  const { code, output } = await runProgram(
    'git',
    [...settings.flatMap((setting) => ['-c', setting]), ...args],
    { cwd: dir, env: { PATH: process.env.PATH, HOME: dir, GIT_CONFIG_NOSYSTEM: '1' } },
  );
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${output.trim()}`);
  return output;
}
