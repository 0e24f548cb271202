import type { EdgeError } from '../apply/ports.ts';
import type { Ref } from './follow.ts';

/** One remote repository, by whatever protocol. Every error that it throws on the server's account is an EdgeError. */
export interface Transport {
  /** Each question is a login: a fetch that may bring nothing is no dearer than a list, and spares the one after it. */
  readonly isDearToAsk?: true;
  /** Refs below a prefix, with what annotated tags name. Asks the server for nothing else. */
  list(prefix: string): Promise<readonly Ref[]>;
  /**
   * Brings a full ref, or a commit by its id, into a bare repository, `depth` commits deep; gives the id that it has.
   * A server may refuse ids that no ref has: then nothing comes, and nothing is thrown.
   */
  fetch(gitdir: string, wanted: string, depth: number): Promise<string>;
  /** Ends what is under way. */
  close(): void;
  /** An error of `list` or `fetch`, told for people and without credentials. */
  explain(error: unknown): EdgeError;
}

/** What of a repository is read at most; the keys are those below `limits` in the configuration. */
export interface ReadLimits {
  /** Bytes of one fetch. */
  readonly pack: number;
  /** Bytes of one file; a longer one is left out. */
  readonly blob: number;
  /** Files and folders of one revision. */
  readonly entries: number;
  /** Milliseconds of one fetch. */
  readonly timeout: number;
}

export const defaultLimits: ReadLimits = {
  pack: 128 * 1024 * 1024,
  blob: 4 * 1024 * 1024,
  entries: 50_000,
  timeout: 10 * 60_000,
};

/** Holds what was fetched last: what we have is offered to the server by it, whatever is followed. */
export const haveRef = 'refs/plimsoll/have';
/** What git itself means by "all of history". */
export const allDepth = 2 ** 31 - 1;
