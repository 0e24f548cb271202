import { Option } from 'commander';
import type { Desired, Problem } from '../desired/desired.ts';
import { formatProblem } from '../desired/format-problem.ts';
import { type CliContext, type ExitCode, exitCodes, type Register } from './context.ts';

interface Options {
  readonly config?: string;
  readonly output: 'table' | 'json';
}

export const registerValidate: Register = (program, context, run) => {
  program
    .command('validate')
    .description('check manifests offline; every error with its place')
    .argument('[path]', 'a folder or git repository; the configured source when absent')
    .option('--config <file>', 'the configuration, for the host policy and the source')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 valid, 2 schema errors, 4 only the host policy refuses.\n\nExample:\n  plimsoll validate ./config',
    )
    .action(run((path: string | undefined, options: Options) => validate(context, path, options)));
};

async function validate(
  context: CliContext,
  path: string | undefined,
  { config, output }: Options,
): Promise<ExitCode> {
  const desired = await context.readManifests({
    ...(config === undefined ? {} : { config }),
    ...(path === undefined ? {} : { source: path }),
  });
  if (output === 'json')
    context.out(
      `${JSON.stringify({ revision: desired.revision, apps: desired.apps.map(({ name }) => name), problems: desired.problems }, null, 2)}\n`,
    );
  else printProblems(context, desired);
  return codeOf(desired.problems);
}

export function printProblems(
  context: Pick<CliContext, 'out' | 'err' | 'color'>,
  { apps, problems }: Desired,
): void {
  for (const problem of problems) context.err(`${formatProblem(problem, { color: context.color })}\n`);
  if (problems.length === 0)
    context.out(`${apps.length} ${apps.length === 1 ? 'app is' : 'apps are'} valid\n`);
  else
    context.err(
      `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}, ${apps.length} valid ${apps.length === 1 ? 'app' : 'apps'}\n`,
    );
}

/** Schema errors go before what only the policy refuses. */
export function codeOf(problems: readonly Problem[]): ExitCode {
  if (problems.length === 0) return exitCodes.done;
  return problems.some((problem) => problem.kind === 'schema') ? exitCodes.invalid : exitCodes.refused;
}
