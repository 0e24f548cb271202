import type { DeploymentItem, DeploymentItemDetail } from '../api/read-routes.ts';
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
import { shortDuration, shortId, shortRevision, shortTime } from './short-text.ts';
import { type Column, formatFields, formatTable } from './table.ts';

type Options = ClientOptions & OutputOptions & { readonly limit: string };

export const registerHistory: Register = (program, context, run) => {
  const command = program
    .command('history')
    .description('the deployments of an app, newest first, or one of them with its steps and evidence')
    .argument('<app>')
    .argument('[deployment]', 'its id, as the list shows it')
    .option('--limit <n>', 'at most so many', '20');
  addExamples(
    addOutputOption(addClientOptions(command)),
    'plimsoll history shop',
    'plimsoll history shop shop-20260131-120000',
  ).action(
    run((app: string, deployment: string | undefined, options: Options) =>
      deployment === undefined ? list(context, app, options) : show(context, deployment, options),
    ),
  );
};

async function list(context: CliContext, app: string, options: Options): Promise<ExitCode> {
  const api = connectApi(context, options);
  const found = await api.get<{ items: DeploymentItem[] }>(`apps/${encodeURIComponent(app)}/deployments`, {
    limit: options.limit,
  });
  printValue(context, options.output, found, () =>
    found.items.length === 0 ? 'no deployments\n' : formatTable(context, columns, found.items),
  );
  return exitCodes.done;
}

const columns: readonly Column<DeploymentItem>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'RESULT', text: ({ result, phase }) => result ?? phase },
  { title: 'REVISION', text: ({ revision }) => shortRevision(revision) },
  { title: 'CAUSE', text: ({ cause }) => cause },
  { title: 'STARTED', text: ({ startedAt }) => shortTime(startedAt) },
  { title: 'TOOK', text: (item) => took(item.startedAt, item.finishedAt) },
  { title: 'REASON', text: ({ reason, message }) => [reason, message].filter(Boolean).join(': ') },
];

function took(from: string | null, to: string | null): string {
  return from === null || to === null ? '' : shortDuration(Date.parse(to) - Date.parse(from));
}

async function show(context: CliContext, id: string, options: Options): Promise<ExitCode> {
  const api = connectApi(context, options);
  const found = await api.get<DeploymentItemDetail>(`deployments/${encodeURIComponent(id)}`);
  printValue(context, options.output, found, () => describe(context, found));
  return exitCodes.done;
}

function describe(context: CliContext, found: DeploymentItemDetail): string {
  const fields = formatFields(context, [
    ['Deployment', found.id],
    ['App', found.app],
    ['Result', found.result ?? found.phase],
    ['Reason', [found.reason, found.message].filter(Boolean).join(': ')],
    ['Revision', found.revision],
    ['Cause', found.cause],
    ['Image', shortId(found.digest ?? '')],
    ['Started', shortTime(found.startedAt)],
    ['Took', took(found.startedAt, found.finishedAt)],
  ]);
  const steps = formatTable(
    context,
    [
      { title: 'STEP', text: ({ kind }) => kind },
      { title: 'OF', text: ({ object }) => (/^[0-9a-f]{64}$/.test(object) ? shortId(object) : object) },
      { title: 'OUTCOME', text: ({ outcome }) => outcome ?? 'under way' },
      { title: 'AT', text: ({ startedAt }) => shortTime(startedAt) },
      { title: 'WHY', text: ({ reason, error }) => error ?? reason },
    ],
    found.steps,
  );
  const evidence = found.evidence.map((one) =>
    [
      formatFields(context, [
        ['Container', shortId(one.container)],
        ['Exit code', String(one.exitCode)],
        ['Killed', one.oomKilled ? 'out of memory' : ''],
        ...one.attempts.map(
          ({ at, ok, detail }) => ['Probe', `${shortTime(at)} ${ok ? 'ok' : 'failed'}: ${detail}`] as const,
        ),
        ...one.log.map((line) => ['Log', line] as const),
      ]),
    ].join('\n'),
  );
  return [fields, ...(found.steps.length > 0 ? [steps] : []), ...evidence].join('\n');
}
