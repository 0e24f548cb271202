import { mkdtemp, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { CliError, exitCodes } from './context.ts';

/** `TMPFS_MAGIC` and `RAMFS_MAGIC` of statfs(2). */
const inMemory = new Set([0x01021994, 0x858458f6]);

/**
 * A folder of our own (0700) that never reaches a disk, for plain text while a person edits it; what an editor leaves
 * beside the file is in it too. Afterwards all of it is overwritten and removed.
 */
export async function withPlainFolder<Result>(
  env: Readonly<Record<string, string | undefined>>,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(await memoryFolder(env), 'plimsoll-edit-'));
  try {
    return await work(folder);
  } finally {
    await wipe(folder);
  }
}

async function memoryFolder(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  for (const path of [env.XDG_RUNTIME_DIR, '/dev/shm', `/run/user/${process.getuid?.()}`, '/run'])
    if (path?.startsWith('/') && (await isWritableMemory(path))) return path;
  throw new CliError(
    exitCodes.refused,
    'edit: no folder in memory (tmpfs) is here, and plain text must not reach the disk',
    'mount one: mount -t tmpfs tmpfs /dev/shm',
  );
}

async function isWritableMemory(path: string): Promise<boolean> {
  try {
    const { type } = await statfs(path);
    const { uid, mode } = await stat(path);
    const isOurs = uid === process.getuid?.() || (mode & 0o1002) === 0o1002;
    return inMemory.has(Number(type)) && isOurs;
  } catch {
    return false;
  }
}

async function wipe(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []))
    if (entry.isFile()) await overwrite(join(entry.parentPath, entry.name)).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
}

async function overwrite(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(Buffer.alloc(size), 0, size, 0);
  } finally {
    await file.close();
  }
}
