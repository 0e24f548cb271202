import type { Announcement, Forge } from './forge.ts';
import { addressesOf, readPush } from './github.ts';
import { commitOf, textAt } from './payload.ts';
import { hmacVerifier } from './signature.ts';

/** https://docs.gitea.com/usage/webhooks */
export const gitea: Forge = {
  verifier: (secrets) => hmacVerifier(secrets, ['x-gitea-signature'], 'none'),
  delivery: ({ header }) => header('x-gitea-delivery'),
  event: ({ header }) => header('x-gitea-event'),
  read: readGitea,
};

/** https://forgejo.org/docs/latest/user/webhooks/: Gitea's, under a name of its own and under the old one. */
export const forgejo: Forge = {
  // Its own name decides where it is there: a bad signature is not made good by another one.
  verifier: (secrets) => hmacVerifier(secrets, ['x-forgejo-signature', 'x-gitea-signature'], 'none'),
  delivery: ({ header }) => header('x-forgejo-delivery') ?? header('x-gitea-delivery'),
  event: ({ header }) => header('x-forgejo-event') ?? header('x-gitea-event'),
  read: readGitea,
};

function readGitea(event: string | undefined, payload: unknown): Announcement {
  switch (event) {
    case 'ping':
      return { kind: 'ping' };
    case 'push':
      return readPush(payload);
    // A branch that is removed is told by "delete" alone.
    case 'create':
    case 'delete':
      return readCreated(event, payload);
    default:
      return { kind: 'other' };
  }
}

/** `{ref: NAME, ref_type: branch|tag, sha}` */
function readCreated(event: 'create' | 'delete', payload: unknown): Announcement {
  const name = textAt(payload, 'ref');
  const type = textAt(payload, 'ref_type');
  if (name === undefined || (type !== 'branch' && type !== 'tag')) return { kind: 'other' };
  const ref = name.startsWith('refs/') ? name : `refs/${type === 'branch' ? 'heads' : 'tags'}/${name}`;
  const commit = event === 'create' ? commitOf(textAt(payload, 'sha')) : undefined;
  return {
    kind: 'push',
    repository: { addresses: addressesOf(payload) },
    changes: [{ ref, ...(commit === undefined ? {} : { commit }) }],
  };
}
