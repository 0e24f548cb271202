import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Desired, Problem } from '../../src/desired/desired.ts';
import { formatProblem } from '../../src/desired/format-problem.ts';
import { createLoader } from '../../src/desired/load-desired.ts';
import { corpusFiles, readCases, splitFiles } from '../corpus-file.ts';
import { runs } from '../property-runs.ts';
import { loadFiles, schemas, usualHead } from './corpus.ts';

const folder = new URL('../corpus/manifests/', import.meta.url);
const decoder = new TextDecoder();

/** The manifests of the corpus that are of a size that people write. */
const manifests = corpusFiles(folder)
  .flatMap((name) => readCases(readFileSync(new URL(name, folder), 'utf8')))
  .flatMap(({ whole, lines }) =>
    Object.values(splitFiles([...(whole ? [] : usualHead.trimEnd().split('\n')), ...lines], 'app.yaml')),
  )
  .map((content) => decoder.decode(content))
  .filter((text) => text.length < 2000);

const piece = fc.oneof(
  fc.constantFrom(
    ...'{}[]:,-?&*!|>\'"%@`#\n\t \\~',
    '\r\n',
    '\u2028',
    '\ufeff',
    '日本',
    '👍',
    '\u0000',
    '\u202e',
  ),
  fc.constantFrom(
    '---\n',
    '...\n',
    '&a ',
    '*a',
    '<<: ',
    '__proto__: ',
    'null',
    '1e999',
    '- ',
    '? ',
    ': ',
    '"\\ud800"',
  ),
  fc.constantFrom(...manifests).chain((text) => fc.nat(text.length).map((at) => text.slice(at, at + 20))),
);
interface Change {
  readonly at: number;
  readonly gone: number;
  readonly put: string;
}
const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), gone: fc.nat(12), put: piece });
const changed = fc
  .tuple(fc.constantFrom(...manifests), fc.array(change, { minLength: 1, maxLength: 4 }))
  .map(([text, changes]) => changes.reduce(applied, text));

function applied(text: string, { at, gone, put }: Change): string {
  const from = Math.floor(at * text.length);
  return text.slice(0, from) + put + text.slice(from + gone);
}

test('a manifest of the corpus that is changed anywhere throws nothing, and every caret is under what is there', () => {
  return fc.assert(
    fc.property(changed, (text) => {
      const { problems } = loadFiles({ 'app.yaml': text });
      const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
      for (const problem of problems) assertInside(problem, lines);
    }),
    { numRuns: runs(600), includeErrorInReport: true },
  );
});

function assertInside({ line, column, length, code }: Problem, lines: readonly string[]): void {
  const characters = Math.max(1, [...(lines[line - 1] ?? '')].length);
  assert.ok(line >= 1 && line <= lines.length, `${code} in line ${line}`);
  assert.ok(
    column >= 1 && length >= 1 && column + length - 1 <= characters,
    `${code} at ${line}:${column}+${length}`,
  );
}

test('what is printed of any problem is safe for a terminal, short, and its caret is under the excerpt', () => {
  return fc.assert(
    fc.property(changed, fc.string({ unit: 'binary', maxLength: 20 }), (text, path) => {
      for (const problem of loadFiles({ [`${path}/app.yaml`]: text }).problems) {
        const shown = formatProblem(problem);
        assert.not.match(
          shown,
          /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\ufeff]|\p{Surrogate}/u,
        );
        assert.ok(shown.length < 4000, String(shown.length));
        assert.is(formatProblem(problem, { color: true }).replaceAll(/\u001b\[\d+m/g, ''), shown);
      }
    }),
    { numRuns: runs(200), includeErrorInReport: true },
  );
});

test('the same input gives the same bytes, whatever was read before', () => {
  const shared = createLoader(schemas);
  const printed = ({ problems, apps, invalid, unnamed }: Desired) =>
    JSON.stringify([apps, invalid, unnamed, problems.map((problem) => [problem, formatProblem(problem)])]);
  return fc.assert(
    fc.property(changed, changed, (one, other) => {
      const files = { 'a/app.yaml': one, 'b/app.yaml': other };
      const first = printed(loadFiles(files, { loader: shared }));
      assert.is(printed(loadFiles(files, { loader: shared })), first, 'as it was remembered');
      loadFiles({}, { loader: shared });
      assert.is(printed(loadFiles(files, { loader: shared })), first, 'with nothing remembered');
    }),
    { numRuns: runs(150), includeErrorInReport: true },
  );
});

const wrongFields = fc.uniqueArray(
  fc.constantFrom(
    ...['port: x', 'replicas: -1', 'heathCheck: {}', 'domains: [a b]', 'env: {1: x, B: []}', 'state: on'],
    ...[
      'volumes: [{mount: /d}]',
      'security: {privileged: true}',
      'deploy: {drain: 5, order: x}',
      'files: {}',
    ],
    ...[
      'resources: {memory: 1, cpus: 0}',
      'dependsOn: [db, DB]',
      'policy: {windows: [{for: 1h}]}',
      'user: ""',
    ],
  ),
  { minLength: 1, maxLength: 8, selector: (line) => line.split(':')[0] },
);

test('what is wrong does not depend on the order of the fields', () => {
  const told = (fields: readonly string[]) =>
    loadFiles({ 'app.yaml': `${usualHead}${fields.map((field) => `  ${field}\n`).join('')}` })
      .problems.map(({ code, message, hint, kind }) => `${code} ${kind} ${message} ${hint}`)
      .sort();
  const shuffled = wrongFields.chain((fields) =>
    fc.tuple(fc.constant(fields), fc.shuffledSubarray([...fields], { minLength: fields.length })),
  );
  return fc.assert(
    fc.property(shuffled, ([fields, other]) => assert.equal(told(fields), told(other))),
    { numRuns: runs(300), includeErrorInReport: true },
  );
});

test.run();
