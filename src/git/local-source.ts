import fs from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import * as git from 'isomorphic-git';
import { EdgeError } from '../apply/ports.ts';
import type { Snapshot } from '../desired/desired.ts';
import { ancestryOf } from './ancestry.ts';
import { createAnnouncer } from './announcer.ts';
import { isSkipped } from './entry-rules.ts';
import { createFolderReader } from './folder-reader.ts';
import { type Follow, pickRef, type Ref, refPrefix } from './follow.ts';
import { createJudge, type Evidence, type JudgeOptions, type NamedTag } from './judge.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { createRepositoryReader, type RepositoryReader, readRef } from './repository-reader.ts';
import type { Source } from './source.ts';
import { plainReason, revisionMissing, sourceInvalid, sourceUnreachable } from './source-error.ts';
import type { ReadLimits } from './transport.ts';

interface LocalConfig {
  readonly dir: string;
  readonly follow: Follow;
  readonly path: readonly string[];
  readonly interval: number;
  readonly limits: ReadLimits;
}

interface LocalDeps {
  readonly warn?: (message: string) => void;
}

/** What `dir` is: a repository by its object store, or a folder that is none. */
interface Place {
  readonly kind: 'repository' | 'folder';
  readonly root: string;
}

interface Reader {
  readonly place: Place;
  /** Begins to read what is followed; undefined where nothing is to be read for that. */
  refs(): Promise<Ref[]> | undefined;
  /** `refs` when they are being read already. */
  newest(refs?: Promise<Ref[]>): Promise<Snapshot>;
  at(revision: string): Promise<Snapshot>;
}

