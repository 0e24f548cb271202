import fs from 'node:fs';
import * as git from 'isomorphic-git';
import { isLibraryError } from './repository-reader.ts';

/** Whether a commit has another one among its ancestors; `unknown` when too little of history is here to say. */
export type Ancestry = 'descends' | 'rewritten' | 'unknown';

/** Seconds by which clocks of those who commit may differ. */
const skew = 24 * 3600;
/** Commits that are looked at; a rewrite further back is called one without proof. */
const walkLimit = 10_000;

export async function ancestryOf(
  gitdir: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Ancestry> {
  if (from === to) return 'descends';
  const cache = {};
  // A commit much older than `from` does not have it for an ancestor.
  const oldest = ((await read(from))?.time ?? Number.NEGATIVE_INFINITY) - skew;
  const seen = new Set([to]);
  const queue = [to];
  let cut = false;
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const commit = await read(id);
    if (commit === undefined) {
      cut = true;
      continue;
    }
    if (commit.time < oldest) continue;
    if (commit.parents.includes(from)) return 'descends';
    for (const parent of commit.parents) if (!seen.has(parent)) queue.push(parent);
    for (const parent of commit.parents) seen.add(parent);
    if (seen.size > walkLimit) return 'rewritten';
  }
  return cut ? 'unknown' : 'rewritten';

  async function read(id: string): Promise<{ parents: readonly string[]; time: number } | undefined> {
    try {
      const { commit } = await git.readCommit({ fs, gitdir, oid: id, cache });
      return { parents: commit.parent, time: commit.committer.timestamp };
    } catch (error) {
      if (isLibraryError(error, 'NotFoundError') || isLibraryError(error, 'ObjectTypeError'))
        return undefined;
      throw error;
    }
  }
}
