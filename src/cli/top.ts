import { setTimeout as delay } from 'node:timers/promises';
import type { UsageItem } from '../api/usage-routes.ts';
import { type ApiClient, connectApi } from './api-client.ts';
import { addFilterOptions, type FilterOptions, filterQuery, isFiltered } from './app-filter.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import {
  addClientOptions,
  addExamples,
  addOutputOption,
  type ClientOptions,
  type OutputOptions,
} from './global-options.ts';
import { printValue } from './print-value.ts';
import { sizeText } from './size-text.ts';
import { type Column, formatTable } from './table.ts';

type Options = ClientOptions & OutputOptions & FilterOptions & { readonly watch?: true };

/** Milliseconds between two measurements, which take a second themselves. */
const pause = 1_000;

export const registerTop: Register = (program, context, run) => {
  const command = program
    .command('top')
    .description('what running containers use now: CPU, memory, network')
    .argument('[app]', 'only this app')
    .option('-w, --watch', 'measure again and again; on a terminal in place');
  addFilterOptions(command);
  addExamples(addOutputOption(addClientOptions(command)), 'plimsoll top', 'plimsoll top shop -w').action(
    run((app: string | undefined, options: Options) => top(context, app, options)),
  );
};

async function top(context: CliContext, app: string | undefined, options: Options): Promise<ExitCode> {
  if (app !== undefined && isFiltered(options))
    throw new CliError(exitCodes.usage, 'an app and -l, -p or -e exclude each other');
  const api = connectApi(context, options);
  do {
    const found = await measure(api, app, options);
    // Back to the upper left corner; what is below the new table is cleared after it.
    if (options.watch && context.isTty) context.out('\u001b[H\u001b[2J');
    printValue(context, options.output, found, () =>
      found.items.length === 0 ? 'no running containers\n' : formatTable(context, columns, found.items),
    );
    if (options.watch) await delay(pause);
  } while (options.watch);
  return exitCodes.done;
}

function measure(api: ApiClient, app: string | undefined, options: Options) {
  return app === undefined
    ? api.list<UsageItem>('stats', filterQuery(options))
    : api.list<UsageItem>(`apps/${encodeURIComponent(app)}/stats`);
}

const columns: readonly Column<UsageItem>[] = [
  { title: 'APP', text: ({ app }) => app },
  { title: 'REPLICA', text: ({ replica }) => String(replica) },
  { title: 'CPU', text: ({ cpuPercent }) => `${cpuPercent.toFixed(1)} %` },
  {
    title: 'MEMORY',
    text: ({ memoryBytes, memoryLimit }) =>
      memoryLimit === 0 ? sizeText(memoryBytes) : `${sizeText(memoryBytes)} of ${sizeText(memoryLimit)}`,
  },
  { title: 'RECEIVED', text: ({ networkReceivedBytes }) => sizeText(networkReceivedBytes) },
  { title: 'SENT', text: ({ networkSentBytes }) => sizeText(networkSentBytes) },
  { title: 'PIDS', text: ({ pids }) => String(pids) },
  { title: 'CONTAINER', text: ({ container }) => container },
];
