import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { EdgeError } from '../apply/ports.ts';
import { loadAge } from './load-age.ts';

/** Who we are to age. Any of them may open a file: during a rotation there are two. */
export interface Identities {
  /** Secret: `AGE-SECRET-KEY-1…`. */
  readonly keys: readonly string[];
  /** Their public halves, in the same order. */
  readonly recipients: readonly string[];
}

export const noIdentities: Identities = { keys: [], recipients: [] };

const largestFile = 64 * 1024;

/**
 * Reads the identity file: `AGE-SECRET-KEY-1…`, one a line, as `age-keygen` and `plimsoll secret keygen` write it.
 * Throws EdgeError: `IdentityMissing`, `IdentityUnsafe` when others could have read or replaced it,
 * `IdentityInvalid`.
 */
export async function readIdentityFile(path: string): Promise<Identities> {
  return parseIdentities(readPrivateFile(path), path);
}

/** Throws EdgeError: `IdentityMissing`, `IdentityUnsafe`. What it holds is not looked at. */
export function checkIdentityFile(path: string): void {
  closeSync(openPrivate(path).descriptor);
}

/** For `doctor`: whether the file can be used, and how to mend it. */
export async function inspectIdentity(
  path: string,
): Promise<{ readonly status: 'ok' | 'fail'; readonly message: string; readonly hint?: string }> {
  try {
    const { recipients } = await readIdentityFile(path);
    const shown = recipients.length === 1 ? 'recipient' : 'recipients';
    return { status: 'ok', message: `${path}: ${shown} ${recipients.join(', ')}` };
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    return { status: 'fail', message: error.message, hint: identityHint(error, path) };
  }
}

export function identityHint({ reason }: EdgeError, path: string): string {
  if (reason === 'IdentityMissing') return `make one: plimsoll secret keygen --out ${path}`;
  if (reason === 'IdentityUnsafe') return `chown ${process.getuid?.() ?? 0} ${path} && chmod 600 ${path}`;
  return 'an identity file is what "plimsoll secret keygen" writes: AGE-SECRET-KEY-1…, one a line';
}

/** Lines that are neither empty nor comments are identities. Throws EdgeError, which never tells the line. */
export async function parseIdentities(text: string, from: string): Promise<Identities> {
  if (/^(?:age-encryption\.org\/|-----BEGIN AGE)/.test(text))
    throw invalid(from, 'it is encrypted by a passphrase, and nobody is there to type it');
  const lines = text.split(/\r?\n/).map((line, index) => ({ key: line.trim(), number: index + 1 }));
  const used = lines.filter(({ key }) => key !== '' && !key.startsWith('#'));
  if (used.length === 0) throw invalid(from, 'no identity is in it');
  const recipients: string[] = [];
  for (const { key, number } of used) recipients.push(await recipientOf(key, from, number));
  return { keys: used.map(({ key }) => key), recipients };
}

async function recipientOf(key: string, from: string, line: number): Promise<string> {
  if (key.startsWith('AGE-PLUGIN-'))
    throw invalid(from, `line ${line} is for a plugin, which is not supported`);
  // Only the error's place is told: what is wrong about the line could be part of a key.
  const { identityToRecipient } = await loadAge();
  const recipient = await identityToRecipient(key).catch(() => undefined);
  if (recipient === undefined) throw invalid(from, `line ${line} is no age identity`);
  return recipient;
}

function invalid(from: string, why: string): EdgeError {
  return new EdgeError('terminal', 'IdentityInvalid', `read identity ${from}: ${why}`);
}

function readPrivateFile(path: string): string {
  const { descriptor, size } = openPrivate(path);
  try {
    if (size > largestFile) throw invalid(path, 'it is too large to be an identity file');
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** What is checked is the file that is read, whatever its name means a moment later. */
function openPrivate(path: string): { readonly descriptor: number; readonly size: number } {
  let descriptor: number;
  try {
    // Opening a pipe must not wait for somebody to write to it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw notOpened(path, error as NodeJS.ErrnoException);
  }
  const { mode, uid, size } = fstatSync(descriptor);
  const why = whyUnsafe(mode, uid);
  if (why === undefined) return { descriptor, size };
  closeSync(descriptor);
  throw unsafe(path, why);
}

function whyUnsafe(mode: number, uid: number): string | undefined {
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) return 'it is no regular file';
  if (uid !== process.getuid?.()) return `it belongs to another user (uid ${uid})`;
  const permissions = mode & 0o7777;
  if (permissions !== 0o600 && permissions !== 0o400)
    return `its mode is ${permissions.toString(8).padStart(4, '0')}, and must be 0600 or 0400`;
  return undefined;
}

function unsafe(path: string, why: string): EdgeError {
  return new EdgeError('terminal', 'IdentityUnsafe', `read identity ${path}: ${why}`);
}

function notOpened(path: string, error: NodeJS.ErrnoException): EdgeError {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    return new EdgeError(
      'transient',
      'IdentityMissing',
      `read identity ${path}: there is no such file`,
      error,
    );
  if (error.code === 'ELOOP' || lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    return unsafe(path, 'it is a symbolic link');
  return new EdgeError('terminal', 'IdentityMissing', `read identity ${path}: ${error.code}`, error);
}
