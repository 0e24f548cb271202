import type { RollbackAnswer } from '../api/operator-routes.ts';
import { connectApi } from './api-client.ts';
import { exitCodes, type Register } from './context.ts';
import {
  addClientOptions,
  addExamples,
  addOutputOption,
  type ClientOptions,
  type OutputOptions,
} from './global-options.ts';
import { printValue } from './print-value.ts';
import { shortRevision } from './short-text.ts';

type Options = ClientOptions & OutputOptions & { readonly to?: string };

export const registerRollback: Register = (program, context, run) => {
  const command = program
    .command('rollback')
    .description('go back to the release before, or to another one, and hold it')
    .argument('<app>')
    .option('--to <revision>', 'the commit or spec hash of a release that was healthy, or its beginning');
  addExamples(
    addOutputOption(addClientOptions(command)),
    'plimsoll rollback shop',
    'plimsoll rollback shop --to 3f2a91c',
  ).action(
    run(async (app: string, options: Options) => {
      const answer = await connectApi(context, options).post<RollbackAnswer>(
        `apps/${encodeURIComponent(app)}/rollback`,
        options.to === undefined ? {} : { to: options.to },
      );
      printValue(
        context,
        options.output,
        answer,
        () =>
          `${app} goes back to the release of ${shortRevision(answer.release.revision)}; ${answer.hint}\n`,
      );
      return exitCodes.done;
    }),
  );
};
