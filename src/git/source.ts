import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Snapshot } from '../desired/desired.ts';
import { createHttpSource } from './http-source.ts';
import { createLocalSource } from './local-source.ts';
import { checkBranch, checkFolder, checkUrl } from './source-address.ts';
import { sourceInvalid } from './source-error.ts';

/** Where desired comes from. */
export interface Source {
  /**
   * The newest snapshot; the same object (===) when nothing changed. Throws EdgeError (kind 'unreachable',
   * reason SourceUnreachable, BranchMissing or SourceInvalid) and never says "no files" for one of these.
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
  /** Ends requests and watches; nothing is called back afterwards. */
  close(): Promise<void>;
}

/** Exactly one of `url` and `dir`. */
export interface SourceConfig {
  /** `https://…` or `http://…`, without credentials in it. */
  readonly url?: string;
  /** A git repository, bare or not, or a folder that is none and is read as it is. */
  readonly dir?: string;
  readonly branch: string;
  /** Subfolder; `.` for all. */
  readonly path: string;
  /** Milliseconds between two looks at the source that no news asked for. */
  readonly interval: number;
  readonly auth?: SourceAuth;
}

/** Sent only when the server asks, and only to the host of `url`. */
export interface SourceAuth {
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
}

export interface SourceDeps {
  /** The mirror of a remote repository is kept in `sources/` below it. */
  readonly stateDir: string;
  /** Milliseconds without a byte from the server after which a request is given up; 15 s. */
  readonly timeout?: number;
  /** Milliseconds between two questions to a remote server; 1 s. */
  readonly spacing?: number;
  /** Told what is worth a line in the log but no failure. */
  readonly warn?: (message: string) => void;
}

/** Throws EdgeError (SourceInvalid) for a configuration that can never be read. */
export function createSource(config: SourceConfig, deps: SourceDeps): Source {
  const path = checkFolder(config.path);
  const branch = checkBranch(config.branch);
  if (config.url !== undefined && config.dir === undefined) {
    return createHttpSource({ ...config, url: checkUrl(config.url), branch, path }, deps);
  }
  if (config.dir !== undefined && config.url === undefined) {
    return createLocalSource({ ...config, dir: resolve(config.dir), branch, path }, deps);
  }
  throw sourceInvalid('configure source', 'exactly one of url and dir is needed');
}

/** The same for two configurations that read the same thing; no credentials are in it. */
export function sourceKey(config: SourceConfig): string {
  const address = config.url ?? resolve(config.dir ?? '');
  return createHash('sha256')
    .update(JSON.stringify([config.url === undefined ? 'dir' : 'url', address, config.branch, config.path]))
    .digest('hex')
    .slice(0, 32);
}
