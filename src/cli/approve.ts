import { connectApi } from './api-client.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addClientOptions, addExamples, type ClientOptions } from './global-options.ts';
import { shortRevision } from './short-text.ts';

type Options = ClientOptions & { readonly prune?: true };

export const registerApprove: Register = (program, context, run) => {
  const command = program
    .command('approve')
    .description('let a rollout or a removal go on that waits for a person')
    .argument('[app]')
    .option('--prune', 'without an app: release the removals of this commit that the guard holds');
  addExamples(addClientOptions(command), 'plimsoll approve shop', 'plimsoll approve --prune').action(
    run((app: string | undefined, options: Options) => approve(context, app, options)),
  );
};

async function approve(context: CliContext, app: string | undefined, options: Options): Promise<ExitCode> {
  if (app === undefined) {
    if (!options.prune)
      throw new CliError(exitCodes.usage, 'approve what?', 'name an app, or give --prune for held removals');
    const { revision, apps } = await connectApi(context, options).post<{ revision: string; apps: string[] }>(
      'approve-prune',
      {},
    );
    context.out(`approved: the removal of ${apps.join(', ')} by ${shortRevision(revision)}\n`);
    return exitCodes.done;
  }
  const path = `apps/${encodeURIComponent(app)}`;
  const { approved, revision } = await connectApi(context, options).post<{
    approved: 'rollout' | 'removal';
    revision: string;
  }>(`${path}/approve`, options.prune ? { removal: true } : {});
  context.out(`approved: the ${approved} of ${app} at ${shortRevision(revision)}\n`);
  return exitCodes.done;
}
