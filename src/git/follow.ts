import { maxSatisfying, parse, type SemVer, validRange } from 'semver';
import { isRefName } from './source-address.ts';
import { branchMissing, revisionMissing, sourceInvalid } from './source-error.ts';

/** What of a repository is enforced. */
export type Follow =
  | { readonly kind: 'branch'; readonly name: string }
  /** A tag that is moved is followed. */
  | { readonly kind: 'tag'; readonly name: string }
  | { readonly kind: 'commit'; readonly id: string }
  /** The newest of the tags in a range. */
  | { readonly kind: 'semver'; readonly range: string }
  /** Whatever a person named: a tag, a branch, a full or a short id. */
  | { readonly kind: 'revision'; readonly name: string };

export interface FollowSettings {
  readonly branch?: string;
  readonly tag?: string;
  readonly commit?: string;
  readonly semver?: string;
  readonly revision?: string;
}

/** A ref as its repository has it. */
export interface Ref {
  /** Full, `refs/tags/v1`. */
  readonly ref: string;
  readonly id: string;
  /** Of an annotated tag: what it names. */
  readonly peeled?: string;
}

const act = 'configure source';

/** At most one is given; none means the branch `main`. Throws EdgeError (SourceInvalid). */
export function followOf({ branch, tag, commit, semver, revision }: FollowSettings): Follow {
  // A person's --rev stands above what is configured.
  if (revision !== undefined) return { kind: 'revision', name: revision };
  const given = Object.entries({ branch, tag, commit, semver }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    const names = given.map(([name]) => name).join(' and ');
    throw sourceInvalid(act, `a source follows one thing, and it has ${names}: keep one of them`);
  }
  if (tag !== undefined) return { kind: 'tag', name: checkName(tag, 'tag') };
  if (commit !== undefined) return { kind: 'commit', id: checkId(commit) };
  if (semver !== undefined) return { kind: 'semver', range: checkRange(semver) };
  return { kind: 'branch', name: checkName(branch ?? 'main', 'branch') };
}

/** For people: `branch main`, `tag v1`, `commit 0123abcd4567`, `semver ^1.2`. */
export function describeFollow(follow: Follow): string {
  switch (follow.kind) {
    case 'branch':
    case 'tag':
    case 'revision':
      return `${follow.kind} ${shown(follow.name)}`;
    case 'commit':
      return `commit ${follow.id.slice(0, 12)}`;
    case 'semver':
      return `semver ${follow.range}`;
    default:
      return follow satisfies never;
  }
}

/** Below which refs the one that is followed must be; none for a commit. */
export function refPrefix(follow: Exclude<Follow, { readonly kind: 'commit' }>): string {
  switch (follow.kind) {
    case 'branch':
      return `refs/heads/${follow.name}`;
    case 'tag':
      return `refs/tags/${follow.name}`;
    case 'semver':
      return 'refs/tags/';
    case 'revision':
      return 'refs/';
    default:
      return follow satisfies never;
  }
}

/** The ref that is followed; one that is not there is an error and never "no files". */
export function pickRef(
  follow: Extract<Follow, { readonly kind: 'branch' | 'tag' | 'semver' }>,
  refs: readonly Ref[],
  reading: string,
): Ref {
  if (follow.kind === 'semver') return newestIn(follow.range, refs, reading);
  const found = refs.find(({ ref }) => ref === refPrefix(follow));
  if (found !== undefined) return found;
  if (follow.kind === 'branch') throw branchMissing(reading, `there is no branch "${follow.name}"`);
  throw revisionMissing(reading, `there is no tag "${follow.name}"`);
}

/** A tag, else a branch of that name, else the branch whose newest commit has that id. */
export function pickRevision(name: string, refs: readonly Ref[]): Ref | undefined {
  const named = isRefName(name)
    ? ['refs/tags', 'refs/heads'].flatMap((space) => refs.filter(({ ref }) => ref === `${space}/${name}`))
    : [];
  return named[0] ?? refs.find(({ ref, id }) => ref.startsWith('refs/heads/') && id === name);
}

/** Prereleases count where semver says so; of two equal versions the tag that sorts last. */
function newestIn(range: string, refs: readonly Ref[], reading: string): Ref {
  const tags = new Map<SemVer, Ref>();
  for (const ref of refs) {
    const name = /^refs\/tags\/(.+)$/.exec(ref.ref)?.[1];
    const version = name !== undefined && isRefName(name) ? parse(name) : null;
    if (version !== null) tags.set(version, ref);
  }
  const sorted = [...tags].sort(
    ([a, left], [b, right]) => b.compareBuild(a) || (left.ref < right.ref ? 1 : -1),
  );
  const newest = maxSatisfying(
    sorted.map(([version]) => version),
    range,
  );
  const found = newest === null ? undefined : sorted.find(([version]) => version.compare(newest) === 0)?.[1];
  if (found === undefined) {
    const seen =
      sorted[0] === undefined ? 'no tag is a version' : `the newest version is ${sorted[0][0].raw}`;
    throw revisionMissing(reading, `no tag is in the range "${range}" (${seen})`);
  }
  return found;
}

function checkName(name: string, what: string): string {
  if (!isRefName(name)) throw sourceInvalid(act, `"${shown(name)}" is no ${what} name`);
  return name;
}

function checkId(id: string): string {
  if (/^[0-9a-f]{40}$/.test(id)) return id;
  const why = /^[0-9a-f]{64}$/.test(id)
    ? "git's SHA-256 object format is not supported"
    : `"${shown(id)}" is no full commit id`;
  throw sourceInvalid(act, why);
}

function checkRange(range: string): string {
  if (validRange(range) === null)
    throw sourceInvalid(act, `semver "${shown(range)}" is no range of versions`);
  return range;
}

function shown(text: string): string {
  return text.replace(/\p{C}/gu, '?').slice(0, 80);
}
