/** A request whose size was within bounds; nothing of it is trusted yet. */
export interface RawRequest {
  /** As the sender wrote it: undefined when absent. Names in any case. */
  header(name: string): string | undefined;
  readonly body: Buffer;
}

/** `ok`, or why not, for the list of deliveries; the sender is not told more than that it was refused. */
export type Verdict = 'ok' | 'missing' | 'wrong' | 'stale';

export type Verify = (request: RawRequest, now: number) => Promise<Verdict> | Verdict;

/** What a verified webhook says, as far as it concerns us. Every text in it is the sender's. */
export type Announcement =
  | { readonly kind: 'push'; readonly repository: Repository; readonly changes: readonly RefChange[] }
  | { readonly kind: 'ping' }
  | { readonly kind: 'other' };

export interface Repository {
  /** Under which it can be reached, or seen in a browser. Any of them may be a source's. */
  readonly addresses: readonly string[];
  /** Of a forge that tells no address: the end of every address of this repository. */
  readonly path?: string;
}

export interface RefChange {
  /** `refs/heads/main`; a name alone may be a branch or a tag; absent is any. */
  readonly ref?: string;
  /** Absent when the ref was removed. */
  readonly commit?: string;
}

/** How one forge signs and speaks. The endpoint fixes the forge, never the request. */
export interface Forge {
  /** Secrets are never empty. Compares in constant time, with all of them. */
  verifier(secrets: readonly string[]): Verify;
  /** What it calls this delivery. */
  delivery(request: RawRequest, payload: unknown): string | undefined;
  event(request: RawRequest, payload: unknown): string | undefined;
  /** The JSON text, where it is not the body itself; undefined when there is none and none is needed. */
  text?(request: RawRequest): string | undefined;
  /** The payload is what JSON gave, of whatever shape. Never throws. */
  read(event: string | undefined, payload: unknown): Announcement;
  /** Also sources that are folders on this host are meant by it. */
  readonly meansFolders?: true;
}

export const providers = ['github', 'gitlab', 'gitea', 'forgejo', 'bitbucket', 'generic'] as const;
export type Provider = (typeof providers)[number];
