import { createHash } from 'node:crypto';
import { EdgeError } from '../apply/ports.ts';
import type { OmittedEntry, Snapshot } from '../desired/desired.ts';
import { byPath } from './entry-rules.ts';
import { describeFollow, followOf } from './follow.ts';
import type { Rewrite } from './judge.ts';
import { createSnapshotStore, type SnapshotStore } from './snapshot-store.ts';
import {
  addressOf,
  createSource,
  type Source,
  type SourceConfig,
  type SourceDeps,
  sourceKey,
} from './source.ts';
import { plainReason, sourceInvalid, sourceUnreachable } from './source-error.ts';

/** One source with everything that it needs in plain text. */
export interface SourceInput extends SourceConfig {
  readonly name: string;
  /** Why it cannot be read at all, such as a credential that could not be had: it fails, the others do not. */
  readonly fault?: string;
}

/** Where desired comes from: one source, or several that are read as one. */
export interface Sources {
  /**
   * The newest of every source; of one that cannot be read now, or whose newest commit may not be enforced, the last
   * good one. The same object (===) when nothing changed. Throws EdgeError only when no source has anything, and, when
   * nothing is kept, for any that fails. Files of several sources lie in folders that bear their names.
   */
  read(): Promise<Snapshot>;
  /** Of one source a commit id, tag or branch; of several `NAME@REVISION`, with the newest of the others. */
  readAt(revision: string): Promise<Snapshot>;
  /** Somebody knows of news, of one source or of any. */
  refresh(name?: string): void;
  onChange(listener: () => void): () => void;
  /** Called with every branch whose newest commit does not descend from the one before; returns the unsubscribe. */
  onRewritten(listener: (rewrite: Rewrite) => void): () => void;
  /** In the order of the configuration. */
  status(): readonly SourceStatus[];
  close(): Promise<void>;
}

export interface SourceStatus {
  readonly name: string;
  /** URL or folder; no credentials are in it. */
  readonly address: string;
  readonly path: string;
  /** `branch main`, `tag v1`, `commit 0123abcd4567`, `semver ^1.2`. */
  readonly follows: string;
  /** The tag that a range of versions led to. */
  readonly tag?: string;
  /** What is enforced; absent when it was never read. */
  readonly revision?: string;
  /** The newest there. */
  readonly seen?: string;
  /** When it was last read whole, in milliseconds since the epoch. */
  readonly readAt?: number;
  /** Why what is enforced may not be the newest. */
  readonly error?: SourceFault;
  /** With `verify`: who signed what is enforced, and why the newest is not. */
  readonly verification?: {
    readonly mode: 'head' | 'tag';
    /** How many keys may sign. */
    readonly keys: number;
    readonly by?: string;
    readonly refused?: { readonly revision: string; readonly why: string };
  };
  /** The last time that its branch was rewritten. */
  readonly nonFastForward?: { readonly from: string; readonly to: string; readonly at: number };
  /** Entries of what is enforced that are not read. */
  readonly omitted: readonly OmittedEntry[];
}

