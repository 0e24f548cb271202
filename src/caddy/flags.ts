import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '../apply/ports.ts';
import { flagCheck } from './render-caddyfile.ts';

const flagName = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?\.(?:0|[1-9]\d{0,2})$/;

/** The slots whose flag file is there, as `app.replica`, sorted; other files are none of ours. */
export async function readFlags(flagDir: string): Promise<readonly string[]> {
  try {
    return (await readdir(flagDir)).filter((name) => flagName.test(name)).sort();
  } catch (error) {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Creates or removes the flag file of one slot; it is on disk when this returns. "Already so" is success. */
export async function writeFlag(flagDir: string, slot: string, flagged: boolean): Promise<void> {
  if (!flagName.test(slot)) throw new Error(`not a slot: ${JSON.stringify(slot)}`);
  try {
    await makeFolder(flagDir);
    if (flagged) await touch(join(flagDir, slot));
    else await unlink(join(flagDir, slot)).catch(ignore('ENOENT'));
    await syncDirectory(flagDir);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EdgeError('transient', 'SwitchFailed', `switch ${slot}: ${reason}`, error);
  }
}

/** Makes the folder, and in it the file by which Caddy shows that it can see it. */
export async function prepareFlags(flagDir: string): Promise<void> {
  await makeFolder(flagDir);
  await touch(join(flagDir, flagCheck.file));
}

async function makeFolder(flagDir: string): Promise<void> {
  const made = await mkdir(flagDir, { recursive: true, mode: 0o755 });
  if (made !== undefined) await chmod(flagDir, 0o755);
}

async function touch(file: string): Promise<void> {
  const { O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  const handle = await open(file, O_CREAT | O_WRONLY | O_NOFOLLOW, 0o644);
  try {
    // Whatever the umask took away: Caddy may run as another user.
    await handle.chmod(0o644);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignore(code: string): (error: unknown) => void {
  return (error) => {
    if (!isCode(error, code)) throw error;
  };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
