import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { App } from '../../src/desired/app.ts';
import { createLoader } from '../../src/desired/load-desired.ts';
import { releaseKey } from '../../src/plan/release.ts';
import { loadFiles, problemLines, schemas, sourceFile, strictPolicy } from './corpus.ts';

const app = (name: string, spec = '', metadata = '') =>
  `apiVersion: plimsoll/v1\nkind: App\nmetadata: {name: ${name}${metadata}}\nspec: {image: "registry.test/${name}:1"${spec}}\n`;

const project = (name: string, spec: string) =>
  `apiVersion: plimsoll/v1\nkind: Project\nmetadata: {name: ${name}}\nspec:\n${spec}`;

const overlays = project(
  'web',
  `  defaults:
    domain: "{app}.apps.example.com"
    metadata: {labels: {team: web}}
    spec:
      env: {LOG_LEVEL: info, WORKERS: 010, GONE: x}
      deploy: {bake: 10s}
  policy: {selfHeal: false}
  environments:
    staging:
      patch: {spec: {replicas: 1, env: {LOG_LEVEL: debug, GONE: null}}}
      apps:
        shop: {spec: {replicas: 2}}
`,
);

function only(files: Record<string, string>, environment?: string): App {
  const desired = loadFiles(files, environment === undefined ? {} : { environment });
  assert.equal(problemLines(desired), []);
  const [found] = desired.apps;
  assert.ok(found);
  return found;
}

test('an app takes the defaults of the project of its folder, and what it says itself goes before them', () => {
  const {
    container,
    labels,
    project: name,
    domains,
    policy,
    deploy,
  } = only({
    'web/app.yaml': overlays,
    'web/shop/app.yaml': app('shop', ', port: 80, env: {LOG_LEVEL: warn}', ', labels: {tier: front}'),
  });
  assert.equal(container.env, { GONE: 'x', LOG_LEVEL: 'warn', WORKERS: '010' });
  assert.equal(labels, { team: 'web', tier: 'front' });
  assert.is(name, 'web');
  assert.equal(
    domains.map(({ host }) => host),
    ['shop.apps.example.com'],
  );
  assert.is(policy.selfHeal, false);
  assert.is(deploy.bake, 10_000);
});

test('an overlay applies by the name that the app gives, else by that of the controller', () => {
  const files = (environment: string) => ({
    'app.yaml': overlays,
    'shop/app.yaml': app('shop', ', replicas: 5', environment),
  });
  assert.is(only(files('')).replicas, 5);
  const staged = only(files(', environment: staging'));
  assert.is(staged.replicas, 2, 'the patch for the one app goes over the one for all');
  assert.equal(staged.container.env, { LOG_LEVEL: 'debug', WORKERS: '010' });
  assert.is(only(files(''), 'staging').replicas, 2);
  assert.is(only(files(''), 'staging').environment, 'staging');
  assert.is(only(files(', environment: production'), 'staging').replicas, 5);
});

test('a worker gets no default domain, an empty list opts out, and an inner project goes before an outer one', () => {
  const inner = project('inner', '  defaults: {domain: "{app}.inner.example.com", spec: {replicas: 3}}\n');
  const files = (spec: string) => ({
    'app.yaml': overlays,
    'inner/app.yaml': inner,
    'inner/shop/app.yaml': app('shop', spec),
  });
  assert.equal(only(files('')).domains, []);
  assert.equal(only(files(', port: 80, domains: []')).domains, []);
  const inside = only(files(', port: 80'));
  assert.is(inside.domains[0]?.host, 'shop.inner.example.com');
  assert.is(inside.replicas, 3);
  assert.is(inside.project, 'inner');
  assert.is(inside.container.env.LOG_LEVEL, 'info', 'what only the outer one says counts too');
});

test('a project named by an app goes before those of its folders', () => {
  const named = only({
    'app.yaml': overlays,
    'other/app.yaml': project('other', '  defaults: {spec: {replicas: 7}}\n'),
    'shop/app.yaml': app('shop', '', ', project: other'),
  });
  assert.is(named.replicas, 7);
  assert.equal(named.container.env, {});
});

test('comments, order and formatting of a project change no spec', () => {
  const files = (text: string) => ({ 'app.yaml': text, 'shop/app.yaml': app('shop', ', port: 80') });
  const { origin: _one, domains: before, ...first } = only(files(overlays));
  const {
    origin: _two,
    domains: after,
    ...second
  } = only(files(`# why\n${overlays.replaceAll('info', '"info"')}\n`));
  assert.equal(first, second);
  assert.equal(
    before.map(({ host }) => host),
    after.map(({ host }) => host),
  );
});

test('what is remembered of an app is read again when its project changes', () => {
  const loader = createLoader(schemas);
  const files = { 'shop/app.yaml': app('shop') };
  const replicas = (text: string) => loadFiles({ 'app.yaml': text, ...files }, { loader }).apps[0]?.replicas;
  assert.is(replicas(project('web', '  defaults: {spec: {replicas: 2}}\n')), 2);
  assert.is(replicas(project('web', '  defaults: {spec: {replicas: 4}}\n')), 4);
  assert.is(loadFiles(files, { loader }).apps[0]?.replicas, 1, 'defaults do not stay');
});