export interface SourceFault {
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface SourcesDeps extends Omit<SourceDeps, 'onRewritten' | 'previous'> {
  /** Whether last good snapshots are kept in the state directory, and serve while a source fails. */
  readonly keep: boolean;
  /** Milliseconds that a source which others could go on without may take for its first answer; 20 s. */
  readonly patience?: number;
}

interface Member {
  readonly input: SourceInput;
  readonly source: Source | undefined;
  readonly store: SnapshotStore | undefined;
  loading?: Promise<void>;
  enforced?: Snapshot;
  verifiedBy?: string | undefined;
  readAt?: number;
  /** What was last said of entries that are not read. */
  told?: string;
  fault?: { readonly error: EdgeError; readonly since: number };
}

/** Throws EdgeError (SourceInvalid) for a configuration that can never be read. */
export function createSources(settings: readonly SourceInput[], deps: SourcesDeps): Sources {
  const listeners = new Set<() => void>();
  const rewriteListeners = new Set<(rewrite: Rewrite) => void>();
  const now = deps.now ?? Date.now;
  const members = withDifferentNames(settings).map(toMember);
  const [only] = members.length === 1 ? members : [];
  let last: { readonly of: readonly (Snapshot | undefined)[]; readonly snapshot: Snapshot } | undefined;
  let closed = false;

  return {
    async read() {
      await Promise.all(members.map(advance));
      const failed = members.find(({ fault }) => fault !== undefined)?.fault;
      if (failed !== undefined && (!deps.keep || members.every(({ enforced }) => enforced === undefined)))
        throw failed.error;
      return joined();
    },

    async readAt(revision) {
      if (only !== undefined) return sourceOf(only).readAt(revision);
      const [, name, wanted] = /^([a-z0-9-]+)@(.+)$/.exec(revision) ?? [];
      const member = members.find(({ input }) => input.name === name);
      if (member === undefined || wanted === undefined)
        throw sourceInvalid(
          'read sources',
          `of several sources a revision is named NAME@REVISION, with NAME one of ${members.map(({ input }) => input.name).join(', ')}`,
        );
      const others = members.filter((other) => other !== member);
      await Promise.all(others.map(advance));
      const failed = others.find(({ fault }) => fault !== undefined)?.fault;
      if (failed !== undefined && !deps.keep) throw failed.error;
      const there = await sourceOf(member).readAt(wanted);
      return combined(members.map((one) => [one.input.name, one === member ? there : one.enforced]));
    },

    refresh(name) {
      for (const { input, source } of members)
        if (name === undefined || input.name === name) source?.refresh();
    },

    onChange(listener) {
      // A wrapper of its own for each call, so that one function may listen twice.
      const own = () => listener();
      listeners.add(own);
      const offs = members.flatMap(({ source }) => (source === undefined ? [] : [source.onChange(own)]));
      return () => {
        listeners.delete(own);
        for (const off of offs) off();
      };
    },

    onRewritten(listener) {
      rewriteListeners.add(listener);
      return () => rewriteListeners.delete(listener);
    },

    status: () => members.map(statusOf),

    async close() {
      closed = true;
      listeners.clear();
      rewriteListeners.clear();
      await Promise.all(members.map(({ source }) => source?.close()));
    },
  };

  function toMember(input: SourceInput): Member {
    // Told at once, also of a source that cannot be read for another reason.
    addressOf(input);
    followOf(input);
    const member: Member = {
      input,
      source:
        input.fault === undefined
          ? createSource(
              input,
              depsOf(() => member),
            )
          : undefined,
      store: deps.keep ? storeFor(input, deps) : undefined,
    };
    return member;
  }

  function depsOf(member: () => Member): SourceDeps {
    const { keep: _keep, patience: _patience, ...rest } = deps;
    return {
      ...rest,
      previous: () => member().enforced?.revision,
      onRewritten: (rewrite) => {
        for (const listener of [...rewriteListeners]) listener(rewrite);
      },
    };
  }

  /** Reads one; what came of it is in the member. */
  async function advance(member: Member): Promise<void> {
    member.loading ??= loadKept(member);
    await member.loading;
    const reading = take(member);
    const maySkip = deps.keep && (member.enforced !== undefined || members.length > 1);
    if (!maySkip) return reading;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), deps.patience ?? 20_000);
    });
    const isLate = await Promise.race([reading.then(() => false), late]).finally(() => clearTimeout(timer));
    if (!isLate) return;
    fail(member, sourceUnreachable(`read source ${addressOf(member.input)}`, 'no whole answer yet'));
    // Who would wait for it has gone on: they are told when it comes.
    void reading.then(announce, (error: unknown) => deps.warn?.(plainReason(error)));
  }

  async function loadKept(member: Member): Promise<void> {
    const kept = await member.store?.load();
    if (kept === undefined || member.enforced !== undefined) return;
    member.enforced = kept.snapshot;
    member.verifiedBy = kept.verifiedBy;
    member.readAt = kept.at;
  }

  async function take(member: Member): Promise<void> {
    try {
      const snapshot = await sourceOf(member).read();
      const isNew = member.enforced !== snapshot;
      member.enforced = snapshot;
      member.readAt = now();
      delete member.fault;
      if (!isNew) return;
      tellOmitted(member, snapshot);
      member.verifiedBy = member.source?.facts().verifiedBy;
      await keep(member, snapshot);
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error;
      fail(member, error);
    }
  }

  /** Once for each set of them, and not by a command that only looks. */
  function tellOmitted(member: Member, { omitted = [] }: Snapshot): void {
    const some = omitted.slice(0, 3).map(({ path, why }) => `${path}: ${why}`);
    const more = omitted.length > some.length ? `, and ${omitted.length - some.length} more` : '';
    const text =
      omitted.length === 0
        ? ''
        : `source ${member.input.name} holds what is not read: ${some.join(', ')}${more}`;
    if (deps.keep && text !== '' && text !== member.told) deps.warn?.(text);
    member.told = text;
  }

  async function keep({ store, verifiedBy, input }: Member, snapshot: Snapshot): Promise<void> {
    try {
      await store?.save(snapshot, verifiedBy);
    } catch (error) {
      deps.warn?.(
        `source ${input.name}: its snapshot could not be kept for a cold start: ${plainReason(error)}`,
      );
    }
  }

  function fail(member: Member, error: EdgeError): void {
    const isKnown = member.fault?.error.message === error.message;
    member.fault = { error, since: isKnown ? (member.fault?.since ?? now()) : now() };
    if (!isKnown) deps.warn?.(error.message);
  }

  function announce(): void {
    if (!closed) for (const listener of [...listeners]) listener();
  }

  function joined(): Snapshot {
    if (only?.enforced !== undefined) return only.enforced;
    const of = members.map(({ enforced }) => enforced);
    const isSame = last !== undefined && of.every((snapshot, index) => snapshot === last?.of[index]);
    if (last !== undefined && isSame) return last.snapshot;
    const snapshot = combined(members.map(({ input, enforced }) => [input.name, enforced]));
    last = { of, snapshot };
    return snapshot;
  }
}

