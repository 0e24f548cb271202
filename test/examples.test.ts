import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Desired, HostPolicy, SourceFile } from '../src/desired/desired.ts';
import { createLoader } from '../src/desired/load-desired.ts';
import { checkPlan } from '../src/plan/check-plan.ts';
import { decide } from '../src/plan/decide.ts';
import type { World } from '../src/plan/plan.ts';
import { hashOf } from '../src/plan/release.ts';
import { simulate, stepsOf } from '../src/plan/simulate.ts';
import { schemas } from './desired/corpus.ts';
import { anImage, aWorld } from './plan/worlds.ts';

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
  test(`examples/${name} is a config repo without a problem`, () => {
    const { apps, problems } = read(join('examples', name));
    assert.equal(problems.map(shown), []);
    assert.ok(apps.length > 0, 'no app in it');
    assert.equal(planned(apps), []);
  });
}

for (const name of foldersOf('manifests')) {
  test(`manifests/${name} can be copied as it is`, () => {
    const { apps, problems } = read(join('manifests', name));
    assert.equal(problems.map(shown), []);
    assert.equal(
      apps.map((app) => app.name),
      [name],
    );
    assert.equal(planned(apps), []);
  });
}

test('all manifests go together in one config repo', () => {
  assert.equal(read('manifests').problems.map(shown), []);
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

function read(folder: string): Desired {
  const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => sourceFile(join(root, folder), join(entry.parentPath, entry.name)));
  return loader.load({ revision: `folder ${folder}`, files }, { policy, incumbents: new Map() });
}

function sourceFile(base: string, file: string): SourceFile {
  const content = readFileSync(file);
  return {
    path: file.slice(base.length + 1),
    id: createHash('sha256').update(content).digest('hex'),
    content,
  };
}

function shown({ file, line, column, code, message }: Desired['problems'][number]): string {
  return `${file}:${line}:${column} ${code} ${message}`;
}

test.run();
