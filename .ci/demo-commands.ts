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

/** Shows `$ plimsoll ARGS`, then its output as it comes; fails when its exit code is none of `accepts`. */
export async function plimsoll(args: readonly string[], accepts: readonly number[] = [0]): Promise<Ran> {
  say(`   $ plimsoll ${args.join(' ')}`);
  const ran = await quietPlimsoll(args, (text) => process.stdout.write(indent(text)));
  if (!accepts.includes(ran.code)) throw new DemoError(`plimsoll ${args.join(' ')}: exit code ${ran.code}`);
  return ran;
}

export function quietPlimsoll(args: readonly string[], onOutput?: (text: string) => void): Promise<Ran> {
  return runProgram(process.execPath, [entry, ...args, '--config', place.settings], {
    cwd: place.project,
    env: environment(),
    timeout: 150_000,
    ...(onOutput ? { onOutput } : {}),
  });
}

/** Shows a command and its output. */
export async function show(program: string, args: readonly string[], cwd = place.project): Promise<Ran> {
  say(`   $ ${program} ${args.map((arg) => (/[\s']/.test(arg) ? `"${arg}"` : arg)).join(' ')}`);
  const ran = await runProgram(program, args, { cwd, env: environment(), timeout: 30_000 });
  process.stdout.write(indent(ran.output));
  if (ran.code !== 0) throw new DemoError(`${program} ${args.join(' ')}: exit code ${ran.code}`);
  return ran;
}

/** Runs git in the config repo, with a name of its own: whose machine this is does not matter. */
export async function git(...args: readonly string[]): Promise<string> {
  const identity = [
    '-c',
    'user.name=Demo',
    '-c',
    'user.email=demo@example.com',
    '-c',
    'commit.gpgSign=false',
  ];
  const { code, output } = await runProgram('git', [...identity, ...args], {
    cwd: place.config,
    env: environment(),
  });
  if (code !== 0) throw new DemoError(`git ${args.join(' ')}: ${output.trim()}`);
  return output;
}

/** Starts it in a session of its own: it goes on when the demo has said what it has to say. */
export async function startController(): Promise<void> {
  say(`   $ plimsoll controller > ${relative(place.project, place.controllerLog)} &`);
  const log = openSync(place.controllerLog, 'a', 0o600);
  const child = spawn(process.execPath, [entry, 'controller', '--config', place.settings], {
    cwd: place.project,
    detached: true,
    stdio: ['ignore', log, log],
    env: environment(),
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new DemoError('the controller could not be started');
  await rememberPid('controller', child.pid);
}

/** Ends the controller, and a Caddy that outlived it because it was killed. */
export async function stopController(): Promise<void> {
  const controller = await rememberedPid('controller');
  if (controller !== undefined) await end(controller);
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
