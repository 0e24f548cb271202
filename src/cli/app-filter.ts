import type { Command } from 'commander';
import { parseSelector } from './selector.ts';

/** Which apps a list is of. */
export interface FilterOptions {
  readonly selector?: string;
  readonly project?: string;
  readonly environment?: string;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('-l, --selector <labels>', 'only of apps with these labels: team=web,tier!=db')
    .option('-p, --project <name>', 'only of apps of this project')
    .option('-e, --environment <name>', 'only of apps of this environment');
}

/** The same for the API; throws `CliError` for a selector that cannot be read. */
export function filterQuery({ selector, project, environment }: FilterOptions) {
  if (selector !== undefined) parseSelector(selector);
  return { labels: selector, project, environment };
}

export function isFiltered({ selector, project, environment }: FilterOptions): boolean {
  return (selector ?? project ?? environment) !== undefined;
}
