import { cp, mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bundle, type Saving, savings } from '../.ci/bundle.ts';

const root = dirname(import.meta.dirname);

/** Lays the program out as it is installed, bundled with these savings; answers its entry. */
export async function builtProgram(folder: string, made: readonly Saving[] = savings): Promise<string> {
  await bundle({ out: join(folder, 'dist'), made });
  for (const part of [
    'package.json',
    'schemas',
    'Caddyfile.tmpl',
    'examples',
    'manifests',
    'src/plimsoll.js',
  ])
    await cp(join(root, part), join(folder, part), { recursive: true });
  await mkdir(join(folder, 'node_modules'));
  await symlink(join(root, 'node_modules', 'better-sqlite3'), join(folder, 'node_modules', 'better-sqlite3'));
  return join(folder, 'src', 'plimsoll.js');
}
