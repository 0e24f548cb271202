import { type Headers, hex, secrets, signed, standardSignature } from './signing.ts';

/** One request, and all that may be answered to it. */
export interface Case {
  /** A sentence. */
  readonly name: string;
  readonly to: string;
  readonly method?: string;
  readonly headers?: Headers;
  readonly body?: string | Buffer;
  readonly status: number;
  /** Of a 202. */
  readonly says?: 'accepted' | 'ignored';
  /** In the reason, or the code of the problem. */
  readonly why?: string;
  /** The sources that are asked for news. */
  readonly looks?: readonly string[];
}

const commit = 'b'.repeat(40);
const gone = '0'.repeat(40);
/** The time of the room, in seconds. */
const now = 1_700_000_000;

const json = (value: unknown): string => JSON.stringify(value);
const repository = (name: string): object => ({
  full_name: `acme/${name}`,
  clone_url: `https://git.example.com/acme/${name}.git`,
  ssh_url: `git@git.example.com:acme/${name}.git`,
  html_url: `https://git.example.com/acme/${name}`,
});
const push = (ref = 'refs/heads/main', name = 'config', over: object = {}): string =>
  json({ ref, before: gone, after: commit, repository: repository(name), ...over });
const gitlabPush = (ref = 'refs/heads/main', over: object = {}): string =>
  json({
    object_kind: 'push',
    ref,
    after: commit,
    project: {
      web_url: 'https://git.example.com/acme/config',
      git_http_url: 'https://git.example.com/acme/config.git',
      git_ssh_url: 'git@git.example.com:acme/config.git',
    },
    ...over,
  });
const cloudPush = (changes: unknown): string =>
  json({
    push: { changes },
    repository: { full_name: 'acme/config', links: { html: { href: 'https://bitbucket.org/acme/config' } } },
  });
const serverPush = (changes: unknown, links?: unknown): string =>
  json({
    eventKey: 'repo:refs_changed',
    changes,
    repository: { slug: 'config', project: { key: 'OPS' }, ...(links === undefined ? {} : { links }) },
  });
const change = (refId: string, toHash = commit): object => ({ refId, toHash, type: 'UPDATE' });

const accepted = (looks: readonly string[]) => ({ status: 202, says: 'accepted', looks }) as const;
const ignored = (why: string) => ({ status: 202, says: 'ignored', why }) as const;
const refused = { status: 401, why: 'InvalidSignature' } as const;
const invalid = { status: 400, why: 'InvalidBody' } as const;
const main = ['main'] as const;

const body = push();
const other = push('refs/heads/other');
const labBody = gitlabPush();

