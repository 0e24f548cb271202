import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLoader } from '../../src/desired/load-desired.ts';
import { loadFiles, problemLines, schemas, strictPolicy } from './corpus.ts';

const app = (name: string, spec = '') =>
  `apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: ${name}}\nspec: {image: registry.test/${name}${spec}}\n`;
const served = (name: string, host: string, more = '') => app(name, `, port: 80, domains: [${host}]${more}`);

test('reads every app.yaml and app.yml below the root, and nothing else', () => {
  const { apps, problems } = loadFiles({
    'app.yaml': app('root'),
    'a/b/app.yml': `${app('one')}---\n${app('two')}---\n`,
    '.hidden/app.yaml': app('hidden-folder'),
    '.app.yaml': 'broken: [',
    'a/.app.yml': 'broken: [',
    'a/my-app.yaml': 'broken: [',
    '.git/app.yaml': 'broken: [',
    'web/node_modules/x/app.yaml': 'broken: [',
  });
  assert.equal(problems, []);
  assert.equal(
    apps.map(({ name }) => name),
    ['hidden-folder', 'one', 'root', 'two'],
  );
});

test('one broken manifest blocks no other app, and is named as invalid', () => {
  const desired = loadFiles({ 'a/app.yaml': app('good'), 'b/app.yaml': app('bad', ', replicas: -1') });
  assert.equal(
    desired.apps.map(({ name }) => name),
    ['good'],
  );
  assert.equal(desired.invalid, ['bad']);
  assert.is(desired.unnamed, false);
  assert.is(desired.problems[0]?.app, 'bad');
});

const telling: readonly (readonly [string, string, readonly string[], boolean])[] = [
  ['a syntax error after the name', `${app('shop')}extra: [`, ['shop'], false],
  ['a syntax error in the second document', `${app('Shop')}---\nx: "\n`, [], true],
  [
    'an open quote that may swallow a document',
    'metadata: {name: a}\nx: "\n---\nmetadata: {name: b}\n',
    ['a'],
    true,
  ],
  ['a name that no app can have', app('Shop'), [], true],
  ['no name', 'apiVersion: plimsoll/v1\nkind: App\n', [], true],
  ['a list', '- a\n', [], true],
  ['nested too deeply', '['.repeat(40), [], true],
  ['another kind', 'kind: Secret\nmetadata: {name: shop}\n', [], false],
  ['a misspelt kind', app('shop').replace('App', 'Ap'), ['shop'], false],
  ['a tag', app('shop').replace('App', '!!str App'), ['shop'], false],
  ['nothing but comments', '# nothing\n---\n# here\n', [], false],
];

for (const [title, text, invalid, unnamed] of telling) {
  test(`tells whose manifest is broken: ${title}`, () => {
    const desired = loadFiles({ 'app.yaml': text });
    assert.equal(desired.invalid, invalid);
    assert.is(desired.unnamed, unnamed);
    assert.equal(desired.apps, []);
  });
}

test('the app that serves a domain keeps it, and the newcomer is invalid', () => {
  const files = {
    'a/app.yaml': served('old', 'x.example.com'),
    'b/app.yaml': served('new', 'x.example.com'),
  };
  const desired = loadFiles(files, { incumbents: new Map([['x.example.com /', 'old']]) });
  assert.equal(
    desired.apps.map(({ name }) => name),
    ['old'],
  );
  assert.equal(problemLines(desired), [
    'b/app.yaml:4:54 E1402 "x.example.com" is claimed by app "old", which serves it [also a/app.yaml:4:54]',
  ]);
});

test('a renamed app keeps the domain of its former name', () => {
  const renamed = served('new', 'x.example.com').replace('name: new', 'name: new, renamedFrom: old');
  const files = { 'a/app.yaml': renamed, 'b/app.yaml': served('other', 'x.example.com') };
  const desired = loadFiles(files, { incumbents: new Map([['x.example.com /', 'old']]) });
  assert.equal(
    desired.apps.map(({ name }) => name),
    ['new'],
  );
});

test('a domain moves from one valid app to another', () => {
  const files = { 'a/app.yaml': served('a', 'b.example.com'), 'b/app.yaml': served('b', 'a.example.com') };
  const incumbents = new Map([
    ['a.example.com /', 'a'],
    ['b.example.com /', 'b'],
  ]);
  assert.equal(loadFiles(files, { incumbents }).problems, []);
});

