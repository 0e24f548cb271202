import { stringify } from 'yaml';
import { formatProblem } from '../desired/format-problem.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addConfigOption, addExamples } from './global-options.ts';

interface Options {
  readonly config?: string;
  readonly source?: string;
  readonly rev?: string;
  readonly env?: string;
  readonly output: 'yaml' | 'json';
}

export const registerRender: Register = (program, context, run) => {
  const command = program
    .command('render')
    .description("an app's manifest with its project's defaults and overlay merged in")
    .argument('<app>', 'name of the app')
    .option('--env <environment>', 'with the overlay of this environment, for apps that name none themselves')
    .option('--source <dir|url>', 'another source than the configured one')
    .option('--rev <revision>', 'another revision of it')
    .option('-o, --output <format>', 'yaml or json', 'yaml');
  addExamples(
    addConfigOption(command),
    'plimsoll render shop --env staging',
    'plimsoll render shop --source . --rev HEAD~1',
  ).action(run((app: string, options: Options) => render(context, app, options)));
};

async function render(
  context: CliContext,
  app: string,
  { env, output, ...options }: Options,
): Promise<ExitCode> {
  if (output !== 'yaml' && output !== 'json')
    throw new CliError(exitCodes.usage, `--output ${JSON.stringify(output)} is neither yaml nor json`);
  const rendered = await context.renderManifest(options, app, env);
  if (rendered === undefined)
    throw new CliError(
      exitCodes.invalid,
      `no app ${JSON.stringify(app)} in git`,
      'plimsoll validate lists what is wrong',
    );
  for (const problem of rendered.problems)
    context.err(`${formatProblem(problem, { color: context.color })}\n`);
  if (output === 'json') context.out(`${JSON.stringify(rendered.value, null, 2)}\n`);
  else context.out(stringify(rendered.value, { lineWidth: 0, aliasDuplicateObjects: false }));
  return rendered.problems.length === 0 ? exitCodes.done : exitCodes.invalid;
}