/** A repository's branch, read from objects and never from the work tree; or a plain folder as it is. */
export function createLocalSource(config: LocalConfig, judging: JudgeOptions, deps: LocalDeps): Source {
  const { act } = judging;
  const { follow: followed } = config;
  const judge = createJudge(judging);
  const announcer = createAnnouncer(config.interval, () => void follow());
  const locate = createLocator();
  let reader: Reader | undefined;
  let watching: { readonly place: Place; readonly watcher: FSWatcher } | undefined;
  let closed = false;
  const follow = oneAtATime(rewatch);

  return {
    read: oneAtATime(() => told(newest)),
    // Every read looks at the disk.
    refresh: () => undefined,
    readAt: (revision) => told(async () => (await current()).at(revision)),
    onChange: (listener) => announcer.onChange(listener),
    facts: () => judge.facts(),
    async close() {
      closed = true;
      announcer.close();
      await follow();
    },
  };

  /** What is followed is read while it is looked whether the folder is what it was: each takes as long as the other. */
  async function newest(): Promise<Snapshot> {
    const before = reader;
    const refs = before?.refs();
    refs?.catch(() => undefined);
    const now = await current();
    return now.newest(now === before ? refs : undefined);
  }

  async function current(): Promise<Reader> {
    const place = await locate(config.dir);
    if (watching !== undefined && !samePlace(watching.place, place)) void follow();
    if (reader !== undefined && samePlace(reader.place, place)) return reader;
    if (reader?.place.kind === 'repository' && place.kind === 'folder') {
      // As it looks when a mount went away: read as a plain folder it would hold no apps.
      throw sourceInvalid(act, 'it was a git repository and is none any more');
    }
    reader = place.kind === 'repository' ? repositoryAt(place) : folderAt(place);
    return reader;
  }

  function folderAt(place: Place): Reader {
    const folder = createFolderReader(place.root, config.path, config.limits);
    return { place, refs: () => undefined, newest, at };

    async function newest(): Promise<Snapshot> {
      if (followed.kind === 'revision') return at(followed.name);
      if (judging.mode !== undefined)
        throw sourceInvalid(act, 'it is no git repository, so that nothing in it can be signed (verify)');
      return folder.snapshot();
    }

    async function at(revision: string): Promise<Snapshot> {
      const snapshot = await folder.snapshot();
      if (snapshot.revision === revision) return snapshot;
      throw sourceInvalid(
        act,
        `a folder that is no git repository has only its revision ${snapshot.revision}`,
      );
    }
  }

  function repositoryAt(place: Place): Reader {
    const repository = createRepositoryReader(place.root, config.path, config.limits);
    const evidence: Evidence = {
      commitText: (commit) => repository.rawObject('commit', commit),
      tagsOf: (commit) => tagsOf(repository, place.root, commit),
    };
    let last: Snapshot | undefined;
    return {
      place,
      refs: () => (isByRef(followed) ? refsOf(place.root, followed) : undefined),
      newest: (refs) => twice(read, refs),
      at: (revision) => twice(() => at(revision)),
    };

    async function read(refs?: Promise<Ref[]>): Promise<Snapshot> {
      const { commit, tag } = await currentCommit(repository, place.root, refs);
      const ancestry =
        followed.kind === 'branch'
          ? { ancestry: (from: string) => ancestryOf(place.root, { from, to: commit }) }
          : {};
      await judge.saw(commit, { ...(tag === undefined ? {} : { tag }), ...ancestry });
      if (last?.revision === commit) return last;
      const by = await judge.admit(commit, evidence);
      last = await repository.snapshotOf(commit);
      judge.took(by);
      return last;
    }

    async function at(revision: string): Promise<Snapshot> {
      const commit = await repository.resolve(revision);
      if (commit === undefined) throw noRevision(revision);
      await judge.admit(commit, evidence);
      return repository.snapshotOf(commit);
    }
  }

  async function currentCommit(
    repository: RepositoryReader,
    gitdir: string,
    refs?: Promise<Ref[]>,
  ): Promise<{ readonly commit: string; readonly tag?: string }> {
    if (!isByRef(followed)) {
      const name = followed.kind === 'commit' ? followed.id : followed.name;
      const commit = await repository.resolve(name);
      if (commit === undefined) throw noRevision(name);
      return { commit };
    }
    const { ref, id } = pickRef(followed, await (refs ?? refsOf(gitdir, followed)), act);
    const commit = await repository.commitOf(id);
    return followed.kind === 'branch' ? { commit } : { commit, tag: ref.slice('refs/tags/'.length) };
  }

  function noRevision(name: string): EdgeError {
    return revisionMissing(act, `there is no revision "${plainReason(name)}"`);
  }

  async function told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof EdgeError) throw error;
      throw sourceInvalid(act, plainReason(error), error);
    }
  }

  /** Watches what `dir` is now; a watch that fails is no fault, since the interval looks anyway. */
  async function rewatch(): Promise<void> {
    const place = closed ? undefined : await locate(config.dir).catch(() => undefined);
    if (watching !== undefined && place !== undefined && samePlace(watching.place, place)) return;
    const old = watching?.watcher;
    watching = place && !closed ? { place, watcher: watchPlace(place) } : undefined;
    await old?.close();
  }

  function watchPlace(place: Place): FSWatcher {
    const watcher = place.kind === 'repository' ? watchRefs(place.root) : watchFolder(place.root);
    watcher.on('all', () => announcer.announce());
    // What happened before the watch stood was not seen by it.
    watcher.on('ready', () => announcer.announce());
    watcher.on('error', (error) => deps.warn?.(`watch ${place.root}: ${plainReason(error)}`));
    return watcher;
  }
}

function watchRefs(gitdir: string): FSWatcher {
  const paths = ['HEAD', 'packed-refs', 'refs'].map((name) => join(gitdir, name));
  return watch(paths, {
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    ignored: (path) => path.endsWith('.lock'),
  });
}

function watchFolder(root: string): FSWatcher {
  return watch(root, {
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    ignored: (path, found) => {
      if (path === root) return false;
      return isSkipped(path.slice(path.lastIndexOf('/') + 1), found?.isFile() === true ? 'file' : 'folder');
    },
  });
}

type ByRef = Extract<Follow, { kind: 'branch' | 'tag' | 'semver' }>;

function isByRef(follow: Follow): follow is ByRef {
  return follow.kind !== 'commit' && follow.kind !== 'revision';
}

async function refsOf(gitdir: string, follow: ByRef): Promise<Ref[]> {
  const names =
    follow.kind === 'semver'
      ? (await git.listTags({ fs, gitdir })).map((tag) => `refs/tags/${tag}`)
      : [refPrefix(follow)];
  const refs: Ref[] = [];
  for (const ref of names) {
    // Packing moves a ref from its own file into another one: between the two it seems to be gone.
    const id = (await readRef(gitdir, ref)) ?? (await readRef(gitdir, ref));
    if (id !== undefined) refs.push({ ref, id });
  }
  return refs;
}

