import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle } from '../.ci/bundle.ts';
import { bundledPackages } from '../.ci/bundled-packages.ts';
import { manifest, TestHost } from './e2e/host.ts';

interface Sbom {
  readonly metadata: { readonly component: { readonly version: string; readonly purl: string } };
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly hashes?: readonly { readonly content: string }[];
    readonly licenses: readonly {
      readonly expression?: string;
      readonly license?: { readonly id: string };
    }[];
  }[];
}

const root = dirname(import.meta.dirname);
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-package-'));
const installed = join(folder, 'node_modules', 'plimsoll');
const test = suite('package');

/** What a person types in the folder that it is installed in, on the Node that runs this test. */
function run(program: string, ...args: readonly string[]): string {
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  return execFileSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH, NO_COLOR: '1', npm_config_loglevel: 'error' },
  });
}

test.before(() => {
  execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: root, stdio: 'pipe' });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', join(folder, tarball));
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

test('what is installed needs no library but the native one, and the one whose types the client has', () => {
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: object;
  };
  assert.equal(Object.keys(dependencies), ['better-sqlite3', 'openapi-fetch']);
  assert.not.ok(readdirSync(join(folder, 'node_modules')).includes('dockerode'));
});

test('the list of what is shipped has all that went into the bundle, as it stands in the lockfile', async () => {
  const { components, metadata } = JSON.parse(
    readFileSync(join(installed, 'dist', 'sbom.cdx.json'), 'utf8'),
  ) as Sbom;
  const bundled = bundledPackages(await bundle({ out: join(folder, 'bundle') }));
  assert.ok(bundled.length > 40);
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const inBundle = bundled.map(({ folder }) => folder);
  // As npm put them beside the bundle.
  const beside = readdirSync(join(folder, 'node_modules'))
    .filter((name) => !name.startsWith('.') && name !== 'plimsoll')
    .map((name) => `node_modules/${name}`);
  const expected = [...inBundle, ...beside].map((path) => {
    const { version, integrity } = packages[path] ?? { version: 'none', integrity: '' };
    const digest = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
    return `${path.split('node_modules/').at(-1)} ${version} ${digest}`;
  });
  const listed = components.map(
    ({ name, version, hashes }) => `${name} ${version} ${hashes?.[0]?.content ?? 'no hash'}`,
  );
  const [sqlite = ''] = listed.filter((line) => line.startsWith('sqlite '));
  assert.match(sqlite, /^sqlite 3\.\d+\.\d+ no hash$/);
  assert.equal(listed.filter((line) => line !== sqlite).sort(), [...new Set(expected)].sort());
  assert.is(metadata.component.purl, `pkg:npm/plimsoll@${metadata.component.version}`);
  assert.is(new Set(components.map(({ purl }) => purl)).size, components.length);
  const licenses = components.flatMap(({ licenses }) => licenses);
  assert.is(licenses.length, components.length);
  for (const { expression, license } of licenses) assert.match(license?.id ?? expression ?? '', /^[\w(]/);
});

test('the licences of all libraries that are bundled come with them', () => {
  const text = readFileSync(join(installed, 'dist', 'third-party-licences.txt'), 'utf8');
  const sections = text.split(`\n${'-'.repeat(80)}\n\n`).map((section) => section.split('\n'));
  assert.ok(sections.length > 40);
  for (const [title = '', , ...lines] of sections) {
    assert.match(title, /^\S+ \d+\.\d+\.\d+\S* \(.+\)$/);
    assert.match(lines.join('\n'), /\S/, title);
  }
  // It has its licence at the top of its files alone.
  assert.match(text, 'Tony Garnock-Jones');
});

test('the command of the package runs from an empty folder', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  assert.is(run('npx', 'plimsoll', 'version'), `plimsoll ${version}\n`);
  mkdirSync(join(folder, 'config', 'shop'), { recursive: true });
  writeFileSync(join(folder, 'config', 'shop', 'app.yaml'), manifest('shop', '1'));
  assert.is(run('npx', 'plimsoll', 'validate', 'config'), '1 app is valid\n');
});

test('what is installed judges manifests and configurations as the sources do, by functions made beforehand', () => {
  const broken = join(folder, 'broken');
  const files: Record<string, string> = {
    'a/app.yaml': manifest('a', '1', { image: '', replicas: -1, port: 'x', deploy: { deadline: '9y' } }),
    'b/app.yaml': manifest('b', '1', { resources: { memory: '1', cpus: 'many' }, unknown: true }),
    'c/app.yaml':
      'apiVersion: plimsoll/v1\nkind: Project\nmetadata: {}\nspec: { defaults: { spec: { port: x } } }\n',
    'd/app.yaml': 'apiVersion: plimsoll/v1\nkind: Secret\nmetadata: { name: d }\n',
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(broken, path)), { recursive: true });
    writeFileSync(join(broken, path), text);
  }
  const wrong = join(folder, 'wrong.yaml');
  writeFileSync(wrong, 'api: { listen: 7, nothing: 1 }\nsource: { interval: 1ms }\n');
  const judge = (entry: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [entry, 'validate', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    return { status, stdout, stderr };
  };
  for (const args of [[broken], [broken, '--config', wrong]]) {
    const sources = judge(join(root, 'src', 'plimsoll.js'), ...args);
    assert.is(sources.status, 2);
    assert.equal(judge(join(installed, 'src', 'plimsoll.js'), ...args), sources);
  }
  const [library] = readdirSync(join(installed, 'dist')).filter(
    (name) => name.endsWith('.js') && holdsCompiler(name),
  );
  assert.is(library, undefined, 'the compiler of schemas is bundled');
});

function holdsCompiler(name: string): boolean {
  return readFileSync(join(installed, 'dist', name), 'utf8').includes('strictTuples');
}

test('the client of the package asks a controller of the package, which brings an app up', async () => {
  const host = await TestHost.open();
  host.entry = join(installed, 'src', 'plimsoll.js');
  try {
    const revision = host.commit({ 'shop/app.yaml': manifest('shop', '1') });
    const controller = await host.controller();
    await host.untilConverged(revision);
    assert.is(await host.marker('shop'), 'shop 1');
    writeFileSync(
      join(folder, 'ask.js'),
      `import { createClient } from 'plimsoll/client';
const client = createClient({ socket: ${JSON.stringify(join(host.stateDir, 'plimsoll.sock'))} });
const { data } = await client.GET('/api/v1/apps/{name}', { params: { path: { name: 'shop' } } });
process.stdout.write(data.health);`,
    );
    assert.is(run(process.execPath, 'ask.js'), 'Healthy');
    // As an editor sees it: the types of the client are there, and say what a path answers.
    writeFileSync(
      join(folder, 'typed.ts'),
      `import { createClient } from 'plimsoll/client';
const { data } = await createClient({ socket: 'x' }).GET('/api/v1/apps/{name}', { params: { path: { name: 'shop' } } });
export const ready: number | undefined = data?.scale.ready;
// @ts-expect-error: there is no such path
await createClient({ socket: 'x' }).GET('/api/v1/nothing', {});`,
    );
    const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck'];
    run(join(root, 'node_modules', '.bin', 'tsc'), ...strict, '--types', '', 'typed.ts');
    assert.is(await controller.end(), 0);
    await host.expectDiff(0);
  } catch (error) {
    throw host.explain(error);
  } finally {
    await host.close();
  }
});

test.run();
