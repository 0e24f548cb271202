import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CorpusCase, loadFiles, problemLines, readCorpus } from './corpus.ts';

const folder = new URL('../corpus/manifests/', import.meta.url);
const update = process.env.UPDATE_GOLDEN === '1';
let count = 0;

for (const name of readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .sort()) {
  const file = new URL(name, folder);
  const text = readFileSync(file, 'utf8');
  const cases = readCorpus(text);
  count += cases.length;
  if (update) writeFileSync(file, withAnswers(text, cases));
  for (const { title, files, expected } of cases) {
    test(`${name}: ${title}`, () => {
      if (!update) assert.equal(problemLines(loadFiles(files)), expected);
    });
  }
}

test('the corpus has grown to some hundred bad manifests', () => assert.ok(count > 200, String(count)));

/** The same file with what the loader says today; a person reads the difference. */
function withAnswers(text: string, cases: readonly CorpusCase[]): string {
  const intro = text.split(/^(?====? )/m)[0] ?? '';
  const answered = cases.map(({ lines, files }) =>
    [
      ...lines.join('\n').trimEnd().split('\n'),
      ...problemLines(loadFiles(files)).map((line) => `=> ${line}`),
      '',
    ].join('\n'),
  );
  return `${intro}${answered.join('\n')}`;
}

test.run();
