import { execFileSync } from 'node:child_process';
import { stringify as toQuery } from 'node:querystring';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify as toYaml } from 'yaml';
import { createRedactor, type Redactor } from '../../src/secrets/redactor.ts';
import { runs } from '../property-runs.ts';

function knowing(...values: readonly string[]): Redactor {
  const redactor = createRedactor();
  for (const value of values) redactor.learn(value);
  return redactor;
}

/** Passwords, words, multi-line keys, everything that has to be escaped somewhere. */
const secret = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 4, maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom(...`aZ09+/=?&%#"'\\\`$<>{}[]:;,!*()~^|@ -_.\t\n\ré€😀`),
      minLength: 4,
      maxLength: 60,
    }),
    fc.base64String({ minLength: 4, maxLength: 400 }),
    fc.constantFrom('true', 'postgres', 'p@ss w/ord+1', '-----BEGIN KEY-----\nabcdEFGH\n-----END KEY-----\n'),
  )
  .filter((value) => value.trim().length >= 4 && value.isWellFormed() && !value.includes('\0'));
const around = fc.string({ unit: fc.constantFrom(...'abc ="\'/\n,:é'), maxLength: 12 });

/** Every way that a value may be written, by what really writes it. */
const encodings: Readonly<Record<string, (value: string) => string>> = {
  raw: (value) => value,
  JSON: (value) => JSON.stringify({ value }),
  'JSON with ASCII alone': (value) =>
    JSON.stringify(value).replace(
      /[\u007f-\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  'JSON in JSON': (value) => JSON.stringify({ log: JSON.stringify({ value }) }),
  'JSON with escaped slashes': (value) => JSON.stringify(value).replaceAll('/', '\\/'),
  'shell, single quotes': (value) => `'${value.replaceAll("'", "'\\''")}'`,
  'shell, double quotes': (value) => `"${value.replaceAll(/["\\$`]/g, '\\$&')}"`,
  'YAML, single quotes': (value) => `'${value.replaceAll("'", "''")}'`,
  encodeURIComponent: (value) => encodeURIComponent(value),
  'encodeURIComponent in lower case': (value) =>
    encodeURIComponent(value).replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  'a form': (value) => new URLSearchParams({ value }).toString(),
  'querystring of node': (value) => toQuery({ value }),
  HTML: (value) =>
    value
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;'),
  hex: (value) => Buffer.from(value).toString('hex'),
  'hex in upper case': (value) => Buffer.from(value).toString('hex').toUpperCase(),
};

for (const [name, encode] of Object.entries(encodings))
  test(`hides a value as ${name}`, () => {
    fc.assert(
      fc.property(secret, around, around, (value, before, after) => {
        const encoded = encode(value.trim());
        const shown = knowing(value).redact(`${before}${encoded}${after}`);
        assert.ok(shown.includes('***'), `nothing hidden in ${JSON.stringify(shown)}`);
        assert.not.ok(shown.includes(encoded), `${JSON.stringify(encoded)} in ${JSON.stringify(shown)}`);
        // What is left is what was around it, and the quotes and names that the encoding adds.
        assert.ok(shown.length <= before.length + after.length + 30, shown);
      }),
      { numRuns: runs(300) },
    );
  });

for (const style of ['base64', 'base64url'] as const)
  test(`hides a value in ${style} at each of the three places where it can begin`, () => {
    fc.assert(
      fc.property(secret, fc.nat(8), fc.nat(8), (value, before, after) => {
        const text = value.trim();
        const bytes = Buffer.concat([Buffer.alloc(before, 'u'), Buffer.from(text), Buffer.alloc(after, 'v')]);
        const shown = knowing(value).redact(bytes.toString(style));
        assert.ok(shown.includes('***'));
        // At most the two characters that it shares with its neighbours are left at each end.
        const left = shown.replaceAll(/\*+/g, '').length;
        assert.ok(left <= Math.ceil(((before + after) * 8) / 6) + 6, `${shown} of ${text}`);
      }),
      { numRuns: runs(500) },
    );
  });

test('hides base64 that is wrapped into lines', () => {
  const value = Array.from({ length: 400 }, (_, index) => String.fromCharCode(33 + (index % 90))).join('');
  for (const width of [64, 76]) {
    const lines =
      Buffer.from(value)
        .toString('base64')
        .match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
    const shown = knowing(value).redact(lines.join('\n'));
    assert.ok(shown.replaceAll(/[*\n]/g, '').length < 8, shown);
  }
});

test('hides each line of a value of several lines, wherever it stands', () => {
  const value = 'first-line-of-it\n  second line of it\r\n\nx\nthird/line';
  const shown = knowing(value).redact('a first-line-of-it b\nsecond line of it\nx\n"third/line"');
  assert.is(shown, 'a *** b\n***\nx\n"***"');
});

