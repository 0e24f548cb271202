import { connectApi } from './api-client.ts';
import { exitCodes, type Register } from './context.ts';
import { addClientOptions, addExamples, type ClientOptions } from './global-options.ts';
import { readDuration } from './read-duration.ts';
import { shortTime } from './short-text.ts';

type Options = ClientOptions & { readonly reason: string; readonly for?: string };

export const registerSuspend: Register = (program, context, run) => {
  const command = program
    .command('suspend')
    .description('leave an app as it is: observe and report, change nothing')
    .argument('<app>')
    .requiredOption('--reason <text>', 'why, for those who come after')
    .option('--for <duration>', 'ends by itself; until "plimsoll resume" when absent');
  addExamples(
    addClientOptions(command),
    'plimsoll suspend shop --reason "moving the database" --for 2h',
  ).action(
    run(async (app: string, options: Options) => {
      if (options.for !== undefined) readDuration('--for', options.for);
      const api = connectApi(context, options);
      const { until } = await api.post<{ until: string | null }>(`apps/${encodeURIComponent(app)}/suspend`, {
        reason: options.reason,
        ...(options.for === undefined ? {} : { for: options.for }),
      });
      const end = until === null ? `until "plimsoll resume ${app}"` : `until ${shortTime(until)}`;
      context.out(`${app} is suspended ${end}\n`);
      return exitCodes.done;
    }),
  );
};
