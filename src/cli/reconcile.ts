import type { ReconcileAnswer } from '../api/operator-routes.ts';
import { escapeText } from '../desired/shown-text.ts';
import { connectApi } from './api-client.ts';
import { appColumns } from './app-columns.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import {
  addClientOptions,
  addExamples,
  addOutputOption,
  type ClientOptions,
  type OutputOptions,
} from './global-options.ts';
import { printValue } from './print-value.ts';
import { readDuration } from './read-duration.ts';
import { settle } from './settle.ts';
import { formatTable } from './table.ts';

type Options = ClientOptions &
  OutputOptions & { readonly retry?: true; readonly wait: boolean; readonly timeout: string };

export const registerReconcile: Register = (program, context, run) => {
  const command = program
    .command('reconcile')
    .description('have the controller look now, and wait until it has converged; 1 when it will not')
    .argument('[app]', 'wait for this app alone')
    .option('--retry', 'try again what failed or is quarantined')
    .option('--no-wait', 'only ask for the look')
    .option('--timeout <duration>', 'how long to wait', '10m');
  addExamples(
    addOutputOption(addClientOptions(command)),
    'plimsoll reconcile',
    'plimsoll reconcile shop --retry',
  ).action(run((app: string | undefined, options: Options) => reconcile(context, app, options)));
};

async function reconcile(context: CliContext, app: string | undefined, options: Options): Promise<ExitCode> {
  const timeout = readDuration('--timeout', options.timeout);
  const api = connectApi(context, options);
  const asked = await api.post<ReconcileAnswer>('reconcile', {
    ...(app === undefined ? {} : { app }),
    ...(options.retry ? { retry: true } : {}),
  });
  const progress = (line: string) => context.err(`${escapeText(line)}\n`);
  const settled = options.wait && !asked.converged ? await settle(api, app, { timeout, progress }) : asked;
  if (!settled)
    throw new CliError(
      exitCodes.negative,
      `not converged within ${options.timeout}`,
      `plimsoll status${app === undefined ? '' : ` ${app}`} says where it stands`,
    );
  const { converged, apps } = settled;
  printValue(context, options.output, { converged, look: asked.look, apps }, () =>
    apps.length === 0 ? 'no apps\n' : formatTable(context, appColumns, apps),
  );
  return converged || !options.wait ? exitCodes.done : exitCodes.negative;
}