test('hides what a YAML writer makes of a value', () => {
  fc.assert(
    fc.property(secret, (value) => {
      // Folded lines are cut where the writer likes.
      const shown = knowing(value).redact(
        toYaml({ value: value.trim() }, { lineWidth: 0, blockQuote: false }),
      );
      assert.ok(shown.includes('***'), shown);
    }),
    { numRuns: runs(300) },
  );
});

test('hides a value of short lines that YAML writes over several, in quotes and as a block, at any depth', () => {
  const value = 'aa\n\nb\n"';
  const redactor = knowing(value);
  for (const blockQuote of [false, true] as const)
    for (const wrap of [(it: unknown) => it, (it: unknown) => ({ env: { data: it } })]) {
      const shown = redactor.redact(toYaml(wrap({ value }), { lineWidth: 0, blockQuote }));
      assert.match(shown, /value: (?:'\*\*\*'|\|-\n +\*\*\*)\n$/);
    }
});

test('hides a space at the end of a line as a YAML writer escapes it', () => {
  const value = 'a \naa';
  const written = toYaml({ value }, { lineWidth: 0, blockQuote: false });
  assert.is(written, 'value: "a\\ \\naa"\n');
  assert.is(knowing(value).redact(written), 'value: "***"\n');
});

test('hides what other programs make of a value', () => {
  const value = `pa"ss'w$o\\rd é/+&=%41 ~!`;
  const redactor = knowing(value);
  const bash = execFileSync('bash', ['-c', 'printf %q "$1"', 'bash', value], { encoding: 'utf8' });
  assert.is(redactor.redact(bash), '***');
  assert.is(redactor.redact(encodeURI(value)), '***');
  const url = new URL('https://example.com');
  url.password = value;
  assert.is(redactor.redact(url.href), 'https://:***@example.com/');
});

test('hides the longest of values that lie over each other, and what sticks out of it', () => {
  const redactor = knowing('secret', 'secretary', 'tary-of-state');
  assert.is(redactor.redact('a secret'), 'a ***');
  assert.is(redactor.redact('the secretary!'), 'the ***!');
  assert.is(redactor.redact('the secretary-of-state!'), 'the ***!');
  assert.is(redactor.redact('secretsecret'), '******');
});

test('hides short values only where they are words of their own', () => {
  const redactor = knowing('ab1', 'x', '--', '');
  assert.is(
    redactor.redact('ab1 "ab1" drab1 ab12 ab1=ab1 x -- =ab1'),
    '*** "***" drab1 ab12 ***=*** x -- =***',
  );
});

test('hides common words when they are secrets', () => {
  assert.is(
    knowing('true', 'postgres').redact('{"ok":"true","user":"postgres"}'),
    '{"ok":"***","user":"***"}',
  );
});

test('leaves what is no secret as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'abc def\n') }), (text) =>
      assert.is(knowing('0123456789', 'x1y').redact(text), text),
    ),
  );
});

test('a value broken over any number of pieces is hidden as in one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(secret, fc.constantFrom('abab', 'babab', 'ab1', 'aab')), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.oneof(fc.nat(9), fc.string({ unit: fc.constantFrom(...'ab1 -'), maxLength: 9 })), {
        maxLength: 12,
      }),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 }),
      (values, parts, cuts) => {
        const text = parts.map((part) => (typeof part === 'number' ? (values[part] ?? '') : part)).join('');
        const redactor = knowing(...values);
        const stream = redactor.stream();
        let shown = '';
        let at = 0;
        for (let turn = 0; at < text.length; turn++) {
          const length = Math.max(turn > 200 ? 1 : 0, cuts[turn % cuts.length] ?? 1);
          shown += stream.push(text.slice(at, at + length));
          at += length;
        }
        assert.is(shown + stream.end(), redactor.redact(text));
      },
    ),
    { numRuns: runs(1000) },
  );
});

test('a stream holds back no more than could become a value, and learns on the way', () => {
  const redactor = knowing('password1');
  const stream = redactor.stream();
  assert.is(stream.push('hello pass'), 'hello ');
  assert.is(stream.push('age'), 'passage');
  redactor.learn('late-secret');
  assert.is(stream.push(' late-sec'), ' ');
  assert.is(stream.push('ret password'), '*** ');
  assert.is(stream.end(), 'password');
});

test('finds thousands of values in one pass, also in a text made to be slow', () => {
  const values = Array.from(
    { length: 5000 },
    (_, index) => `ghp_${'a'.repeat(30)}${index.toString(36).padStart(6, '0')}`,
  );
  const redactor = knowing(...values);
  const hostile = `ghp_${'a'.repeat(30)}`.repeat(20_000);
  assert.is(redactor.redact(hostile), hostile);
  assert.is(redactor.redact(`${hostile}${values[4321]}`), `${hostile}***`);
});

test.run();
