import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import { createApi } from '../../src/api/create-api.ts';
import { serveSocket } from '../../src/api/serve.ts';
import { splitCommand } from '../../src/desired/split-command.ts';
import { runCommandLine } from '../../src/main.ts';
import { aShop } from '../api/a-shop.ts';
import { splitFiles, testCorpus } from '../corpus-file.ts';

// A case is a command line after `$`, with NAME=value lines before it for its environment, and the files around it.
// `with a controller` has one serve in the state directory. What goes to standard output is marked.
testCorpus(new URL('../corpus/cli/', import.meta.url), ({ lines }) => answer(lines));

// `==` is a plimsoll.yaml that is checked.
testCorpus(new URL('../corpus/config/', import.meta.url), ({ whole, lines }) =>
  answer(whole ? lines : ['$ plimsoll config check --config plimsoll.yaml', '-- plimsoll.yaml', ...lines]),
);

async function answer(lines: readonly string[]): Promise<readonly string[]> {
  const { head = '', ...files } = splitFiles(lines, 'head');
  const before = process.cwd();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'plimsoll-corpus-')));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content, { mode: 0o600 });
    }
    process.chdir(folder);
    const said = await run(new TextDecoder().decode(Buffer.from(head)).trim().split('\n'));
    return said.map((line) => line.replaceAll(folder, 'FOLDER').replaceAll(/\(([0-9a-f]{8})\)/g, '(ID)'));
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
}

async function run(head: readonly string[]): Promise<readonly string[]> {
  const stateDir = join(process.cwd(), 'state');
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const serving = head.includes('with a controller')
    ? await serveSocket(createApi(aShop()), join(stateDir, 'plimsoll.sock'))
    : undefined;
  const written = { out: '', err: '' };
  const output = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const env = Object.fromEntries(head.flatMap((line) => [/^([A-Z_]+)=(.*)$/.exec(line)?.slice(1) ?? []]));
  const command = head.find((line) => line.startsWith('$ ')) ?? '';
  try {
    const code = await runCommandLine(['node', ...(splitCommand(command.slice(2)) ?? [])], {
      env: { USER: 'ann', ...(command.includes(' config ') ? {} : { PLIMSOLL_STATE_DIR: 'state' }), ...env },
      stdout: output('out'),
      stderr: output('err'),
    });
    return [...linesOf(written.err), ...linesOf(written.out).map((line) => `out: ${line}`), `exit ${code}`];
  } finally {
    await serving?.close();
  }
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

test.run();
