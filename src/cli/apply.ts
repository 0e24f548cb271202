import { readFile } from 'node:fs/promises';
import { formatProblem } from '../desired/format-problem.ts';
import { escapeText } from '../desired/shown-text.ts';
import { parseDuration } from '../desired/units.ts';
import type { LoopStatus } from '../loop/reconciler.ts';
import { decide } from '../plan/decide.ts';
import { differs } from '../plan/format-diff.ts';
import { formatWay } from '../plan/format-plan.ts';
import type { AppPlan, Plan } from '../plan/plan.ts';
import { simulate, stepsOf } from '../plan/simulate.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { requireProxy } from './diff.ts';
import type { Host } from './host.ts';
import { fingerprint } from './plan.ts';
import { selectApps } from './select-apps.ts';
import { codeOf } from './validate.ts';

interface Options {
  readonly config?: string;
  readonly source?: string;
  readonly rev?: string;
  readonly plan?: string;
  readonly dryRun?: boolean;
  readonly timeout: string;
}

export const registerApply: Register = (program, context, run) => {
  program
    .command('apply')
    .description('one reconcile, now, in this process, until everything is converged and healthy')
    .argument('[app...]', 'only these apps')
    .option('--config <file>', 'the configuration')
    .option('--source <dir-or-url>', 'another config repo than the configured one')
    .option('--rev <revision>', 'a commit, tag or branch instead of the followed branch')
    .option('--dry-run', 'print the whole way, change nothing')
    .option('--wait', 'wait until converged (always so)')
    .option('--plan <file>', 'only if what is live is still as it was for this plan')
    .option('--timeout <duration>', 'give up waiting after this long', '15m')
    .addHelpText(
      'after',
      '\nExit codes: 0 converged and healthy, 1 not, 2 invalid manifests, 3 cannot observe, 4 refused or held.\n\nExamples:\n  plimsoll apply --source ./config\n  plimsoll apply shop --dry-run',
    )
    .action(run((apps: string[], options: Options) => apply(context, apps, options)));
};

async function apply(
  context: CliContext,
  apps: readonly string[],
  { rev, plan, dryRun, timeout, ...options }: Options,
): Promise<ExitCode> {
  const limit = parseDuration(timeout);
  if (limit === undefined)
    throw new CliError(
      exitCodes.usage,
      `--timeout ${JSON.stringify(timeout)} is no duration`,
      'such as 90s or 15m',
    );
  const request = rev === undefined ? options : { ...options, rev };
  const host = await context.openHost({ ...request, only: apps }, dryRun ? 'read' : 'write');
  try {
    const world = await host.world(rev);
    requireProxy(world);
    const first = selectApps(decide(world), apps);
    if (plan !== undefined && (await plannedFingerprint(plan)) !== fingerprint(world))
      throw new CliError(
        exitCodes.refused,
        `apply ${plan}: what is live has changed since the plan was made`,
        'make a new one: plimsoll plan -o FILE',
      );
    if (dryRun) {
      const { looks } = simulate(world);
      context.out(looks.length === 0 ? 'nothing to do\n' : formatWay(looks));
      return looks.length === 0 ? exitCodes.done : exitCodes.negative;
    }
    for (const problem of world.desired.problems)
      context.err(`${formatProblem(problem, { color: context.color })}\n`);
    const names = apps.length === 0 ? [] : first.apps.map(({ app }) => app);
    return await converge(context, host, names, limit);
  } finally {
    await host.close();
  }
}

async function plannedFingerprint(file: string): Promise<unknown> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { fingerprint?: unknown }).fingerprint;
  } catch (error) {
    throw new CliError(
      exitCodes.invalid,
      `read ${file}: ${error instanceof Error ? error.message : 'unreadable'}`,
    );
  }
}

/** Looks until every app is either there or will not get there by itself; progress goes to stderr. */
function converge(
  context: CliContext,
  host: Host,
  names: readonly string[],
  limit: number,
): Promise<ExitCode> {
  const told = new Map<string, string>();
  return new Promise((resolve) => {
    const end = (code: ExitCode) => {
      clearTimeout(timer);
      off();
      resolve(code);
    };
    const timer = setTimeout(() => {
      context.err('not converged in time\n');
      end(exitCodes.negative);
    }, limit);
    const off = host.loop.onLook((status) => {
      const code = judge(context, status, names, told);
      if (code !== undefined) end(code);
    });
    host.loop.onProgress((app, line) => context.err(`${app === '' ? 'host' : app}: ${escapeText(line)}\n`));
    host.loop.start();
  });
}

function judge(
  context: CliContext,
  { plan, world, engineError, sourceError, historyError }: LoopStatus,
  names: readonly string[],
  told: Map<string, string>,
): ExitCode | undefined {
  const unseen = engineError ?? historyError ?? (plan ? undefined : sourceError);
  if (unseen) {
    context.err(`error: ${unseen.message}\n`);
    return exitCodes.unobservable;
  }
  if (!plan || !world) return undefined;
  const chosen =
    names.length === 0 ? plan : { ...plan, apps: plan.apps.filter(({ app }) => names.includes(app)) };
  tellProgress(context, chosen, told);
  const busy =
    stepsOf(chosen).length > 0 ||
    Object.keys(world.observed.underway).length > 0 ||
    chosen.apps.some(({ records }) => records.length > 0);
  if (busy || chosen.apps.some((app) => !isSettled(app))) return undefined;
  // Held for a manifest that does not tell its name: mending that releases it, no approval does.
  if (plan.pruneHeld && !world.desired.unnamed) {
    context.err(
      `refused: this commit would remove ${plan.pruneHeld.apps.join(', ')}\nhelp: plimsoll approve --prune releases it\n`,
    );
    return exitCodes.refused;
  }
  if (world.desired.problems.length > 0) return codeOf(world.desired.problems);
  return chosen.apps.every(isDone) ? exitCodes.done : exitCodes.negative;
}

/** Nothing that waiting would change within this command: there, given up, held, or waiting for a person. */
function isSettled(app: AppPlan): boolean {
  if (isDone(app) || app.error !== undefined) return true;
  const reason = app.conditions.find(({ type }) => type === 'Ready')?.reason ?? '';
  return settledReasons.includes(reason) && app.health !== 'Progressing' && app.health !== 'Unknown';
}

const settledReasons = [
  'InvalidManifest',
  'Suspended',
  'WouldChangeTwice',
  'Paused',
  'Quarantined',
  'Pinned',
  'CrashLoop',
  'ApprovalNeeded',
  'NotBefore',
  'WindowClosed',
  'ImageMissing',
  'ImageGone',
  'PruneHeld',
  'PruneNever',
  'PruneConfirm',
];

function isDone(app: AppPlan): boolean {
  return !differs(app) && (app.health === 'Healthy' || app.health === 'Suspended');
}

function tellProgress(context: CliContext, plan: Plan, told: Map<string, string>): void {
  for (const { app, operation, health, conditions } of plan.apps) {
    const ready = conditions.find(({ type }) => type === 'Ready');
    const line = `${app}: ${operation}, ${health}${ready?.status === 'False' ? ` (${ready.reason}: ${ready.message})` : ''}`;
    if (told.get(app) === line) continue;
    told.set(app, line);
    context.err(`${line}\n`);
  }
}
