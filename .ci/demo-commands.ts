import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join, relative } from 'node:path';
import { commandOf, demoCaddies, place, rememberedPid, rememberPid } from './demo-place.ts';
import { type Ran, runProgram } from './run-program.ts';

/** A command of the demo failed that had to succeed. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}

const entry = join(place.project, 'src', 'plimsoll.js');

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

interface PlimsollOptions {
  /** Exit codes that are as it should be; 0 alone when absent. */
  readonly accepts?: readonly number[];
  /** It takes no `--config`. */
  readonly bare?: true;
  /** Shown before the command, and in its environment. */
  readonly token?: string;
  /** Ends a command that goes on. */
  readonly signal?: AbortSignal;
  /** Called when something of its output was shown. */
  readonly onShown?: () => void;
}

/** Shows `$ plimsoll ARGS`, then its output as it comes; fails when its exit code is none of `accepts`. */
export async function plimsoll(args: readonly string[], options: PlimsollOptions = {}): Promise<Ran> {
  const { accepts = [0], token, signal, onShown } = options;
  say(`   $ ${token === undefined ? '' : 'PLIMSOLL_TOKEN=… '}plimsoll ${args.join(' ')}`);
  const ran = await quietPlimsoll(args, options, (text) => {
    process.stdout.write(indent(text));
    onShown?.();
  });
  if (!signal?.aborted && !accepts.includes(ran.code))
    throw new DemoError(`plimsoll ${args.join(' ')}: exit code ${ran.code}`);
  return ran;
}

export function quietPlimsoll(
  args: readonly string[],
  { bare, token, signal }: PlimsollOptions = {},
  onOutput?: (text: string) => void,
): Promise<Ran> {
  const config = bare ? [] : ['--config', place.settings];
  return runProgram(process.execPath, [entry, ...args, ...config], {
    cwd: place.project,
    env: { ...environment(), ...(token === undefined ? {} : { PLIMSOLL_TOKEN: token }) },
    timeout: 150_000,
    ...(signal ? { signal } : {}),
    ...(onOutput ? { onOutput } : {}),
  });
}

/** Shows a command and its output. */
export async function show(program: string, args: readonly string[], cwd = place.project): Promise<Ran> {
  const shown = args.map((arg) => (/[\s']/.test(arg) ? JSON.stringify(arg) : arg));
  say(`   $ ${program} ${shown.join(' ')}`);
  const ran = await runProgram(program, args, { cwd, env: environment(), timeout: 30_000 });
  process.stdout.write(indent(ran.output));
  if (ran.code !== 0) throw new DemoError(`${program} ${args.join(' ')}: exit code ${ran.code}`);
  return ran;
}

/** Runs git in a folder of the demo, with a name of its own: whose machine this is does not matter. */
export async function git(folder: string, ...args: readonly string[]): Promise<string> {
  const identity = ['user.name=Demo', 'user.email=demo@example.com', 'commit.gpgSign=false'];
  const settings = identity.flatMap((setting) => ['-c', setting]);
  const ran = await runProgram('git', [...settings, ...args], { cwd: folder, env: environment() });
  if (ran.code !== 0) throw new DemoError(`git ${args.join(' ')}: ${ran.output.trim()}`);
  return ran.output;
}

export async function startController(): Promise<void> {
  say(`   $ plimsoll controller > ${relative(place.project, place.controllerLog)} &`);
  const args = [entry, 'controller', '--config', place.settings];
  await startProgram('controller', args, place.controllerLog);
}

/** Starts a Node in a session of its own: it goes on when the demo has said what it has to say. */
export async function startProgram(name: string, args: readonly string[], logFile: string): Promise<void> {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, args, {
    cwd: place.project,
    detached: true,
    stdio: ['ignore', log, log],
    env: environment(),
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new DemoError(`the ${name} could not be started`);
  await rememberPid(name, child.pid);
}

/** Ends the controller, a Caddy that outlived it because it was killed, and the forge. */
export async function stopPrograms(): Promise<void> {
  const controller = await rememberedPid('controller');
  if (controller !== undefined) await end(controller);
  const forge = await rememberedPid('forge');
  if (forge !== undefined) await end(forge);
  await Promise.all(demoCaddies().map(end));
}

async function end(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + 30_000;
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = setInterval(() => {
    if (commandOf(pid) !== '' && Date.now() < deadline) return;
    clearInterval(look);
    resolve();
  }, 100);
  await promise;
  if (commandOf(pid) !== '') process.kill(pid, 'SIGKILL');
}

/** Nothing that the user configured for a real controller, or for git, reaches the demo's. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PLIMSOLL_|GIT_)/.test(name));
  return { ...Object.fromEntries(kept), GIT_CONFIG_NOSYSTEM: '1' };
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '   ');
}
