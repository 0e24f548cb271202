import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatProblem } from '../../src/desired/format-problem.ts';
import { loadFiles, usualHead } from './corpus.ts';

const print = (text: string | Uint8Array, path = 'apps/shop/app.yaml') =>
  loadFiles({ [path]: text })
    .problems.map((problem) => formatProblem(problem))
    .join('\n\n');

test('prints a problem with its lines, a caret and help', () => {
  assert.is(
    print(`${usualHead}  port: 8080\n  heathCheck:\n    retries: 3\n`),
    `apps/shop/app.yaml:8:3: error E1207 unknown field "heathCheck" (did you mean "healthCheck"?)
    6 |   image: registry.test/shop:1
    7 |   port: 8080
    8 |   heathCheck:
      |   ^^^^^^^^^^
   help: see "healthCheck" in the manifest reference`,
  );
});

test('the caret stands under the token after a tab', () => {
  assert.is(
    print(`${usualHead}  domains:\t[a b]\n`).split('\n').slice(3).join('\n'),
    `    7 |   domains:  [a b]
      |              ^^^`,
  );
});

test('the caret stands under the token after wide characters and emoji', () => {
  assert.is(
    print(`${usualHead}  env: {A: "日本👍é", B: []}\n`).split('\n').slice(3).join('\n'),
    `    7 |   env: {A: "日本👍é", B: []}
      |                          ^^`,
  );
});

test('columns count characters, not code units', () => {
  const [problem] = loadFiles({ 'app.yaml': `${usualHead}  env: {A: "👍👍", B: []}\n` }).problems;
  assert.is(problem?.column, 21);
});

test('carriage returns and a byte order mark move nothing', () => {
  const plain = print(`${usualHead}  replicas: -1\n`);
  assert.is(print(`\ufeff${usualHead}  replicas: -1\n`.replaceAll('\n', '\r\n')), plain);
  assert.match(plain, /:7:13: error E1205/);
  assert.match(print('\ufeffkind: Job\n'), /:1:7: error E1901/);
});

test('a conflict names the other place', () => {
  const text =
    'apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: shop}\nspec: {image: registry.test/shop}\n';
  const [first] = loadFiles({ 'a/app.yaml': text, 'b/app.yaml': text }).problems;
  assert.is(
    first === undefined ? '' : formatProblem(first),
    `a/app.yaml:3:18: error E1401 app name "shop" is used twice
    1 | apiVersion: plimsoll/v1
    2 | kind: App
    3 | metadata: {name: shop}
      |                  ^^^^
   also: b/app.yaml:3:18
   help: names are unique in the config repo: rename one`,
  );
});

test('a long line is shown around the caret', () => {
  const text = `${usualHead}  networks: [${'a-network, '.repeat(30)}"no name"]\n`;
  const lines = print(text).split('\n');
  const excerpt = lines.findIndex((line) => line.startsWith('    7 |'));
  assert.ok(lines.slice(excerpt).every((line) => line.length < 130));
  const caret = (lines[excerpt + 1] ?? '').indexOf('^');
  assert.is((lines[excerpt] ?? '').slice(caret, caret + 9), '"no name"');
});

test('nothing hostile reaches the terminal', () => {
  const hostile = `${usualHead}  "\\e[31m\\u202e": 1\n  state: "\\e]0;x\\a${'y'.repeat(5000)}"\n  env: {"\u202e": 1, A: [\u200b]}\n`;
  const shown = print(hostile, 'a\u001b[2J/app.yaml');
  assert.not.match(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e]/);
  assert.ok(shown.length < 4000, String(shown.length));
});

test('colours are added only when asked for', () => {
  const [problem] = loadFiles({ 'app.yaml': `${usualHead}  replicas: -1\n` }).problems;
  if (problem === undefined) throw new Error('no problem was found');
  const coloured = formatProblem(problem, { color: true });
  assert.match(coloured, /\u001b\[31merror\u001b\[0m/);
  assert.is(coloured.replaceAll(/\u001b\[\d+m/g, ''), formatProblem(problem));
});

test.run();
