import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateIdentity } from 'age-encryption';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { App } from '../src/desired/app.ts';
import type { Desired, HostPolicy, SourceFile } from '../src/desired/desired.ts';
import { createLoader } from '../src/desired/load-desired.ts';
import { splitReference } from '../src/desired/secret-book.ts';
import { checkPlan } from '../src/plan/check-plan.ts';
import { decide } from '../src/plan/decide.ts';
import type { World } from '../src/plan/plan.ts';
import { hashOf } from '../src/plan/release.ts';
import { simulate, stepsOf } from '../src/plan/simulate.ts';
import { parseIdentities } from '../src/secrets/identities.ts';
import { createSecrets, type Secrets } from '../src/secrets/secrets.ts';
import { schemas } from './desired/corpus.ts';
import { anImage, aWorld } from './plan/worlds.ts';
import { encrypt, plainSecret, writeIdentity } from './secrets/a-secret.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const loader = createLoader(schemas);

/** What a controller allows that was told nothing. */
const policy: HostPolicy = {
  allowPrivileged: false,
  allowCapabilities: [],
  apps: {},
  allowHostPaths: [],
  allowedRegistries: [],
  instance: 'default',
};

for (const name of foldersOf('examples')) {
  test(`examples/${name} is a config repo without a problem, whose secrets open`, async () => {
    await withExampleIdentity(async (secrets) => {
      const { apps, problems } = await load(filesOf(join('examples', name)), secrets);
      assert.equal(problems.map(shown), []);
      assert.ok(apps.length > 0, 'no app in it');
      assert.equal(planned(apps), []);
    });
  });
}

test('every value of the example of secrets is one that nobody could take for a real one', async () => {
  await withExampleIdentity(async (secrets) => {
    const { apps } = await load(filesOf('examples/secrets'), secrets);
    const [shop] = apps;
    assert.ok(shop);
    const { container, liveFiles = [], registry } = shop;
    const values = [
      container.env.DATABASE_URL,
      registry?.password,
      ...[...container.files, ...liveFiles].map(({ content }) => content),
    ];
    assert.is(values.length, 4);
    for (const value of values) {
      if (value === undefined || typeof value === 'string') throw new Error('it is no secret');
      assert.match(await secrets.reveal(value), /example-/);
    }
    const users = shop.domains.flatMap(({ basicAuth = [] }) => basicAuth.map(({ user }) => user));
    assert.equal(users, ['ada', 'grace']);
  });
});

test('the identity of the examples tells at its top that it is no secret', () => {
  assert.match(
    readFileSync(join(root, 'examples/secrets/example-identity.txt'), 'utf8'),
    /^# NOT A SECRET\./,
  );
});

for (const [environment, expected] of Object.entries({
  staging: {
    shop: { domains: ['shop.staging.example.com'], replicas: 1, level: 'debug', bake: 0, windows: 0 },
    api: { domains: [], replicas: 1, level: 'debug', bake: 0, windows: 0 },
    worker: { domains: [], replicas: 1, level: 'debug', bake: 0, windows: 0 },
  },
  production: {
    shop: { domains: ['shop.example.com'], replicas: 3, level: 'info', bake: 30_000, windows: 1 },
    api: { domains: [], replicas: 1, level: 'info', bake: 0, windows: 1 },
    worker: { domains: [], replicas: 1, level: 'info', bake: 0, windows: 1 },
  },
}))
  test(`examples/environments is in ${environment} what its README says`, () => {
    const { apps, problems } = loader.load(snapshotOf(filesOf('examples/environments')), {
      policy,
      incumbents: new Map(),
      environment,
    });
    assert.equal(problems.map(shown), []);
    assert.equal(Object.fromEntries(apps.map((app) => [app.name, told(app)])), expected);
    assert.equal(planned(apps), []);
  });

for (const name of foldersOf('manifests')) {
  test(`manifests/${name} can be copied as it is, with the secret that its comment tells to make`, async () => {
    await withOwnIdentity(async (secrets, recipients) => {
      const files = filesOf(join('manifests', name));
      const { apps, problems } = await load([...files, ...(await secretsFor(files, recipients))], secrets);
      assert.equal(problems.map(shown), []);
      assert.equal(
        apps.map((app) => app.name),
        [name],
      );
      assert.equal(planned(apps), []);
    });
  });
}

test('all manifests go together in one config repo', async () => {
  await withOwnIdentity(async (secrets, recipients) => {
    const files = filesOf('manifests');
    const whole = [...files, ...(await secretsFor(files, recipients))];
    assert.equal((await load(whole, secrets)).problems.map(shown), []);
  });
});

test('the comment of a manifest tells how to make each key of a secret that it uses', () => {
  for (const name of foldersOf('manifests')) {
    const text = readFileSync(join(root, 'manifests', name, 'app.yaml'), 'utf8');
    const [comment = ''] = text.split('apiVersion:');
    for (const reference of referencesIn(text)) {
      const { name: secret, key } = splitReference(reference);
      assert.match(comment, `plimsoll secret edit secrets/${secret}/app.yaml\n`);
      assert.match(comment, `${key} in it:`);
    }
  }
});

