import { createHmac } from 'node:crypto';

/** The secrets of the endpoints under test; every forge has two, as in a rotation. */
export const secrets = {
  github: 'gh-secret-new',
  githubOld: 'gh-secret-old',
  gitlab: 'gl-secret-token',
  gitlabSigning: `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`,
  gitea: 'gitea-secret',
  forgejo: 'forgejo-secret',
  bitbucket: 'bitbucket-secret',
  generic: 'generic-sécret',
} as const;

export type Headers = Readonly<Record<string, string>>;

export function hex(secret: string, body: string | Buffer, algorithm = 'sha256'): string {
  return createHmac(algorithm, secret).update(body).digest('hex');
}

/** GitLab's signature, as Standard Webhooks has it. */
export function standardSignature(
  token: string,
  { id, time, body }: { readonly id: string; readonly time: number | string; readonly body: string | Buffer },
): string {
  const key = Buffer.from(token.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest('base64')}`;
}

/** Every header that the forge would send with this body, rightly signed. */
export const signed = {
  github: (body: string | Buffer, event = 'push', id = 'd-1'): Headers => ({
    'x-github-event': event,
    'x-github-delivery': id,
    'x-hub-signature': `sha1=${hex(secrets.github, body, 'sha1')}`,
    'x-hub-signature-256': `sha256=${hex(secrets.github, body)}`,
  }),
  gitlab: (_body: string | Buffer, event = 'Push Hook', id = 'd-1'): Headers => ({
    'x-gitlab-event': event,
    'x-gitlab-event-uuid': id,
    'x-gitlab-token': secrets.gitlab,
  }),
  gitlabSigned: (body: string | Buffer, time: number | string, id = 'd-1'): Headers => ({
    'x-gitlab-event': 'Push Hook',
    'idempotency-key': id,
    'webhook-id': id,
    'webhook-timestamp': String(time),
    'webhook-signature': standardSignature(secrets.gitlabSigning, { id, time, body }),
  }),
  gitea: (body: string | Buffer, event = 'push', id = 'd-1'): Headers => ({
    'x-gitea-event': event,
    'x-gitea-delivery': id,
    'x-gitea-signature': hex(secrets.gitea, body),
  }),
  forgejo: (body: string | Buffer, event = 'push', id = 'd-1'): Headers => ({
    'x-forgejo-event': event,
    'x-forgejo-delivery': id,
    'x-forgejo-signature': hex(secrets.forgejo, body),
  }),
  bitbucket: (body: string | Buffer, event = 'repo:push', id = 'd-1'): Headers => ({
    'x-event-key': event,
    'x-request-uuid': id,
    'x-hub-signature': `sha256=${hex(secrets.bitbucket, body)}`,
  }),
  generic: (body: string | Buffer, id = 'd-1'): Headers => ({
    'x-delivery-id': id,
    'x-our-signature': hex(secrets.generic, body),
  }),
} as const;
