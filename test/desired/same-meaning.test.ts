import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import type { App } from '../../src/desired/app.ts';
import { canonicalJson } from '../../src/desired/canonical.ts';
import { specHash } from '../../src/desired/spec-hash.ts';
import { runs } from '../property-runs.ts';
import { loadFiles, problemLines } from './corpus.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const text = fc.string({ unit: fc.constantFrom(...'abc ä:#{}\'"\\-'.split('')), maxLength: 12 });
const spec = fc.record(
  {
    image: fc.constantFrom('registry.test/a:1', 'registry.test/b@sha256:'.concat('0'.repeat(64))),
    replicas: fc.nat(5),
    port: fc.integer({ min: 1, max: 65_535 }),
    env: fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,6}$/), text, { maxKeys: 5 }),
    command: fc.array(text, { maxLength: 3 }),
    volumes: fc
      .uniqueArray(name, { maxLength: 3 })
      .map((names) => names.map((volume) => ({ name: volume, mount: `/${volume}` }))),
    healthCheck: fc.record({
      interval: fc.constantFrom('1s', '1m30s'),
      retries: fc.integer({ min: 1, max: 9 }),
    }),
    deploy: fc.record({
      drain: fc.constantFrom('0s', '5s'),
      onFailure: fc.constantFrom('rollback', 'pause'),
    }),
    resources: fc.record({
      memory: fc.constantFrom('64Mi', '1g', 67_108_864),
      cpus: fc.constantFrom(0.5, '250m'),
    }),
  },
  { requiredKeys: ['image'] },
);
const style = fc.record({
  indent: fc.constantFrom(2, 4),
  collectionStyle: fc.constantFrom('block' as const, 'flow' as const),
  defaultStringType: fc.constantFrom('PLAIN' as const, 'QUOTE_DOUBLE' as const, 'QUOTE_SINGLE' as const),
  lineWidth: fc.constantFrom(0, 40),
});
type Style = typeof style extends fc.Arbitrary<infer S> ? S : never;

function write(
  manifest: object,
  { collectionStyle, defaultStringType, ...rest }: Style,
  comments: boolean,
): string {
  const yaml = stringify(manifest, { ...rest, collectionStyle, defaultStringType, defaultKeyType: 'PLAIN' });
  return comments ? `# first\n---\n${yaml}# last\n` : yaml;
}

/** The same with the keys of every mapping in reverse. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

function meaning(yaml: string): App | undefined {
  const desired = loadFiles({ 'app.yaml': yaml });
  assert.equal(problemLines(desired), []);
  const [app] = desired.apps;
  return app === undefined ? undefined : { ...app, origin: { file: '', line: 0, column: 0 } };
}

test('key order, comments and formatting change nothing but positions', () => {
  return fc.assert(
    fc.property(name, spec, style, style, fc.boolean(), (app, fields, one, other, comments) => {
      const manifest = { apiVersion: 'plimsoll/v1', kind: 'App', metadata: { name: app }, spec: fields };
      const first = meaning(write(manifest, one, comments));
      const second = meaning(write(reversed(manifest) as object, other, !comments));
      assert.equal(first, second);
      assert.is(canonicalJson(first), canonicalJson(second));
      if (first !== undefined && second !== undefined) {
        assert.is(specHash(first.container), specHash(second.container));
      }
    }),
    { numRuns: runs(300) },
  );
});

test('the order of files changes nothing', () => {
  const bodies = [
    'replicas: 1',
    'replicas: -1',
    'dependsOn: [a0]',
    'dependsOn: [a1]',
    'port: 80, domains: [x.example.com]',
    'ports: [{name: d, container: 53, host: 53}]',
  ];
  const repo = fc.array(
    fc.tuple(fc.constantFrom('a0', 'a1', 'a2', 'a3', 'Bad'), fc.constantFrom(...bodies)),
    { maxLength: 6 },
  );
  const shuffled = repo.chain((apps) => {
    const files = apps.map(([app, body], index) => [
      `f${index}/app.yaml`,
      `apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: ${app}}\nspec: {image: registry.test/a, ${body}}\n`,
    ]);
    return fc.tuple(fc.constant(files), fc.shuffledSubarray(files, { minLength: files.length }));
  });
  return fc.assert(
    fc.property(shuffled, ([files, other]) => {
      assert.equal(loadFiles(Object.fromEntries(files)), loadFiles(Object.fromEntries(other)));
    }),
    { numRuns: runs(300) },
  );
});

test('the spec hash is 64 hexadecimal digits that change with every field of the container', () => {
  const base = 'apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: a}\nspec: {image: registry.test/a';
  const hashes = [
    '',
    ', env: {A: 1}',
    ', env: {A: "2"}',
    ', user: 1',
    ', networks: [n]',
    ', port: 80',
    ', volumes: [{name: v, mount: /v}]',
    ', files: [{mount: /f, content: a}]',
    ', restartedAt: "2026-01-01T00:00:00Z"',
    ', security: {readOnlyRootfs: true}',
    ', logging: {maxFile: 4}',
    ', resources: {pids: 9}',
    ', command: []',
  ].map((more) => {
    const app = meaning(`${base}${more}}\n`);
    return app === undefined ? '' : specHash(app.container);
  });
  assert.is(new Set(hashes).size, hashes.length);
  assert.ok(hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash)));
});

test('what a new container does not need is not in the spec hash', () => {
  const base =
    'apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: a}\nspec: {image: registry.test/a, port: 80';
  const hashes = [
    '',
    ', replicas: 3',
    ', domains: [a.example.com]',
    ', healthCheck: {tcp: {}}',
    ', deploy: {drain: 1s}',
    ', restart: never',
    ', pull: always',
    ', policy: {selfHeal: false}',
    ', x-note: 1',
  ].map((more) => {
    const app = meaning(`${base}${more}}\n`);
    return app === undefined ? '' : specHash(app.container);
  });
  assert.is(new Set(hashes).size, 1);
});

test('canonical JSON sorts keys at every depth and leaves absent fields out', () => {
  assert.is(
    canonicalJson({ b: [{ d: 1, c: undefined, a: null }], a: 'x' }),
    '{"a":"x","b":[{"a":null,"d":1}]}',
  );
});

test.run();