async function tagsOf(repository: RepositoryReader, gitdir: string, commit: string): Promise<NamedTag[]> {
  const tags: NamedTag[] = [];
  for (const name of await git.listTags({ fs, gitdir })) {
    const id = await readRef(gitdir, `refs/tags/${name}`);
    const text = id === undefined || id === commit ? undefined : await repository.rawObject('tag', id);
    if (id === undefined || text === undefined) continue;
    if (Buffer.from(text).toString('latin1').startsWith(`object ${commit}\n`)) tags.push({ name, id, text });
  }
  return tags;
}

/** A repeat helps when a repack took a pack away between its listing and its reading. */
async function twice<T, Given>(work: (given?: Given) => Promise<T>, given?: Given): Promise<T> {
  try {
    return await work(given);
  } catch (error) {
    if (error instanceof EdgeError) throw error;
    return work();
  }
}

function samePlace(a: Place, b: Place): boolean {
  return a.kind === b.kind && a.root === b.root;
}

/**
 * Finds out what a folder is now. A look waits for this, and each question is a way to the disk and back: they are asked
 * together, and a store's configuration is read again only when the file is another one.
 */
function createLocator(): (dir: string) => Promise<Place> {
  let known: { readonly path: string; readonly stamp: string; readonly text: string } | undefined;
  return (dir) => locate(dir, configOf);

  async function configOf(gitdir: string): Promise<string> {
    const path = join(gitdir, 'config');
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return '';
    const stamp = [found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ');
    if (known?.path === path && known.stamp === stamp) return known.text;
    // What could not be read is no configuration to remember.
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) known = { path, stamp, text };
    return text ?? '';
  }
}

type ReadConfig = (gitdir: string) => Promise<string>;

async function locate(dir: string, configOf: ReadConfig): Promise<Place> {
  const root = await realpath(dir).catch((error: unknown) => {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw sourceUnreachable(
      `read source ${dir}`,
      isGone ? 'there is no such folder' : plainReason(error),
      error,
    );
  });
  const own = join(root, '.git');
  const [dotGit, inside] = await Promise.all([kindOf(own), storeAt(own, configOf)]);
  if (dotGit === 'folder') return repository(own, inside);
  if (dotGit === 'file') {
    const linked = await linkedStore(root);
    return repository(linked, await storeAt(linked, configOf));
  }
  if ((await kindOf(root)) !== 'folder') throw sourceInvalid(`read source ${dir}`, 'it is no folder');
  const bare = await storeAt(root, configOf);
  return bare === undefined ? { kind: 'folder', root } : repository(root, bare);
}

/** A store's configuration; undefined where there is no store. */
type Store = { readonly config: string } | undefined;

async function storeAt(gitdir: string, configOf: ReadConfig): Promise<Store> {
  const [isWhole, config] = await Promise.all([isStore(gitdir), configOf(gitdir)]);
  return isWhole ? { config } : undefined;
}

function repository(gitdir: string, store: Store): Place {
  if (store === undefined) throw sourceInvalid(`read source ${gitdir}`, 'it is no whole git repository');
  const { config } = store;
  const unread = /^\s*(objectformat\s*=\s*sha256|refstorage\s*=\s*reftable)\s*$/im.exec(config)?.[1];
  if (unread !== undefined)
    throw sourceInvalid(`read source ${gitdir}`, `git's "${unread}" is not supported`);
  return { kind: 'repository', root: gitdir };
}

async function isStore(gitdir: string): Promise<boolean> {
  const kinds = await Promise.all(['HEAD', 'objects', 'refs'].map((name) => kindOf(join(gitdir, name))));
  return kinds[0] === 'file' && kinds[1] === 'folder' && kinds[2] === 'folder';
}

/** A work tree's `.git` file names its own folder, and that one the store that all work trees share. */
async function linkedStore(root: string): Promise<string> {
  const text = await readFile(join(root, '.git'), 'utf8');
  const target = /^gitdir: (.+)$/m.exec(text)?.[1];
  if (target === undefined) throw sourceInvalid(`read source ${root}`, 'its .git file names no repository');
  const own = resolve(root, target.trim());
  const common = await readFile(join(own, 'commondir'), 'utf8').catch(() => '.');
  return resolve(own, common.trim());
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ? 'folder' : found?.isFile() ? 'file' : undefined;
}