test('the README of examples and of manifests lists every folder', () => {
  for (const folder of ['examples', 'manifests']) {
    const readme = readFileSync(join(root, folder, 'README.md'), 'utf8');
    const missing = foldersOf(folder).filter((name) => !readme.includes(`(${name})`));
    assert.equal(missing, [], `${folder}/README.md`);
  }
});

/** What is wrong with the plan of these apps on an empty host; nothing, when it ends converged and still. */
function planned(apps: Desired['apps']): string[] {
  const { looks, end } = simulate(aReadyWorld(apps));
  const violations = looks.flatMap(({ plan, world }) => checkPlan(world, plan));
  const last = decide(end);
  return [
    ...violations.map(({ app, rule, message }) => `${app}: ${rule}: ${message}`),
    ...last.apps
      .filter(({ sync }) => sync !== 'Synced')
      .map(({ app, conditions }) => `${app}: ${conditions[0]?.reason}`),
    ...stepsOf(last).map(({ app, step }) => `${app}: still ${step.kind}`),
    ...(looks.length === 0 ? ['nothing is planned'] : []),
  ];
}

/** An empty host with the images that are not pulled, and where a person has approved what asks for it. */
function aReadyWorld(apps: Desired['apps']): World {
  const world = aWorld(apps);
  const references = apps.map((app) => app.container.image);
  const images = Object.fromEntries(
    references.flatMap((name) => [
      [name, anImage(name)],
      [`image of ${name}`, anImage(name)],
    ]),
  );
  const approved = Object.fromEntries(apps.map((app) => [app.name, { restarts: {}, approved: hashOf(app) }]));
  return { ...world, observed: { ...world.observed, images }, memory: { ...world.memory, apps: approved } };
}

function foldersOf(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function told({ domains, replicas, container, deploy, policy: { windows } }: App) {
  return {
    domains: domains.map(({ host }) => host),
    replicas,
    level: container.env.LOG_LEVEL,
    bake: deploy.bake,
    windows: windows.length,
  };
}

/** Reads a config repo as the controller does, with its secrets really opened. */
async function load(files: readonly SourceFile[], secrets: Secrets): Promise<Desired> {
  const snapshot = snapshotOf(files);
  const opened = await secrets.open(loader.secrets(snapshot));
  return loader.load(snapshot, { policy, incumbents: new Map(), opened });
}

/** The identity that stands beside the examples, in a file that is as private as one has to be. */
async function withExampleIdentity(work: (secrets: Secrets) => Promise<void>): Promise<void> {
  const text = readFileSync(join(root, 'examples/secrets/example-identity.txt'), 'utf8');
  await withIdentity(text, work);
}

async function withOwnIdentity(
  work: (secrets: Secrets, recipients: readonly string[]) => Promise<void>,
): Promise<void> {
  await withIdentity(await generateIdentity(), work);
}

async function withIdentity(
  text: string,
  work: (secrets: Secrets, recipients: readonly string[]) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-examples-'));
  const warned: string[] = [];
  try {
    const identities = await parseIdentities(text, 'the example');
    const identity = await writeIdentity(join(folder, 'identity'), identities);
    mkdirSync(join(folder, 'state'));
    const stateDir = join(folder, 'state');
    const warn = (message: string) => void warned.push(message);
    await work(
      createSecrets({ identity, stateDir, writable: false, providers: {}, warn }),
      identities.recipients,
    );
    assert.equal(warned, []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The secrets that these manifests use, as `plimsoll secret edit` would make them. */
async function secretsFor(
  files: readonly SourceFile[],
  recipients: readonly string[],
): Promise<readonly SourceFile[]> {
  const references = files.flatMap(({ content }) => referencesIn(Buffer.from(content).toString('utf8')));
  const byName = Map.groupBy(new Set(references), (reference) => splitReference(reference).name);
  return Promise.all(
    [...byName].map(async ([name, used]) => {
      const data = Object.fromEntries(used.map((one) => [splitReference(one).key, 'chosen by a person']));
      const text = await encrypt(plainSecret(name, data), recipients);
      return sourceFile(`secrets/${name}/app.yaml`, Buffer.from(text));
    }),
  );
}

function referencesIn(text: string): string[] {
  return [...text.matchAll(/secret: ([a-z0-9-]+\/[A-Za-z0-9._-]+)/g)].map(([, reference = '']) => reference);
}

function snapshotOf(files: readonly SourceFile[]) {
  return { revision: hashOfFiles(files), files };
}

function hashOfFiles(files: readonly SourceFile[]): string {
  return createHash('sha256')
    .update(files.map(({ path, id }) => `${path} ${id}`).join('\n'))
    .digest('hex');
}

function filesOf(folder: string): readonly SourceFile[] {
  const base = join(root, folder);
  return readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => sourceFile(file.slice(base.length + 1), readFileSync(file)));
}

function sourceFile(path: string, content: Uint8Array): SourceFile {
  return { path, id: createHash('sha256').update(content).digest('hex'), content };
}

function shown({ file, line, column, code, message }: Desired['problems'][number]): string {
  return `${file}:${line}:${column} ${code} ${message}`;
}

test.run();
