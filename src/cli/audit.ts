import type { AuditItem } from '../client/paths.ts';
import { connectApi } from './api-client.ts';
import { type CliContext, type ExitCode, exitCodes, type Register } from './context.ts';
import {
  addClientOptions,
  addExamples,
  addOutputOption,
  type ClientOptions,
  type OutputOptions,
} from './global-options.ts';
import { printValue } from './print-value.ts';
import { shortTime } from './short-text.ts';
import { type Column, formatTable } from './table.ts';

type Options = ClientOptions & OutputOptions & { readonly actor?: string; readonly limit: string };

export const registerAudit: Register = (program, context, run) => {
  const command = program
    .command('audit')
    .description('who wanted what of the controller, and what came of it; newest first')
    .option('--actor <name>', 'only of this token or user')
    .option('--limit <n>', 'at most so many', '100');
  addExamples(
    addOutputOption(addClientOptions(command)),
    'plimsoll audit',
    'plimsoll audit --actor ci -o json',
  ).action(run((options: Options) => audit(context, options)));
};

async function audit(context: CliContext, options: Options): Promise<ExitCode> {
  const { actor, limit, output } = options;
  const found = await connectApi(context, options).get<{ items: AuditItem[] }>('audit', { actor, limit });
  printValue(context, output, found, () =>
    found.items.length === 0 ? 'nothing was asked\n' : formatTable(context, columns, found.items),
  );
  return exitCodes.done;
}

const columns: readonly Column<AuditItem>[] = [
  { title: 'TIME', text: ({ at }) => shortTime(at) },
  { title: 'ACTOR', text: ({ actor }) => actor },
  { title: 'FROM', text: ({ via, address }) => (address === '' ? via : address) },
  { title: 'VERB', text: ({ verb }) => verb },
  { title: 'OBJECT', text: ({ object }) => object },
  { title: 'OUTCOME', text: ({ outcome, count }) => (count > 1 ? `${outcome} (${count} times)` : outcome) },
  { title: 'DETAIL', text: ({ detail }) => detail },
];
