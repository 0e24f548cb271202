import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CommanderError } from 'commander';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { staleFiles } from '../.ci/generate.ts';
import { commands } from '../src/cli/commands.ts';
import type { CliContext } from '../src/cli/context.ts';
import { optionsLast } from '../src/cli/options-last.ts';
import { createProgram } from '../src/cli/program.ts';
import { ConfigError, loadConfig } from '../src/config.ts';
import { loadFiles, problemLines } from './desired/corpus.ts';

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

test('every command line that the documents tell to run is one that the program takes', async () => {
  const lines = new Map(
    [...documents, ...commented].flatMap((document) =>
      commandLines(document).map((line) => [line.words.join(' '), { ...line, document }]),
    ),
  );
  assert.ok(lines.size > 60, `only ${lines.size} command lines are found`);
  const refused: string[] = [];
  for (const [text, line] of lines) {
    const why = await whyRefused(line);
    if (why !== undefined) refused.push(`${line.document}: plimsoll ${text}: ${why}`);
  }
  assert.equal(refused, []);
});

test('every manifest and every configuration in the documents is valid', () => {
  const blocks = documents.flatMap((document) =>
    blocksOf(document, 'yaml').map((text) => ({ document, text, wrong: wrongIn(text) })),
  );
  assert.ok(blocks.length > 10, `only ${blocks.length} blocks are found`);
  assert.equal(
    blocks
      .filter(({ wrong }) => wrong.length > 0)
      .map(({ document, wrong }) => `${document}: ${wrong.join('; ')}`),
    [],
  );
});

test('the way from an identity to an app in the README ends with the secret in plain text', async () => {
  const [, section = ''] = read('README.md').split('### From an identity to an app\n');
  const [, walk = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(section) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-readme-'));
  try {
    const program = join(folder, 'plimsoll');
    const entry = join(root, 'src', 'plimsoll.js');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${entry}' "$@"\n`);
    chmodSync(program, 0o755);
    const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder };
    const { stdout } = await promisify(execFile)('sh', ['-euc', walk], { cwd: folder, env });
    assert.match(stdout, '1 app is valid\n');
    assert.match(stdout, /3e57d8a0c1f64b92\n?$/);
    const sealed = readFileSync(join(folder, 'config/secrets/shop/app.yaml'), 'utf8');
    assert.not.match(sealed, /correct-horse|3e57d8a0/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Words that follow the program's name at the beginning of a line of prose. */
const sentences: readonly string[] = ['keeps', 'talks', 'beside', 'needs'];

/** Files that tell in comments what to run. */
const commented: readonly string[] = [
  'docker/compose.yaml',
  ...readdirSync(join(root, 'manifests'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('app.yaml'))
    .map((file) => join('manifests', file)),
];

function blocksOf(document: string, language: string): string[] {
  const blocks = read(document).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...blocks].map(([, text = '']) => text);
}

interface CommandLine {
  /** What follows `plimsoll`. */
  readonly words: readonly string[];
  /** In a sentence, which may leave out what does not matter to it. */
  readonly isMention: boolean;
}

/** The commands in shell blocks, in code within sentences, and in comments. */
function commandLines(document: string): CommandLine[] {
  const text = read(document);
  const comments = [...text.matchAll(/^# {3}(plimsoll .+)$/gm)].map(([, line = '']) => line);
  if (!document.endsWith('.md'))
    return comments.flatMap(wordsOf).map((words) => ({ words, isMention: false }));
  const shell = blocksOf(document, 'sh')
    .map((block) => block.replace(/<<-?'?END'?[\s\S]*?^END$/gm, '').replaceAll('\\\n', ' '))
    .flatMap((block) => block.split('\n'));
  const inline = [...withoutCode(text).matchAll(/`((?:PLIMSOLL_TOKEN=\S+ )?plimsoll [^`]+)`/g)];
  return [
    ...shell.flatMap(wordsOf).map((words) => ({ words, isMention: false })),
    ...inline.flatMap(([, code = '']) => wordsOf(code)).map((words) => ({ words, isMention: true })),
  ];
}

function wordsOf(line: string): string[][] {
  return commandsIn(line).flatMap((all) => {
    const [first, ...words] = withoutPrefix(all);
    return first === 'plimsoll' && words.length > 0 ? [words] : [];
  });
}

/** `sudo`, with or without a user, and variables that are set for the command. */
function withoutPrefix(words: readonly string[]): readonly string[] {
  const [first = '', second] = words;
  if (first === 'sudo') return withoutPrefix(words.slice(second === '-u' ? 3 : 1));
  return /^[A-Z_]+=/.test(first) ? withoutPrefix(words.slice(1)) : words;
}

/** As a shell would see them, as far as the documents need it. */
function commandsIn(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token] of line.matchAll(/#.*|&&|\|\||\$\(|[|;<>()]+|(?:'[^']*'|"[^"]*"|\\.|[^\s'"|;<>()])+/g)) {
    if (token.startsWith('#')) break;
    if (/^(?:&&|\|\||\$\(|[|;<>()]+)$/.test(token)) commands.push([]);
    else commands.at(-1)?.push(token.replace(/^[a-z]+=\$$/, '').replace(/^(['"])(.*)\1$/, '$2'));
  }
  return commands;
}

/** What a sentence may leave out of a command that it speaks of. */
const mentions: readonly string[] = [
  'commander.help',
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
];

/** What the program's own reading of the command line says; nothing is run. */
async function whyRefused({ words, isMention }: CommandLine): Promise<string | undefined> {
  if (isMention && sentences.includes(words[0] ?? '')) return undefined;
  const said: string[] = [];
  const quiet = { out: () => {}, err: (text: string) => void said.push(text) };
  const context = { ...quiet, env: {}, version: '', schema: {} } as unknown as CliContext;
  try {
    const program = createProgram(context, () => async () => {}, commands);
    await program.parseAsync(['node', 'plimsoll', ...optionsLast(program, words)]);
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isFine = error.exitCode === 0 || (isMention && mentions.includes(error.code));
    return isFine ? undefined : said.join('').trim();
  }
}

/** Manifests are judged as a repo of one file, whose secrets stand elsewhere. */
function wrongIn(text: string): readonly string[] {
  const value: unknown = parse(text);
  if (text.startsWith('# prometheus.yml\n') || typeof value !== 'object' || value === null) return [];
  if ('apiVersion' in value) {
    const problems = problemLines(loadFiles({ 'app.yaml': text }, { policy: openPolicy }));
    return problems.filter((problem) => !/ E1411 secret "[a-z-]+" does not exist$/.test(problem));
  }
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-readme-'));
  try {
    const file = join(folder, 'plimsoll.yaml');
    writeFileSync(file, text);
    loadConfig({ file, env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [error.message, ...error.problems.map(({ line, message }) => `${line}: ${message}`)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const openPolicy = {
  allowPrivileged: false,
  allowCapabilities: [],
  apps: {},
  allowHostPaths: [],
  allowedRegistries: [],
  instance: 'default',
};

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
