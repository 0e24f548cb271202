import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { staleFiles } from '../.ci/generate.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...['examples', 'manifests', 'bench'].flatMap(readmesIn),
];

test('every relative link leads to a file, and to a heading in it', () => {
  assert.equal(
    documents.flatMap((document) =>
      linksOf(document)
        .filter((link) => !leadsSomewhere(document, link))
        .map((link) => `${document}: ${link}`),
    ),
    [],
  );
});

test('what is generated in the README is up to date', async () => {
  const stale = await staleFiles();
  assert.equal(
    stale.map(({ file }) => file.pathname),
    [],
    'run `npm run generate`',
  );
});

test('the map names every room', () => {
  const map = read('ARCHITECTURE.md');
  const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  assert.equal(
    rooms.map(({ name }) => `\`${name}/\``).filter((name) => !map.includes(name)),
    [],
  );
});

test('every command that the documents tell to run is one of the program', () => {
  const known = new Set(
    [...read('README.md').matchAll(/^### `plimsoll ([a-z-]+)/gm)].map(([, name]) => name),
  );
  const told = documents.flatMap((document) =>
    // At the start of code, so that sentences about plimsoll are none.
    [...read(document).matchAll(/(?:`|^\$ |^sudo |^)(?:npx )?plimsoll ([a-z-]+)/gm)].map(([, name]) => name),
  );
  assert.equal(
    [...new Set(told)].filter((command) => !known.has(command) && !sentences.includes(command ?? '')),
    [],
  );
});

/** Words that follow the program's name at the beginning of a line of prose. */
const sentences: readonly string[] = ['keeps', 'talks', 'beside', 'needs'];

function readmesIn(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file))
    .sort();
}

function linksOf(document: string): string[] {
  const text = withoutCode(read(document));
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(root, target))) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

/** As forges name them. */
function headingsOf(document: string): string[] {
  return [...withoutCode(read(document)).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Of fenced blocks nothing is a link or a heading. */
function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

function read(document: string): string {
  return readFileSync(join(root, document), 'utf8');
}

test.run();
