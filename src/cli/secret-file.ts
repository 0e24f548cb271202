import { mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import type { EdgeError } from '../apply/ports.ts';
import { replaceFile } from '../secrets/private-file.ts';
import { refusalOf } from '../secrets/refusal.ts';
import { CliError, type ExitCode, exitCodes } from './context.ts';

const largestFile = 256 * 1024;

/** A file, or the standard input when it is `-` or absent. */
export async function readSecretFile(file: string | undefined): Promise<string> {
  if (file === undefined || file === '-') return readInput();
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(
      exitCodes.invalid,
      `read ${file}: ${code === 'ENOENT' ? 'there is no such file' : code}`,
    );
  }
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > largestFile) throw new CliError(exitCodes.invalid, 'read standard input: more than 256 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function isStandardInput(file: string | undefined): file is undefined | '-' {
  return file === undefined || file === '-';
}

/** In place of what is there, whole or not at all; a link stays, and its target is replaced. */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  try {
    const path = await realpath(file);
    const { mode } = await stat(path);
    await replaceFile(path, text, mode & 0o777);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(exitCodes.invalid, `write ${file}: ${code ?? 'it cannot be written'}`);
  }
}

/** What the room of secrets refuses, as the error of the command. */
export async function tellRefusals<Result>(
  file: string | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    const name = isStandardInput(file) ? 'standard input' : file;
    throw new CliError(codeOf(refusal), `${name}: ${refusal.message}`, hintOf(refusal));
  }
}

function codeOf({ reason }: EdgeError): ExitCode {
  if (reason === 'IdentityUnsafe') return exitCodes.refused;
  return reason === 'NoIdentity' || reason === 'IdentityMissing' ? exitCodes.unobservable : exitCodes.invalid;
}

function hintOf({ reason, message }: EdgeError): string | undefined {
  if (reason === 'NoIdentity')
    return 'name the file of another identity with --identity, or ask one of the recipients';
  if (reason === 'InvalidRecipient')
    return 'a recipient is what "plimsoll secret keygen" or "age-keygen -y" prints';
  return message.includes('MAC mismatch') || message.includes('is not encrypted')
    ? 'see what changed with git; if it is meant: plimsoll secret encrypt --in-place FILE'
    : undefined;
}

/** A file that is not there yet; its folder is made. */
export async function createSecretFile(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    throw new CliError(exitCodes.invalid, `write ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
