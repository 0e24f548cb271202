import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Snapshot, SourceFile } from '../desired/desired.ts';
import { byPath, createBudget, isManifest, isSkipped, kept, limits } from './entry-rules.ts';
import { limitExceeded, sourceInvalid } from './source-error.ts';
import type { ReadLimits } from './transport.ts';

interface Remembered {
  readonly stamp: string;
  readonly id: string;
  readonly content: Uint8Array;
}

/** Reads a folder that is no repository; a file whose stat is as before is not read again. */
export function createFolderReader(
  root: string,
  folder: readonly string[],
  most: ReadLimits,
): { snapshot(): Promise<Snapshot> } {
  let before = new Map<string, Remembered>();
  let last: Snapshot | undefined;
  return {
    async snapshot() {
      const base = await insideOf(root, folder);
      const now = new Map<string, Remembered>();
      const files: SourceFile[] = [];
      const fits = createBudget();
      for (const path of (await listFiles(base, most.entries)).sort()) {
        const file = await readFile(join(base, path), path, { before: before.get(path), most: most.blob });
        if (file === undefined || !fits(path, file.content.length)) continue;
        now.set(path, file);
        files.push({ path, id: file.id, content: file.content });
      }
      before = now;
      const revision = revisionOf(files.sort(byPath));
      if (last?.revision !== revision) last = { revision, files };
      return last;
    },
  };
}

/** No part of `source.path` may be a link out of the folder. */
async function insideOf(root: string, folder: readonly string[]): Promise<string> {
  let base = root;
  for (const segment of folder) {
    base = join(base, segment);
    const found = await lstat(base).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      throw sourceInvalid(`read ${root}`, `it has no folder "${folder.join('/')}" (source.path)`);
    }
  }
  return base;
}

async function listFiles(base: string, most: number): Promise<string[]> {
  const files: string[] = [];
  const folders = [''];
  let count = 0;
  for (let prefix = folders.pop(); prefix !== undefined; prefix = folders.pop()) {
    for (const entry of await entriesOf(join(base, prefix), prefix === '')) {
      count += 1;
      if (count > most) {
        throw limitExceeded(
          `read ${base}`,
          `more than ${most} files and folders: restrict source.path`,
          'entries',
        );
      }
      const path = prefix + entry.name;
      if (entry.isDirectory() && !isSkipped(entry.name, 'folder')) folders.push(`${path}/`);
      if (entry.isFile() && !isSkipped(entry.name, 'file')) files.push(path);
    }
  }
  return files;
}

/** A folder that went away while we walked is empty; one that we may not read is an error. */
async function entriesOf(path: string, isBase: boolean) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (!isBase && error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function readFile(
  file: string,
  path: string,
  { before, most }: { readonly before: Remembered | undefined; readonly most: number },
): Promise<Remembered | undefined> {
  const handle = await openRegular(file);
  if (handle === undefined) return undefined;
  try {
    const stat = await handle.stat({ bigint: true });
    if (!stat.isFile()) return undefined;
    const stamp = stampOf(stat);
    if (before?.stamp === stamp) return before;
    if (!isManifest(path) && stat.size > most) return undefined;
    const whole = Buffer.alloc(Math.min(Number(stat.size), Math.max(most, limits.manifest) + 1));
    const { bytesRead } = await handle.read(whole, 0, whole.length, 0);
    const content = kept(path, whole.subarray(0, bytesRead), most);
    if (content === undefined) return undefined;
    const id = createHash('sha256').update(content).digest('hex');
    return { stamp: isRecent(stat) ? '' : stamp, id, content };
  } finally {
    await handle.close();
  }
}

/** Neither a link put in its place after the listing nor a pipe that never opens. */
async function openRegular(file: string) {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw error;
  }
}

function stampOf(stat: BigIntStats): string {
  return `${stat.mtimeNs}/${stat.ctimeNs}/${stat.size}/${stat.ino}`;
}

/**
 * A file system's clock ticks in milliseconds: a second write in the tick of the first leaves the same
 * stamp, so what was written just now is read again (https://git-scm.com/docs/racy-git).
 */
function isRecent(stat: BigIntStats): boolean {
  return Math.abs(Date.now() - Number(stat.ctimeMs)) < 2_000;
}

function revisionOf(files: readonly SourceFile[]): string {
  const hash = createHash('sha256');
  for (const { path, id } of files) hash.update(`${path}\0${id}\n`);
  return `sha256:${hash.digest('hex')}`;
}
