import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AuditEntry } from '../../src/history/audit-log.ts';
import { openHistory } from '../../src/history/history.ts';

const hour = 60 * 60_000;
const start = 1_700_000_000_000;

function aHistory() {
  return openHistory({ path: ':memory:', now: () => start });
}

const token = {
  name: 'ci',
  hash: 'a'.repeat(64),
  scopes: ['read', 'logs'],
  createdBy: 'ann',
  createdAt: start,
};

test('a token is kept as it was made; its name is free again when it is revoked', () => {
  const { tokens } = aHistory();
  assert.ok(tokens.create({ ...token, project: 'web', selector: 'team=web', expiresAt: start + hour }));
  assert.not(tokens.create({ ...token, hash: 'b'.repeat(64) }));
  assert.equal(tokens.list(), [{ ...token, project: 'web', selector: 'team=web', expiresAt: start + hour }]);
  tokens.used('ci', start + 5);
  assert.is(tokens.list()[0]?.lastUsedAt, start + 5);
  assert.ok(tokens.revoke('ci', start + 9));
  assert.not(tokens.revoke('ci', start + 10));
  assert.is(tokens.list()[0]?.revokedAt, start + 9);
  assert.ok(tokens.create({ ...token, hash: 'b'.repeat(64) }));
  assert.equal(
    tokens.list().map(({ hash }) => hash),
    ['b'.repeat(64)],
  );
});

test('two tokens never bear one hash', () => {
  const { tokens } = aHistory();
  tokens.create(token);
  assert.throws(() => tokens.create({ ...token, name: 'other' }));
  assert.is(tokens.list().length, 1);
});

const entry: AuditEntry = {
  at: start,
  actor: 'ci',
  via: 'tcp',
  address: '198.51.100.1',
  verb: 'suspend',
  object: 'shop',
  outcome: 'refused',
  detail: '403 InsufficientScope',
  request: 'r1',
};

test('the same refusal within the hour raises a count, another one is another line', () => {
  const { audit } = aHistory();
  audit.addCounted([
    [entry, 3],
    [{ ...entry, address: '198.51.100.2' }, 1],
  ]);
  audit.addCounted([[{ ...entry, at: start + hour - 1, request: 'r2' }, 4]]);
  audit.addCounted([[{ ...entry, at: start + 3 * hour, request: 'r3' }, 5]]);
  assert.equal(
    audit.list({ limit: 10 }).map(({ address, count, request, at }) => [address, count, request, at - start]),
    [
      ['198.51.100.1', 5, 'r3', 3 * hour],
      ['198.51.100.2', 1, 'r1', 0],
      ['198.51.100.1', 7, 'r1', hour - 1],
    ],
  );
});

test('the audit log is read newest first, by page and by actor, and old lines go', () => {
  const history = aHistory();
  const { audit } = history;
  for (let at = 0; at < 5; at += 1)
    audit.add({ ...entry, at: start + at, outcome: 'done', actor: at % 2 === 0 ? 'ci' : 'ann' });
  const page = audit.list({ limit: 2 });
  assert.equal(
    [...page, ...audit.list({ limit: 9, before: page.at(-1)?.id })].map(({ at }) => at - start),
    [4, 3, 2, 1, 0],
  );
  assert.is(audit.list({ limit: 9, actor: 'ann' }).length, 2);
  history.compact(start + 91 * 24 * hour);
  assert.equal(audit.list({ limit: 9 }), []);
});

test('events are chosen by app and paged in both ways', () => {
  const history = aHistory();
  for (const app of ['a', 'b', '', 'a', 'c'])
    history.event({ at: start, app, type: 'T', reason: `R${app}`, message: String(Math.random()) });
  const ids = (query: Parameters<typeof history.events>[0]) => history.events(query).map(({ id }) => id);
  assert.equal(ids({ limit: 9, apps: ['a', 'c'] }), [1, 4, 5]);
  assert.equal(ids({ limit: 9, apps: [] }), []);
  assert.equal(ids({ limit: 2, before: 4 }), [2, 3]);
  assert.equal(ids({ limit: 2, after: 1 }), [2, 3]);
  assert.equal(ids({ limit: 1, after: 1, apps: ['a'] }), [4]);
});

test.run();
