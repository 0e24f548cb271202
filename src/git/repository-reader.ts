import fs from 'node:fs';
import git from 'isomorphic-git';
import type { Snapshot, SourceFile } from '../desired/desired.ts';
import { byPath, createBudget, isManifest, isSkipped, kept, limits } from './entry-rules.ts';
import { parseTree, type TreeEntry } from './parse-tree.ts';
import { isRefName } from './source-address.ts';
import { sourceInvalid } from './source-error.ts';

/**
 * Reads commits out of one object store; nothing is ever checked out. Throws EdgeError for what a commit
 * says, and the library's own error for objects that are missing or damaged.
 */
export interface RepositoryReader {
  snapshotOf(commit: string): Promise<Snapshot>;
  /** The commit that a full or short id, tag or branch means; undefined for none. */
  resolve(revision: string): Promise<string | undefined>;
}

interface Entry {
  readonly path: string;
  readonly id: string;
}

/** Objects of the snapshot before, by id: a commit that changes one file reads one blob. */
interface Kept {
  readonly trees: Map<string, readonly TreeEntry[]>;
  /** Undefined for a blob that is left out. */
  readonly blobs: Map<string, Uint8Array | undefined>;
}

export function createRepositoryReader(gitdir: string, folder: readonly string[]): RepositoryReader {
  let before: Kept = { trees: new Map(), blobs: new Map() };
  return {
    async snapshotOf(commit) {
      // A cache of the library's for one reading only: it holds whole packs, and packs come and go.
      const store = { fs, gitdir, cache: {} };
      const now: Kept = { trees: new Map(), blobs: new Map() };
      const { commit: meta, oid } = await git.readCommit({ ...store, oid: commit });
      const entries = await listFiles(meta.tree);
      const files = await loadFiles(entries);
      before = now;
      return { revision: oid, files };

      async function listFiles(root: string): Promise<Entry[]> {
        const found = new Map<string, Entry>();
        let count = 0;
        const folders = [{ id: await folderOf(root), prefix: '' }];
        for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
          const entriesHere = await treeOf(next.id);
          count += entriesHere.length;
          if (count > limits.entries) throw tooMany(commit);
          for (const { kind, name, id } of entriesHere) {
            if (isSkipped(name, kind)) continue;
            const whole = next.prefix + name;
            if (kind === 'folder') folders.push({ id, prefix: `${whole}/` });
            else if (!found.has(whole)) found.set(whole, { path: whole, id });
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
        for (const { path, id } of list) {
          // The same blob may be a manifest here and a long file there: the name decides what is kept.
          const content = await blobOf(path, id);
          if (content !== undefined && fits(path, content.length)) files.push({ path, id, content });
        }
        return files;
      }

      async function blobOf(path: string, id: string): Promise<Uint8Array | undefined> {
        const key = `${isManifest(path) ? 'manifest' : 'file'}:${id}`;
        const holder = now.blobs.has(key) ? now : before.blobs.has(key) ? before : undefined;
        const content =
          holder === undefined
            ? kept(path, (await git.readBlob({ ...store, oid: id })).blob)
            : holder.blobs.get(key);
        now.blobs.set(key, content);
        return content;
      }
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

/** The id that a full ref name holds now; undefined when there is none. */
export async function readRef(gitdir: string, ref: string): Promise<string | undefined> {
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

function tooMany(commit: string): Error {
  return sourceInvalid(
    `read commit ${commit.slice(0, 12)}`,
    `more than ${limits.entries} files and folders: restrict source.path`,
  );
}

function noFolder(commit: string, folder: readonly string[]): Error {
  return sourceInvalid(
    `read commit ${commit.slice(0, 12)}`,
    `it has no folder "${folder.join('/')}" (source.path)`,
  );
}
