import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, loadConfig } from '../src/config.ts';
import { readCases } from './corpus-file.ts';
import { runs } from './property-runs.ts';

const test = suite<{ dir: string }>('the configuration');

test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'plimsoll-config-'));
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }));

function load(dir: string, value: object, env: Readonly<Record<string, string>> = {}) {
  const file = join(dir, 'plimsoll.yaml');
  writeFileSync(file, JSON.stringify(value));
  return loadConfig({ file, env });
}

function problemsOf(dir: string, value: object): readonly string[] {
  try {
    load(dir, value);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.length === 0 ? [error.message] : error.problems.map(({ message }) => message);
  }
  return [];
}

test('one source stands under source, several under sources, and never both', ({ dir }) => {
  const [only, ...others] = load(dir, { source: { url: 'https://git.example.com/a' } }).sources;
  assert.equal([only?.name, only?.interval, only?.limits.timeout, others], ['default', 60_000, 600_000, []]);
  const several = {
    sources: [
      { name: 'a', dir: 'a' },
      { name: 'b', url: 'git@git.example.com:b' },
    ],
  };
  assert.equal(
    load(dir, several).sources.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.is(load(dir, several).sources[0]?.dir, join(dir, 'a'), 'relative paths start beside the file');
  assert.equal(problemsOf(dir, { ...several, source: { dir: 'c' } }), [
    'the configuration has both "source" and "sources": keep one of them',
  ]);
});

test('every value has a name in the environment, credentials as well', ({ dir }) => {
  const token = join(dir, 'token');
  writeFileSync(token, 'from-a-file\nrest\n');
  const { sources, secrets, policy, api } = load(
    dir,
    { source: { url: 'https://git.example.com/a' } },
    {
      PLIMSOLL_SOURCE_BRANCH: 'next',
      PLIMSOLL_SOURCE_AUTH_TOKEN_FILE: token,
      PLIMSOLL_SOURCE_AUTH_PASSWORD: '{secret: git/PASSWORD}',
      PLIMSOLL_SECRETS_IDENTITY: '/etc/age.key',
      PLIMSOLL_POLICY_ALLOW_CAPABILITIES: '[NET_ADMIN]',
      PLIMSOLL_API_RATE_LIMIT_READ: '5',
    },
  );
  assert.equal(sources[0]?.auth, {
    token: 'from-a-file',
    password: { secret: 'git/PASSWORD' },
    knownHosts: [],
  });
  assert.is(sources[0]?.branch, 'next');
  assert.is(secrets.identity, '/etc/age.key');
  assert.equal(policy.allowCapabilities, ['NET_ADMIN']);
  assert.is(api.rateLimit.read, 5);
});

test('a credential that is written wrongly is not shown', ({ dir }) => {
  const messages = problemsOf(dir, { source: { url: 'https://a.example.com', auth: { token: 1234567 } } });
  assert.equal(messages, [
    '"token" must be the value itself, {file: PATH} or {secret: NAME/KEY}, not what is there',
  ]);
  const both = { file: 'a', secret: 'git/TOKEN' };
  assert.is(problemsOf(dir, { source: { url: 'https://a.example.com', auth: { token: both } } }).length, 1);
});

test('what is opened for a single app says whom it is for', ({ dir }) => {
  const opened = { allowPrivileged: true, allowCapabilities: ['NET_ADMIN'] };
  assert.equal(load(dir, { policy: { apps: { vpn: opened } } }).policy.apps.vpn, {
    ...opened,
    allowHostPaths: [],
  });
  assert.equal(problemsOf(dir, { policy: { apps: { vpn: { allowPriviledged: true } } } }), [
    'unknown field "allowPriviledged" (did you mean "allowPrivileged"?)',
  ]);
  assert.is(problemsOf(dir, { policy: { apps: { 'VPN 1': {} } } }).length, 1);
});

test('whatever is written, the configuration is read or refused with places inside the file', ({ dir }) => {
  const corpus = readFileSync(new URL('corpus/config/values.txt', import.meta.url), 'utf8');
  const texts = readCases(corpus).map(({ lines }) => lines.join('\n'));
  const piece = fc.constantFrom(...'{}[]:,-"\'\n #', 'null', '[a]', '{a: b}', '-1', '__proto__: 1', '\u202e');
  const text = fc
    .tuple(fc.constantFrom(...texts), fc.array(fc.tuple(fc.nat(80), fc.nat(9), piece), { maxLength: 3 }))
    .map(([one, changes]) =>
      changes.reduce((now, [at, gone, put]) => now.slice(0, at) + put + now.slice(at + gone), one),
    );
  const file = join(dir, 'changed.yaml');
  return fc.assert(
    fc.property(text, (written) => {
      writeFileSync(file, written);
      try {
        loadConfig({ file, env: {} });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const lines = written.split('\n').length;
        assert.ok(error.problems.every(({ line, column }) => line >= 1 && line <= lines && column >= 1));
      }
    }),
    { numRuns: runs(300), includeErrorInReport: true },
  );
});

test.run();