test('an invalid app goes on serving its domain, so nobody else gets it', () => {
  const files = {
    'a/app.yaml': served('a', 'other.example.com', ', replicas: -1'),
    'b/app.yaml': served('b', 'x.example.com'),
    'c/app.yaml': served('c', 'y.example.com'),
  };
  const incumbents = new Map([
    ['x.example.com /', 'a'],
    ['y.example.com /', 'b'],
  ]);
  const desired = loadFiles(files, { incumbents });
  assert.equal(desired.invalid, ['a', 'b', 'c']);
  assert.equal(problemLines(desired).slice(1), [
    'b/app.yaml:4:52 E1402 "x.example.com" is still served by app "a", whose manifest is invalid',
    'c/app.yaml:4:52 E1402 "y.example.com" is still served by app "b", whose manifest is invalid',
  ]);
});

test('policy problems say that only the policy refuses', () => {
  const text = app(
    'shop',
    ', security: {privileged: true, capAdd: [NET_ADMIN]}, volumes: [{hostPath: /data/x, mount: /d}]',
  );
  const refused = loadFiles({ 'app.yaml': text });
  assert.equal(new Set(refused.problems.map(({ kind }) => kind)), new Set(['policy']));
  assert.equal(refused.invalid, ['shop']);
  const policy = {
    allowPrivileged: true,
    allowCapabilities: [],
    apps: {},
    allowHostPaths: ['/data/'],
    allowedRegistries: [],
    instance: 'default',
  };
  assert.equal(loadFiles({ 'app.yaml': text }, { policy }).problems, []);
});

const spellings = [
  '/',
  '//',
  '/run',
  '/var/',
  '/var/run',
  '/run/docker.sock',
  '/var/./run/docker.sock',
  '/proc',
  '/sys/fs',
  '/etc/shadow',
];

test('no policy allows what would own the host', () => {
  const policy = {
    ...strictPolicy,
    allowHostPaths: ['/', '/etc', '/var/run/docker.sock'],
    allowPrivileged: true,
    allowCapabilities: [],
    apps: {},
  };
  for (const hostPath of spellings) {
    const text = app('shop', `, volumes: [{hostPath: ${hostPath}, mount: /d}]`);
    assert.equal(loadFiles({ 'app.yaml': text }, { policy }).invalid, ['shop'], hostPath);
  }
});

test('takes files from the config repo beside the manifest, never from outside', () => {
  const files = {
    'apps/shop/app.yaml': app(
      'shop',
      ', files: [{mount: /b, from: ../common.conf}, {mount: /a, from: ./shop.conf, mode: 600}]',
    ),
    'apps/shop/shop.conf': '\ufeffü = 1\r\n',
    'apps/common.conf': 'all',
  };
  assert.equal(loadFiles(files).apps[0]?.container.files, [
    { mount: '/a', content: '\ufeffü = 1\r\n', mode: 0o600 },
    { mount: '/b', content: 'all', mode: 0o644 },
  ]);
  const binary = { ...files, 'apps/common.conf': new Uint8Array([0xff, 0x00]) };
  assert.equal(problemLines(loadFiles(binary)), [
    'apps/shop/app.yaml:4:61 E1310 file "../common.conf" is not UTF-8 text',
  ]);
});

test('does not parse a blob again, and forgets what is no longer there', () => {
  const loader = createLoader(schemas);
  const file = { path: 'app.yaml', id: 'same', content: new TextEncoder().encode(app('first')) };
  const changed = { ...file, content: new TextEncoder().encode(app('second')) };
  const names = (files: (typeof file)[]) =>
    loader
      .load({ revision: 'r', files }, { policy: strictPolicy, incumbents: new Map() })
      .apps.map(({ name }) => name);
  assert.equal(names([file]), ['first']);
  assert.equal(names([changed]), ['first'], 'an equal id promises equal content');
  assert.equal(names([{ ...changed, path: 'b/app.yaml' }]), ['second'], 'another path is another manifest');
  assert.equal(names([changed]), ['second'], 'only the last snapshot is remembered');
});

test('policy and attached files count afresh for a remembered manifest', () => {
  const loader = createLoader(schemas);
  const files = { 'app.yaml': app('shop', ', files: [{mount: /a, from: a.conf}]') };
  const content = (text: string) =>
    loadFiles({ ...files, 'a.conf': text }, { loader }).apps[0]?.container.files[0]?.content;
  assert.is(content('one'), 'one');
  assert.is(content('two'), 'two');
  const policy = { ...strictPolicy, allowedRegistries: ['other.test'] };
  assert.equal(loadFiles({ ...files, 'a.conf': '' }, { loader, policy }).invalid, ['shop']);
});

test('a file with thousands of errors is shown by its first hundred, and says so', () => {
  const text = app('shop') + Array.from({ length: 500 }, (_, n) => `f${n}: 1\n`).join('');
  const desired = loadFiles({ 'app.yaml': text });
  assert.is(desired.problems.length, 101);
  assert.is(desired.problems.at(-1)?.message, '400 more problems in this file, from here on');
  assert.equal(desired.invalid, ['shop']);
});

test.run();
