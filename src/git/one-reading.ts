import { type ObjectEncodingOptions, promises } from 'node:fs';
import { dirname } from 'node:path';
import type { PromiseFsClient } from 'isomorphic-git';

/**
 * The disk, for one reading of many objects. The library asks for each object whether the store is a folder, whether the
 * object has a file of its own, and which packs there are: thousands of questions with the same few answers. Here
 * each is asked once. What another program changes meanwhile is seen by the next reading.
 */
export function diskForOneReading(): PromiseFsClient {
  const stats = new Map<string, ReturnType<typeof promises.stat>>();
  const lists = new Map<string, Promise<readonly string[]>>();
  const names = new Map<string, Promise<ReadonlySet<string>>>();

  return { promises: { ...promises, stat, readdir, readFile } };

  function stat(path: string): ReturnType<typeof promises.stat> {
    return once(stats, path, () => promises.stat(path));
  }

  /** A list of its own for everyone: the library sorts what it gets. */
  async function readdir(path: string): Promise<string[]> {
    return [...(await listed(path))];
  }

  /** Without arguments the library calls it to see whether it answers with a promise. */
  async function readFile(path?: string, options: ObjectEncodingOptions = {}) {
    if (path === undefined) return undefined;
    if (isLooseObject(path) && !(await namesIn(dirname(path))).has(path.slice(-38))) throw noSuchFile;
    return promises.readFile(path, options);
  }

  function listed(path: string): Promise<readonly string[]> {
    return once(lists, path, () => promises.readdir(path));
  }

  function namesIn(path: string): Promise<ReadonlySet<string>> {
    return once(names, path, async () => new Set(await listed(path).catch(noneIfMissing)));
  }
}

function once<T>(known: Map<string, Promise<T>>, path: string, ask: () => Promise<T>): Promise<T> {
  const answer = known.get(path) ?? ask();
  known.set(path, answer);
  return answer;
}

function isLooseObject(path: string): boolean {
  return /\/objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/.test(path);
}

function noneIfMissing(error: NodeJS.ErrnoException): readonly string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

/** One for all, and no `Error`: to make one costs more than a look at the disk, and its stack keeps all that called. */
const noSuchFile: NodeJS.ErrnoException = {
  name: 'Error',
  message: 'there is no such file',
  code: 'ENOENT',
};
