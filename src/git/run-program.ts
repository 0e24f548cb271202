import { type ChildProcess, spawn } from 'node:child_process';

/** The only programs that this room starts. */
export type Program = 'git' | 'ssh-keyscan' | 'ssh-keygen';

export interface RunOptions {
  readonly cwd: string;
  /** All there is besides `PATH` and `LC_ALL`: nothing of our own environment is handed down. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its standard input, which is then closed. */
  readonly input?: Uint8Array | string;
  /** Milliseconds after which it is killed with all that it started. */
  readonly timeout: number;
  /** Bytes of standard output after which it is killed; of standard error the first 64 kB are kept. */
  readonly outputLimit?: number;
  readonly signal?: AbortSignal;
}

/** How a program ended; `stopped` says that we ended it, and why. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly stopped?: 'timeout' | 'output' | 'signal';
}

/** The program is not installed on this machine. */
export class ProgramMissing extends Error {
  readonly program: Program;

  constructor(program: Program) {
    super(`${program} is not installed`);
    this.name = 'ProgramMissing';
    this.program = program;
  }
}

const stderrLimit = 64 * 1024;
/** What outlives the program and holds its output open is given so long. */
const lingering = 2_000;

/** Runs a program by a list of arguments, in a process group of its own that is killed as a whole. */
export function runProgram(program: Program, args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const sizes = { out: 0, err: 0 };
    let stopped: Ended['stopped'];
    let linger: NodeJS.Timeout | undefined;
    const stop = (why: NonNullable<Ended['stopped']>) => {
      stopped ??= why;
      killGroup(child);
    };
    const timer = setTimeout(() => stop('timeout'), options.timeout);
    const aborted = () => stop('signal');
    options.signal?.addEventListener('abort', aborted);
    if (options.signal?.aborted) aborted();
    const finish = () => {
      clearTimeout(timer);
      clearTimeout(linger);
      options.signal?.removeEventListener('abort', aborted);
    };

    child.stdout.on('data', (chunk: Buffer) => {
      sizes.out += chunk.length;
      if (sizes.out > (options.outputLimit ?? 1024 * 1024)) stop('output');
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (sizes.err < stderrLimit) err.push(chunk.subarray(0, stderrLimit - sizes.err));
      sizes.err += chunk.length;
    });
    // Who does not read its input closes it early; its exit code says what came of that.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      finish();
      const missing = 'code' in error && error.code === 'ENOENT' && child.pid === undefined;
      reject(missing ? new ProgramMissing(program) : error);
    });
    child.on('exit', () => {
      linger = setTimeout(() => killGroup(child), lingering);
    });
    child.on('close', (code) => {
      finish();
      resolve({
        code,
        stdout: Buffer.concat(out),
        stderr: Buffer.concat(err).toString('utf8'),
        ...(stopped === undefined ? {} : { stopped }),
      });
    });
  });
}

/** The group bears the id of the program that we started, and lives as long as one of its members does. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
