import type { App, Position } from './app.ts';

/** What git says at one revision: the valid apps, and everything that is wrong with the rest. */
export interface Desired {
  /** Full commit id, or `sha256:…` of the content for a folder that is no repository. */
  readonly revision: string;
  /** With several sources: the commit of each app's own, by app. */
  readonly revisions?: Readonly<Record<string, string>>;
  /** Sorted by name; only apps without an error. */
  readonly apps: readonly App[];
  /** Sorted by file, line and column. */
  readonly problems: readonly Problem[];
  /**
   * Names that a manifest claims but that are not in `apps` because of a problem: they keep running as they
   * are and are never pruned.
   */
  readonly invalid: readonly string[];
  /** True when a broken manifest does not even tell its name: then nothing at all may be pruned. */
  readonly unnamed: boolean;
}

/** One thing wrong with a manifest, as `file:line:col: error CODE message` prints it. */
export interface Problem extends Position {
  /** Stable, `E1207`. */
  readonly code: string;
  /** `schema` exits 2; `policy` means that only the host's policy refuses, and exits 4. */
  readonly kind: 'schema' | 'policy';
  /** One sentence; hostile text in it is shortened and escaped. */
  readonly message: string;
  /** The app it belongs to, when the manifest tells. */
  readonly app?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Characters under the caret, at least 1. */
  readonly length: number;
  /** The offending line and up to two before it, for printing. */
  readonly excerpt: readonly { readonly line: number; readonly text: string }[];
  /** The other side of a conflict between two manifests. */
  readonly other?: Position;
}

/** One file of a snapshot, its path relative to the source's `path`, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  /** Blob id in git, or a hash of the content: equal ids have equal content. */
  readonly id: string;
  readonly content: Uint8Array;
}

/** Everything the config repo holds at one revision that may concern us. */
export interface Snapshot {
  /** Of several sources: `sha256:…` over all of their revisions. */
  readonly revision: string;
  readonly files: readonly SourceFile[];
  /** With several sources: each one's files lie in a folder that bears its name. */
  readonly parts?: readonly SnapshotPart[];
  /** What is not in `files` though a person may look for it: links, submodules, odd names, what is too large. */
  readonly omitted?: readonly OmittedEntry[];
}

/** One entry of a repository that is not read. */
export interface OmittedEntry {
  /** Escaped and shortened. */
  readonly path: string;
  /** `a symbolic link, which is not followed`. */
  readonly why: string;
}

/** One of several sources in a snapshot. */
export interface SnapshotPart {
  readonly source: string;
  /** Full commit id; absent when the source was never read, so that what it holds is unknown and nothing may be pruned. */
  readonly revision?: string;
}

/** What manifests may ask for that gives power over the host. */
export interface Opened {
  /** Everything: privileged mode, new privileges, every capability. */
  readonly allowPrivileged: boolean;
  readonly allowCapabilities: readonly string[];
  /** Absolute paths; what lies below one is allowed too. */
  readonly allowHostPaths: readonly string[];
}

/** What the controller's own configuration lets manifests ask for. */
export interface HostPolicy extends Opened {
  /** Opened for single apps only, by name, besides what is opened for all. */
  readonly apps: Readonly<Record<string, Partial<Opened>>>;
  /** `ghcr.io`, or `ghcr.io/acme` for a part of it; empty allows all. */
  readonly allowedRegistries: readonly string[];
  readonly instance: string;
}
