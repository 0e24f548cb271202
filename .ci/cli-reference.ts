import type { Command } from 'commander';
import { commands } from '../src/cli/commands.ts';
import type { CliContext } from '../src/cli/context.ts';
import { createProgram } from '../src/cli/program.ts';

/** Every command in a table, and then what its `--help` says, as Markdown. */
export function cliReference(): string {
  const text = new Captured();
  const program = createProgram(text.context, () => async () => {}, commands);
  const leaves = program.commands.flatMap((command) => leavesOf(command, ''));
  const rows = leaves.map(
    ({ name, command }) =>
      `| [\`plimsoll ${name}\`](#plimsoll-${name.replaceAll(' ', '-')}) | ${command.description()} |`,
  );
  const helps = leaves.map(({ name, command }) => `### \`plimsoll ${name}\`\n\n${text.help(command)}\n`);
  return ['| command | what it does |', '| --- | --- |', ...rows, '', ...helps].join('\n');
}

interface Named {
  readonly name: string;
  readonly command: Command;
}

/** A command that has commands of its own is told by them. */
function leavesOf(command: Command, before: string): Named[] {
  const name = `${before}${command.name()}`;
  if (command.commands.length === 0) return [{ name, command }];
  return command.commands.flatMap((inner) => leavesOf(inner, `${name} `));
}

/** Takes what a command would print; the text does not depend on any terminal. */
class Captured {
  #text = '';
  /** No command runs here, so nothing else of the context is ever asked for. */
  readonly context = {
    out: (text: string) => this.#take(text),
    err: (text: string) => this.#take(text),
    color: false,
    isTty: false,
    env: {},
    version: '',
    schema: {},
  } as unknown as CliContext;

  help(command: Command): string {
    this.#text = '';
    command.configureOutput({
      writeOut: (text) => this.#take(text),
      getOutHelpWidth: () => 100,
      getOutHasColors: () => false,
    });
    command.outputHelp();
    return `\`\`\`text\n${this.#text.trim()}\n\`\`\``;
  }

  #take(text: string): void {
    this.#text += text;
  }
}
