import type { RouteTable } from '../observed/observed.ts';

/** Who is at fault when Caddy refuses a table: the template by itself, or some of the apps. */
export type Culprits = 'template' | readonly string[];

/** Tries the template with no route, then each app alone. No app is found when only several together are refused. */
export async function findCulprits(
  routes: RouteTable,
  accepts: (routes: RouteTable) => Promise<boolean>,
): Promise<Culprits> {
  if (!(await accepts([]))) return 'template';
  const refused: string[] = [];
  for (const [app, own] of Map.groupBy(routes, (route) => route.app)) {
    if (!(await accepts(own))) refused.push(app);
  }
  return refused.sort();
}
