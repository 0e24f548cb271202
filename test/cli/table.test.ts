import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseSelector } from '../../src/cli/selector.ts';
import { shortDuration, shortRevision } from '../../src/cli/short-text.ts';
import { formatTable } from '../../src/cli/table.ts';

const plain = { color: false, isTty: false };
const columns = [
  { title: 'NAME', text: ({ name }: Row) => name },
  { title: 'REASON', text: ({ reason }: Row) => reason },
];

interface Row {
  readonly name: string;
  readonly reason: string;
}

test('columns are aligned by what characters fill on a terminal', () => {
  const rows = [
    { name: '数据', reason: 'a' },
    { name: 'é', reason: 'b' },
    { name: 'plain', reason: '' },
  ];
  assert.is(formatTable(plain, columns, rows), 'NAME   REASON\n数据   a\né      b\nplain  -\n');
});

test('a long reason is cut on a terminal alone', () => {
  const rows = [{ name: 'a', reason: 'x'.repeat(300) }];
  assert.ok(formatTable(plain, columns, rows).includes('x'.repeat(300)));
  assert.ok(!formatTable({ ...plain, isTty: true }, columns, rows).includes('x'.repeat(101)));
});

test('foreign text cannot steer the terminal', () => {
  const rows = [{ name: '\u001b[2J', reason: 'a\u202eb\n' }];
  assert.is(formatTable(plain, columns, rows), 'NAME       REASON\n\\u001b[2J  a\\u202eb\\u000a\n');
});

test('colours do not move columns', () => {
  const rows = [{ name: 'Healthy', reason: 'x' }];
  const colored = formatTable({ color: true, isTty: true }, columns, rows);
  assert.is(colored, 'NAME     REASON\n\u001b[32mHealthy\u001b[0m  x\n');
});

const selectors: readonly (readonly [string, boolean])[] = [
  ['team=web', true],
  ['team==web', true],
  ['team!=web', false],
  ['tier!=db', true],
  ['team', true],
  ['!team', false],
  ['!legacy', true],
  ['team=web,canary', false],
  ['__proto__', false],
];
for (const [text, matches] of selectors)
  test(`the selector ${text} ${matches ? 'matches' : 'does not match'} team: web`, () => {
    assert.is(parseSelector(text)({ team: 'web' }), matches);
  });

test('revisions and durations are short', () => {
  assert.is(shortRevision('a'.repeat(40)), 'a'.repeat(12));
  assert.is(shortRevision(`sha256:${'b'.repeat(64)}`), `sha256:${'b'.repeat(12)}`);
  assert.equal([850, 12_000, 184_000, 7_500_000].map(shortDuration), ['850ms', '12s', '3m4s', '2h5m']);
});

test.run();
