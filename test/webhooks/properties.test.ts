import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { providers } from '../../src/webhooks/forge.ts';
import { isSameRepository, parseRepositoryAddress } from '../../src/webhooks/repository-address.ts';
import { runs } from '../property-runs.ts';
import { createRoom } from './a-room.ts';
import { secrets, signed } from './signing.ts';

const test = suite('webhooks: whatever comes');

/** Rightly signed for every forge at once, except in what the forges share a name for. */
function sign(provider: (typeof providers)[number], body: Buffer, id: string): Record<string, string> {
  const events: Readonly<Record<string, readonly string[]>> = {
    github: ['push'],
    gitlab: ['Push Hook'],
    gitea: ['push', 'create', 'delete'],
    forgejo: ['push', 'create', 'delete'],
    bitbucket: ['repo:push', 'repo:refs_changed'],
  };
  const event = events[provider]?.[body.length % (events[provider]?.length ?? 1)] ?? '';
  return provider === 'generic' ? { ...signed.generic(body, id) } : { ...signed[provider](body, event, id) };
}

/** A JSON value in which the names that are looked at are likely, with values of any type. */
const names = fc.constantFrom(
  ...[
    'ref',
    'ref_type',
    'after',
    'deleted',
    'commit',
    'sha',
    'id',
    'repository',
    'project',
    'object_kind',
    'push',
  ],
  ...[
    'changes',
    'new',
    'old',
    'type',
    'name',
    'target',
    'hash',
    'links',
    'clone',
    'html',
    'href',
    'refId',
    'toHash',
  ],
  ...[
    'clone_url',
    'ssh_url',
    'html_url',
    'git_http_url',
    'slug',
    'key',
    'full_name',
    '__proto__',
    'constructor',
  ],
);
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    'push',
    'tag_push',
    'branch',
    'tag',
    'refs/heads/main',
    'https://git.example.com/acme/config.git',
  ),
  fc.constantFrom(
    'file:///srv/config',
    '../../etc/passwd',
    '--upload-pack=x',
    '$(id)',
    'https://[::',
    'ssh://',
    '@:',
  ),
);
const { payload } = fc.letrec((tie) => ({
  payload: fc.oneof(
    { depthSize: 'medium' },
    texts,
    fc.constantFrom(null, true, 0, -1, 1e308),
    fc.array(tie('payload'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(names, tie('payload')), { maxLength: 8, selector: ([name]) => name })
      .map((entries) => Object.fromEntries(entries)),
  ),
}));

const provider = fc.constantFrom(...providers);

test('any bytes as a body, rightly signed, are answered, and never by an error of ours', async () => {
  const room = createRoom();
  await fc.assert(
    fc.asyncProperty(provider, fc.uint8Array({ maxLength: 200 }), fc.uuid(), async (to, bytes, id) => {
      const body = Buffer.from(bytes);
      const init = { method: 'POST', headers: sign(to, body, id), body };
      const { status } = await room.hooks.request(`/webhooks/${to}`, init);
      // GitHub's own library verifies text, and GitHub sends nothing else.
      assert.ok([202, 400, ...(to === 'github' ? [401] : [])].includes(status), `${to} ${status}`);
    }),
    { numRuns: runs(500) },
  );
  room.history.close();
});

test('any JSON, rightly signed, is answered, and what is stored is short and printable', async () => {
  const room = createRoom();
  await fc.assert(
    fc.asyncProperty(provider, payload, fc.uuid(), async (to, value, id) => {
      const body = Buffer.from(JSON.stringify(value));
      const init = { method: 'POST', headers: sign(to, body, id), body };
      const response = await room.hooks.request(`/webhooks/${to}`, init);
      assert.ok([202, 400].includes(response.status), `${to} ${response.status}`);
      const [row] = room.history.deliveries.list({ limit: 1 });
      for (const text of [row?.delivery, row?.event, row?.repository, row?.ref, row?.commit, row?.reason]) {
        assert.ok((text ?? '').length < 1_000);
        assert.not.match(text ?? '', /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]|\p{Surrogate}/u);
      }
    }),
    { numRuns: runs(2_000) },
  );
  room.history.close();
});

