import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as git from 'isomorphic-git';
import { EdgeError } from '../apply/ports.ts';
import type { Snapshot } from '../desired/desired.ts';
import { type Ancestry, ancestryOf } from './ancestry.ts';
import { createAnnouncer } from './announcer.ts';
import { type Follow, pickRef, pickRevision, type Ref, refPrefix } from './follow.ts';
import { createJudge, type Evidence, type JudgeOptions, type NamedTag } from './judge.ts';
import { createPatientRead } from './patient-read.ts';
import { makePrivateFolder, removePrivateFolder } from './private-folder.ts';
import { createRepositoryReader, isLibraryError } from './repository-reader.ts';
import type { Source } from './source.ts';
import { isRefName } from './source-address.ts';
import { plainReason, revisionMissing } from './source-error.ts';
import { allDepth, haveRef, type ReadLimits, type Transport } from './transport.ts';

export interface RemoteConfig {
  readonly url: string;
  readonly follow: Follow;
  readonly path: readonly string[];
  readonly interval: number;
  readonly limits: ReadLimits;
}

export interface RemoteDeps {
  readonly stateDir: string;
  /** Milliseconds between two questions to the server. */
  readonly spacing: number;
  readonly warn?: (message: string) => void;
}

/** Every fetch leaves a pack, and nothing here packs them together: after so many a new mirror is begun. */
const packLimit = 20;
/** News come with their parents: the one before is mostly among them, and nothing more is to be asked. */
const newsDepth = 2;
/** How deep history is fetched to find the commit that was there before. */
const depths = [16, 256, 4096];
/** Branches whose history is searched for a commit, and tags of one commit that are looked at. */
const searchedMost = 50;
const tagsMost = 10;

/** What is to be read: a ref of the server's, or a commit that no ref need have. */
interface Target {
  /** Full ref, or a commit's id. */
  readonly wanted: string;
  /** Of a tag or a commit. */
  readonly id: string;
}

/**
 * A remote repository, mirrored bare and a commit or two deep. The mirror is only a cache: whatever is wrong with it, it is
 * thrown away and cloned again.
 */
