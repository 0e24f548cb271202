import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fileDigest } from '../../src/desired/file-digest.ts';
import { createLoader } from '../../src/desired/load-desired.ts';
import { type OpenedSecret, sopsVersion } from '../../src/desired/secret.ts';
import { specHash } from '../../src/desired/spec-hash.ts';
import { loadFiles, problemLines, schemas, sourceFile, strictPolicy } from './corpus.ts';

const sealed = (text: string) => `ENC[AES256_GCM,data:${btoa(text)},iv:aXY=,tag:dGFn,type:str]`;

const secret = (data: Record<string, string>, name = 'db') =>
  `apiVersion: plimsoll/v1\nkind: Secret\nmetadata: {name: ${name}}\ndata: ${JSON.stringify(data)}\nsops: {mac: x}\n`;

const app = (spec: string) =>
  `apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: shop}\nspec: {image: "registry.test/shop:1", ${spec}}\n`;

function load(
  spec: string,
  text = secret({ A: sealed('a'), B: sealed('b') }),
  opened?: Map<string, OpenedSecret>,
) {
  return loadFiles({ 'app.yaml': app(spec), 's/app.yaml': text }, opened === undefined ? {} : { opened });
}

test('a secret is known by the version of its ciphertext only', () => {
  const [shop] = load('env: {P: {secret: db/A}}').apps;
  assert.equal(shop?.container.env, { P: { secret: 'db/A', version: sopsVersion(sealed('a')) } });
});

test('a new ciphertext of one key changes those who use that key, and nobody else', () => {
  const hash = (spec: string, text: string) => {
    const [found] = load(spec, text).apps;
    assert.ok(found);
    return specHash(found.container);
  };
  const before = secret({ A: sealed('a'), B: sealed('b') });
  const after = secret({ A: sealed('a'), B: sealed('c') });
  assert.is(hash('env: {P: {secret: db/A}}', before), hash('env: {P: {secret: db/A}}', after));
  assert.is.not(hash('env: {P: {secret: db/B}}', before), hash('env: {P: {secret: db/B}}', after));
  assert.is.not(hash('envFrom: [{secret: db}]', before), hash('envFrom: [{secret: db}]', after));
});

test('an app stays the same object as long as nothing that it is made of is another', () => {
  const loader = createLoader(schemas);
  const files = {
    'a/app.yaml': app('env: {P: {secret: db/A}}'),
    'b/app.yaml': app('files: [{mount: /c, from: c.txt}]').replace('shop', 'files'),
    'b/c.txt': 'one',
    'c/app.yaml': app('port: 80').replace('shop', 'plain'),
    's/app.yaml': secret({ A: sealed('a') }),
  };
  const named = (over: Record<string, string>) => {
    const all = Object.entries({ ...files, ...over }).map(sourceFile);
    const { apps } = loader.load(
      { revision: 'r', files: all },
      { policy: strictPolicy, incumbents: new Map() },
    );
    return new Map(apps.map((one) => [one.name, one]));
  };
  const first = named({});
  const again = named({ 's/app.yaml': secret({ A: sealed('b') }) });
  assert.is(again.get('plain'), first.get('plain'));
  assert.is(again.get('files'), first.get('files'));
  assert.equal(again.get('shop')?.container.env, {
    P: { secret: 'db/A', version: sopsVersion(sealed('b')) },
  });
  assert.is(named({ 'b/c.txt': 'two' }).get('files')?.container.files[0]?.content, 'two');
});

test('single variables go before whole secrets, and a later secret before an earlier one', () => {
  const files = {
    'app.yaml': app('envFrom: [{secret: one}, {secret: two}], env: {C: plain}'),
    'one/app.yaml': secret({ A: sealed('1a'), B: sealed('1b'), C: sealed('1c') }, 'one'),
    'two/app.yaml': secret({ B: sealed('2b') }, 'two'),
  };
  const env = loadFiles(files).apps[0]?.container.env;
  assert.equal(env, {
    A: { secret: 'one/A', version: sopsVersion(sealed('1a')) },
    B: { secret: 'two/B', version: sopsVersion(sealed('2b')) },
    C: 'plain',
  });
});

