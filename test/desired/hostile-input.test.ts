import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runs } from '../property-runs.ts';
import { loadFiles, usualHead } from './corpus.ts';

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
    { numRuns: runs(1500) },
  );
});

test('reading any bytes throws nothing', () => {
  return fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (content) => {
      loadFiles({ 'app.yaml': content });
    }),
    { numRuns: runs(500) },
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
    { numRuns: runs(1000) },
  );
});

test.run();
