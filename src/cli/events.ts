import type { EventItem } from '../api/event-routes.ts';
import { type ApiClient, connectApi } from './api-client.ts';
import { addFilterOptions, type FilterOptions, filterQuery } from './app-filter.ts';
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

type Options = ClientOptions &
  OutputOptions &
  FilterOptions & { readonly watch?: true; readonly limit: string };

export const registerEvents: Register = (program, context, run) => {
  const command = program
    .command('events')
    .description('what happened on the host or to an app, oldest first')
    .argument('[app]', 'only of this app')
    .option('-w, --watch', 'go on with what happens from now')
    .option('--limit <n>', 'the last so many', '100');
  addFilterOptions(command);
  addExamples(
    addOutputOption(addClientOptions(command)),
    'plimsoll events',
    'plimsoll events shop -w',
  ).action(run((app: string | undefined, options: Options) => events(context, app, options)));
};

async function events(context: CliContext, app: string | undefined, options: Options): Promise<ExitCode> {
  const api = connectApi(context, options);
  const { output, limit } = options;
  const query = { app, ...filterQuery(options) };
  const found = await api.get<{ items: EventItem[] }>('events', { ...query, limit });
  if (options.watch) await watch(context, api, query, { found: found.items, output });
  else
    printValue(context, output, found, () =>
      found.items.length === 0 ? 'no events\n' : formatTable(context, columns, found.items),
    );
  return exitCodes.done;
}

const columns: readonly Column<EventItem>[] = [
  { title: 'TIME', text: ({ at }) => shortTime(at) },
  { title: 'APP', text: ({ app }) => app },
  { title: 'TYPE', text: ({ type }) => type },
  { title: 'REASON', text: ({ reason }) => reason },
  { title: 'MESSAGE', text: ({ message, count }) => (count > 1 ? `${message} (${count} times)` : message) },
];

/** One line or one JSON value an event, until the stream ends. */
async function watch(
  context: CliContext,
  api: ApiClient,
  query: Readonly<Record<string, string | undefined>>,
  { found, output }: { readonly found: readonly EventItem[] } & OutputOptions,
): Promise<void> {
  const print = (event: EventItem) =>
    context.out(
      output === 'table'
        ? formatTable(context, columns, [event]).split('\n').slice(1).join('\n')
        : `${output === 'yaml' ? '---\n' : ''}${JSON.stringify(event)}\n`,
    );
  if (output === 'table' && found.length > 0) context.out(formatTable(context, columns, found));
  else for (const event of found) print(event);
  for await (const { event, data } of api.events('events', query, found.at(-1)?.id ?? 0))
    if (event === 'event') print(JSON.parse(data) as EventItem);
}
