// `node .ci/bootstrap.mjs SCRIPT.ts [args]`: runs a script of this project on the Node it needs.
// Runs itself on Node 20 with nothing installed: whatever is missing, `npm ci` brings first.

import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const foreignPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== bin);

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  process.stderr.write('usage: node .ci/bootstrap.mjs SCRIPT.ts [args]\n');
  process.exit(64);
}

const stale = whyInstall();
if (stale !== undefined) {
  process.stderr.write(`npm ci: ${stale}\n`);
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  // Only Node fetches itself when it is installed. SQLite's library comes compiled; from a lockfile, npm would not
  // know that and compile it again, which takes Python and a compiler.
  for (const args of [
    ['ci', '--ignore-scripts', ...quiet],
    ['rebuild', 'node', ...quiet],
  ]) {
    // Not by the Node that is being replaced: npm's own, which stands elsewhere in the path.
    const installed = await run('npm', args, foreignPath, ['ignore', 2, 2]);
    if (installed.code !== 0) {
      process.stderr.write(`npm ${args[0]} failed: the dependencies are not installed\n`);
      leave(installed);
    }
  }
}
leave(await run(join(bin, 'node'), [script, ...args], [bin, ...foreignPath], 'inherit'));

/** Why the dependencies must be installed, or undefined when they stand. */
function whyInstall() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return 'the dependencies are not installed yet';
  if (!existsSync(join(bin, 'node'))) return 'the Node of this project is not installed';
  const newer = statSync(join(root, 'package-lock.json')).mtimeMs > statSync(installed).mtimeMs;
  return newer ? 'package-lock.json is newer than what is installed' : undefined;
}

/** Runs a program to its end and hands it the signals that we get. */
function run(program, programArgs, path, stdio) {
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: path.join(delimiter) };
    const child = spawn(program, programArgs, { cwd: root, stdio, env });
    const forward = (signal) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, forward);
    const end = (result) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, forward);
      resolve(result);
    };
    child.once('error', (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      end({ code: 70, signal: null });
    });
    child.once('exit', (code, signal) => end({ code, signal }));
  });
}

/** Ends as the child ended: with its exit code, or by its signal. */
function leave({ code, signal }) {
  if (signal !== null) process.kill(process.pid, signal);
  process.exit(code ?? 1);
}
