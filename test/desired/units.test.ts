import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isCron } from '../../src/desired/cron.ts';
import { didYouMean } from '../../src/desired/did-you-mean.ts';
import { findCycles } from '../../src/desired/find-cycles.ts';
import { parseImage } from '../../src/desired/image-reference.ts';
import { parseAddress, parseHost, parseRange } from '../../src/desired/network-name.ts';
import { splitCommand } from '../../src/desired/split-command.ts';
import {
  parseBytes,
  parseCpus,
  parseDuration,
  parseMode,
  parseStatus,
  parseTime,
} from '../../src/desired/units.ts';

function table<In, Out>(
  title: string,
  read: (input: In) => Out,
  rows: readonly (readonly [In, Out])[],
): void {
  for (const [input, expected] of rows) {
    test(`${title}: ${JSON.stringify(input)}`, () => assert.equal(read(input), expected));
  }
}

table('a duration in milliseconds', parseDuration, [
  ['0s', 0],
  ['10s', 10_000],
  ['2m', 120_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['1d', 86_400_000],
  ['1m500ms', 60_500],
  ['', undefined],
  ['10', undefined],
  ['-1s', undefined],
  ['1.5s', undefined],
  ['1m2h', undefined],
  ['1S', undefined],
]);

table('a size in bytes', parseBytes, [
  [1024, 1024],
  ['1024', 1024],
  ['256Mi', 268_435_456],
  ['512m', 536_870_912],
  ['512mb', 536_870_912],
  ['512MiB', 536_870_912],
  ['2g', 2_147_483_648],
  ['1.5G', 1_610_612_736],
  ['1 GB', 1_073_741_824],
  ['8b', 8],
  ['1i', undefined],
  ['1x', undefined],
  ['m', undefined],
  [-1, undefined],
]);

table('CPUs in thousandths', parseCpus, [
  [0.5, 500],
  ['0.5', 500],
  ['500m', 500],
  ['2', 2000],
  ['1.2345', undefined],
  ['2c', undefined],
]);

table('a file mode', parseMode, [
  ['0644', 0o644],
  ['644', 0o644],
  ['0o600', 0o600],
  ['1777', undefined],
  ['689', undefined],
]);

table('status codes', parseStatus, [
  ['200', [[200, 200]]],
  [
    '404,200-399',
    [
      [200, 399],
      [404, 404],
    ],
  ],
  [
    '200, 204',
    [
      [200, 200],
      [204, 204],
    ],
  ],
  ['099', undefined],
  ['200-', undefined],
  ['', undefined],
]);

table('a time', parseTime, [
  ['2026-01-31T08:00:00Z', Date.UTC(2026, 0, 31, 8)],
  ['2026-01-31t09:00:00.5+01:00', Date.UTC(2026, 0, 31, 8, 0, 0, 500)],
  ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ['2026-02-29T00:00:00Z', undefined],
  ['2026-01-31 08:00:00Z', undefined],
  ['2026-01-31T08:00:00', undefined],
  ['2026-01-31T25:00:00Z', undefined],
]);

table('a command', splitCommand, [
  ['a b  c', ['a', 'b', 'c']],
  ['', []],
  ['a \'b c\' "d e"', ['a', 'b c', 'd e']],
  ['a"b"\'c\'', ['abc']],
  ["''", ['']],
  ['a\\ b', ['a b']],
  ['"a\\"b\\n"', ['a"b\\n']],
  ["'a\\'", ['a\\']],
  ['$HOME `id` ; rm | cat > /x &', ['$HOME', '`id`', ';', 'rm', '|', 'cat', '>', '/x', '&']],
  ['"open', undefined],
  ['end\\', undefined],
]);

table('a cron schedule', isCron, [
  ['* * * * *', true],
  ['*/5 8-17 * * 1-5', true],
  ['0 18 1,15 JAN-mar SUN', true],
  ['0 0 * * 7', true],
  ['30/10 * * * *', true],
  ['60 * * * *', false],
  ['* * 0 * *', false],
  ['* * * 13 *', false],
  ['5-1 * * * *', false],
  ['* * * *', false],
  ['@daily', false],
  ['a * * * *', false],
  ['* * * jann *', false],
  [', * * * *', false],
]);

table('a host', parseHost, [
  ['Example.COM', 'example.com'],
  ['localhost', 'localhost'],
  ['*.example.com', '*.example.com'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['例え。テスト', 'xn--r8jz45g.xn--zckzah'],
  ['*', undefined],
  ['*.*.example.com', undefined],
  ['example.com.', undefined],
  ['-a.example.com', undefined],
  ['127.0.0.1', undefined],
  ['0x7f.1', undefined],
  ['[::1]', undefined],
  ['a%2eb', undefined],
  ['a b', undefined],
  ['', undefined],
]);

table('an address', parseAddress, [
  ['10.0.0.1', '10.0.0.1'],
  ['::1', '::1'],
  ['2001:DB8:0::1', '2001:db8::1'],
  ['10.0.0.01', undefined],
  ['10.0.0', undefined],
  ['1', undefined],
  ['::g', undefined],
]);

table('a range', parseRange, [
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.0.0.1', '10.0.0.1/32'],
  ['::1', '::1/128'],
  ['::/129', undefined],
  ['10.0.0.0/', undefined],
]);

table('an image', parseImage, [
  ['nginx', { registry: 'docker.io', repository: 'library/nginx' }],
  ['acme/shop:1', { registry: 'docker.io', repository: 'acme/shop', tag: '1' }],
  ['index.docker.io/acme/shop', { registry: 'docker.io', repository: 'acme/shop' }],
  ['localhost/shop', { registry: 'localhost', repository: 'shop' }],
  ['127.0.0.1:5000/a/b:c', { registry: '127.0.0.1:5000', repository: 'a/b', tag: 'c' }],
  ['shop:5000', { registry: 'docker.io', repository: 'library/shop', tag: '5000' }],
  [
    'ghcr.io/a/b:1@sha256:'.concat('a'.repeat(64)),
    { registry: 'ghcr.io', repository: 'a/b', tag: '1', digest: 'sha256:'.concat('a'.repeat(64)) },
  ],
  ['a'.repeat(64), undefined],
  ['', undefined],
  [':1', undefined],
  ['a//b', undefined],
  ['a/', undefined],
  ['a b', undefined],
  ['A', undefined],
  ['a:', undefined],
  ['../a', undefined],
]);

table(
  'did you mean',
  (word: string) => didYouMean(word, ['healthCheck', 'port', 'ports', 'env', 'dependsOn']),
  [
    ['heathCheck', 'healthCheck'],
    ['healthcheck', 'healthCheck'],
    ['depends_on', 'dependsOn'],
    ['prot', 'port'],
    ['envs', 'env'],
    ['e', undefined],
    ['volumes', undefined],
    ['x'.repeat(10_000), undefined],
  ],
);

table(
  'cycles',
  (edges: Record<string, string[]>) => Object.fromEntries(findCycles(new Map(Object.entries(edges)))),
  [
    [{ a: ['b'], b: [] }, {}],
    [{ a: ['a'] }, { a: ['a', 'a'] }],
    [
      { b: ['a'], a: ['b'], c: ['a'] },
      { a: ['a', 'b', 'a'], b: ['a', 'b', 'a'] },
    ],
    [
      { a: ['b', 'c'], b: ['a'], c: ['a'] },
      { a: ['a', 'b', 'a'], b: ['a', 'b', 'a'], c: ['a', 'c', 'a'] },
    ],
    [{ a: ['gone'] }, {}],
  ],
);

test.run();
