import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

interface Room {
  /** Decides by values alone: no clock, environment, disk, network, chance or log. */
  readonly pure?: true;
  /** Rooms, or single files of them, that it may import besides itself. */
  readonly imports: readonly string[];
  /** The same, for `import type` alone. */
  readonly types?: readonly string[];
  readonly packages: readonly string[];
}

const pureRooms = ['desired', 'observed', 'plan'];
const edge = { imports: [...pureRooms, 'apply/ports.ts'] };

/** The rooms of `src/` and what each may import; ARCHITECTURE.md explains it. */
const rooms: Readonly<Record<string, Room>> = {
  desired: {
    pure: true,
    imports: [],
    packages: ['ajv', 'ajv-formats', 'node:crypto', 'node:url', 'yaml'],
  },
  observed: { pure: true, imports: [], types: ['desired'], packages: [] },
  plan: { pure: true, imports: ['desired', 'observed'], packages: [] },
  apply: { imports: pureRooms, packages: ['p-queue'] },
  git: { ...edge, packages: ['chokidar', 'isomorphic-git', 'openpgp', 'semver'] },
  secrets: { ...edge, packages: ['age-encryption', 'bcryptjs', 'yaml'] },
  docker: { ...edge, packages: ['dockerode'] },
  caddy: { ...edge, packages: [] },
  history: { ...edge, packages: ['better-sqlite3'] },
  probe: { ...edge, packages: ['p-queue'] },
  loop: { imports: [...pureRooms, 'apply'], packages: ['chokidar', 'node-cron', 'p-queue'] },
  api: {
    imports: pureRooms,
    types: ['apply', 'loop', 'history', 'git', 'client'],
    packages: ['@hono/node-server', 'ajv', 'hono', 'prom-client'],
  },
  webhooks: {
    imports: [...pureRooms, 'api'],
    types: ['apply', 'loop', 'history', 'git'],
    packages: ['@octokit/webhooks', 'hono'],
  },
  client: { imports: [], packages: ['openapi-fetch'] },
  cli: {
    imports: [...pureRooms, 'loop', 'secrets', 'client', 'git/deploy-key.ts', 'api/new-token.ts'],
    types: ['api', 'apply'],
    packages: ['commander', 'yaml'],
  },
};

/** What one file of a room may import beyond its room. */
const fileExceptions: Readonly<Record<string, readonly string[]>> = {
  'src/observed/container-name.ts': ['node:crypto'],
};

/** Files that start other programs, each by a fixed list of arguments and without a shell. */
const processStarters: readonly string[] = [
  'src/caddy/caddy-process.ts',
  'src/git/run-program.ts',
  'src/cli/run-editor.ts',
];

const impurities: readonly (readonly [string, RegExp])[] = [
  ['reads the clock', /\bDate\.now\b|\bnew Date\(\)|\bperformance\.|\bTemporal\.Now\b/],
  ['waits', /\bset(?:Timeout|Interval|Immediate)\b/],
  ['takes chances', /\bMath\.random\b|\brandom(?:UUID|Bytes|Int)\b|\bgetRandomValues\b/],
  ['reads its process', /\bprocess\./],
  ['logs', /\bconsole\./],
  ['calls out', /\bfetch\(/],
];

test('every room imports only what its row in the table allows', () => {
  assert.equal(
    sources('src').flatMap((file) =>
      importsOf(file)
        .filter((wanted) => !isAllowed(file, wanted))
        .map(({ target }) => `${file} imports ${target}`),
    ),
    [],
  );
});

test('every folder of src is a room of the table', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  assert.equal(
    folders.map(({ name }) => name).filter((name) => rooms[name] === undefined),
    [],
  );
});

test('pure rooms read no clock, process, chance or network, and do not log', () => {
  const pure = sources('src').filter((file) => rooms[roomOf(file)]?.pure);
  assert.equal(
    pure.flatMap((file) =>
      impurities.filter(([, pattern]) => pattern.test(codeOf(file))).map(([what]) => `${file} ${what}`),
    ),
    [],
  );
});

