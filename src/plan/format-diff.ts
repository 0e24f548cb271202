import { escapeText } from '../desired/shown-text.ts';
import type { AppPlan, Difference, Plan } from './plan.ts';

/** The unified field diff of every app that differs, as kubectl's users read it; empty when none does. */
export function formatDiff(plan: Plan, color: boolean): string {
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const apps = plan.apps.filter(differs).map((app) => formatApp(app, paint));
  return [...apps, ...formatHost(plan, paint)].join('\n');
}

/** One line an app: name, consequence, cause and the fields. */
export function formatDiffSummary(plan: Plan): string {
  const lines = plan.apps
    .filter(differs)
    .map((app) =>
      [app.app, app.consequence, app.cause ?? '-', app.differences.map(({ path }) => path).join(', ')].join(
        '\t',
      ),
    );
  return lines.map((line) => `${line}\n`).join('');
}

/** Git and host differ, for whatever reason. */
export function differs({ sync, differences, health, conditions }: AppPlan): boolean {
  const orphaned = conditions.some(({ reason }) => reason.startsWith('Prune') || reason === 'Removing');
  return (
    sync !== 'Synced' || differences.length > 0 || health === 'Degraded' || (orphaned && health !== 'Missing')
  );
}

type Paint = (code: number, text: string) => string;

function formatApp(app: AppPlan, paint: Paint): string {
  const ready = app.conditions.find(({ type }) => type === 'Ready');
  const why = [app.cause, app.consequence].filter((part) => part !== undefined).join(', ');
  const live = app.liveRevision === '' ? 'nothing' : shortRevision(app.liveRevision);
  return [
    paint(1, `diff ${app.app} (${why})`),
    paint(31, `--- live ${live}`),
    paint(32, `+++ git ${shortRevision(app.revision)}`),
    ...app.differences.flatMap((difference) => formatDifference(difference, paint)),
    ...(ready && ready.reason !== 'Progressing' && ready.status === 'False'
      ? [paint(33, `# ${ready.reason}: ${escapeText(ready.message)}`)]
      : []),
    '',
  ].join('\n');
}

function formatDifference({ path, live, desired, cause }: Difference, paint: Paint): string[] {
  return [
    paint(36, `@@ ${escapeText(path)} (${cause}) @@`),
    ...(live === undefined ? [] : [paint(31, `-${escapeText(live)}`)]),
    ...(desired === undefined ? [] : [paint(32, `+${escapeText(desired)}`)]),
  ];
}

/** What concerns no single app: our network, and a Caddy that runs something else. */
function formatHost({ host }: Plan, paint: Paint): string[] {
  if (host.length === 0) return [];
  return [
    [paint(1, 'diff host'), ...host.map((step) => `# ${step.kind}: ${escapeText(step.reason)}`), ''].join(
      '\n',
    ),
  ];
}

export function shortRevision(revision: string): string {
  return revision.startsWith('sha256:') ? revision.slice(0, 19) : revision.slice(0, 12);
}
