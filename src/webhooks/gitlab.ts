import { timingSafeEqual } from 'node:crypto';
import type { Announcement, Forge, RawRequest, Verdict, Verify } from './forge.ts';
import { commitOf, textAt, textsAt, valueAt } from './payload.ts';
import { anyOf, hmac, tokenMatches } from './signature.ts';

/** https://docs.gitlab.com/user/project/integrations/webhooks/ */
export const gitlab: Forge = {
  verifier: gitlabVerifier,
  // Only the first of them is signed; it is the same as the second.
  delivery: ({ header }) =>
    header('webhook-id') ?? header('idempotency-key') ?? header('x-gitlab-event-uuid'),
  event: ({ header }, payload) =>
    header('x-gitlab-event') ?? textAt(payload, 'object_kind') ?? textAt(payload, 'event_name'),
  read: (_event, payload) => readGitlab(payload),
};

function readGitlab(payload: unknown): Announcement {
  const kind = textAt(payload, 'object_kind') ?? textAt(payload, 'event_name');
  const ref = textAt(payload, 'ref');
  if ((kind !== 'push' && kind !== 'tag_push') || ref === undefined) return { kind: 'other' };
  const commit = commitOf(textAt(payload, 'after'));
  return {
    kind: 'push',
    repository: {
      addresses: [
        ...textsAt(valueAt(payload, 'project'), [
          'web_url',
          'git_http_url',
          'git_ssh_url',
          'http_url',
          'ssh_url',
        ]),
        ...textsAt(valueAt(payload, 'repository'), ['homepage', 'git_http_url', 'git_ssh_url', 'url']),
      ],
    },
    changes: [{ ref, ...(commit === undefined ? {} : { commit }) }],
  };
}

/** GitLab names no time; it is what the libraries of Standard Webhooks take (https://www.standardwebhooks.com). */
const tolerance = 5 * 60;
const signingPrefix = 'whsec_';
/** Below that, a signing token is a mistake: an empty one would be everybody's. */
const shortestKey = 16;

/**
 * A secret token comes as it is in `X-Gitlab-Token`. A signing token (`whsec_` and a key in base64) signs the delivery's
 * id, its time and the body; where we know one, a signature that is there has to be right, whatever the token says.
 */
function gitlabVerifier(secrets: readonly string[]): Verify {
  const keys = secrets.flatMap((secret) => signingKey(secret) ?? []);
  return (request, now) =>
    keys.length > 0 && request.header('webhook-signature') !== undefined
      ? verifySigned(keys, request, now)
      : tokenMatches(secrets, request, 'x-gitlab-token');
}

function signingKey(secret: string): Buffer | undefined {
  if (!secret.startsWith(signingPrefix)) return undefined;
  const key = Buffer.from(secret.slice(signingPrefix.length), 'base64');
  return key.length < shortestKey ? undefined : key;
}

function verifySigned(keys: readonly Buffer[], { header, body }: RawRequest, now: number): Verdict {
  const id = header('webhook-id');
  const time = header('webhook-timestamp');
  const given = (header('webhook-signature') ?? '').split(' ').filter((one) => one.startsWith('v1,'));
  if (!id || !time || given.length === 0) return 'missing';
  if (!/^\d{1,12}$/.test(time)) return 'wrong';
  const digests = given.map((one) => Buffer.from(one.slice('v1,'.length), 'base64'));
  const expected = keys.map((key) => hmac(key, `${id}.${time}.`, body).toString('base64'));
  const verdict = anyOf(expected, (one) => {
    const digest = Buffer.from(one, 'base64');
    const equal = digests.map((other) => other.length === digest.length && timingSafeEqual(other, digest));
    return equal.includes(true);
  });
  if (verdict !== 'ok') return verdict;
  return Math.abs(now / 1000 - Number(time)) > tolerance ? 'stale' : 'ok';
}