test('only the listed files start other programs, and none by a shell', () => {
  const starters = sources('src').filter((file) =>
    importsOf(file).some(({ target }) => target === 'node:child_process'),
  );
  assert.equal(
    starters.filter((file) => !processStarters.includes(file)),
    [],
  );
  assert.equal(
    starters.filter((file) => /\bexec(?:Sync)?\b\(|shell:\s*(?!false)/.test(codeOf(file))),
    [],
  );
});

test('every test file runs its tests, and all of them', () => {
  const files = sources('test').filter((file) => file.endsWith('.test.ts'));
  assert.equal(
    files.filter((file) => !/^\s*\w+\.run\(\);/m.test(codeOf(file))),
    [],
    'run() is missing',
  );
  assert.equal(
    files.filter((file) => /\b(?:test|suite)\.only\(/.test(codeOf(file))),
    [],
    'a left-over .only',
  );
});

test('files are named in kebab-case for what they export', () => {
  const files = ['src', 'test', 'bench', '.ci'].flatMap(sources);
  const stem = (file: string): string => basename(file).split('.')[0] ?? '';
  assert.equal(
    files.filter((file) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(stem(file))),
    [],
  );
  assert.equal(
    files.filter((file) =>
      ['utils', 'util', 'helpers', 'helper', 'types', 'index', 'common'].includes(stem(file)),
    ),
    [],
  );
});

interface Import {
  /** A path from the root, `src/plan/plan.ts`, or the name of a package. */
  readonly target: string;
  readonly typeOnly: boolean;
}

function isAllowed(file: string, { target, typeOnly }: Import): boolean {
  const room = rooms[roomOf(file)];
  // The files that stand in no room put all of them together.
  if (room === undefined) return true;
  if (fileExceptions[file]?.includes(target)) return true;
  if (!target.startsWith('src/')) {
    return room.packages.includes(target) || (!room.pure && target.startsWith('node:'));
  }
  if (roomOf(target) === roomOf(file)) return true;
  return [...room.imports, ...(typeOnly ? (room.types ?? []) : [])].some(
    (allowed) => target === `src/${allowed}` || target.startsWith(`src/${allowed}/`),
  );
}

/** `plan` for `src/plan/plan.ts`, empty for `src/main.ts`. */
function roomOf(file: string): string {
  return file.split('/').slice(1, -1)[0] ?? '';
}

function importsOf(file: string): Import[] {
  const code = withoutComments(readFileSync(join(root, file), 'utf8'));
  const declared = [...code.matchAll(/^(?:import|export)\s+(type\s)?[^;'"]*?\bfrom\s+['"]([^'"]+)['"]/gm)];
  const bare = [...code.matchAll(/(?:^import\s+|\bimport\(\s*|\brequire\(\s*)()['"]([^'"]+)['"]/gm)];
  return [...declared, ...bare].map(([, type, specifier = '']) => ({
    target: resolve(file, specifier),
    typeOnly: Boolean(type),
  }));
}

function resolve(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return relative(root, join(root, dirname(file), specifier));
  if (builtinModules.includes(specifier)) return `node:${specifier}`;
  const parts = specifier.split('/');
  return specifier.startsWith('node:')
    ? specifier
    : parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function codeOf(file: string): string {
  return withoutComments(readFileSync(join(root, file), 'utf8'), "''");
}

/** Also replaces quoted strings when told with what; import declarations keep theirs. */
function withoutComments(source: string, string?: string): string {
  const tokens = /\/\*[\s\S]*?\*\/|\/\/.*$|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/gm;
  return source.replace(tokens, (token) => (token.startsWith('/') ? '' : (string ?? token)));
}

function sources(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:ts|js|mjs)$/.test(file))
    .map((file) => join(folder, file))
    .sort();
}

test.run();
