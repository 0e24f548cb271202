import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { runProgram } from './run-program.ts';

/** How an engine was started, which is how it is stopped; a plain value, so that it can be kept in a file. */
export type StartedEngine =
  | { readonly kind: 'service' }
  | { readonly kind: 'process'; readonly pid: number; readonly log: string };

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
    if (started.kind === 'process' && !isDaemon(started.pid)) {
      throw new Error(`dockerd ended:\n${logTail(started)}`);
    }
    if (Date.now() > deadline) {
      await stopEngine(started);
      throw new Error(`the engine did not answer within a minute: ${problem}\n${logTail(started)}`);
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
  if (!isDaemon(engine.pid)) return;
  process.kill(engine.pid, 'SIGTERM');
  const deadline = Date.now() + 30_000;
  while (isDaemon(engine.pid) && Date.now() < deadline) await delay(100);
  if (isDaemon(engine.pid)) process.kill(engine.pid, 'SIGKILL');
  rmSync(dirname(engine.log), { recursive: true, force: true });
}

function runsSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

async function startService(): Promise<StartedEngine> {
  const { code, output } = await runProgram('systemctl', ['start', 'docker.service']);
  if (code !== 0) throw new Error(`systemctl start docker: ${output.trim()}`);
  return { kind: 'service' };
}

/** In a session of its own, so that what ends us does not end the containers of others. */
function startDaemon(): StartedEngine {
  const log = join(mkdtempSync(join(tmpdir(), 'plimsoll-dockerd-')), 'dockerd.log');
  const file = openSync(log, 'w', 0o600);
  const child = spawn('dockerd', [], { detached: true, stdio: ['ignore', file, file] });
  closeSync(file);
  child.unref();
  if (child.pid === undefined) throw new Error('dockerd could not be started');
  return { kind: 'process', pid: child.pid, log };
}

function logTail(engine: StartedEngine): string {
  return engine.kind === 'process' ? readFileSync(engine.log, 'utf8').split('\n').slice(-15).join('\n') : '';
}

/** A pid may have gone to another program by now, and a zombie still has one. */
function isDaemon(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return /^Name:\s+dockerd$/m.test(status) && !/^State:\s+Z/m.test(status);
  } catch {
    return false;
  }
}
