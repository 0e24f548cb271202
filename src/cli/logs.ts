import type { LogItem } from '../api/log-routes.ts';
import type { AppDetail } from '../api/read-routes.ts';
import { connectApi } from './api-client.ts';
import { type CliContext, type ExitCode, exitCodes, type Register } from './context.ts';
import { addClientOptions, addExamples, type ClientOptions } from './global-options.ts';

type Options = ClientOptions & {
  readonly follow?: true;
  readonly tail?: string;
  readonly since?: string;
  readonly replica?: string;
  readonly previous?: true;
  readonly timestamps?: true;
};

export const registerLogs: Register = (program, context, run) => {
  const command = program
    .command('logs')
    .description('what the containers of an app wrote; several replicas are sorted into one')
    .argument('<app>')
    .option('-f, --follow', 'go on with what they write from now')
    .option('--tail <n>', 'the last so many lines of each container')
    .option('--since <time>', 'a duration such as 1h, or an RFC 3339 time')
    .option('--replica <n>', 'only of this replica, counted from 0')
    .option('--previous', 'of the containers before, as long as they are kept')
    .option('--timestamps', 'each line begins with its time');
  addExamples(
    addClientOptions(command),
    'plimsoll logs shop -f --tail 100',
    'plimsoll logs shop --since 1h --replica 0',
  ).action(run((app: string, options: Options) => logs(context, app, options)));
};

async function logs(context: CliContext, app: string, options: Options): Promise<ExitCode> {
  const api = connectApi(context, options);
  const path = `apps/${encodeURIComponent(app)}`;
  const { tail, since, replica } = options;
  const flag = (on: true | undefined) => (on ? '1' : undefined);
  const query = {
    tail,
    since,
    replica,
    previous: flag(options.previous),
    timestamps: flag(options.timestamps),
  };
  if (!options.follow) {
    for await (const line of api.lines(`${path}/logs`, query)) context.out(`${line}\n`);
    return exitCodes.done;
  }
  const { scale } = await api.get<AppDetail>(path);
  const several = scale.desired > 1 && replica === undefined;
  for await (const { event, data } of api.events(`${path}/logs`, { ...query, follow: '1' })) {
    if (event !== 'line') continue;
    const item = JSON.parse(data) as LogItem;
    context.out(`${several ? `${item.replica} | ` : ''}${item.line}\n`);
  }
  return exitCodes.done;
}
