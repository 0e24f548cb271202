import { parseSelector } from '../desired/selector.ts';
import { showValue } from '../desired/shown-text.ts';
import { type AppItem, appItems, markedApps } from './app-item.ts';
import { type Caller, isWithin, type Marks } from './caller.ts';
import type { ControllerPort } from './controller-port.ts';
import { ProblemError } from './problem.ts';

/** The filters of every list whose items belong to apps. */
export interface AppFilter {
  readonly labels?: string | undefined;
  readonly project?: string | undefined;
  readonly environment?: string | undefined;
}

/** Every app that the caller may see. */
export function visibleApps(port: ControllerPort, { limit }: Caller): AppItem[] {
  const items = appItems(port);
  return limit === undefined ? items : items.filter((app) => isWithin(limit, app));
}

/** Whether an app passes the filters; throws the problem of a selector that cannot be read. */
export function filterOf({ labels, project, environment }: AppFilter): (app: Marks) => boolean {
  const matches = labels === undefined ? () => true : parseSelector(labels);
  if (!matches)
    throw new ProblemError(
      400,
      'InvalidQuery',
      `parameter labels is ${showValue(labels)}, expected labels such as "team=web,tier!=db,canary,!legacy"`,
    );
  return (app) =>
    matches(app.labels) &&
    (project === undefined || app.project === project) &&
    (environment === undefined || app.environment === environment);
}

/** Names of the apps whose things are listed; undefined for all, also for what belongs to none. */
export function chosenApps(
  port: ControllerPort,
  { limit }: Caller,
  filter: AppFilter = {},
): ReadonlySet<string> | undefined {
  const { labels, project, environment } = filter;
  const matches = filterOf(filter);
  if ((limit ?? labels ?? project ?? environment) === undefined) return undefined;
  const chosen = markedApps(port).filter((app) => (!limit || isWithin(limit, app)) && matches(app));
  return new Set(chosen.map(({ name }) => name));
}

/** Apps that are gone are seen only by those who see all. */
export function isVisible(port: ControllerPort, caller: Caller, app: string): boolean {
  return chosenApps(port, caller)?.has(app) ?? true;
}
