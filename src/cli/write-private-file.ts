import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CliError, exitCodes } from './context.ts';

/**
 * Writes a file that nobody else may read: whole or not at all. What stands under its name is kept unless `force`,
 * and is then replaced by a new file; a link there is replaced too, and never followed.
 */
export async function writePrivateFile(file: string, text: string, force: boolean): Promise<void> {
  const folder = dirname(file);
  const temporary = join(folder, `.${basename(file)}.${randomBytes(6).toString('hex')}`);
  try {
    await writeNew(temporary, text);
    // Unlike rename, link replaces nothing.
    await (force ? rename(temporary, file) : link(temporary, file));
    await syncFolder(folder);
  } catch (error) {
    throw explain(file, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(file, flags, 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function explain(file: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  switch (error.code) {
    case 'EEXIST':
      return new CliError(
        exitCodes.refused,
        `write ${file}: it exists`,
        'name another with --out, or add --force',
      );
    case 'ENOENT':
      return new CliError(
        exitCodes.invalid,
        `write ${file}: its folder does not exist`,
        `mkdir -p ${dirname(file)}`,
      );
    case 'EISDIR':
    case 'ENOTDIR':
      return new CliError(exitCodes.invalid, `write ${file}: it is, or is in, what is no file or folder`);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOSPC':
      return new CliError(exitCodes.invalid, `write ${file}: ${error.code}`, 'name another place with --out');
    default:
      return error;
  }
}