/** Without the credentials, which `fault` says could not be had. */
function sourceOf({ source, input }: Member): Pick<Source, 'read' | 'readAt'> {
  if (source !== undefined) return source;
  const refuse = () =>
    Promise.reject(sourceInvalid(`read source ${addressOf(input)}`, input.fault ?? 'it cannot be read'));
  return { read: refuse, readAt: refuse };
}

function storeFor(input: SourceInput, { stateDir, now }: SourcesDeps): SnapshotStore {
  const { name, verify } = input;
  const rule =
    verify &&
    createHash('sha256')
      .update(JSON.stringify([verify.mode, verify.keys]))
      .digest('hex');
  return createSnapshotStore(stateDir, sourceKey(input), {
    name,
    ...(rule === undefined ? {} : { verification: rule }),
    ...(now === undefined ? {} : { now }),
  });
}

/** Each one's files in its own folder; a source that was never read has a part without a revision. */
function combined(parts: readonly (readonly [string, Snapshot | undefined])[]): Snapshot {
  const prefixed = <Entry extends { readonly path: string }>(name: string, entries: readonly Entry[] = []) =>
    entries.map((entry) => ({ ...entry, path: `${name}/${entry.path}` }));
  const omitted = parts.flatMap(([name, snapshot]) => prefixed(name, snapshot?.omitted));
  const pairs = parts.map(([name, snapshot]) => [name, snapshot?.revision ?? null]);
  return {
    revision: `sha256:${createHash('sha256').update(JSON.stringify(pairs)).digest('hex')}`,
    files: parts.flatMap(([name, snapshot]) => prefixed(name, snapshot?.files)).sort(byPath),
    parts: parts.map(([source, snapshot]) =>
      snapshot === undefined ? { source } : { source, revision: snapshot.revision },
    ),
    ...(omitted.length === 0 ? {} : { omitted }),
  };
}

function statusOf({ input, source, enforced, verifiedBy, readAt, fault }: Member): SourceStatus {
  const { seen, tag, refused, nonFastForward } = source?.facts() ?? {};
  const { verify } = input;
  return {
    name: input.name,
    address: addressOf(input),
    path: input.path,
    follows: describeFollow(followOf(input)),
    ...(tag === undefined ? {} : { tag }),
    ...(enforced === undefined ? {} : { revision: enforced.revision }),
    ...(seen === undefined ? {} : { seen }),
    ...(readAt === undefined ? {} : { readAt }),
    ...(fault === undefined
      ? {}
      : { error: { reason: fault.error.reason, message: fault.error.message, since: fault.since } }),
    ...(verify === undefined
      ? {}
      : {
          verification: {
            mode: verify.mode,
            keys: verify.keys.length,
            ...(verifiedBy === undefined ? {} : { by: verifiedBy }),
            ...(refused === undefined ? {} : { refused }),
          },
        }),
    ...(nonFastForward === undefined ? {} : { nonFastForward }),
    omitted: enforced?.omitted ?? [],
  };
}

function withDifferentNames(settings: readonly SourceInput[]): readonly SourceInput[] {
  if (settings.length === 0) throw sourceInvalid('configure sources', 'none is given');
  const names = settings.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw sourceInvalid('configure sources', `two are called "${twice}"`);
  const bad = names.find((name) => !/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name));
  if (bad !== undefined) throw sourceInvalid('configure sources', `${JSON.stringify(bad)} is no name`);
  return settings;
}
