import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { mountsBelow } from './mounts.ts';
import { runProgram } from './run-program.ts';

/** How an engine was started, which is how it is stopped; a plain value, so that it can be kept in a file. */
export type StartedEngine =
  | { readonly kind: 'service' }
  | { readonly kind: 'process'; readonly pid: number; readonly dir: string };

/** Undefined when an engine answers where docker's own client looks, else why none does. */
export async function engineProblem(): Promise<string | undefined> {
  try {
    await new Docker({ timeout: 3000 }).ping();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Starts the installed engine and waits until it answers. */
export async function startEngine(): Promise<StartedEngine> {
  const started = runsSystemd() ? await startService() : startDaemon();
  const deadline = Date.now() + 60_000;
  let problem: string | undefined = 'no answer yet';
  while (problem !== undefined) {
    problem = await engineProblem();
    if (problem === undefined) break;
    const hasEnded = started.kind === 'process' && !isDaemon(started);
    if (hasEnded || Date.now() > deadline) {
      const why = hasEnded ? 'dockerd ended' : `no answer within a minute: ${problem}`;
      const said = started.kind === 'process' ? whatWentWrong(readFileSync(logOf(started), 'utf8')) : '';
      await stopEngine(started);
      throw new Error(`${why}\n${said}`.trim());
    }
    await delay(200);
  }
  return started;
}

/** Ends an engine that `startEngine` started; one that is gone already is success. */
export async function stopEngine(engine: StartedEngine): Promise<void> {
  if (engine.kind === 'service') {
    await runProgram('systemctl', ['stop', 'docker.socket', 'docker.service']);
    return;
  }
  if (isDaemon(engine)) {
    process.kill(engine.pid, 'SIGTERM');
    const deadline = Date.now() + 30_000;
    while (isDaemon(engine) && Date.now() < deadline) await delay(100);
    if (isDaemon(engine)) process.kill(engine.pid, 'SIGKILL');
  }
  for (const mount of mountsBelow(engine.dir)) await runProgram('umount', ['--lazy', mount]);
  rmSync(engine.dir, { recursive: true, force: true });
}

/** What a daemon's log says of its end: the line that names a cause, else the last lines. */
export function whatWentWrong(log: string): string {
  const lines = log.trimEnd().split('\n');
  // A panic is followed by the stacks of everything that ran, which say nothing to who reads this.
  const cause = lines.find((line) => /^(panic|fatal error|failed to start daemon): |level=fatal/.test(line));
  return cause ?? lines.slice(-15).join('\n');
}

function runsSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

async function startService(): Promise<StartedEngine> {
  const { code, output } = await runProgram('systemctl', ['start', 'docker.service']);
  if (code !== 0) throw new Error(`systemctl start docker: ${output.trim()}`);
  return { kind: 'service' };
}

/**
 * With data of its own, which goes with it: what another engine left on this machine may be damaged, and its containers
 * are nobody's to start. In a session of its own, so that what ends us does not end the containers of others.
 */
function startDaemon(): StartedEngine & { readonly kind: 'process' } {
  const dir = mkdtempSync(join(process.env.TMPDIR ?? '/var/tmp', 'plimsoll-dockerd-'));
  const options = {
    'data-root': join(dir, 'data'),
    'exec-root': join(dir, 'exec'),
    pidfile: join(dir, 'pid'),
  };
  const file = openSync(logOf({ dir }), 'w', 0o600);
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn('dockerd', args, { detached: true, stdio: ['ignore', file, file] });
  closeSync(file);
  child.unref();
  if (child.pid === undefined) throw new Error('dockerd could not be started');
  return { kind: 'process', pid: child.pid, dir };
}

function logOf({ dir }: { readonly dir: string }): string {
  return join(dir, 'log');
}

/** A pid may have gone to another program by now, and a zombie, which still has one, has no arguments. */
function isDaemon({ pid, dir }: StartedEngine & { readonly kind: 'process' }): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`=${dir}/`);
  } catch {
    return false;
  }
}
