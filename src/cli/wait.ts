import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import type { AppItem } from '../api/app-item.ts';
import { escapeText } from '../desired/shown-text.ts';
import { connectApi } from './api-client.ts';
import { whyNotReady } from './app-columns.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addClientOptions, addExamples, type ClientOptions } from './global-options.ts';
import { readDuration } from './read-duration.ts';

type Goal = 'healthy' | 'synced' | 'deleted';

type Options = ClientOptions & { readonly for: Goal; readonly timeout: string };

const pollEvery = 500;

const reached: Readonly<Record<Goal, (app: AppItem | undefined) => boolean>> = {
  healthy: (app) => app?.health === 'Healthy',
  synced: (app) => app?.sync === 'Synced',
  deleted: (app) => app === undefined || app.health === 'Missing',
};

export const registerWait: Register = (program, context, run) => {
  const command = program
    .command('wait')
    .description('wait until an app is healthy, synced or deleted; 1 when it is not in time')
    .argument('<app>')
    .addOption(
      new Option('--for <goal>', 'what to wait for')
        .choices(['healthy', 'synced', 'deleted'])
        .makeOptionMandatory(),
    )
    .option('--timeout <duration>', 'how long', '5m');
  addExamples(addClientOptions(command), 'plimsoll wait shop --for healthy --timeout 5m').action(
    run((app: string, options: Options) => wait(context, app, options)),
  );
};

async function wait(context: CliContext, name: string, options: Options): Promise<ExitCode> {
  const deadline = Date.now() + readDuration('--timeout', options.timeout);
  const api = connectApi(context, options);
  // An unknown name is told at once, with what was probably meant.
  if (options.for !== 'deleted') await api.get(`apps/${encodeURIComponent(name)}`);
  for (;;) {
    const { items } = await api.list<AppItem>('apps');
    const app = items.find((item) => item.name === name);
    if (reached[options.for](app)) {
      context.out(`${name} is ${options.for}\n`);
      return exitCodes.done;
    }
    if (Date.now() >= deadline)
      throw new CliError(
        exitCodes.negative,
        `${name} is not ${options.for} after ${options.timeout}: ${app ? escapeText(whyNotReady(app)) : 'it is gone'}`,
        `plimsoll status ${name}`,
      );
    await sleep(Math.min(pollEvery, Math.max(1, deadline - Date.now())));
  }
}
