import { spawn } from 'node:child_process';

export interface Ran {
  /** 127 when the program could not be started. */
  readonly code: number;
  /** What it wrote to stdout and stderr, in the order that it came. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds after which it is ended, and so fails. */
  readonly timeout?: number;
  /** Aborting it ends the program too. */
  readonly signal?: AbortSignal;
  /** Also shows the output while it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a program to its end, without a shell and without stdin. Never throws for a program that fails. */
export function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeout,
    signal: options.signal,
  });
  let output = '';
  const take = (text: string): void => {
    output += text;
    options.onOutput?.(text);
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  child.once('error', (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
  child.once('close', (code) => resolve({ code: code ?? 1, output }));
  return promise;
}
