import { stringify } from 'yaml';
import type { CliContext } from './context.ts';
import type { OutputFormat } from './global-options.ts';

/** Prints a value as it is in JSON or YAML, or as the table that the command makes of it. */
export function printValue(
  context: CliContext,
  output: OutputFormat,
  value: unknown,
  table: () => string,
): void {
  switch (output) {
    case 'json':
      context.out(`${JSON.stringify(value, null, 2)}\n`);
      return;
    case 'yaml':
      context.out(stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }));
      return;
    case 'table':
      context.out(table());
      return;
    default:
      output satisfies never;
  }
}
