import type { AppItem } from '../api/app-item.ts';
import { type ApiClient, connectApi } from './api-client.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addClientOptions, addExamples, type ClientOptions } from './global-options.ts';

interface Options extends ClientOptions {
  readonly replica?: string;
}

interface Answer {
  readonly replicas: readonly number[];
}

export const registerRestart: Register = (program, context, run) => {
  const command = program
    .command('restart')
    .description('replace the containers of an app by others of the same release, without a gap')
    .argument('<app>')
    .option('--replica <number>', 'only this one, counted from 0');
  addExamples(addClientOptions(command), 'plimsoll restart shop', 'plimsoll restart shop --replica 1').action(
    run((app: string, options: Options) => restart(context, app, options)),
  );
};

async function restart(context: CliContext, app: string, options: Options): Promise<ExitCode> {
  const { replica } = options;
  if (replica !== undefined && !/^\d{1,3}$/.test(replica))
    throw new CliError(exitCodes.usage, `--replica ${JSON.stringify(replica)} is no number of a replica`);
  const api = connectApi(context, options);
  const body = replica === undefined ? {} : { replica: Number(replica) };
  const { replicas } = await api.post<Answer>(`apps/${encodeURIComponent(app)}/restart`, body);
  const which = replicas.length === 1 ? `replica ${replicas[0]} is` : `replicas ${replicas.join(', ')} are`;
  context.out(`${app}: ${which} being replaced${await heldNote(api, app)}\n`);
  return exitCodes.done;
}

/** A suspended app keeps the wish until it is resumed. */
async function heldNote(api: ApiClient, app: string): Promise<string> {
  const { health, conditions } = await api.get<AppItem>(`apps/${encodeURIComponent(app)}`);
  const isHeld =
    health === 'Suspended' ||
    conditions.some(({ type, status }) => type === 'Suspended' && status === 'True');
  return isHeld ? ', once it is resumed' : '';
}
