import type { RouteTable } from '../observed/observed.ts';

/** Who is at fault when Caddy refuses a table: the template alone, one app, or only all together. */
export type Culprit =
  | { readonly kind: 'template' }
  | { readonly kind: 'app'; readonly app: string }
  | undefined;

/** Tries the template with no route, then each app alone. */
export async function findCulprit(
  routes: RouteTable,
  accepts: (routes: RouteTable) => Promise<boolean>,
): Promise<Culprit> {
  if (!(await accepts([]))) return { kind: 'template' };
  const apps = Map.groupBy(routes, ({ app }) => app);
  for (const [app, own] of [...apps].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!(await accepts(own))) return { kind: 'app', app };
  }
  return undefined;
}
