import fs from 'node:fs';
import { join } from 'node:path';
import * as git from 'isomorphic-git';
import type { OmittedEntry, Snapshot, SourceFile } from '../desired/desired.ts';
import { escapeText, shorten } from '../desired/shown-text.ts';
import {
  byPath,
  createBudget,
  isManifest,
  isPassedOver,
  isSkipped,
  kept,
  limits,
  strangeName,
} from './entry-rules.ts';
import { diskForOneReading } from './one-reading.ts';
import { parseTree, type TreeEntry } from './parse-tree.ts';
import { isRefName } from './source-address.ts';
import { limitExceeded, sourceInvalid } from './source-error.ts';
import { defaultLimits, type ReadLimits } from './transport.ts';

/**
 * Reads commits out of one object store; nothing is ever checked out. Throws EdgeError for what a commit
 * says, and the library's own error for objects that are missing or damaged.
 */
export interface RepositoryReader {
  snapshotOf(commit: string): Promise<Snapshot>;
  /** The commit that an id means, which may be a tag's. */
  commitOf(id: string): Promise<string>;
  /** The commit that a full or short id, tag or branch means; undefined for none. */
  resolve(revision: string): Promise<string | undefined>;
  /** Its bytes as they were hashed, without the header; undefined for another type and for none. */
  rawObject(kind: 'commit' | 'tag', id: string): Promise<Uint8Array | undefined>;
}

interface Entry {
  readonly path: string;
  readonly id: string;
  /** Stands in the place of what may not be read. */
  readonly instead?: Uint8Array;
}

/** Objects of the snapshot before, by id: a commit that changes one file reads one blob. */
interface Kept {
  readonly trees: Map<string, readonly TreeEntry[]>;
  /** Undefined for a blob that is left out. */
  readonly blobs: Map<string, Uint8Array | undefined>;
}

/** What is left out is told up to so many times. */
const omittedMost = 200;

export function createRepositoryReader(
  gitdir: string,
  folder: readonly string[],
  most: ReadLimits = defaultLimits,
): RepositoryReader {
  let before: Kept = { trees: new Map(), blobs: new Map() };
  /** The last ref's: what an id means never changes. */
  let peeled: { readonly id: string; readonly commit: string } | undefined;
  return {
    async snapshotOf(commit) {
      // A cache of the library's for one reading only: it holds whole packs, and packs come and go.
      const store = { fs: diskForOneReading(), gitdir, cache: {} };
      const now: Kept = { trees: new Map(), blobs: new Map() };
      const omitted: OmittedEntry[] = [];
      const { commit: meta, oid } = await git.readCommit({ ...store, oid: commit });
      const entries = await listFiles(meta.tree);
      const files = await loadFiles(entries);
      before = now;
      return { revision: oid, files, ...(omitted.length === 0 ? {} : { omitted: omitted.sort(byPath) }) };

      async function listFiles(root: string): Promise<Entry[]> {
        const found = new Map<string, Entry>();
        let count = 0;
        const folders = [{ id: await folderOf(root), prefix: '' }];
        for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
          const entriesHere = await treeOf(next.id);
          count += entriesHere.length;
          if (count > most.entries) throw tooMany(commit, most.entries);
          for (const entry of entriesHere) {
            const whole = next.prefix + entry.name;
            const why = found.has(whole)
              ? 'its name stands twice in one folder'
              : reasonAgainst(entry, whole);
            if (why !== undefined) {
              leaveOut(whole, why);
              // A manifest that cannot be read may be any app's: as a broken one it keeps all from being removed.
              if (isManifest(whole) && !found.has(whole)) found.set(whole, unreadable(whole, entry.id, why));
            } else if (entry.kind === 'folder') {
              if (!isPassedOver(entry.name, 'folder')) folders.push({ id: entry.id, prefix: `${whole}/` });
            } else if (!isPassedOver(entry.name, 'file')) found.set(whole, { path: whole, id: entry.id });
          }
        }
        return [...found.values()].sort(byPath);
      }

      async function folderOf(root: string): Promise<string> {
        let id = root;
        for (const segment of folder) {
          const entry = (await treeOf(id)).find(({ name }) => name === segment);
          // An error, not an empty folder: a mistyped path must not remove every app.
          if (entry?.kind !== 'folder') throw noFolder(commit, folder);
          id = entry.id;
        }
        return id;
      }

      async function treeOf(id: string): Promise<readonly TreeEntry[]> {
        const known = now.trees.get(id) ?? before.trees.get(id);
        const tree = known ?? (await parsedTree(id));
        now.trees.set(id, tree);
        return tree;
      }

      async function parsedTree(id: string): Promise<readonly TreeEntry[]> {
        const found = await git.readObject({ ...store, oid: id, format: 'content' });
        if (found.type !== 'tree' || !(found.object instanceof Uint8Array))
          throw new Error(`object ${id} is a ${found.type}, not a tree`);
        return parseTree(found.object);
      }

      async function loadFiles(list: readonly Entry[]): Promise<SourceFile[]> {
        const fits = createBudget();
        const files: SourceFile[] = [];
        for (const { path, id, instead } of list) {
          // The same blob may be a manifest here and a long file there: the name decides what is kept.
          const content = instead ?? (await blobOf(path, id));
          if (content === undefined)
            leaveOut(path, `it is larger than ${most.blob} bytes (limits.blob), or no file`);
          else if (fits(path, content.length)) files.push({ path, id, content });
          else leaveOut(path, `all files before it are ${limits.total} bytes together`);
        }
        return files;
      }

      async function blobOf(path: string, id: string): Promise<Uint8Array | undefined> {
        const key = `${isManifest(path) ? 'manifest' : 'file'}:${id}`;
        const holder = now.blobs.has(key) ? now : before.blobs.has(key) ? before : undefined;
        const content = holder === undefined ? await readBlob(path, id) : holder.blobs.get(key);
        now.blobs.set(key, content);
        return content;
      }

      /** An entry that says file and names something else hurts only who needs it. */
      async function readBlob(path: string, id: string): Promise<Uint8Array | undefined> {
        try {
          return kept(path, (await git.readBlob({ ...store, oid: id })).blob, most.blob);
        } catch (error) {
          if (!isLibraryError(error, 'ObjectTypeError')) throw error;
          if (isManifest(path)) return unreadable(path, id, 'it names an object that is no file').instead;
          return undefined;
        }
      }

      function leaveOut(path: string, why: string): void {
        if (omitted.length < omittedMost) omitted.push({ path: escapeText(shorten(path, 200)), why });
      }
    },

    async commitOf(id) {
      if (peeled?.id === id) return peeled.commit;
      const commit = (await git.readCommit({ fs, gitdir, oid: id, cache: {} })).oid;
      peeled = { id, commit };
      return commit;
    },

    async resolve(revision) {
      if (/^[0-9a-f]{40}$/.test(revision)) return peel(revision);
      for (const space of ['refs/tags', 'refs/heads', 'refs/remotes/origin']) {
        const id = isRefName(revision) ? await refOf(`${space}/${revision}`) : undefined;
        if (id !== undefined) return peel(id);
      }
      if (!/^[0-9a-f]{4,39}$/.test(revision)) return undefined;
      return expand(revision);
    },

    async rawObject(kind, id) {
      try {
        const found = await git.readObject({ fs, gitdir, oid: id, format: 'content', cache: {} });
        return found.type === kind && found.object instanceof Uint8Array ? found.object : undefined;
      } catch (error) {
        if (isLibraryError(error, 'NotFoundError')) return undefined;
        throw error;
      }
    },
  };

  async function expand(short: string): Promise<string | undefined> {
    try {
      return await peel(await git.expandOid({ fs, gitdir, oid: short, cache: {} }));
    } catch (error) {
      if (isLibraryError(error, 'AmbiguousError')) {
        throw sourceInvalid(`read revision ${short}`, 'more than one object begins so: give more of the id');
      }
      if (isLibraryError(error, 'NotFoundError')) return undefined;
      throw error;
    }
  }

  async function peel(id: string): Promise<string | undefined> {
    try {
      return (await git.readCommit({ fs, gitdir, oid: id, cache: {} })).oid;
    } catch (error) {
      if (isLibraryError(error, 'NotFoundError') || isLibraryError(error, 'ObjectTypeError'))
        return undefined;
      throw error;
    }
  }

  function refOf(ref: string): Promise<string | undefined> {
    return readRef(gitdir, ref);
  }
}

