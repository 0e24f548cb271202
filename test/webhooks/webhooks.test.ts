import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import type { DeliveryLog } from '../../src/history/delivery-log.ts';
import { createRoom, type Room } from './a-room.ts';
import { type Case, cases } from './cases.ts';
import { type Headers, hex, secrets, signed } from './signing.ts';

interface Answer {
  readonly status: number;
  readonly body: {
    readonly id?: string;
    readonly status?: unknown;
    readonly reason?: string;
    readonly code?: string;
  };
}

const repository = { clone_url: 'https://git.example.com/acme/config.git' };
const push = JSON.stringify({ ref: 'refs/heads/main', after: 'c'.repeat(40), repository });

async function send(
  { hooks }: Room,
  { to, method = 'POST', headers = {}, body }: Pick<Case, 'to' | 'method' | 'headers' | 'body'>,
): Promise<Answer> {
  const init = { method, headers: { ...headers }, ...(body === undefined ? {} : { body }) };
  const response = await hooks.request(`/webhooks/${to}`, init);
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text === '' ? '{}' : text) };
}

function sendPush(room: Room, id: string, body = push): Promise<Answer> {
  return send(room, { to: 'github', headers: signed.github(body, 'push', id), body });
}

for (const { name, to, status, says, why, looks = [], ...request } of cases) {
  test(`${to}: ${name}`, async () => {
    const room = createRoom();
    const answer = await send(room, { to, ...request });
    assert.is(answer.status, status, JSON.stringify(answer.body));
    if (says !== undefined) assert.is(answer.body.status, says);
    if (why !== undefined) assert.match(`${answer.body.reason ?? ''}${answer.body.code ?? ''}`, why);
    assert.equal(room.asked, says === 'accepted' ? [looks] : []);
    // What was refused left nothing but a count behind.
    const [row, ...rest] = room.history.deliveries.list({ limit: 10 });
    assert.is(rest.length, 0);
    const outcomes: Readonly<Record<number, string | undefined>> = {
      202: says,
      400: 'invalid',
      401: 'refused',
      413: 'refused',
    };
    assert.is(row?.outcome, outcomes[status]);
  });
}

test('there are at least sixty cases, and each says what it is', () => {
  assert.ok(cases.length >= 60, String(cases.length));
  assert.is(new Set(cases.map(({ to, name }) => `${to}: ${name}`)).size, cases.length);
});

test('an endpoint without a secret, or with an empty one, is not there', async () => {
  const room = createRoom({ webhooks: { github: { secrets: [''] }, gitea: { secrets: [] } } });
  for (const to of ['github', 'gitea', 'gitlab']) {
    const answer = await send(room, {
      to,
      headers: { ...signed.github(push), 'x-hub-signature-256': `sha256=${hex('', push)}` },
      body: push,
    });
    assert.is(answer.status, 404);
    assert.is((await send(room, { to, method: 'GET' })).status, 404, 'nor does another method tell');
  }
  assert.equal(room.history.deliveries.list({ limit: 10 }), []);
});

test('a signing token without a key in it is no key', async () => {
  const body = '{}';
  const room = createRoom({ webhooks: { gitlab: { secrets: ['whsec_', 'whsec_AAAA'] } } });
  const headers = {
    'webhook-id': 'd',
    'webhook-timestamp': '1700000000',
    'webhook-signature': `v1,${Buffer.from(hex('', `d.1700000000.${body}`), 'hex').toString('base64')}`,
  };
  assert.is((await send(room, { to: 'gitlab', headers, body })).status, 401);
});

test('the answer to all that is not signed is one and the same', async () => {
  const room = createRoom();
  const told = await Promise.all(
    [
      {},
      { 'x-hub-signature-256': 'sha256=00' },
      { 'x-hub-signature-256': `sha256=${hex('guess', push)}` },
    ].map(async (headers: Headers) => {
      const { body } = await send(room, { to: 'github', headers, body: push });
      return JSON.stringify({ ...body, requestId: '' });
    }),
  );
  assert.is(new Set(told).size, 1);
});

