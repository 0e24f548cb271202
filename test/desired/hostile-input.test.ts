import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadFiles, problemLines, usualHead } from './corpus.ts';

const bytes = (...parts: (string | number[])[]) =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part)),
  );
const utf16 = (text: string, bom: readonly number[]) =>
  Uint8Array.from([...bom, ...[...text].flatMap((char) => [char.charCodeAt(0), 0])]);

const encodings: readonly (readonly [string, string | Uint8Array, readonly string[]])[] = [
  ['a byte order mark is accepted', `\ufeff${usualHead}`, []],
  ['CRLF is accepted', usualHead.replaceAll('\n', '\r\n'), []],
  ['UTF-16 with a mark', utf16(usualHead, [0xff, 0xfe]), ['1:1 E1003 the file is UTF-16, not UTF-8']],
  ['UTF-16 without a mark', utf16(usualHead, []), ['1:1 E1003 the file is UTF-16, not UTF-8']],
  ['Latin-1', bytes('a: b\nname: B', [0xfc], 'cher\n'), ['2:8 E1002 the file is not valid UTF-8']],
  ['an overlong encoding', bytes('a: ', [0xc0, 0xaf]), ['1:4 E1002 the file is not valid UTF-8']],
  ['a surrogate in UTF-8', bytes('a: ', [0xed, 0xa0, 0x80]), ['1:4 E1002 the file is not valid UTF-8']],
  ['half a character at the end', bytes('ü: ', [0xe2, 0x82]), ['1:4 E1002 the file is not valid UTF-8']],
  ['a NUL', 'a: b\nc: \0\n', ['2:4 E1004 control character U+0000 in the file']],
  ['an escape sequence', 'a: \u001b[2J\n', ['1:4 E1004 control character U+001B in the file']],
  ['a carriage return alone', 'a: b\rc: d\n', ['1:5 E1004 control character U+000D in the file']],
  [
    'more than 256 KiB',
    `# ${'x'.repeat(262_143)}`,
    ['1:1 E1001 the file has 262145 bytes, more than the 262144 that a manifest may have'],
  ],
];

for (const [title, content, expected] of encodings) {
  test(`bytes: ${title}`, () => assert.equal(problemLines(loadFiles({ 'app.yaml': content })), expected));
}

test('exactly 256 KiB are accepted', () => {
  const padding = `#${'x'.repeat(256 * 1024 - usualHead.length - 1)}`;
  assert.equal(problemLines(loadFiles({ 'app.yaml': usualHead + padding })), []);
});

const anchors = Array.from({ length: 9 }, (_, n) => `  a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`).join('');
const many = (text: string) => text.repeat(Math.floor(250_000 / text.length));

const bombs: readonly (readonly [string, string, string])[] = [
  ['flow lists in flow lists', many('['), '1:33 E1102'],
  ['flow mappings in flow mappings', many('{a: '), '1:129 E1102'],
  ['block lists on one line', many('- '), '1:65 E1102'],
  ['explicit keys', many('? '), '1:65 E1102'],
  ['values of values', many(': '), 'E1102'],
  [
    'nested by indentation',
    Array.from({ length: 400 }, (_, n) => `${' '.repeat(n)}a:\n`).join(''),
    '33:34 E1102',
  ],
  ['2,001 keys', Array.from({ length: 2001 }, (_, n) => `k${n}:\n`).join(''), '2001:6 E1103'],
  [
    '40,000 keys',
    Array.from({ length: 40_000 }, (_, n) => `${n}:\n`)
      .join('')
      .slice(0, 250_000),
    'E1103',
  ],
  ['keys of a flow mapping without values', `{${many('a,')}`, 'E1103'],
  ['list items', many('-\n'), 'E1103'],
  ['closing brackets', many(']'), 'E1103'],
  ['21 aliases', `a: &a x\nb: [${'*a, '.repeat(21)}]\n`, '2:85 E1104'],
  ['a billion laughs', `x:\n  a0: &a0 [${'a, '.repeat(300)}]\n${anchors}`, '1:1 E1103'],
  ['documents', many('---\na: b\n'), 'E1103'],
  ['an open quote', `"${many('a\n')}`, 'E1101'],
  ['open quotes', many('- "\n'), 'E1'],
  ['tags', many('!a '), 'E1103'],
  ['directives', many('%a\n'), 'E1103'],
];