test('without the secret nothing is accepted, whatever the headers say', async () => {
  const room = createRoom();
  const name = fc.constantFrom(
    ...['x-hub-signature-256', 'x-hub-signature', 'x-gitlab-token', 'webhook-signature', 'webhook-id'],
    ...['webhook-timestamp', 'x-gitea-signature', 'x-forgejo-signature', 'x-our-signature', 'content-type'],
    ...[
      'x-github-event',
      'x-gitlab-event',
      'x-gitea-event',
      'x-event-key',
      'content-encoding',
      'x-http-method-override',
    ],
  );
  const ascii = fc
    .string({ unit: 'binary-ascii', maxLength: 80 })
    .map((text) => text.replace(/[^\x20-\x7e]/g, ''));
  const value = fc.oneof(
    ascii,
    fc.constantFrom(
      `sha256=${'0'.repeat(64)}`,
      '0'.repeat(64),
      'v1,',
      'v1,AAAA',
      '1700000000',
      'push',
      'repo:push',
    ),
    fc.constantFrom(secrets.github, secrets.gitea, 'whsec_', 'true', '[object Object]', 'undefined', 'null'),
  );
  await fc.assert(
    fc.asyncProperty(
      provider,
      fc.array(fc.tuple(name, value), { maxLength: 8 }),
      payload,
      async (to, headers, json) => {
        const init = { method: 'POST', headers: Object.fromEntries(headers), body: JSON.stringify(json) };
        const { status } = await room.hooks.request(`/webhooks/${to}`, init);
        assert.is(status, 401);
      },
    ),
    { numRuns: runs(2_000) },
  );
  assert.equal(room.asked, []);
  room.history.close();
});

test('one byte of a signed body that is another makes it nobody’s', async () => {
  const room = createRoom();
  const body = Buffer.from(
    JSON.stringify({
      ref: 'refs/heads/main',
      repository: { clone_url: 'https://git.example.com/acme/config' },
    }),
  );
  // A token of GitLab's signs no body; its signature does.
  const hmacs = providers.filter((one) => one !== 'gitlab');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...hmacs),
      fc.nat(body.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (to, at, by) => {
        const changed = Buffer.from(body);
        changed[at] = (changed[at] ?? 0) ^ by;
        const init = { method: 'POST', headers: sign(to, body, 'd'), body: changed };
        assert.is((await room.hooks.request(`/webhooks/${to}`, init)).status, 401);
      },
    ),
    { numRuns: runs(1_000) },
  );
  room.history.close();
});

test('the forms of one address are one repository, and two repositories are two', () => {
  const part = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const host = fc.tuple(part, part).map(([a, b]) => `${a}.${b}`);
  const forms = (at: string, path: string): string[] => [
    `https://${at}/${path}`,
    `https://${at}/${path}.git`,
    `http://user:secret@${at.toUpperCase()}:3000/${path}.git/`,
    `ssh://git@${at}:2222/${path}.git`,
    `git@${at}:${path}.git`,
    `${at}:${path}`,
    `git@${at}:/${path}`,
    `git://${at}/${path}`,
    `${at}/${path}`,
  ];
  fc.assert(
    fc.property(host, fc.array(part, { minLength: 1, maxLength: 3 }), part, (at, parts, other) => {
      const path = parts.join('/');
      const parsed = forms(at, path).map(parseRepositoryAddress);
      const [first] = parsed;
      assert.equal(first, { host: at, path });
      for (const one of parsed)
        assert.ok(first && one && isSameRepository(first, one), JSON.stringify(parsed));
      for (const changed of [
        `https://${at}.${other}/${path}`,
        `https://${at}/${path}/${other}`,
        `https://${at}/${path}${other}`,
      ]) {
        const one = parseRepositoryAddress(changed);
        assert.ok(first && one && !isSameRepository(first, one), changed);
      }
    }),
  );
});

test('no text makes the reading of an address throw', () => {
  fc.assert(
    fc.property(fc.oneof(texts, fc.string({ unit: 'binary' })), (text) => {
      const parsed = parseRepositoryAddress(text);
      if (parsed) assert.ok(parsed.host !== '' && parsed.path !== '');
    }),
    { numRuns: runs(2_000) },
  );
});

test.run();