test('a repeated delivery is a duplicate, counts up and asks for nothing', async () => {
  const room = createRoom();
  assert.equal((await sendPush(room, 'd-1')).body, { id: 'd-1', status: 'accepted' });
  assert.equal((await sendPush(room, 'd-1')).body, { id: 'd-1', status: 'duplicate' });
  assert.equal((await sendPush(room, 'd-1')).body, { id: 'd-1', status: 'duplicate' });
  await room.finishLook();
  const [row] = room.history.deliveries.list({ limit: 10 });
  assert.is(row?.count, 3);
  assert.is(row?.outcome, 'accepted');
  assert.is(room.asked.length, 1);
  assert.ok(room.history.deliveries.seen('github', 'd-1'));
  assert.not(room.history.deliveries.seen('gitea', 'd-1'));
});

test('a delivery is known again by another controller', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-webhooks-'));
  const path = join(folder, 'state', 'history.db');
  try {
    const before = createRoom({}, path);
    assert.is((await sendPush(before, 'd-1')).body.status, 'accepted');
    before.history.close();
    const after = createRoom({}, path);
    try {
      assert.is((await sendPush(after, 'd-1')).body.status, 'duplicate');
      const [row] = after.history.deliveries.list({ limit: 10 });
      assert.match(row?.reason ?? '', 'the next start looked');
    } finally {
      after.history.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('GitLab tells a delivery by the signed id, its idempotency key, or the event', async () => {
  const room = createRoom();
  const body = JSON.stringify({
    object_kind: 'push',
    ref: 'refs/heads/main',
    project: { git_http_url: repository.clone_url },
  });
  const ids = async (headers: Headers) => (await send(room, { to: 'gitlab', headers, body })).body.id;
  const token = { 'x-gitlab-token': secrets.gitlab };
  assert.is(await ids({ ...token, 'x-gitlab-event-uuid': 'uuid', 'idempotency-key': 'key' }), 'key');
  assert.is(await ids({ ...token, 'x-gitlab-event-uuid': 'uuid' }), 'uuid');
  assert.is(
    await ids({ ...signed.gitlabSigned(body, 1_700_000_000, 'signed'), 'idempotency-key': 'key' }),
    'signed',
  );
});

test('a delivery without an id is told by its body', async () => {
  const room = createRoom();
  const body = '{"ref":"main"}';
  const headers = { 'x-our-signature': hex(secrets.generic, body) };
  const first = await send(room, { to: 'generic', headers, body });
  assert.match(first.body.id ?? '', /^sha256:[0-9a-f]{32}$/);
  assert.is((await send(room, { to: 'generic', headers, body })).body.status, 'duplicate');
  const other = '{"ref":"main","id":"mine"}';
  const second = await send(room, {
    to: 'generic',
    headers: { 'x-our-signature': hex(secrets.generic, other) },
    body: other,
  });
  assert.equal(second.body, { id: 'mine', status: 'accepted' });
});

test('two long ids that begin alike are two deliveries', async () => {
  const room = createRoom();
  assert.is((await sendPush(room, `${'x'.repeat(300)}1`)).body.status, 'accepted');
  const { body } = await sendPush(room, `${'x'.repeat(300)}2`);
  assert.is(body.status, 'accepted');
  assert.ok((body.id ?? '').length < 100);
});

test('what could not be read does not take the name of the delivery that can', async () => {
  const room = createRoom();
  assert.is((await sendPush(room, 'd-1', 'payload?')).status, 400);
  assert.is((await sendPush(room, 'd-1')).body.status, 'accepted');
});

test('a storm of deliveries is one look, and one more', async () => {
  const room = createRoom();
  for (let n = 0; n < 200; n += 1) assert.is((await sendPush(room, `d-${n}`)).status, 202);
  assert.is(room.asked.length, 1);
  await room.finishLook({ revision: 'abc' });
  assert.is(room.asked.length, 2);
  await room.finishLook({ revision: 'def' });
  assert.is(room.asked.length, 2);
  const rows = room.history.deliveries.list({ limit: 500 });
  assert.equal(
    rows.filter(({ look }) => look === 1).map(({ delivery }) => delivery),
    ['d-0'],
  );
  assert.is(rows.filter(({ look, revision }) => look === 2 && revision === 'def').length, 199);
});

test('a delivery says which look saw it, and what that found', async () => {
  const room = createRoom();
  await sendPush(room, 'd-1');
  assert.is(room.history.deliveries.list({ limit: 1 })[0]?.look, undefined);
  await room.finishLook({ revision: 'abc' });
  const [row] = room.history.deliveries.list({ limit: 1 });
  assert.is(row?.reason, 'look 1, revision abc');
  assert.equal([row?.look, row?.revision], [1, 'abc']);
  await sendPush(room, 'd-2');
  await room.finishLook({ error: 'fetch https://git.example.com: \u001bunreachable' });
  assert.is(
    room.history.deliveries.list({ limit: 1 })[0]?.reason,
    'look 2, fetch https://git.example.com: \\u001bunreachable',
  );
});

test('the look that comes next asks for all sources of the deliveries before it', async () => {
  const room = createRoom();
  await sendPush(room, 'd-1');
  await sendPush(
    room,
    'd-2',
    JSON.stringify({ ref: 'refs/tags/v1', repository: { ssh_url: 'git@git.example.com:acme/ranged' } }),
  );
  await sendPush(room, 'd-3');
  await room.finishLook();
  assert.equal(room.asked, [['main'], ['main', 'ranged']]);
});

test('a look that fails is told, and the next delivery asks again', async () => {
  let count = 0;
  const room = createRoom({
    trigger: async () => {
      count += 1;
      throw new Error('a bug');
    },
  });
  for (const id of ['d-1', 'd-2']) {
    assert.is((await sendPush(room, id)).status, 202);
    await room.finishLook();
  }
  assert.is(count, 2);
  assert.match(room.history.deliveries.list({ limit: 1 })[0]?.reason ?? '', 'failed');
});

test('a history that cannot be written keeps no commit waiting', async () => {
  const full = (): never => {
    throw new EdgeError('transient', 'HistoryUnwritable', 'write history: disk full');
  };
  const deliveries = {
    add: full,
    refuse: full,
    resolved: full,
    seen: () => false,
    list: () => [],
  } as unknown as DeliveryLog;
  const room = createRoom({ deliveries });
  assert.is((await sendPush(room, 'd-1')).body.status, 'accepted');
  assert.equal(room.asked, [['main']]);
  await room.finishLook();
  assert.is((await send(room, { to: 'github', body: push })).status, 401);
  assert.is(room.warnings.length, 3);
});

test('what is stored is short, printable and without secrets', async () => {
  const room = createRoom({ redact: (text) => text.replaceAll('hunter2', '***') });
  const body = JSON.stringify({
    ref: `refs/heads/\u001b[31m\u202e${'x'.repeat(5_000)}`,
    after: 'hunter2\r\n',
    repository: { clone_url: 'https://user:hunter2@git.example.com/acme/config.git?token=hunter2' },
  });
  const { body: told } = await send(room, {
    to: 'github',
    headers: signed.github(body, 'push', 'id hunter2'),
    body,
  });
  const [row] = room.history.deliveries.list({ limit: 1 });
  const stored = JSON.stringify(row) + JSON.stringify(told) + JSON.stringify(room.audited);
  assert.not.match(stored, 'hunter2');
  assert.not.match(stored, 'xxxxx'.repeat(100));
  assert.not.match(`${row?.ref}${row?.commit}${told.reason}`, /[\u0000-\u001f\u202e]/);
  assert.is(row?.repository, 'git.example.com/acme/config');
  assert.ok(stored.length < 2_000, stored);
});

test('every request that may do something is audited, with where it came from', async () => {
  const room = createRoom({ address: () => '192.0.2.7' });
  await sendPush(room, 'd-1');
  await sendPush(room, 'd-1');
  await send(room, { to: 'github', body: push });
  assert.equal(
    room.audited.map(({ provider, address, delivery, outcome }) => [provider, address, delivery, outcome]),
    [
      ['github', '192.0.2.7', 'd-1', 'accepted'],
      ['github', '192.0.2.7', 'd-1', 'duplicate'],
      ['github', '192.0.2.7', '', 'refused'],
    ],
  );
});

test('outcomes are counted by provider', async () => {
  const counted: string[] = [];
  const room = createRoom({ counted: (provider, outcome) => void counted.push(`${provider} ${outcome}`) });
  await sendPush(room, 'd-1');
  await sendPush(room, 'd-1');
  await sendPush(room, 'd-2', '{}');
  await sendPush(room, 'd-3', 'x');
  await send(room, { to: 'gitlab', body: push });
  assert.equal(counted, [
    'github accepted',
    'github duplicate',
    'github ignored',
    'github invalid',
    'gitlab refused',
  ]);
});

test.run();