/** Everything that may come to an endpoint; whatever is not told to be accepted is not. */
export const cases: readonly Case[] = [
  // GitHub
  { name: 'a signed push', to: 'github', headers: signed.github(body), body, ...accepted(main) },
  {
    name: 'a push signed with the secret before the rotation',
    to: 'github',
    headers: { ...signed.github(body), 'x-hub-signature-256': `sha256=${hex(secrets.githubOld, body)}` },
    body,
    ...accepted(main),
  },
  {
    name: 'a push as a form, as GitHub sends it unless told otherwise',
    to: 'github',
    ...form(body),
    ...accepted(main),
  },
  { name: 'a form without a payload', to: 'github', ...form(''), ...invalid },
  {
    name: 'a push to another branch',
    to: 'github',
    headers: signed.github(other),
    body: other,
    ...ignored('refs/heads/other'),
  },
  ...withBody(
    'a push to a branch that only begins alike',
    push('refs/heads/main2'),
    ignored('refs/heads/main2'),
  ),
  ...withBody('a tag named like the branch', push('refs/tags/main'), ignored('refs/tags/main')),
  ...withBody('a push to another repository', push('refs/heads/main', 'other'), ignored('acme/other')),
  ...withBody(
    'a push to a repository of that name on another host',
    push('refs/heads/main', 'config', {
      repository: { clone_url: 'https://evil.example.com/acme/config.git' },
    }),
    ignored('evil.example.com'),
  ),
  ...withBody(
    'a push whose host is written in capitals and with a port',
    push('refs/heads/main', 'config', {
      repository: { clone_url: 'https://GIT.Example.com:8443/acme/config.git/' },
    }),
    accepted(main),
  ),
  ...withBody(
    'a push that tells only the address for SSH',
    push('refs/heads/main', 'config', {
      repository: { ssh_url: 'ssh://git@git.example.com:22/acme/config' },
    }),
    accepted(main),
  ),
  ...withBody(
    'the removal of the branch',
    push('refs/heads/main', 'config', { after: gone, deleted: true }),
    accepted(main),
  ),
  ...withBody('a push of the tag that is followed', push('refs/tags/stable', 'tagged'), accepted(['tagged'])),
  ...withBody('a push of another tag', push('refs/tags/v2', 'tagged'), ignored('refs/tags/v2')),
  ...withBody(
    'a push of any tag where a range is followed',
    push('refs/tags/v1.2.3', 'ranged'),
    accepted(['ranged']),
  ),
  ...withBody(
    'a push of a branch where a range is followed',
    push('refs/heads/main', 'ranged'),
    ignored('refs/heads/main'),
  ),
  ...withBody(
    'a push where another commit is followed',
    push('refs/heads/main', 'pinned'),
    ignored('refs/heads/main'),
  ),
  ...withBody(
    'a push of the very commit that is followed',
    push('refs/heads/x', 'pinned', { after: 'a'.repeat(40) }),
    accepted(['pinned']),
  ),
  ...withBody(
    'a push without a repository',
    json({ ref: 'refs/heads/main', after: commit }),
    ignored('names no repository'),
  ),
  ...withBody(
    'a push whose fields have other types',
    json({ ref: 7, after: [], repository: 'x' }),
    ignored('does not concern'),
  ),
  ...withBody(
    'a push to a folder of the host by its path',
    push('refs/heads/main', 'config', {
      repository: { clone_url: 'file:///srv/config', html_url: '/srv/config' },
    }),
    ignored('/srv/config'),
  ),
  {
    name: 'a ping',
    to: 'github',
    headers: signed.github('{"zen":"x"}', 'ping'),
    body: '{"zen":"x"}',
    ...ignored('pong'),
  },
  {
    name: 'an event that is no push',
    to: 'github',
    headers: signed.github(body, 'issues'),
    body,
    ...ignored('does not concern'),
  },
  {
    name: 'a request without an event',
    to: 'github',
    headers: { 'x-hub-signature-256': `sha256=${hex(secrets.github, body)}` },
    body,
    ...ignored('does not concern'),
  },
  {
    name: 'a push without a signature',
    to: 'github',
    headers: { 'x-github-event': 'push' },
    body,
    ...refused,
  },
  {
    name: 'a push with the SHA-1 alone',
    to: 'github',
    headers: { 'x-github-event': 'push', 'x-hub-signature': `sha1=${hex(secrets.github, body, 'sha1')}` },
    body,
    ...refused,
  },
  ...badHex('github', 'x-hub-signature-256', secrets.github, 'sha256='),
  {
    name: 'a signature without its prefix',
    to: 'github',
    headers: { 'x-github-event': 'push', 'x-hub-signature-256': hex(secrets.github, body) },
    body,
    ...refused,
  },
  {
    name: "another forge's secret",
    to: 'github',
    headers: { ...signed.github(body), 'x-hub-signature-256': `sha256=${hex(secrets.gitea, body)}` },
    body,
    ...refused,
  },
  {
    name: 'a body that was changed',
    to: 'github',
    headers: signed.github(body),
    body: `${body} `,
    ...refused,
  },
  {
    name: 'a signature of nothing over nothing',
    to: 'github',
    headers: signed.github(''),
    body: '',
    ...refused,
  },
  {
    name: 'bytes that are no text',
    to: 'github',
    headers: signed.github(Buffer.from([0xff, 0xfe])),
    body: Buffer.from([0xff, 0xfe]),
    ...refused,
  },
  ...withBody('a body that is no JSON', 'ref=main', invalid),
  ...withBody('a body that is a JSON list', '[]', invalid),
  ...withBody('a body that is null', 'null', invalid),
  ...withBody('JSON that is deeper than any stack', '['.repeat(300_000), invalid),
  ...withBody(
    'a push that means to change every object',
    '{"__proto__":{"ref":"refs/heads/main"},"constructor":{"prototype":{}}}',
    ignored('does not concern'),
  ),
  {
    name: "Gitea's headers at GitHub's endpoint",
    to: 'github',
    headers: signed.gitea(body),
    body,
    ...refused,
  },

  // GitLab
  {
    name: 'a push with the secret token',
    to: 'gitlab',
    headers: signed.gitlab(labBody),
    body: labBody,
    ...accepted(main),
  },
  {
    name: 'a tag push with the secret token',
    to: 'gitlab',
    ...lab(
      gitlabPush('refs/tags/v1.0.0', {
        object_kind: 'tag_push',
        project: { git_http_url: 'https://git.example.com/acme/ranged.git' },
      }),
    ),
    ...accepted(['ranged']),
  },
  {
    name: 'the removal of the branch',
    to: 'gitlab',
    ...lab(gitlabPush(undefined, { after: gone })),
    ...accepted(main),
  },
  {
    name: 'a merge request',
    to: 'gitlab',
    ...lab(gitlabPush(undefined, { object_kind: 'merge_request' })),
    ...ignored('does not concern'),
  },
  { name: 'another branch', to: 'gitlab', ...lab(gitlabPush('refs/heads/x')), ...ignored('refs/heads/x') },
  { name: 'no token', to: 'gitlab', headers: { 'x-gitlab-event': 'Push Hook' }, body: labBody, ...refused },
  { name: 'an empty token', to: 'gitlab', headers: { 'x-gitlab-token': '' }, body: labBody, ...refused },
  { name: 'a wrong token', to: 'gitlab', headers: { 'x-gitlab-token': 'guess' }, body: labBody, ...refused },
  {
    name: 'the beginning of the token',
    to: 'gitlab',
    headers: { 'x-gitlab-token': secrets.gitlab.slice(0, -1) },
    body: labBody,
    ...refused,
  },
  {
    name: 'the token twice',
    to: 'gitlab',
    headers: { 'x-gitlab-token': `${secrets.gitlab}, ${secrets.gitlab}` },
    body: labBody,
    ...refused,
  },
  { name: 'no JSON, with the token', to: 'gitlab', ...lab('x'), ...invalid },
  {
    name: 'bytes that are no text, with the token',
    to: 'gitlab',
    headers: signed.gitlab(''),
    body: Buffer.from([0x7b, 0xff, 0x7d]),
    ...invalid,
  },
  {
    name: 'a push with the signing token',
    to: 'gitlab',
    headers: signed.gitlabSigned(labBody, now),
    body: labBody,
    ...accepted(main),
  },
  {
    name: 'several signatures, one of them right',
    to: 'gitlab',
    headers: {
      ...signed.gitlabSigned(labBody, now),
      'webhook-signature': `v1,AAAA v2,xyz ${standardSignature(secrets.gitlabSigning, { id: 'd-1', time: now, body: labBody })}`,
    },
    body: labBody,
    ...accepted(main),
  },
  {
    name: 'a signature of four minutes ago',
    to: 'gitlab',
    headers: signed.gitlabSigned(labBody, now - 240),
    body: labBody,
    ...accepted(main),
  },
  {
    name: 'a signature of six minutes ago',
    to: 'gitlab',
    headers: signed.gitlabSigned(labBody, now - 360),
    body: labBody,
    ...refused,
  },
  {
    name: 'a signature of the future',
    to: 'gitlab',
    headers: signed.gitlabSigned(labBody, now + 360),
    body: labBody,
    ...refused,
  },
  {
    name: 'a time that is no number',
    to: 'gitlab',
    headers: signed.gitlabSigned(labBody, 'soon'),
    body: labBody,
    ...refused,
  },
  {
    name: 'an old signature with a new time',
    to: 'gitlab',
    headers: { ...signed.gitlabSigned(labBody, now - 9_000), 'webhook-timestamp': String(now) },
    body: labBody,
    ...refused,
  },
  {
    name: 'a signature under another id',
    to: 'gitlab',
    headers: { ...signed.gitlabSigned(labBody, now), 'webhook-id': 'd-2' },
    body: labBody,
    ...refused,
  },
  {
    name: 'a signature without an id',
    to: 'gitlab',
    headers: without(signed.gitlabSigned(labBody, now), 'webhook-id'),
    body: labBody,
    ...refused,
  },
  {
    name: 'a signature without a time',
    to: 'gitlab',
    headers: without(signed.gitlabSigned(labBody, now), 'webhook-timestamp'),
    body: labBody,
    ...refused,
  },
  {
    name: 'a signature of another version',
    to: 'gitlab',
    headers: {
      ...signed.gitlabSigned(labBody, now),
      'webhook-signature': standardSignature(secrets.gitlabSigning, {
        id: 'd-1',
        time: now,
        body: labBody,
      }).replace('v1', 'v2'),
    },
    body: labBody,
    ...refused,
  },
  {
    name: 'a wrong signature beside the right token',
    to: 'gitlab',
    headers: {
      ...signed.gitlabSigned(labBody, now),
      'webhook-signature': 'v1,AAAA',
      'x-gitlab-token': secrets.gitlab,
    },
    body: labBody,
    ...refused,
  },
  {
    name: 'a body changed after it was signed',
    to: 'gitlab',
    headers: signed.gitlabSigned(labBody, now),
    body: gitlabPush('refs/heads/main', { extra: true }),
    ...refused,
  },
  {
    name: 'a signature with the token as text for its key',
    to: 'gitlab',
    headers: {
      ...signed.gitlabSigned(labBody, now),
      'webhook-signature': `v1,${Buffer.from(hex(secrets.gitlabSigning, `d-1.${now}.${labBody}`), 'hex').toString('base64')}`,
    },
    body: labBody,
    ...refused,
  },

  // Gitea and Forgejo
  { name: 'a signed push', to: 'gitea', headers: signed.gitea(body), body, ...accepted(main) },
  ...badHex('gitea', 'x-gitea-signature', secrets.gitea, ''),
  { name: "GitHub's signature alone", to: 'gitea', headers: signed.github(body), body, ...refused },
  {
    name: 'a branch that was removed',
    to: 'gitea',
    ...tea('delete', json({ ref: 'main', ref_type: 'branch', repository: repository('config') })),
    ...accepted(main),
  },
  {
    name: 'a tag that was made',
    to: 'gitea',
    ...tea('create', json({ ref: 'v1.1.0', ref_type: 'tag', sha: commit, repository: repository('ranged') })),
    ...accepted(['ranged']),
  },
  { name: 'a removal of nothing', to: 'gitea', ...tea('delete', '{}'), ...ignored('does not concern') },
  { name: 'an event that is no push', to: 'gitea', ...tea('release', body), ...ignored('does not concern') },
  { name: 'no JSON, signed', to: 'gitea', ...tea('push', '<xml/>'), ...invalid },
  { name: 'a signed push', to: 'forgejo', headers: signed.forgejo(body), body, ...accepted(main) },
  {
    name: "a push under Gitea's names",
    to: 'forgejo',
    headers: {
      'x-gitea-event': 'push',
      'x-gitea-delivery': 'd-1',
      'x-gitea-signature': hex(secrets.forgejo, body),
    },
    body,
    ...accepted(main),
  },
  {
    name: "a bad signature of its own beside a good one of Gitea's",
    to: 'forgejo',
    headers: {
      ...signed.forgejo(body),
      'x-forgejo-signature': hex('guess', body),
      'x-gitea-signature': hex(secrets.forgejo, body),
    },
    body,
    ...refused,
  },
  { name: 'no signature', to: 'forgejo', headers: { 'x-forgejo-event': 'push' }, body, ...refused },

  // Bitbucket
  {
    name: 'a push at Bitbucket Cloud',
    to: 'bitbucket',
    ...bucket(
      'repo:push',
      cloudPush([{ new: { type: 'branch', name: 'main', target: { hash: commit } }, old: null }]),
    ),
    ...accepted(['cloud']),
  },
  {
    name: 'several branches at once, the followed one among them',
    to: 'bitbucket',
    ...bucket(
      'repo:push',
      cloudPush([
        { new: { type: 'branch', name: 'x', target: {} } },
        { new: { type: 'branch', name: 'main', target: {} } },
      ]),
    ),
    ...accepted(['cloud']),
  },
  {
    name: 'a branch removed at Bitbucket Cloud',
    to: 'bitbucket',
    ...bucket('repo:push', cloudPush([{ new: null, old: { type: 'branch', name: 'main' } }])),
    ...accepted(['cloud']),
  },
  {
    name: 'a tag named like the branch',
    to: 'bitbucket',
    ...bucket('repo:push', cloudPush([{ new: { type: 'tag', name: 'main' } }])),
    ...ignored('refs/tags/main'),
  },
  {
    name: 'a push without changes',
    to: 'bitbucket',
    ...bucket('repo:push', cloudPush('none')),
    ...ignored('does not concern'),
  },
  {
    name: 'a push at Bitbucket Data Center that names its project',
    to: 'bitbucket',
    ...bucket('repo:refs_changed', serverPush([change('refs/heads/main')])),
    ...accepted(['server']),
  },
  {
    name: 'a push at Bitbucket Data Center that tells its addresses',
    to: 'bitbucket',
    ...bucket(
      'repo:refs_changed',
      serverPush([change('refs/heads/main', gone)], {
        clone: [{ name: 'ssh', href: 'ssh://git@bits.example.com:7999/ops/config.git' }],
      }),
    ),
    ...accepted(['server']),
  },
  {
    name: 'a push to a repository of that name on another server',
    to: 'bitbucket',
    ...bucket(
      'repo:refs_changed',
      serverPush([change('refs/heads/main')], {
        clone: [{ href: 'https://evil.example.com/scm/ops/config.git' }],
      }),
    ),
    ...ignored('evil.example.com'),
  },
  { name: 'a ping', to: 'bitbucket', ...bucket('diagnostics:ping', '{"test":true}'), ...ignored('pong') },
  {
    name: 'a pull request',
    to: 'bitbucket',
    ...bucket('pullrequest:created', '{}'),
    ...ignored('does not concern'),
  },
  ...badHex('bitbucket', 'x-hub-signature', secrets.bitbucket, 'sha256='),
  {
    name: 'a SHA-1 under the same header',
    to: 'bitbucket',
    headers: {
      'x-event-key': 'repo:push',
      'x-hub-signature': `sha1=${hex(secrets.bitbucket, body, 'sha1')}`,
    },
    body,
    ...refused,
  },
  {
    name: 'a signature without its prefix',
    to: 'bitbucket',
    headers: { 'x-event-key': 'repo:push', 'x-hub-signature': hex(secrets.bitbucket, body) },
    body,
    ...refused,
  },

  // Generic
  {
    name: 'no body at all',
    to: 'generic',
    headers: signed.generic(''),
    body: '',
    ...accepted(everySource()),
  },
  {
    name: 'an empty object',
    to: 'generic',
    headers: signed.generic('{}'),
    body: '{}',
    ...accepted(everySource()),
  },
  {
    name: 'a branch and nothing else',
    to: 'generic',
    ...any({ ref: 'refs/heads/main' }),
    ...accepted(['cloud', 'folder', 'main', 'server']),
  },
  {
    name: 'a branch by its name',
    to: 'generic',
    ...any({ ref: 'main', repository: 'git.example.com/acme/config' }),
    ...accepted(main),
  },
  { name: 'a folder', to: 'generic', ...any({ repository: '/srv/config/' }), ...accepted(['folder']) },
  {
    name: 'a folder by its URL',
    to: 'generic',
    ...any({ repository: 'file:///srv//config' }),
    ...accepted(['folder']),
  },
  {
    name: 'a folder that is none',
    to: 'generic',
    ...any({ repository: '/srv/config/../../etc' }),
    ...ignored('no source'),
  },
  {
    name: 'another repository',
    to: 'generic',
    ...any({ repository: 'git@example.org:x/y' }),
    ...ignored('example.org/x/y'),
  },
  {
    name: 'a repository that is no address',
    to: 'generic',
    ...any({ repository: '$(reboot)\u001b[2J' }),
    ...ignored('no source'),
  },
  {
    name: 'a signature with a prefix',
    to: 'generic',
    headers: { 'x-our-signature': `sha256=${hex(secrets.generic, '{}')}` },
    body: '{}',
    ...accepted(everySource()),
  },
  { name: 'no JSON', to: 'generic', headers: signed.generic('main'), body: 'main', ...invalid },
  {
    name: 'the usual header instead of the configured one',
    to: 'generic',
    headers: { 'x-signature-256': hex(secrets.generic, '{}') },
    body: '{}',
    ...refused,
  },
  ...badHex('generic', 'x-our-signature', secrets.generic, ''),

  // What is no endpoint
  {
    name: 'a provider that nobody knows',
    to: 'sourcehut',
    headers: signed.github(body),
    body,
    status: 404,
    why: 'UnknownPath',
  },
  {
    name: "a name of every object's",
    to: '__proto__',
    headers: signed.github(body),
    body,
    status: 404,
    why: 'UnknownPath',
  },
  { name: 'GET', to: 'github', method: 'GET', status: 405, why: 'MethodNotAllowed' },
  {
    name: 'PUT, signed',
    to: 'github',
    method: 'PUT',
    headers: signed.github(body),
    body,
    status: 405,
    why: 'MethodNotAllowed',
  },
  { name: 'DELETE', to: 'generic', method: 'DELETE', status: 405, why: 'MethodNotAllowed' },

  // Size
  { name: 'a body of 1 MiB and a byte, signed', to: 'github', ...large(1), status: 413, why: 'BodyTooLarge' },
  { name: 'a body of just 1 MiB, signed', to: 'github', ...large(0), ...ignored('does not concern') },
  {
    name: 'a body of 10 MB without a signature',
    to: 'gitlab',
    body: Buffer.alloc(10_000_000, 97),
    status: 413,
    why: 'BodyTooLarge',
  },
];