export function createRemoteSource(
  config: RemoteConfig,
  transport: Transport,
  judging: JudgeOptions,
  deps: RemoteDeps,
): Source {
  const { act } = judging;
  const { follow } = config;
  const mirrors = join(deps.stateDir, 'sources');
  const mirror = join(mirrors, mirrorName(config.url, judging.source));
  const reader = createRepositoryReader(mirror, config.path, config.limits);
  const judge = createJudge(judging);
  const announcer = createAnnouncer(config.interval, () => undefined);
  let last: { readonly id: string; readonly snapshot: Snapshot } | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const patient = createPatientRead(() => inTurn(newest), {
    spacing: deps.spacing,
    patience: 2_000,
    announce: () => announcer.announce(),
  });
  const evidence: Evidence = {
    commitText: (commit) => reader.rawObject('commit', commit),
    tagsOf,
  };

  return {
    read: () => patient.read(),
    refresh: () => patient.refresh(),
    readAt: (revision) => inTurn(() => at(revision, { isFollowed: false })),
    onChange: (listener) => announcer.onChange(listener),
    facts: () => judge.facts(),
    async close() {
      announcer.close();
      patient.close();
      transport.close();
      await turn.catch(() => undefined);
    },
  };

  /** The mirror has one user at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = turn.then(() => told(work));
    turn = next.catch(() => undefined);
    return next;
  }

  async function told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw transport.explain(error);
    }
  }

  async function newest(): Promise<Snapshot> {
    if (follow.kind === 'commit') {
      // It never changes: once it is read there is nothing to ask for.
      last ??= { id: follow.id, snapshot: await followed({ wanted: follow.id, id: follow.id }, {}) };
      return last.snapshot;
    }
    if (follow.kind === 'revision') return at(follow.name, { isFollowed: true });
    const found = (await fetchedAtOnce()) ?? pickRef(follow, await transport.list(refPrefix(follow)), act);
    const target = { wanted: found.ref, id: found.id };
    const tag = follow.kind === 'branch' ? {} : { tag: found.ref.slice('refs/tags/'.length) };
    if (last?.id === found.id) await saw(target, last.snapshot.revision, tag);
    else last = { id: found.id, snapshot: await followed(target, tag) };
    return last.snapshot;
  }

  /** Undefined when the server has to be asked first; why that is so, the answer will tell. */
  async function fetchedAtOnce(): Promise<Ref | undefined> {
    const isOneRef = follow.kind === 'branch' || follow.kind === 'tag';
    if (!transport.isDearToAsk || !isOneRef || last === undefined) return undefined;
    if ((await packCount(mirror)) >= packLimit) return undefined;
    const ref = refPrefix(follow);
    try {
      return { ref, id: await fetchInto(mirror, ref, newsDepth) };
    } catch {
      return undefined;
    }
  }

  function saw(target: Target, commit: string, tag: { readonly tag?: string }): Promise<void> {
    const ancestry =
      follow.kind === 'branch' ? { ancestry: (before: string) => related(target, before, commit) } : {};
    return judge.saw(commit, { ...tag, ...ancestry });
  }

  function followed(target: Target, tag: { readonly tag?: string }): Promise<Snapshot> {
    return snapshotOf(target, async (commit) => {
      await saw(target, commit, tag);
      const by = await judge.admit(commit, evidence);
      const snapshot = await reader.snapshotOf(commit);
      judge.took(by);
      return snapshot;
    });
  }

  /** By way of what is here already, what the server adds, and a new mirror: the first that is whole. */
  async function snapshotOf(target: Target, read: (commit: string) => Promise<Snapshot>): Promise<Snapshot> {
    let fault: unknown;
    for (const way of [here, added, afresh]) {
      try {
        const id = await way();
        if (id !== undefined) return await read(await reader.commitOf(id));
      } catch (error) {
        // What the server says stays so; an object that is missing or damaged may come whole the next way.
        if (error instanceof EdgeError || isRemoteFault(error)) throw error;
        fault = error;
      }
    }
    if (target.wanted === target.id) return read(await searched(target.id));
    throw fault;

    async function here(): Promise<string> {
      return target.id;
    }

    async function added(): Promise<string | undefined> {
      return (await packCount(mirror)) < packLimit ? fetchInto(mirror, target.wanted, newsDepth) : undefined;
    }

    function afresh(): Promise<string> {
      return cloneAfresh(target.wanted, 1);
    }
  }

  async function at(revision: string, { isFollowed }: { readonly isFollowed: boolean }): Promise<Snapshot> {
    const read = async (commit: string) => {
      if (isFollowed) await judge.saw(commit, {});
      const by = await judge.admit(commit, evidence);
      const snapshot = last?.snapshot.revision === commit ? last.snapshot : await reader.snapshotOf(commit);
      if (!isFollowed) return snapshot;
      judge.took(by);
      last = { id: commit, snapshot };
      return snapshot;
    };
    const known = pickRevision(revision, isRefName(revision) ? await transport.list('refs/') : []);
    if (known !== undefined) return snapshotOf({ wanted: known.ref, id: known.id }, read);
    const id = await reader.resolve(revision).catch(() => undefined);
    if (id !== undefined || /^[0-9a-f]{40}$/.test(revision)) {
      const wanted = id ?? revision;
      return snapshotOf({ wanted, id: wanted }, read);
    }
    return read(await searched(revision));
  }

  /** Deepens branch after branch until the commit is there, the one that is followed first. */
  async function searched(revision: string): Promise<string> {
    const nowhere = revisionMissing(act, `there is no revision "${plainReason(revision)}"`);
    if (!/^[0-9a-f]{4,40}$/.test(revision)) throw nowhere;
    const heads = (await transport.list('refs/heads/')).filter(({ ref }) => isRefName(ref));
    const first = follow.kind === 'branch' ? refPrefix(follow) : 'refs/heads/main';
    heads.sort((a, b) => Number(b.ref === first) - Number(a.ref === first));
    for (const { ref } of heads.slice(0, searchedMost)) {
      await deepened(ref, allDepth);
      const id = await reader.resolve(revision);
      if (id !== undefined) return id;
    }
    throw nowhere;
  }

  /** Into the mirror as it is, else into a new one. */
  async function deepened(ref: string, depth: number): Promise<void> {
    try {
      await fetchInto(mirror, ref, depth);
    } catch (error) {
      if (error instanceof EdgeError || isRemoteFault(error)) throw error;
      await cloneAfresh(ref, depth);
    }
  }

  /** Fetches as much of history as it takes to tell, and never keeps a commit waiting for a server that does not give it. */
  async function related({ wanted }: Target, before: string, commit: string): Promise<Ancestry> {
    try {
      let known = await ancestryOf(mirror, { from: before, to: commit });
      for (const depth of depths) {
        if (known !== 'unknown') return known;
        await fetchInto(mirror, wanted, depth);
        known = await ancestryOf(mirror, { from: before, to: commit });
      }
      return known === 'unknown' ? 'rewritten' : known;
    } catch (error) {
      deps.warn?.(`${act}: whether history was rewritten is not known: ${transport.explain(error).message}`);
      return 'unknown';
    }
  }

  async function tagsOf(commit: string): Promise<NamedTag[]> {
    const refs = (await transport.list('refs/tags/')).filter(
      ({ ref, peeled }) => peeled === commit && isRefName(ref.slice('refs/tags/'.length)),
    );
    const tags: NamedTag[] = [];
    for (const { ref, id } of refs.slice(0, tagsMost)) {
      const text = (await reader.rawObject('tag', id)) ?? (await fetchedTag(ref, id));
      if (text !== undefined) tags.push({ name: ref.slice('refs/tags/'.length), id, text });
    }
    return tags;
  }

  async function fetchedTag(ref: string, id: string): Promise<Uint8Array | undefined> {
    await fetchInto(mirror, ref, 1);
    return reader.rawObject('tag', id);
  }

  /** The new mirror takes the place of the old one only when it is whole. */
  async function cloneAfresh(wanted: string, depth: number): Promise<string> {
    const fresh = await makePrivateFolder(mirrors);
    try {
      const id = await fetchInto(fresh, wanted, depth);
      await rm(mirror, { recursive: true, force: true });
      await rename(fresh, mirror);
      return id;
    } finally {
      await removePrivateFolder(fresh);
    }
  }

  async function fetchInto(gitdir: string, wanted: string, depth: number): Promise<string> {
    await mkdir(gitdir, { recursive: true, mode: 0o700 });
    await git.init({ fs, gitdir, bare: true });
    const id = await transport.fetch(gitdir, wanted, depth);
    await git.writeRef({ fs, gitdir, ref: haveRef, value: id, force: true });
    return id;
  }

  /** An answer or the silence of the server, as opposed to a mirror that cannot take what it sent. */
  function isRemoteFault(error: unknown): boolean {
    return isLibraryError(error, 'HttpError') || isLibraryError(error, 'UserCanceledError');
  }
}

/** Two sources of one repository have a mirror each: they fetch at their own times. */
function mirrorName(url: string, source: string): string {
  return createHash('sha256')
    .update(JSON.stringify([url, source]))
    .digest('hex')
    .slice(0, 32);
}

async function packCount(gitdir: string): Promise<number> {
  const names = await readdir(join(gitdir, 'objects', 'pack')).catch((): string[] => []);
  return names.filter((name) => name.endsWith('.pack')).length;
}
