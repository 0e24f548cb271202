import { Command, CommanderError } from 'commander';
import {
  type CliContext,
  type CliError,
  type ExitCode,
  exitCodes,
  type Register,
  type RunAction,
} from './context.ts';
import { registerController } from './controller.ts';
import { optionsLast } from './options-last.ts';

/** Turns any error into a message on stderr and an exit code; what is not expected is a bug with an id. */
export type ExplainError = (error: unknown) => { readonly code: ExitCode; readonly text: string };

/** Runs one command line and answers with its exit code. */
export async function runProgram(
  argv: readonly string[],
  context: CliContext,
  explain: ExplainError,
): Promise<ExitCode> {
  try {
    const chosen = await choose(argv, context);
    return await chosen();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    const told = explain(error);
    context.err(told.text);
    return told.code;
  }
}

/** What a command line asks for. It is done after all else was let go of: a controller needs no other command any more. */
async function choose(argv: readonly string[], context: CliContext): Promise<() => Promise<ExitCode>> {
  let chosen = (): Promise<ExitCode> => Promise.resolve(exitCodes.done);
  const run: RunAction =
    (action) =>
    async (...args) => {
      // The last one is the command, and with it all the others.
      args.pop();
      chosen = () => action(...args);
    };
  const program = createProgram(context, run, await commandsFor(argv));
  await program.parseAsync([...argv.slice(0, 2), ...optionsLast(program, argv.slice(2))]);
  return chosen;
}

/** A controller stays, and with it all that was loaded: no other command is. */
async function commandsFor([, , name]: readonly string[]): Promise<readonly Register[]> {
  if (name === 'controller') return [registerController];
  const { commands } = await import('./commands.ts');
  return commands;
}

export function createProgram(context: CliContext, run: RunAction, commands: readonly Register[]): Command {
  const program = new Command('plimsoll')
    .description('Keeps a Docker host at the line drawn in git.')
    .version(context.version, '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: context.err })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 a negative answer, 2 invalid input, 3 cannot observe, 4 refused, 64 usage, 70 a bug of ours.',
    );
  for (const register of commands) register(program, context, run);
  for (const command of program.commands)
    command.exitOverride().configureOutput({ writeOut: context.out, writeErr: context.err });
  return program;
}

/** The message and, on a line of its own, what to do about it. */
export function messageOf(error: CliError): string {
  return `error: ${error.message}\n${error.hint === undefined ? '' : `help: ${error.hint}\n`}`;
}
