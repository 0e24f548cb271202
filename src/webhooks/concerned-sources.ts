import { listWords, showValue } from '../desired/shown-text.ts';
import type { RefChange, Repository } from './forge.ts';
import { endsWithPath, isSameRepository, parseFolder, parseRepositoryAddress } from './repository-address.ts';

/** A source as far as it matters here. */
export interface FollowedSource {
  readonly name: string;
  /** As it is configured: a URL, `git@host:path`, or the absolute path of a folder. */
  readonly address: string;
  /** At most one; none is everything. */
  readonly follows: {
    readonly branch?: string;
    readonly tag?: string;
    readonly commit?: string;
    readonly semver?: string;
  };
}

/** The sources that a push concerns, or why it concerns none. */
export type Concerned =
  | { readonly sources: readonly string[] }
  | { readonly sources: readonly []; readonly why: string };

export interface Push {
  readonly repository: Repository;
  readonly changes: readonly RefChange[];
  /** Also sources that are folders are meant, and all of them by a push that names no repository. */
  readonly meansFolders: boolean;
}

/** Which sources a push concerns. A branch or tag that is gone concerns them as well. */
export function concernedSources(push: Push, sources: readonly FollowedSource[]): Concerned {
  const { repository, changes } = push;
  const isNamed = repository.addresses.length > 0 || repository.path !== undefined;
  if (!isNamed && !push.meansFolders) return none('the payload names no repository');
  const ofRepository = isNamed ? sources.filter((source) => isOf(source, push)) : sources;
  if (ofRepository.length === 0) return none(`no source has the repository ${shownRepository(repository)}`);
  const concerned = ofRepository.filter(({ follows }) =>
    changes.some((change) => isFollowed(follows, change)),
  );
  if (concerned.length > 0) return { sources: concerned.map(({ name }) => name) };
  const refs = [...new Set(changes.map(({ ref }) => ref ?? ''))].slice(0, 3);
  return none(`no source of the repository follows ${listWords(refs, 'or')}`);
}

/** The repository's first address as it is compared, for people. */
export function shownRepository({ addresses, path }: Repository): string {
  const [first = path ?? ''] = addresses;
  const parsed = parseRepositoryAddress(first);
  return showValue(parsed ? `${parsed.host}/${parsed.path}` : (parseFolder(first) ?? path ?? 'unknown'));
}

function none(why: string): Concerned {
  return { sources: [], why };
}

function isOf({ address }: FollowedSource, { repository, meansFolders }: Push): boolean {
  const folder = parseFolder(address);
  if (folder !== undefined) {
    return meansFolders && repository.addresses.some((one) => parseFolder(one) === folder);
  }
  const source = parseRepositoryAddress(address);
  if (source === undefined) return false;
  if (repository.path !== undefined && endsWithPath(source, repository.path)) return true;
  return repository.addresses.some((one) => {
    const parsed = parseRepositoryAddress(one);
    return parsed !== undefined && isSameRepository(parsed, source);
  });
}

function isFollowed({ branch, tag, commit, semver }: FollowedSource['follows'], change: RefChange): boolean {
  const { ref } = change;
  if (ref === undefined) return true;
  const names = (kind: 'heads' | 'tags', name: string): boolean =>
    ref === `refs/${kind}/${name}` || ref === name;
  if (branch !== undefined) return names('heads', branch);
  if (tag !== undefined) return names('tags', tag);
  // Which of the tags is the newest is the source's to find out.
  if (semver !== undefined) return ref.startsWith('refs/tags/') || !ref.startsWith('refs/');
  if (commit !== undefined) return change.commit === commit;
  return true;
}
