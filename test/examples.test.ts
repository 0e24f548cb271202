import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Desired, HostPolicy, SourceFile } from '../src/desired/desired.ts';
import { createLoader } from '../src/desired/load-desired.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const load = createLoader(JSON.parse(readFileSync(join(root, 'schemas', 'app.schema.json'), 'utf8')));

/** What a controller allows that was told nothing. */
const policy: HostPolicy = {
  allowPrivileged: false,
  allowHostPaths: [],
  allowedRegistries: [],
  instance: 'default',
};

for (const name of foldersOf('examples')) {
  test(`examples/${name} is a config repo without a problem`, () => {
    const { apps, problems } = read(join('examples', name));
    assert.equal(problems.map(shown), []);
    assert.ok(apps.length > 0, 'no app in it');
  });
}

for (const name of foldersOf('manifests')) {
  test(`manifests/${name} can be copied as it is`, () => {
    const { apps, problems } = read(join('manifests', name));
    assert.equal(problems.map(shown), []);
    assert.equal(
      apps.map((app) => app.name),
      [name],
    );
  });
}

test('all manifests go together in one config repo', () => {
  assert.equal(read('manifests').problems.map(shown), []);
});

test('the README of examples and of manifests lists every folder', () => {
  for (const folder of ['examples', 'manifests']) {
    const readme = readFileSync(join(root, folder, 'README.md'), 'utf8');
    const missing = foldersOf(folder).filter((name) => !readme.includes(`(${name})`));
    assert.equal(missing, [], `${folder}/README.md`);
  }
});

function foldersOf(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function read(folder: string): Desired {
  const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => sourceFile(join(root, folder), join(entry.parentPath, entry.name)));
  return load({ revision: `folder ${folder}`, files }, policy, new Map());
}

function sourceFile(base: string, file: string): SourceFile {
  const content = readFileSync(file);
  return {
    path: file.slice(base.length + 1),
    id: createHash('sha256').update(content).digest('hex'),
    content,
  };
}

function shown({ file, line, column, code, message }: Desired['problems'][number]): string {
  return `${file}:${line}:${column} ${code} ${message}`;
}

test.run();
