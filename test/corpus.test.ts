import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { corpusFiles, readCases } from './corpus-file.ts';

const root = new URL('corpus/', import.meta.url);

const counts = readdirSync(root).flatMap((folder) => {
  const inside = new URL(`${folder}/`, root);
  return corpusFiles(inside).map((name) => {
    const cases = readCases(readFileSync(new URL(name, inside), 'utf8'));
    return { file: `${folder}/${name}`, cases };
  });
});
const total = counts.reduce((sum, { cases }) => sum + cases.length, 0);

test('hundreds of cases are in the corpus', () => {
  for (const { file, cases } of counts) process.stdout.write(`${String(cases.length).padStart(5)} ${file}\n`);
  process.stdout.write(`${String(total).padStart(5)} in all\n`);
  assert.ok(total >= 600, `only ${total} cases are left`);
});

test('every case has its answer, and no answer is a bug of ours', () => {
  const all = counts.flatMap(({ file, cases }) => cases.map((one) => ({ file, ...one })));
  const wrong = all.filter(
    ({ expected }) => expected.length === 0 || expected.some((line) => line.includes('a bug of ours (')),
  );
  assert.equal(
    wrong.map(({ file, title }) => `${file}: ${title}`),
    [],
  );
});

test('no answer shows a credential of its input', () => {
  const credentials = /s3cr3t|hunter2|plain-text|AGE-SECRET-KEY-1/;
  const told = counts.flatMap(({ file, cases }) =>
    cases.flatMap(({ title, expected }) =>
      expected.filter((line) => credentials.test(line)).map((line) => `${file}: ${title}: ${line}`),
    ),
  );
  assert.equal(told, []);
});

test.run();
