import { isUtf8 } from 'node:buffer';
import { Webhooks } from '@octokit/webhooks';
import type { Announcement, Forge, RawRequest, Verify } from './forge.ts';
import { commitOf, textAt, textsAt, valueAt } from './payload.ts';

/** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
export const github: Forge = {
  verifier: githubVerifier,
  delivery: ({ header }) => header('x-github-delivery'),
  event: ({ header }) => header('x-github-event'),
  text: textOf,
  read(event, payload) {
    if (event === 'ping') return { kind: 'ping' };
    // A branch or tag that comes or goes is told as a push too, besides "create" and "delete".
    return event === 'push' ? readPush(payload) : { kind: 'other' };
  },
};

/** GitHub's and Gitea's: `{ref, after, repository}`. */
export function readPush(payload: unknown): Announcement {
  const ref = textAt(payload, 'ref');
  if (ref === undefined) return { kind: 'other' };
  const commit = valueAt(payload, 'deleted') === true ? undefined : commitOf(textAt(payload, 'after'));
  return {
    kind: 'push',
    repository: { addresses: addressesOf(payload) },
    changes: [{ ref, ...(commit === undefined ? {} : { commit }) }],
  };
}

export function addressesOf(payload: unknown): string[] {
  return textsAt(valueAt(payload, 'repository'), ['html_url', 'clone_url', 'ssh_url', 'git_url']);
}

/** `X-Hub-Signature-256` alone: the SHA-1 of `X-Hub-Signature` proves nothing any more. */
function githubVerifier(secrets: readonly string[]): Verify {
  const receivers = secrets.map((secret) => new Webhooks({ secret }));
  return async ({ header, body }) => {
    const signature = header('x-hub-signature-256');
    if (signature === undefined || signature === '') return 'missing';
    // It takes text: of bytes that are none, many would read the same. GitHub sends neither those nor nothing.
    if (body.length === 0 || !isUtf8(body)) return 'wrong';
    const text = body.toString('utf8');
    const answers = await Promise.all(receivers.map((receiver) => receiver.verify(text, signature)));
    return answers.includes(true) ? 'ok' : 'wrong';
  };
}

/** GitHub's other content type, which is the one that its form offers first, has the JSON in a field. */
function textOf({ header, body }: RawRequest): string | undefined {
  const text = body.toString('utf8');
  const isForm = header('content-type')?.toLowerCase().startsWith('application/x-www-form-urlencoded');
  return isForm ? (new URLSearchParams(text).get('payload') ?? '') : text;
}
