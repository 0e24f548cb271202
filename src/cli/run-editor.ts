import { spawn } from 'node:child_process';
import process from 'node:process';
import { splitCommand } from '../desired/split-command.ts';
import { CliError, exitCodes } from './context.ts';

/** The words of `$VISUAL` or `$EDITOR`; quotes are understood, and nothing else of a shell. */
export function editorWords(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const text = env.VISUAL || env.EDITOR || 'vi';
  const words = splitCommand(text);
  if (words === undefined || words.length === 0 || words[0] === '')
    throw new CliError(exitCodes.usage, 'the editor in VISUAL or EDITOR is no command', 'export EDITOR=nano');
  return words;
}

/**
 * Runs the editor on the file, in this terminal, and waits for it. `file` is absolute and of our own making, so it is
 * never taken for an option. The identity is not handed down. Ctrl-C is the editor's; SIGTERM and SIGHUP end both, and are told.
 */
export async function runEditor(
  words: readonly string[],
  file: string,
  { SOPS_AGE_KEY: _key, ...env }: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const [program = '', ...args] = words;
  const child = spawn(program, [...args, file], { stdio: 'inherit', env });
  const ignore = () => undefined;
  let told: NodeJS.Signals | undefined;
  const end = (signal: NodeJS.Signals) => {
    told = signal;
    child.kill(signal);
  };
  process.on('SIGINT', ignore).on('SIGTERM', end).on('SIGHUP', end);
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status, signal) => resolve(status ?? signal ?? 'unknown'));
    }).catch((error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'it is not installed' : error.code;
      throw new CliError(exitCodes.invalid, `run the editor ${program}: ${why}`, 'export EDITOR=nano');
    });
    if (told !== undefined) throw new CliError(exitCodes.negative, `ended by ${told}; nothing was written`);
    if (code !== 0)
      throw new CliError(exitCodes.negative, `the editor ${program} ended with ${code}; nothing was written`);
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', end).off('SIGHUP', end);
  }
}
