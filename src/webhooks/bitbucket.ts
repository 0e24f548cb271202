import type { Announcement, Forge, RefChange, Repository } from './forge.ts';
import { commitOf, itemsAt, textAt, valueAt } from './payload.ts';
import { hmacVerifier } from './signature.ts';

/**
 * Cloud (https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/) and Data Center
 * (https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html). `X-Hub-Signature`, which elsewhere
 * holds a SHA-1, is a SHA-256 here, and says so.
 */
export const bitbucket: Forge = {
  verifier: (secrets) => hmacVerifier(secrets, ['x-hub-signature'], 'required'),
  delivery: ({ header }) => header('x-request-uuid') ?? header('x-request-id'),
  event: ({ header }) => header('x-event-key'),
  read(event, payload) {
    switch (event) {
      case 'diagnostics:ping':
        return { kind: 'ping' };
      case 'repo:push':
        return readChanges(payload, itemsAt(payload, 'push', 'changes').map(cloudChange));
      case 'repo:refs_changed':
      case 'mirror:repo_synchronized':
        return readChanges(payload, itemsAt(payload, 'changes').map(serverChange));
      default:
        return { kind: 'other' };
    }
  },
};

function readChanges(payload: unknown, found: readonly (RefChange | undefined)[]): Announcement {
  const changes = found.filter((change) => change !== undefined);
  if (changes.length === 0) return { kind: 'other' };
  return { kind: 'push', repository: repositoryOf(valueAt(payload, 'repository')), changes };
}

function repositoryOf(repository: unknown): Repository {
  const links = ['html', 'self'].flatMap((name) => textAt(repository, 'links', name, 'href') ?? []);
  const clones = itemsAt(repository, 'links', 'clone').flatMap((link) => textAt(link, 'href') ?? []);
  const addresses = [...clones, ...links];
  const key = textAt(repository, 'project', 'key');
  const slug = textAt(repository, 'slug');
  // A Data Center's payload names the project and the repository, and older ones nothing else.
  const isNamed = clones.length === 0 && key !== undefined && slug !== undefined;
  return isNamed && textAt(repository, 'full_name') === undefined
    ? { addresses, path: `${key}/${slug}` }
    : { addresses };
}

/** `{new: {type, name, target: {hash}} | null, old}` */
function cloudChange(change: unknown): RefChange | undefined {
  const isGone = valueAt(change, 'new') === null;
  const side = isGone ? 'old' : 'new';
  const name = textAt(change, side, 'name');
  const type = textAt(change, side, 'type');
  if (name === undefined || (type !== 'branch' && type !== 'tag')) return undefined;
  const commit = isGone ? undefined : commitOf(textAt(change, side, 'target', 'hash'));
  return {
    ref: `refs/${type === 'branch' ? 'heads' : 'tags'}/${name}`,
    ...(commit === undefined ? {} : { commit }),
  };
}

/** `{refId: refs/heads/main, toHash, type: ADD|UPDATE|DELETE}` */
function serverChange(change: unknown): RefChange | undefined {
  const ref = textAt(change, 'refId') ?? textAt(change, 'ref', 'id');
  if (ref === undefined) return undefined;
  const commit = commitOf(textAt(change, 'toHash'));
  return { ref, ...(commit === undefined ? {} : { commit }) };
}