/**
 * The id that a full ref name holds now; undefined when there is none. Nearly always it is in a file of its own, which goes
 * before what is packed (https://git-scm.com/docs/gitrepository-layout): every look asks for it.
 */
export async function readRef(gitdir: string, ref: string): Promise<string | undefined> {
  const own = await fs.promises.readFile(join(gitdir, ref), 'latin1').catch(() => '');
  if (/^[0-9a-f]{40}\n?$/.test(own)) return own.slice(0, 40);
  try {
    return await git.resolveRef({ fs, gitdir, ref });
  } catch (error) {
    if (isLibraryError(error, 'NotFoundError')) return undefined;
    throw error;
  }
}

export function isLibraryError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Why an entry is not read though a person may look for it. */
function reasonAgainst({ kind, name }: TreeEntry, whole: string): string | undefined {
  const strange = strangeName(name);
  if (strange !== undefined) return strange;
  if (Buffer.byteLength(whole) > limits.path) return `its path is longer than ${limits.path} bytes`;
  switch (kind) {
    case 'folder':
      return name === '.git' ? "a folder of git's own, which is not read" : undefined;
    case 'file':
      return undefined;
    case 'link':
      return isSkipped(name, 'file') ? undefined : 'a symbolic link, which is not followed';
    case 'submodule':
      return 'a submodule, which is not followed';
    case 'odd':
      return 'its mode is none that git knows';
    default:
      return kind satisfies never;
  }
}

/** Plain text where a mapping is wanted: the manifest's reader refuses it and shows this line. */
function unreadable(path: string, id: string, why: string): Entry {
  return { path, id: `${id}-unread`, instead: Buffer.from(`this manifest is not read: ${why}\n`) };
}

function tooMany(commit: string, most: number): Error {
  return limitExceeded(
    `read commit ${commit.slice(0, 12)}`,
    `more than ${most} files and folders: restrict source.path`,
    'entries',
  );
}

function noFolder(commit: string, folder: readonly string[]): Error {
  return sourceInvalid(
    `read commit ${commit.slice(0, 12)}`,
    `it has no folder "${folder.join('/')}" (source.path)`,
  );
}
