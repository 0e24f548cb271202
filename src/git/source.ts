import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Snapshot } from '../desired/desired.ts';
import type { SourceAuth } from './auth-for.ts';
import { describeFollow, type FollowSettings, followOf } from './follow.ts';
import { createHttpTransport } from './http-transport.ts';
import type { Rewrite, SourceFacts, VerifyPort } from './judge.ts';
import { createLocalSource } from './local-source.ts';
import { createRemoteSource } from './remote-source.ts';
import { checkFolder, checkUrl } from './source-address.ts';
import { sourceInvalid } from './source-error.ts';
import { createSshTransport } from './ssh-transport.ts';
import { defaultLimits, type ReadLimits } from './transport.ts';

/** One repository or folder that desired comes from. */
export interface Source {
  /**
   * The newest snapshot; the same object (===) when nothing changed. Throws EdgeError (kind 'unreachable',
   * reason SourceUnreachable, BranchMissing, RevisionMissing, SourceInvalid, LimitExceeded, HostKeyUnknown,
   * HostKeyChanged, ProgramMissing or Unverified) and never says "no files" for one of these.
   * Cheap enough for every look: a remote server is asked at most once a second, and one that does not answer
   * holds up only the first read.
   */
  read(): Promise<Snapshot>;
  /** Somebody knows of news (a webhook, a person): the next read asks, however short ago the last one was. */
  refresh(): void;
  /** At a given revision: full or short commit id, tag or branch. */
  readAt(revision: string): Promise<Snapshot>;
  /** Calls back when a new commit may be there, and every `interval`; returns the unsubscribe. */
  onChange(listener: () => void): () => void;
  facts(): SourceFacts;
  /** Ends requests, programs and watches; nothing is called back afterwards. */
  close(): Promise<void>;
}

/** Exactly one of `url` and `dir`; at most one thing that is followed. */
export interface SourceConfig extends FollowSettings {
  /** `default` when absent. */
  readonly name?: string;
  /** `https://…`, `http://…`, `ssh://…` or `user@host:path`, without credentials in it. */
  readonly url?: string;
  /** A git repository, bare or not, or a folder that is none and is read as it is. */
  readonly dir?: string;
  /** Subfolder; `.` for all. */
  readonly path: string;
  /** Milliseconds between two looks at the source that no news asked for. */
  readonly interval: number;
  readonly auth?: SourceAuth;
  /** `keys`: texts of public keys. They are the verifier's; here they tell what a kept snapshot was verified by. */
  readonly verify?: { readonly mode: 'head' | 'tag'; readonly keys: readonly string[] };
  readonly limits?: ReadLimits;
}

export interface SourceDeps {
  /** The mirror of a remote repository is kept in `sources/` below it, a key while it is needed in `ssh/`. */
  readonly stateDir: string;
  /** Milliseconds without a byte from the server after which a request is given up; 15 s. */
  readonly timeout?: number;
  /** Milliseconds between two questions to a remote server; 1 s, and 5 s by SSH, where each is a login. */
  readonly spacing?: number;
  /** Told what is worth a line in the log but no failure. */
  readonly warn?: (message: string) => void;
  readonly verify?: VerifyPort;
  readonly onRewritten?: (rewrite: Rewrite) => void;
  /** The revision that was enforced before this process began. */
  readonly previous?: () => string | undefined;
  readonly now?: () => number;
}

/** Throws EdgeError (SourceInvalid) for a configuration that can never be read. */
export function createSource(config: SourceConfig, deps: SourceDeps): Source {
  const path = checkFolder(config.path);
  const follow = followOf(config);
  const { interval, limits = defaultLimits } = config;
  if ((config.url === undefined) === (config.dir === undefined)) {
    throw sourceInvalid('configure source', 'exactly one of url and dir is needed');
  }
  const judging = {
    source: config.name ?? 'default',
    ...(config.verify === undefined ? {} : { mode: config.verify.mode }),
    ...(deps.verify === undefined ? {} : { verify: deps.verify }),
    ...(deps.onRewritten === undefined ? {} : { onRewritten: deps.onRewritten }),
    ...(deps.previous === undefined ? {} : { previous: deps.previous }),
    now: deps.now ?? Date.now,
  };
  if (config.url === undefined) {
    const dir = resolve(config.dir ?? '');
    const local = { dir, follow, path, interval, limits };
    return createLocalSource(local, { ...judging, act: `read source ${dir}` }, deps);
  }
  const address = checkUrl(config.url);
  const { url } = address;
  const act = `read source ${url}`;
  const common = {
    act,
    ...(config.auth === undefined ? {} : { auth: config.auth }),
    idle: deps.timeout ?? 15_000,
    timeout: limits.timeout,
    pack: limits.pack,
  };
  const transport =
    address.kind === 'http'
      ? createHttpTransport({ ...common, url })
      : createSshTransport({ ...common, address, stateDir: deps.stateDir });
  const spacing = deps.spacing ?? (address.kind === 'http' ? 1_000 : 5_000);
  return createRemoteSource(
    { url, follow, path, interval, limits },
    transport,
    { ...judging, act },
    { ...deps, spacing },
  );
}

/** The address for people: no credentials can be in it. */
export function addressOf({ url, dir }: Pick<SourceConfig, 'url' | 'dir'>): string {
  return url === undefined ? resolve(dir ?? '') : checkUrl(url).url;
}

/** The same for two configurations that read the same thing; no credentials are in it. */
export function sourceKey(config: SourceConfig): string {
  const address = config.url ?? resolve(config.dir ?? '');
  const follow = followOf(config);
  const followed = follow.kind === 'branch' ? follow.name : describeFollow(follow);
  return createHash('sha256')
    .update(
      JSON.stringify([
        config.url === undefined ? 'dir' : 'url',
        address,
        ...(follow.kind === 'branch' ? [] : [follow.kind]),
        followed,
        config.path,
      ]),
    )
    .digest('hex')
    .slice(0, 32);
}
