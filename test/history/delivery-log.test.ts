import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NewDelivery, Refusal } from '../../src/history/delivery-log.ts';
import { type Bench, createBench } from './fixture.ts';

const test = suite<{ bench: Bench }>('delivery log');

test.before.each((context) => {
  context.bench = createBench();
});

test.after.each(({ bench }) => bench.end());

function aDelivery(delivery: string, over: Partial<NewDelivery> = {}): NewDelivery {
  return {
    provider: 'github',
    delivery,
    event: 'push',
    repository: 'git.example.com/acme/config',
    ref: 'refs/heads/main',
    commit: 'abc',
    address: '192.0.2.1',
    receivedAt: 1_000,
    outcome: 'accepted',
    reason: '',
    ...over,
  };
}

function aRefusal(over: Partial<Refusal> = {}): Refusal {
  return { provider: 'github', address: '192.0.2.1', at: 1_000, reason: 'wrong signature', ...over };
}

test('a delivery comes back as it was written', ({ bench }) => {
  const { deliveries } = bench.open();
  const written = deliveries.add(aDelivery('d-1'));
  assert.equal(written, { id: 1, ...aDelivery('d-1'), count: 1 });
  assert.equal(deliveries.list({ limit: 10 }), [written]);
});

test('the same one of a provider again raises its count, and it stays what it was', ({ bench }) => {
  const { deliveries } = bench.open();
  deliveries.add(aDelivery('d-1'));
  const again = deliveries.add(aDelivery('d-1', { outcome: 'ignored', reason: 'later', receivedAt: 2_000 }));
  assert.equal([again.count, again.outcome, again.receivedAt], [2, 'accepted', 1_000]);
  assert.is(deliveries.add(aDelivery('d-1', { provider: 'gitea' })).count, 1);
});

test('lists are newest first, by cursor, provider and outcome', ({ bench }) => {
  const { deliveries } = bench.open();
  for (const id of ['a', 'b', 'c']) deliveries.add(aDelivery(id));
  deliveries.add(aDelivery('d', { provider: 'gitea', outcome: 'ignored' }));
  const names = (query: Parameters<typeof deliveries.list>[0]) =>
    deliveries.list(query).map(({ delivery }) => delivery);
  assert.equal(names({ limit: 2 }), ['d', 'c']);
  const cursor = deliveries.list({ limit: 2 }).at(-1)?.id;
  assert.equal(names({ limit: 2, before: cursor }), ['b', 'a']);
  assert.equal(names({ limit: 9, provider: 'gitea' }), ['d']);
  assert.equal(names({ limit: 9, outcome: 'accepted' }), ['c', 'b', 'a']);
});

test('a look answers the accepted ones before it, and no others', ({ bench }) => {
  const { deliveries } = bench.open();
  deliveries.add(aDelivery('seen'));
  deliveries.add(aDelivery('ignored', { outcome: 'ignored', reason: 'why' }));
  const last = deliveries.add(aDelivery('seen too'));
  deliveries.add(aDelivery('later'));
  deliveries.resolved(last.id, { look: 7, revision: 'abc' });
  assert.equal(
    deliveries.list({ limit: 9 }).map(({ delivery, reason, look }) => [delivery, reason, look]),
    [
      ['later', '', undefined],
      ['seen too', 'look 7, revision abc', 7],
      ['ignored', 'why', undefined],
      ['seen', 'look 7, revision abc', 7],
    ],
  );
  deliveries.resolved(last.id + 1, { look: 8, error: 'git is unreachable' });
  assert.is(deliveries.list({ limit: 1 })[0]?.reason, 'look 8, git is unreachable');
});

test('the newest thousand are kept, and what was refused does not push them out', ({ bench }) => {
  const { deliveries } = bench.open({ path: ':memory:' });
  for (let n = 0; n < 1_010; n += 1) deliveries.add(aDelivery(`d-${n}`));
  for (let n = 0; n < 300; n += 1) deliveries.refuse(aRefusal({ at: n * 60_000 }));
  const rows = deliveries.list({ limit: 5_000 });
  assert.is(rows.filter(({ outcome }) => outcome === 'accepted').length, 1_000);
  assert.is(rows.filter(({ outcome }) => outcome === 'refused').length, 200);
  assert.not(deliveries.seen('github', 'd-9'));
  assert.ok(deliveries.seen('github', 'd-10'));
});

