import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { EdgeError } from '../apply/ports.ts';
import { decodeUtf8 } from '../desired/decode-text.ts';
import { showValue } from '../desired/shown-text.ts';
import type { ValueProvider } from './value-provider.ts';

const largestValue = 1024 * 1024;

/** Files below one folder of this host. Links may lead to other places below it, and nowhere else. */
export function createFileProvider(root: string): ValueProvider {
  return {
    async read(reference) {
      const segments = reference.split('/');
      if (reference.includes('\0') || segments.some((part) => ['', '.', '..'].includes(part)))
        throw new EdgeError('terminal', 'NotAllowed', `${showValue(reference)} is no path below the root`);
      try {
        const base = await realpath(root);
        const path = await below(base, join(base, ...segments), reference);
        const content = await readBounded(path, reference);
        // A link that was laid meanwhile leads elsewhere now.
        if ((await realpath(path)) !== path) throw outside(reference);
        return content;
      } catch (error) {
        throw error instanceof EdgeError ? error : notRead(reference, error as NodeJS.ErrnoException);
      }
    },
  };
}

async function below(base: string, path: string, reference: string): Promise<string> {
  const real = await realpath(path);
  if (!real.startsWith(base.endsWith(sep) ? base : `${base}${sep}`)) throw outside(reference);
  return real;
}

function outside(reference: string): EdgeError {
  return new EdgeError('terminal', 'NotAllowed', `${showValue(reference)} is a link out of the root`);
}

async function readBounded(path: string, reference: string): Promise<string> {
  // Opening a pipe must not wait for somebody to write to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile())
      throw new EdgeError('terminal', 'NotAllowed', `${showValue(reference)} is no regular file`);
    const buffer = Buffer.alloc(Math.min(found.size, largestValue) + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
    if (found.size > largestValue || length > largestValue)
      throw new EdgeError('terminal', 'NotAllowed', `${showValue(reference)} is larger than 1 MiB`);
    return textOf(buffer.subarray(0, length), reference);
  } finally {
    await file.close();
  }
}

/** Editors end a file with a line break that is no part of the value. */
function textOf(content: Uint8Array, reference: string): string {
  const text = decodeUtf8(content);
  if (text === undefined)
    throw new EdgeError('terminal', 'Corrupt', `${showValue(reference)} is no text (UTF-8)`);
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new EdgeError('terminal', 'Missing', `${showValue(reference)} is empty`);
  return value;
}

function notRead(reference: string, error: NodeJS.ErrnoException): EdgeError {
  const isMissing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
  return new EdgeError(
    'transient',
    isMissing ? 'Missing' : 'Unreachable',
    `${showValue(reference)} ${isMissing ? 'is not there' : `cannot be read: ${error.code}`}`,
    error,
  );
}
