import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { canonicalJson } from '../desired/canonical.ts';
import { fingerprintOf } from '../plan/check-plan.ts';
import { formatWay } from '../plan/format-plan.ts';
import type { World } from '../plan/plan.ts';
import { simulate } from '../plan/simulate.ts';
import { type CliContext, type ExitCode, exitCodes, type Register } from './context.ts';
import { requireProxy } from './diff.ts';

interface Options {
  readonly config?: string;
  readonly source?: string;
  readonly rev?: string;
  readonly out?: string;
  readonly output: 'table' | 'json';
}

export const registerPlan: Register = (program, context, run) => {
  program
    .command('plan')
    .description('the whole way from what runs to what git says, step by step; changes nothing')
    .option('--config <file>', 'the configuration')
    .option('--source <dir-or-url>', 'another config repo than the configured one')
    .option('--rev <revision>', 'a commit, tag or branch instead of the followed branch')
    .option('-o, --out <file>', 'write the plan there, for apply --plan')
    .option('--output <format>', 'table or json', 'table')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing to do, 1 changes.\n\nExample:\n  plimsoll plan -o changes.json && plimsoll apply --plan changes.json',
    )
    .action(run((options: Options) => plan(context, options)));
};

async function plan(context: CliContext, { rev, out, output, ...options }: Options): Promise<ExitCode> {
  const host = await context.openHost(options, 'read');
  try {
    const world = await host.world(rev);
    requireProxy(world);
    const { looks } = simulate(world);
    const file = {
      version: 1,
      revision: world.desired.revision,
      fingerprint: fingerprint(world),
      looks: looks.map(({ at, steps }) => ({ at, steps })),
    };
    if (out !== undefined) await writeFile(out, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
    context.out(
      output === 'json'
        ? `${JSON.stringify(file, null, 2)}\n`
        : looks.length === 0
          ? 'nothing to do\n'
          : formatWay(looks),
    );
    return looks.length === 0 ? exitCodes.done : exitCodes.negative;
  } finally {
    await host.close();
  }
}

/** Equal as long as the plan still fits what is live. */
export function fingerprint(world: World): string {
  return createHash('sha256')
    .update(canonicalJson(fingerprintOf(world)))
    .digest('hex');
}