test('what is older than thirty days goes', ({ bench }) => {
  const history = bench.open();
  const day = 24 * 60 * 60_000;
  history.deliveries.add(aDelivery('old', { receivedAt: 0 }));
  history.deliveries.add(aDelivery('new', { receivedAt: 2 * day }));
  history.compact(31 * day);
  assert.equal(
    history.deliveries.list({ limit: 9 }).map(({ delivery }) => delivery),
    ['new'],
  );
});

test('refusals are counted by provider, address and minute', ({ bench }) => {
  const { deliveries } = bench.open();
  for (let n = 0; n < 50; n += 1) deliveries.refuse(aRefusal({ at: 1_000 + n }));
  deliveries.refuse(aRefusal({ address: '192.0.2.2' }));
  deliveries.refuse(aRefusal({ provider: 'gitea' }));
  deliveries.refuse(aRefusal({ at: 61_000 }));
  assert.equal(
    deliveries
      .list({ limit: 9 })
      .map(({ provider, address, count, outcome }) => [provider, address, count, outcome]),
    [
      ['github', '192.0.2.1', 1, 'refused'],
      ['gitea', '192.0.2.1', 1, 'refused'],
      ['github', '192.0.2.2', 1, 'refused'],
      ['github', '192.0.2.1', 50, 'refused'],
    ],
  );
});

test('a flood is written once in five seconds, and fully when the history is closed', ({ bench }) => {
  const history = bench.open();
  let writes = 0;
  const reader = bench.open();
  const counted = () => reader.deliveries.list({ limit: 9 })[0]?.count;
  for (let n = 0; n < 9_000; n += 1) {
    const before = n % 500 === 0 ? counted() : 0;
    history.deliveries.refuse(aRefusal({ at: n }));
    if (n % 500 === 0 && counted() !== before) writes += 1;
  }
  assert.ok(writes <= 2, String(writes));
  history.close();
  assert.is(counted(), 9_000);
});

test('a flood from ever new addresses is a bounded number of rows', ({ bench }) => {
  const { deliveries } = bench.open();
  for (let n = 0; n < 5_000; n += 1) deliveries.refuse(aRefusal({ at: 1_000, address: `2001:db8::${n}` }));
  const rows = deliveries.list({ limit: 5_000 });
  assert.ok(rows.length <= 21, String(rows.length));
  assert.is(
    rows.reduce((sum, { count }) => sum + count, 0),
    5_000,
  );
  assert.is(rows[0]?.address, 'other addresses');
});

test('a clock that goes back silences nothing', ({ bench }) => {
  const { deliveries } = bench.open();
  deliveries.refuse(aRefusal({ at: 9_000_000 }));
  deliveries.refuse(aRefusal({ at: 1_000 }));
  deliveries.refuse(aRefusal({ at: 1_001 }));
  assert.equal(
    deliveries.list({ limit: 9 }).map(({ count }) => count),
    [2, 1],
  );
});

test('a sender who can sign cannot take the name of a count', ({ bench }) => {
  const { deliveries } = bench.open();
  deliveries.refuse(aRefusal());
  const [row] = deliveries.list({ limit: 1 });
  assert.match(row?.delivery ?? '', / /);
  assert.not(deliveries.seen('github', row?.delivery ?? ''));
});

test('what waited for a look when the controller ended says so', ({ bench }) => {
  const history = bench.open();
  history.deliveries.add(aDelivery('d-1'));
  history.close();
  const [row] = bench.open().deliveries.list({ limit: 1 });
  assert.match(row?.reason ?? '', 'the controller ended before its look');
  assert.is(row?.outcome, 'accepted');
});

test.run();