for (const [title, text, expected] of bombs) {
  test(`a bomb of ${title} is one error, soon`, () => {
    const started = performance.now();
    const [first = ''] = problemLines(loadFiles({ 'app.yaml': text }));
    assert.ok(first.includes(expected), `${first} is not ${expected}`);
    // Far above what it takes; unbounded work takes minutes.
    assert.ok(performance.now() - started < 20_000);
  });
}

test('32 levels, 2,000 keys and 20 aliases are within the limits', () => {
  const deep = `${usualHead}  x-a: ${'['.repeat(30)}${']'.repeat(30)}\n`;
  const wide = `${usualHead}  x-a:\n${Array.from({ length: 1993 }, (_, n) => `    k${n}: v\n`).join('')}`;
  const aliased = `${usualHead}  x-a: &a 1\n  x-b: [${Array(20).fill('*a').join(', ')}]\n`;
  for (const text of [deep, wide, aliased]) assert.equal(problemLines(loadFiles({ 'app.yaml': text })), []);
});

const tokens = [
  ...'{}[]:,-?&*!|>\'"%@`#\n\t \\'.split(''),
  ...['apiVersion: plimsoll/v1\n', 'kind: App\n', 'metadata:\n', '  name: shop\n', 'spec:\n', '  image: a\n'],
  ...[
    '---\n',
    '...\n',
    '<<: ',
    '&a ',
    '*a',
    '!!str ',
    '\ufeff',
    '\r\n',
    '\u2028',
    '日本',
    '👍',
    '- ',
    '  ',
    'x-y: 1\n',
    '"\\ud800"',
  ],
  ...['  domains: [a.example.com]\n', '  port: 80\n', '  env: {A: 1}\n', '__proto__: ', '~', '.nan', '0x1F'],
];
const yamlText = fc.array(
  fc.oneof(fc.constantFrom(...tokens), fc.string({ unit: 'grapheme', maxLength: 4 })),
  { maxLength: 60 },
);

test('reading any text throws nothing, and every position lies inside the file', () => {
  return fc.assert(
    fc.property(yamlText, fc.boolean(), (parts, withHead) => {
      const text = (withHead ? usualHead : '') + parts.join('');
      const lines = text.replace(/^\ufeff/, '').split('\n');
      for (const { line, column, length } of loadFiles({ 'app.yaml': text }).problems) {
        const characters = [...(lines[line - 1] ?? '')].length;
        assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${JSON.stringify(text)}`);
        assert.ok(
          column >= 1 && column <= Math.max(1, characters),
          `${line}:${column} of ${JSON.stringify(text)}`,
        );
        assert.ok(length >= 1 && column + length - 1 <= Math.max(1, characters));
      }
    }),
    { numRuns: 1500 },
  );
});

test('reading any bytes throws nothing', () => {
  return fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (content) => {
      loadFiles({ 'app.yaml': content });
    }),
    { numRuns: 500 },
  );
});

test('any value in the place of a manifest or of its fields throws nothing', () => {
  const fields = [
    'image',
    'port',
    'ports',
    'domains',
    'env',
    'files',
    'volumes',
    'replicas',
    'resources',
    'networks',
  ].concat([
    'healthCheck',
    'deploy',
    'hooks',
    'dependsOn',
    'restart',
    'security',
    'logging',
    'policy',
    'command',
    'build',
  ]);
  const inner = fc.dictionary(
    fc.constantFrom(
      'name',
      'host',
      'path',
      'port',
      'mount',
      'http',
      'tcp',
      'exec',
      'command',
      'windows',
      'for',
      'allow',
      'secret',
      'app',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), inner, fc.array(inner, { maxLength: 3 }));
  return fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...fields), value), (spec) => {
      const manifest = { apiVersion: 'plimsoll/v1', kind: 'App', metadata: { name: 'shop' }, spec };
      loadFiles({ 'app.yaml': JSON.stringify(manifest) });
    }),
    { numRuns: 1000 },
  );
});

test.run();
