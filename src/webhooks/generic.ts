import type { Announcement, Forge } from './forge.ts';
import { commitOf, textAt } from './payload.ts';
import { hmacVerifier } from './signature.ts';

/** For whatever can make an HMAC, a hook of one's own git server among them. Body: `{ref, commit, repository, id}`, or none. */
export function generic(header: string): Forge {
  return {
    verifier: (secrets) => hmacVerifier(secrets, [header], 'optional'),
    delivery: (request, payload) => request.header('x-delivery-id') ?? textAt(payload, 'id'),
    event: () => 'push',
    text: ({ body }) => (body.length === 0 ? undefined : body.toString('utf8')),
    read: (_event, payload) => readGeneric(payload),
    meansFolders: true,
  };
}

function readGeneric(payload: unknown): Announcement {
  const repository = textAt(payload, 'repository');
  const ref = textAt(payload, 'ref');
  const commit = commitOf(textAt(payload, 'commit'));
  return {
    kind: 'push',
    repository: { addresses: repository === undefined ? [] : [repository] },
    changes: [{ ...(ref === undefined ? {} : { ref }), ...(commit === undefined ? {} : { commit }) }],
  };
}
