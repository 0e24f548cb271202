import { type Command, Option } from 'commander';
import type { GlobalOptions } from './context.ts';

/** What every command that asks the controller is told. */
export type ClientOptions = Pick<GlobalOptions, 'config' | 'server'>;

export type OutputFormat = 'table' | 'json' | 'yaml';

export interface OutputOptions {
  readonly output: OutputFormat;
}

export function addConfigOption(command: Command): Command {
  return command.option(
    '--config <file>',
    'the configuration; ./plimsoll.yaml or /etc/plimsoll/plimsoll.yaml when absent',
  );
}

/** Where the controller is: its socket as the configuration names it, or a URL. */
export function addClientOptions(command: Command): Command {
  return addConfigOption(command).option(
    '--server <url>',
    'a controller elsewhere, with PLIMSOLL_TOKEN; the socket on this host when absent',
  );
}

export function addOutputOption(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to print').choices(['table', 'json', 'yaml']).default('table'),
  );
}

export function addExamples(command: Command, ...lines: readonly string[]): Command {
  const title = lines.length > 1 ? 'Examples' : 'Example';
  return command.addHelpText('after', `\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}