function withBody(name: string, text: string, answer: Partial<Case> & { readonly status: number }): Case[] {
  return [{ name, to: 'github', headers: signed.github(text), body: text, ...answer }];
}

function form(payload: string): Pick<Case, 'headers' | 'body'> {
  const text = new URLSearchParams(payload === '' ? { other: 'x' } : { payload }).toString();
  return {
    headers: { ...signed.github(text), 'content-type': 'application/x-www-form-urlencoded' },
    body: text,
  };
}

function lab(text: string): Pick<Case, 'headers' | 'body'> {
  return { headers: signed.gitlab(text), body: text };
}

function tea(event: string, text: string): Pick<Case, 'headers' | 'body'> {
  return { headers: signed.gitea(text, event), body: text };
}

function bucket(event: string, text: string): Pick<Case, 'headers' | 'body'> {
  return { headers: signed.bitbucket(text, event), body: text };
}

function any(value: object): Pick<Case, 'headers' | 'body'> {
  const text = json(value);
  return { headers: signed.generic(text), body: text };
}

/** Ways to be wrong in a header that holds a digest. */
function badHex(to: string, header: string, secret: string, prefix: string): Case[] {
  const right = hex(secret, body);
  const wrong: Readonly<Record<string, string>> = {
    'a guessed signature': `${prefix}${hex('guess', body)}`,
    'a signature of zeros': `${prefix}${'0'.repeat(64)}`,
    'a signature cut short': `${prefix}${right.slice(0, 62)}`,
    'a signature with more behind it': `${prefix}${right}00`,
    'a signature that is no number': `${prefix}${'z'.repeat(64)}`,
    'a signature without digits': prefix === '' ? ' ' : prefix,
    'a signature with an empty secret': `${prefix}${hex('', body)}`,
    'the secret itself': secret.normalize('NFD').replace(/[^ -~]/g, ''),
    'two signatures, one of them right': `${prefix}${hex('guess', body)}, ${prefix}${right}`,
  };
  return Object.entries(wrong).map(([name, value]) => ({
    name,
    to,
    headers: {
      'x-github-event': 'push',
      'x-gitea-event': 'push',
      'x-event-key': 'repo:push',
      [header]: value,
    },
    body,
    ...refused,
  }));
}

function large(more: number): Pick<Case, 'headers' | 'body'> {
  const text = `{"a":"${'x'.repeat(1024 * 1024 - 8 + more)}"}`;
  return { headers: signed.github(text), body: text };
}

function without(headers: Headers, name: string): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}

function everySource(): string[] {
  return ['cloud', 'folder', 'main', 'pinned', 'ranged', 'server', 'tagged'];
}