test('a file that may change while the app runs is no part of the spec hash, its place is', () => {
  const of = (spec: string) => {
    const [found] = load(spec).apps;
    assert.ok(found);
    return found;
  };
  const one = of('files: [{mount: /c, content: one, onChange: "signal:SIGHUP"}, {mount: /d, content: d}]');
  const two = of('files: [{mount: /c, content: two, onChange: none}, {mount: /d, content: d}]');
  const moved = of('files: [{mount: /e, content: one, onChange: none}, {mount: /d, content: d}]');
  assert.is(specHash(one.container), specHash(two.container));
  assert.is.not(specHash(one.container), specHash(moved.container));
  assert.equal(one.liveFiles, [{ mount: '/c', content: 'one', mode: 0o644, signal: 'SIGHUP' }]);
  assert.equal(two.liveFiles, [{ mount: '/c', content: 'two', mode: 0o644 }]);
  assert.equal(one.container.files, [{ mount: '/d', content: 'd', mode: 0o644 }]);
});

test('a secret file is readable by its owner alone unless it says otherwise', () => {
  const [shop] = load('files: [{mount: /a, secret: db/A}, {mount: /b, secret: db/B, mode: 0440}]').apps;
  assert.equal(
    shop?.container.files.map(({ mode }) => mode),
    [0o400, 0o440],
  );
  assert.match(fileDigest(shop?.container.files[0] ?? { content: '', mode: 0 }), /^400 secret [0-9a-f]{16}$/);
});

test('what cannot be opened fails only the apps that need it, with the reason and never a value', () => {
  const opened = new Map<string, OpenedSecret>([
    ['db', { kind: 'sealed', reason: 'NoIdentity', message: 'it is encrypted for age1xyz only' }],
  ]);
  const desired = load('env: {P: {secret: db/A}}', secret({ A: sealed('a') }), opened);
  assert.equal(problemLines(desired), [
    '4:57 E1413 secret "db" cannot be opened: it is encrypted for age1xyz only [also s/app.yaml:3:18]',
  ]);
  assert.equal(load('port: 80', secret({ A: sealed('a') }), opened).problems, []);
});

test('accounts of a route come from the keys of a secret, with the hashes that the secrets room makes', () => {
  const opened = new Map<string, OpenedSecret>([
    ['db', { kind: 'open', versions: { A: '1', B: '2' }, passwordHash: (key) => `hash of ${key}` }],
  ]);
  const spec = 'port: 80, domains: [{host: a.example.com, basicAuth: {secret: db}}]';
  assert.equal(load(spec, undefined, opened).apps[0]?.domains[0]?.basicAuth, [
    { user: 'A', hash: 'hash of A' },
    { user: 'B', hash: 'hash of B' },
  ]);
});

test('versions of other managers come from whoever opened them', () => {
  const text =
    'apiVersion: plimsoll/v1\nkind: Secret\nmetadata: {name: db}\nprovider: file\ndata: {A: db/a.txt}\n';
  const opened = new Map<string, OpenedSecret>([
    ['db', { kind: 'open', versions: { A: 'f00d' }, passwordHash: () => '' }],
  ]);
  const env = load('env: {P: {secret: db/A}}', text, opened).apps[0]?.container.env;
  assert.equal(env, { P: { secret: 'db/A', version: 'f00d' } });
});

test('the secrets of a snapshot are handed out whole, for being opened', () => {
  const text = secret({ A: sealed('a') });
  const snapshot = { revision: 'r', files: Object.entries({ 'app.yaml': text }).map(sourceFile) };
  const [found] = createLoader(schemas).secrets(snapshot);
  assert.is(found?.text, text);
  assert.is(found?.name, 'db');
  const parts = [{ source: 'infra', revision: 'r' }];
  const several = { ...snapshot, parts, files: Object.entries({ 'infra/app.yaml': text }).map(sourceFile) };
  assert.is(
    createLoader(schemas).secrets(several)[0]?.name,
    'infra/db',
    'names are unique only in one source',
  );
});

test('the login of a registry comes from the project, for images of that registry', () => {
  const files = (host: string) => ({
    'app.yaml': `apiVersion: plimsoll/v1\nkind: Project\nmetadata: {name: web}\nspec: {registries: [{host: ${host}, username: bot, password: {secret: db/A}}]}\n`,
    's/app.yaml': secret({ A: sealed('a') }),
    'x/app.yaml': app('port: 80'),
  });
  assert.equal(loadFiles(files('registry.test')).apps[0]?.registry, {
    username: 'bot',
    password: { secret: 'db/A', version: sopsVersion(sealed('a')) },
  });
  assert.is(loadFiles(files('ghcr.io')).apps[0]?.registry, undefined);
});

test.run();
