import { formatProblem } from '../desired/format-problem.ts';
import { decide } from '../plan/decide.ts';
import { differs, formatDiff, formatDiffSummary } from '../plan/format-diff.ts';
import type { Plan, World } from '../plan/plan.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { selectApps } from './select-apps.ts';
import { codeOf } from './validate.ts';

interface Options {
  readonly config?: string;
  readonly source?: string;
  readonly rev?: string;
  readonly output: 'diff' | 'json' | 'summary';
}

export const registerDiff: Register = (program, context, run) => {
  program
    .command('diff')
    .description('what git says against what runs, field by field; changes nothing')
    .argument('[app...]', 'only these apps')
    .option('--config <file>', 'the configuration')
    .option('--source <dir-or-url>', 'another config repo than the configured one')
    .option('--rev <revision>', 'a commit, tag or branch instead of the followed branch')
    .option('-o, --output <format>', 'diff, json or summary', 'diff')
    .addHelpText(
      'after',
      '\nExit codes: 0 no differences, 1 differences, more than 1 an error.\n\nExamples:\n  plimsoll diff\n  plimsoll diff shop --rev feature/new-port\n  plimsoll diff -o json | jq .items[].consequence',
    )
    .action(run((apps: string[], options: Options) => diff(context, apps, options)));
};

async function diff(
  context: CliContext,
  apps: readonly string[],
  { rev, output, ...options }: Options,
): Promise<ExitCode> {
  const host = await context.openHost(options, 'read');
  try {
    const world = await host.world(rev);
    requireProxy(world);
    const plan = selectApps(decide(world), apps);
    context.out(render(plan, output, context));
    for (const problem of world.desired.problems)
      context.err(`${formatProblem(problem, { color: context.color })}\n`);
    if (world.desired.problems.length > 0) return codeOf(world.desired.problems);
    // Caddy answers: then it is the engine that did not tell about a container.
    if (plan.apps.some(({ sync }) => sync === 'Unknown')) return exitCodes.unobservable;
    return plan.apps.some(differs) || plan.host.length > 0 ? exitCodes.negative : exitCodes.done;
  } finally {
    await host.close();
  }
}

/** Without Caddy nobody can say whether the routes are right. */
export function requireProxy({ desired, observed }: World): void {
  const { proxy } = observed;
  if (proxy.state !== 'unreachable' || desired.apps.every(({ domains }) => domains.length === 0)) return;
  throw new CliError(
    exitCodes.unobservable,
    `observe Caddy: ${proxy.message ?? 'it does not answer'}`,
    'plimsoll doctor says how to mend it',
  );
}

function render(plan: Plan, output: Options['output'], { color }: CliContext): string {
  switch (output) {
    case 'json': {
      const items = plan.apps
        .filter(differs)
        .map(
          ({ app, sync, health, cause, consequence, differences, revision, liveRevision, conditions }) => ({
            name: app,
            sync,
            health,
            cause,
            consequence,
            revision,
            liveRevision,
            differences,
            conditions,
          }),
        );
      return `${JSON.stringify({ revision: plan.revision, items, host: plan.host.map(({ kind, reason }) => ({ kind, reason })) }, null, 2)}\n`;
    }
    case 'summary':
      return formatDiffSummary(plan);
    case 'diff':
      return formatDiff(plan, color);
    default:
      throw new CliError(
        exitCodes.usage,
        `unknown output format ${JSON.stringify(output satisfies never)}`,
        'diff, json or summary',
      );
  }
}
