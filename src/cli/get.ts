import type { AppItem } from '../api/app-item.ts';
import type { ContainerItem } from '../api/container-item.ts';
import type { ImageItem, RouteItem } from '../api/read-routes.ts';
import { type ApiClient, connectApi } from './api-client.ts';
import { appColumns } from './app-columns.ts';
import { containerColumns } from './container-columns.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import {
  addClientOptions,
  addExamples,
  addOutputOption,
  type ClientOptions,
  type OutputOptions,
} from './global-options.ts';
import { printValue } from './print-value.ts';
import { parseSelector } from './selector.ts';
import { shortId } from './short-text.ts';
import { type Column, formatTable } from './table.ts';

type Options = ClientOptions &
  OutputOptions & { readonly selector?: string; readonly project?: string; readonly environment?: string };

/** One kind of thing that can be listed. */
interface Kind<T> {
  readonly columns: readonly Column<T>[];
  /** The apps an item belongs to, which selectors choose by; absent where it belongs to none. */
  readonly appsOf?: (item: T) => readonly string[];
}

const kinds = {
  apps: { columns: appColumns, appsOf: ({ name }) => [name] } satisfies Kind<AppItem>,
  containers: {
    columns: [{ title: 'APP', text: ({ app }) => app }, ...containerColumns],
    appsOf: ({ app }) => [app],
  } satisfies Kind<ContainerItem>,
  networks: {
    columns: [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'OURS', text: ({ ours }) => (ours ? 'yes' : 'no') },
      { title: 'SUBNET', text: ({ subnet }) => subnet },
      { title: 'ID', text: ({ id }) => shortId(id) },
    ],
  } satisfies Kind<{ name: string; ours: boolean; subnet: string; id: string }>,
  volumes: {
    columns: [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'APP', text: ({ app }) => app ?? '' },
    ],
    appsOf: ({ app }) => (app === null ? [] : [app]),
  } satisfies Kind<{ name: string; app: string | null }>,
  images: {
    columns: [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'ID', text: ({ id }) => shortId(id) },
      { title: 'USED BY', text: ({ apps }) => apps.join(', ') },
    ],
    appsOf: ({ apps }) => apps,
  } satisfies Kind<ImageItem>,
  routes: {
    columns: [
      { title: 'HOST', text: ({ host }) => host },
      { title: 'PATH', text: ({ path }) => path },
      { title: 'APP', text: ({ app }) => app },
      { title: 'TLS', text: ({ tls }) => tls },
      { title: 'DIALS', text: ({ upstreams }) => upstreams.map(({ dials }) => dials).join(', ') },
    ],
    appsOf: ({ app }) => [app],
  } satisfies Kind<RouteItem>,
};

export const registerGet: Register = (program, context, run) => {
  const get = program.command('get').description('lists of what stands on the host');
  addExamples(get, 'plimsoll get apps -l team=web', 'plimsoll get routes -o json');
  for (const [name, kind] of Object.entries(kinds)) {
    const command = get
      .command(name)
      .description(`list ${name}`)
      .option('-l, --selector <labels>', 'only of apps with these labels: team=web,tier!=db')
      .option('-p, --project <name>', 'only of apps of this project')
      .option('-e, --environment <name>', 'only of apps of this environment');
    addExamples(addOutputOption(addClientOptions(command)), `plimsoll get ${name} -o yaml`).action(
      run((options: Options) => list(context, name, kind as Kind<unknown>, options)),
    );
  }
};

async function list(
  context: CliContext,
  name: string,
  kind: Kind<unknown>,
  options: Options,
): Promise<ExitCode> {
  const api = connectApi(context, options);
  const chosen = await chooseApps(api, options);
  const { appsOf } = kind;
  if (chosen && !appsOf)
    throw new CliError(
      exitCodes.usage,
      `${name} belong to no app, so nothing selects them`,
      'leave -l, -p and -e out',
    );
  const found = await api.list<unknown>(name);
  const items =
    chosen && appsOf
      ? found.items.filter((item) => appsOf(item).some((app) => chosen.has(app)))
      : found.items;
  printValue(context, options.output, { ...found, items }, () =>
    items.length === 0 ? `no ${name}\n` : formatTable(context, kind.columns, items),
  );
  return exitCodes.done;
}

/** Names of the apps that the options select; undefined when they select nothing. */
async function chooseApps(
  api: ApiClient,
  { selector, project, environment }: Options,
): Promise<ReadonlySet<string> | undefined> {
  if (selector === undefined && project === undefined && environment === undefined) return undefined;
  const matches = selector === undefined ? () => true : parseSelector(selector);
  const { items } = await api.list<AppItem>('apps');
  const chosen = items.filter(
    (app) =>
      matches(app.labels) &&
      (project === undefined || app.project === project) &&
      (environment === undefined || app.environment === environment),
  );
  return new Set(chosen.map(({ name }) => name));
}
