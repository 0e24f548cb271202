import type { AppItem } from '../api/app-item.ts';
import type { HostStatus } from '../api/host-status.ts';
import type { AppDetail } from '../api/read-routes.ts';
import { type ApiClient, connectApi } from './api-client.ts';
import { appColumns } from './app-columns.ts';
import { addFilterOptions, type FilterOptions, filterQuery, isFiltered } from './app-filter.ts';
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
import { shortRevision, shortTime } from './short-text.ts';
import { formatFields, formatTable } from './table.ts';

type Options = ClientOptions & OutputOptions & FilterOptions;

export const registerStatus: Register = (program, context, run) => {
  const command = program
    .command('status')
    .description('how the host and its apps stand, or one app with all that belongs to it')
    .argument('[app]', 'only this app, in full');
  addFilterOptions(command);
  addExamples(
    addOutputOption(addClientOptions(command)),
    'plimsoll status',
    'plimsoll status shop -o json | jq .conditions',
  ).action(run((app: string | undefined, options: Options) => status(context, app, options)));
};

async function status(context: CliContext, app: string | undefined, options: Options): Promise<ExitCode> {
  if (app !== undefined && isFiltered(options))
    throw new CliError(exitCodes.usage, 'an app and -l, -p or -e exclude each other');
  const api = connectApi(context, options);
  if (app === undefined) await showHost(context, api, options);
  else {
    const detail = await api.get<AppDetail>(`apps/${encodeURIComponent(app)}`);
    printValue(context, options.output, detail, () => describeApp(context, detail));
  }
  return exitCodes.done;
}

async function showHost(context: CliContext, api: ApiClient, options: Options): Promise<void> {
  const [host, apps] = await Promise.all([
    api.get<HostStatus>('status'),
    api.list<AppItem>('apps', filterQuery(options)),
  ]);
  printValue(context, options.output, { ...host, apps: apps.items }, () =>
    [
      describeHost(context, host),
      ...(apps.items.length > 0 ? [formatTable(context, appColumns, apps.items)] : ['no apps\n']),
    ].join('\n'),
  );
}

function describeHost(context: CliContext, host: HostStatus): string {
  const { counts, proxy, pruneHeld } = host;
  const left = counts.apps - counts.ready;
  return formatFields(context, [
    ['Instance', host.instance ?? ''],
    ['Revision', shortRevision(host.revision ?? '')],
    [
      'Converged',
      host.converged ? 'yes' : left > 0 ? `no, ${left} of ${counts.apps} apps are not ready` : 'no',
    ],
    ['Looked at', shortTime(host.lookedAt)],
    ['Caddy', proxy.message === null ? proxy.state : `${proxy.state}: ${proxy.message}`],
    ['Engine', host.engineError?.message ?? ''],
    ['Source', host.sourceError?.message ?? ''],
    ['History', host.historyError?.message ?? ''],
    [
      'Held',
      pruneHeld
        ? `removal of ${pruneHeld.apps.join(', ')} (of ${pruneHeld.owning}); plimsoll approve --prune releases it`
        : '',
    ],
    ['Foreign', counts.foreign === 0 ? '' : `${counts.foreign} containers bear our labels but are not ours`],
    ...host.problems.map(
      ({ file, line, column, message }) => ['Problem', `${file}:${line}:${column}: ${message}`] as const,
    ),
  ]);
}

function describeApp(context: CliContext, app: AppDetail): string {
  const { suspended, pinned, cause, quarantine } = app;
  const fields = formatFields(context, [
    ['Name', app.name],
    ['Description', app.description ?? ''],
    ['Sync', app.sync],
    ['Health', app.health],
    ['Operation', app.operation],
    ['Replicas', `${app.scale.ready} of ${app.scale.desired} ready`],
    ['In git', app.revision],
    ['Serving', app.liveRevision],
    ['Change', cause === null ? '' : `${cause}: ${app.consequence}`],
    ['Error', app.error ?? ''],
    ['Next try', shortTime(app.nextRetry)],
    ['Suspended', suspended ? `by ${suspended.actor}: ${suspended.reason}${untilText(suspended.until)}` : ''],
    ['Pinned', pinned ? `to ${shortRevision(pinned.revision)} by ${pinned.actor}` : ''],
    ['Quarantine', quarantine ? `${quarantine.reason}: ${quarantine.message}` : ''],
    ['Domains', app.domains.map(({ host, path }) => (path === '/' ? host : `${host}${path}`)).join(', ')],
  ]);
  const conditions = formatTable(
    context,
    [
      { title: 'CONDITION', text: ({ type }) => type },
      { title: 'STATUS', text: (condition) => condition.status },
      { title: 'SINCE', text: ({ lastTransitionTime }) => shortTime(lastTransitionTime) },
      { title: 'REASON', text: ({ reason }) => reason },
      { title: 'MESSAGE', text: ({ message }) => message },
    ],
    app.conditions,
  );
  const containers =
    app.containers.length > 0 ? [formatTable(context, containerColumns, app.containers)] : [];
  return [fields, conditions, ...containers].join('\n');
}

function untilText(until: string | null): string {
  return until === null ? '' : `, until ${shortTime(until)}`;
}
