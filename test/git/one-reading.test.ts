import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { diskForOneReading } from '../../src/git/one-reading.ts';
import { createRepositoryReader } from '../../src/git/repository-reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-test-reading-'));
const objects = join(folder, 'objects');
const name = 'a'.repeat(38);

test('what one reading saw of the disk stays so for it, and the next one sees what is new', async () => {
  mkdirSync(join(objects, 'ab'), { recursive: true });
  const before = diskForOneReading().promises;
  const object = join(objects, 'ab', name);
  assert.is(await failure(before.readFile(object)), 'ENOENT');
  writeFileSync(object, 'an object');
  assert.is(await failure(before.readFile(object)), 'ENOENT');
  assert.is(String(await diskForOneReading().promises.readFile(object)), 'an object');
});

test('a folder of objects that is not there holds none, and files besides objects are read as they are', async () => {
  const disk = diskForOneReading().promises;
  assert.is(await failure(disk.readFile(join(objects, 'cd', name))), 'ENOENT');
  const file = join(folder, 'HEAD');
  assert.is(await failure(disk.readFile(file)), 'ENOENT');
  writeFileSync(file, 'ref: refs/heads/main\n');
  assert.is(await disk.readFile(file, { encoding: 'utf8' }), 'ref: refs/heads/main\n');
});

test('a list that is sorted by who asked is nobody else’s', async () => {
  const disk = diskForOneReading().promises;
  for (const file of ['b', 'a']) writeFileSync(join(folder, file), '');
  const one: string[] = await disk.readdir(folder);
  one.length = 0;
  assert.ok(((await disk.readdir(folder)) as string[]).includes('b'));
});

test('objects in packs and in files of their own are read, also after they moved', async () => {
  const dir = join(folder, 'repo');
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', dir, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], {
      encoding: 'utf8',
    }).trim();
  mkdirSync(dir);
  git('init', '-q');
  const reader = createRepositoryReader(join(dir, '.git'), []);
  const read = async () => {
    const { files } = await reader.snapshotOf(git('rev-parse', 'HEAD'));
    return files.map(({ path, content }) => `${path} ${Buffer.from(content)}`);
  };
  const commit = (file: string) => {
    mkdirSync(join(dir, file));
    writeFileSync(join(dir, file, 'app.yaml'), file);
    git('add', '.');
    git('commit', '-qm', file);
  };
  commit('one');
  git('repack', '-adq');
  commit('two');
  assert.equal(await read(), ['one/app.yaml one', 'two/app.yaml two']);
  git('repack', '-adq');
  commit('three');
  assert.equal(await read(), ['one/app.yaml one', 'three/app.yaml three', 'two/app.yaml two']);
});

async function failure(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

test.after(() => rmSync(folder, { recursive: true, force: true }));

test.run();
