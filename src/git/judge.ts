import type { Ancestry } from './ancestry.ts';
import { readTag } from './signed-object.ts';
import { plainReason, unverified } from './source-error.ts';

/** What a verifier is asked about: an object's bytes as they were hashed. */
export interface SignedText {
  readonly kind: 'commit' | 'tag';
  readonly id: string;
  readonly text: Uint8Array;
}

export type Verdict =
  | { readonly ok: true; readonly by: string }
  | { readonly ok: false; readonly why: string };

/** Asked of every revision of a source with `verify`. */
export type VerifyPort = (source: string, object: SignedText) => Promise<Verdict>;

/** A branch whose newest commit does not descend from the one before. */
export interface Rewrite {
  readonly source: string;
  readonly from: string;
  readonly to: string;
}

/** What is known of a source besides its files. */
export interface SourceFacts {
  /** The newest commit there, whether it is enforced or not. */
  readonly seen?: string;
  /** The tag that a range of versions led to. */
  readonly tag?: string;
  /** Who signed the revision that was read last. */
  readonly verifiedBy?: string;
  /** Why the newest commit is not enforced. */
  readonly refused?: { readonly revision: string; readonly why: string };
  readonly nonFastForward?: { readonly from: string; readonly to: string; readonly at: number };
}

/** The objects of a revision, as far as judging it needs them. */
export interface Evidence {
  commitText(commit: string): Promise<Uint8Array | undefined>;
  /** Annotated tags that name the commit, with the names of their refs. */
  tagsOf(commit: string): Promise<readonly NamedTag[]>;
}

export interface NamedTag {
  /** Below `refs/tags/`. */
  readonly name: string;
  readonly id: string;
  readonly text: Uint8Array;
}

export interface JudgeOptions {
  readonly source: string;
  readonly act: string;
  readonly mode?: 'head' | 'tag';
  readonly verify?: VerifyPort;
  readonly onRewritten?: (rewrite: Rewrite) => void;
  /** The revision that was enforced before this process began. */
  readonly previous?: () => string | undefined;
  readonly now: () => number;
}

/** Remembers the commits of one source, and lets through those that may be enforced. */
export interface Judge {
  facts(): SourceFacts;
  /** A commit was seen there; `ancestry` is asked only when there was another one before. */
  saw(
    commit: string,
    from: { readonly tag?: string; readonly ancestry?: (before: string) => Promise<Ancestry> },
  ): Promise<void>;
  /** Throws EdgeError (Unverified) for a commit that nobody who may sign has signed. Gives who did. */
  admit(commit: string, evidence: Evidence): Promise<string | undefined>;
  /** Its files were read whole: it is the one that is enforced now. */
  took(by: string | undefined): void;
}

const rememberedMost = 1_000;

export function createJudge(options: JudgeOptions): Judge {
  const { source, act, mode, now } = options;
  const verdicts = new Map<string, Verdict>();
  let facts: SourceFacts = {};
  return {
    facts: () => facts,

    async saw(commit, { tag, ancestry }) {
      const before = facts.seen ?? options.previous?.();
      const { tag: _tag, refused, ...rest } = facts;
      facts = {
        ...rest,
        seen: commit,
        ...(tag === undefined ? {} : { tag }),
        ...(refused?.revision === commit ? { refused } : {}),
      };
      if (before === undefined || before === commit || ancestry === undefined) return;
      if ((await ancestry(before)) !== 'rewritten') return;
      facts = { ...facts, nonFastForward: { from: before, to: commit, at: now() } };
      options.onRewritten?.({ source, from: before, to: commit });
    },

    async admit(commit, evidence) {
      if (mode === undefined) return undefined;
      const verdict = mode === 'head' ? await ofCommit(commit, evidence) : await ofTags(commit, evidence);
      if (verdict.ok) return verdict.by;
      const why = plainReason(verdict.why);
      if (facts.seen === commit) facts = { ...facts, refused: { revision: commit, why } };
      throw unverified(act, `commit ${commit.slice(0, 12)} is not enforced: ${why}`);
    },

    took(by) {
      const { verifiedBy: _by, refused: _refused, ...rest } = facts;
      facts = by === undefined ? rest : { ...rest, verifiedBy: by };
    },
  };

  async function ofCommit(commit: string, evidence: Evidence): Promise<Verdict> {
    const known = verdicts.get(commit);
    if (known !== undefined) return known;
    const text = await evidence.commitText(commit);
    if (text === undefined) throw new Error(`commit ${commit} is not here`);
    return asked({ kind: 'commit', id: commit, text });
  }

  /** One good tag is enough; of none that is, the first one's fault is told. */
  async function ofTags(commit: string, evidence: Evidence): Promise<Verdict> {
    const faults: string[] = [];
    for (const { name, id, text } of await evidence.tagsOf(commit)) {
      const says = readTag(text);
      // A signed tag of old, moved or renamed, says nothing about this commit.
      const isAbout = says?.object === commit && says.type === 'commit' && says.name === name;
      const verdict: Verdict = isAbout
        ? (verdicts.get(id) ?? (await asked({ kind: 'tag', id, text })))
        : { ok: false, why: 'it was made for another commit or under another name' };
      if (verdict.ok) return verdict;
      faults.push(`tag ${name}: ${verdict.why}`);
    }
    return { ok: false, why: faults[0] ?? 'no annotated tag names it' };
  }

  /** Whatever fails, nothing passes. */
  async function asked(object: SignedText): Promise<Verdict> {
    if (options.verify === undefined) return { ok: false, why: 'signatures cannot be checked here' };
    try {
      const verdict = await options.verify(source, object);
      if (verdicts.size >= rememberedMost) verdicts.clear();
      verdicts.set(object.id, verdict);
      return verdict;
    } catch (error) {
      return { ok: false, why: `its signature cannot be checked: ${plainReason(error)}` };
    }
  }
}