test('render shows an app as it is with everything merged', () => {
  const files = { 'app.yaml': overlays, 'shop/app.yaml': app('shop', ', port: 80') };
  const snapshot = { revision: 'r1', files: Object.entries(files).map(sourceFile) };
  const loader = createLoader(schemas);
  assert.equal(loader.render(snapshot, 'shop', 'staging')?.value, {
    spec: {
      domains: ['shop.apps.example.com'],
      policy: { selfHeal: false },
      env: { LOG_LEVEL: 'debug', WORKERS: '010' },
      deploy: { bake: '10s' },
      image: 'registry.test/shop:1',
      port: 80,
      replicas: 2,
    },
    metadata: { environment: 'staging', project: 'web', labels: { team: 'web' }, name: 'shop' },
    apiVersion: 'plimsoll/v1',
    kind: 'App',
  });
  assert.is(loader.render(snapshot, 'nobody'), undefined);
});

test('of hundreds of apps only those change whose merged manifest does', () => {
  const names = Array.from({ length: 300 }, (_, nth) => `app-${nth}`);
  const repo = (over: Record<string, string> = {}) => ({
    'app.yaml': project(
      'all',
      '  defaults: {spec: {env: {LOG: info}}}\n  environments: {staging: {apps: {app-7: {spec: {env: {LOG: debug}}}}}}\n',
    ),
    'team/app.yaml': project('team', '  defaults: {spec: {env: {TEAM: one}}}\n'),
    'team/conf/shared.conf': 'one',
    ...Object.fromEntries(
      names.map((name, nth) => [
        `${nth < 3 ? 'team' : 'apps'}/${name}/app.yaml`,
        app(name, nth === 0 ? ', files: [{mount: /c, from: ../conf/shared.conf}]' : ', port: 80'),
      ]),
    ),
    ...over,
  });
  const loader = createLoader(schemas);
  const keys = (files: Record<string, string>, environment?: string) => {
    const context = environment === undefined ? {} : { environment };
    const desired = loadFiles(files, { loader, ...context });
    assert.equal(problemLines(desired), []);
    return new Map(desired.apps.map((one) => [one.name, releaseKey(one)]));
  };
  const before = keys(repo());
  const changed = (over: Record<string, string>) =>
    [...keys(repo(over))].filter(([name, key]) => before.get(name) !== key).map(([name]) => name);
  assert.equal(changed({ 'README.md': 'text', 'apps/app-9/notes.txt': 'text' }), []);
  assert.equal(changed({ 'apps/app-9/app.yaml': `# why\n${app('app-9', ', port:   80, replicas: 1')}` }), []);
  assert.equal(changed({ 'apps/app-9/app.yaml': app('app-9', ', port: 81') }), ['app-9']);
  assert.equal(changed({ 'team/app.yaml': project('team', '  defaults: {spec: {env: {TEAM: two}}}\n') }), [
    'app-0',
    'app-1',
    'app-2',
  ]);
  assert.equal(changed({ 'team/conf/shared.conf': 'two' }), ['app-0']);
  const staged = loadFiles(repo(), { loader, environment: 'staging' });
  assert.equal(
    staged.apps.filter((one) => JSON.stringify(one).includes('debug')).map(({ name }) => name),
    ['app-7'],
  );
});

test('of several sources no app reaches into another one', () => {
  const files = {
    'a/app.yaml': project('web', '  defaults: {spec: {replicas: 2}}\n'),
    'a/shop/app.yaml': app('shop', ', files: [{mount: /x, from: ../../b/secret.txt}]'),
    'b/shop/app.yaml': app('shop'),
    'b/secret.txt': 'of b',
    'b/mail/app.yaml': app('mail', ', env: {A: {secret: s/A}}'),
    'a/s/app.yaml':
      'apiVersion: plimsoll/v1\nkind: Secret\nmetadata: {name: s}\nprovider: env\ndata: {A: A}\n',
  };
  const parts = [
    { source: 'a', revision: 'a'.repeat(40) },
    { source: 'b', revision: 'b'.repeat(40) },
  ];
  const snapshot = { revision: 'all', files: Object.entries(files).map(sourceFile), parts };
  const context = { policy: strictPolicy, incumbents: new Map() };
  const desired = createLoader(schemas).load(snapshot, context);
  assert.equal(problemLines(desired), [
    'a/shop/app.yaml:3:18 E1401 app name "shop" is used twice [also b/shop/app.yaml:3:18]',
    'a/shop/app.yaml:4:65 E1308 file "../../b/secret.txt" lies outside the config repo',
    'b/mail/app.yaml:4:57 E1411 secret "s" does not exist',
    'b/shop/app.yaml:3:18 E1401 app name "shop" is used twice [also a/shop/app.yaml:3:18]',
  ]);
  assert.is(desired.unnamed, false);
  const alone = createLoader(schemas).load(
    { ...snapshot, files: snapshot.files.slice(2, 3), parts: [{ source: 'a' }, ...parts.slice(1)] },
    context,
  );
  assert.is(alone.unnamed, true, 'a source that was never read may hold any app');
  assert.equal(alone.revisions, { shop: 'b'.repeat(40) });
});

test.run();
