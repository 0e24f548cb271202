import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Made by this process: one that bears its id and is not here is of an earlier process with the same id. */
const own = new Set<string>();

/**
 * A new folder that only we can enter, below `parent`; its name tells which process made it, so that what a killed one
 * left behind is removed by the next, and what a living one uses is not.
 */
export async function makePrivateFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeAbandoned(parent);
  const folder = join(parent, `${process.pid}-${randomBytes(6).toString('hex')}`);
  own.add(folder);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = /^([1-9][0-9]*)-[0-9a-f]{12}$/.exec(name)?.[1];
    const folder = join(parent, name);
    if (pid !== undefined && !isUsed(folder, Number(pid))) await rm(folder, { recursive: true, force: true });
  }
}

/** In a container every start has the same id. */
function isUsed(folder: string, pid: number): boolean {
  if (pid === process.pid) return own.has(folder);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** Removes one that was made here. */
export async function removePrivateFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  own.delete(folder);
}
