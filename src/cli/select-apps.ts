import { didYouMean } from '../desired/did-you-mean.ts';
import type { Plan } from '../plan/plan.ts';
import { CliError, exitCodes } from './context.ts';

/** The plan with only the named apps; all of them when none is named. */
export function selectApps(plan: Plan, names: readonly string[]): Plan {
  if (names.length === 0) return plan;
  const known = plan.apps.map(({ app }) => app);
  for (const name of names) {
    if (known.includes(name)) continue;
    const close = didYouMean(name, known);
    throw new CliError(
      exitCodes.invalid,
      `no app ${JSON.stringify(name)} in git or on this host`,
      close && `did you mean ${close}?`,
    );
  }
  return { ...plan, apps: plan.apps.filter(({ app }) => names.includes(app)), host: [] };
}
