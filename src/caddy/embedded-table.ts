import type { RouteTable } from '../observed/observed.ts';

/** Name of the variable, in the catch-all site, that holds the route table for whoever reads it back. */
export const tableVariable = 'plimsoll_routes';

/**
 * The route table that a running configuration was made from; undefined when there is none. Anybody may have
 * written it, so it counts only once a configuration rendered from it equals the one it was found in.
 */
export function embeddedTable(config: unknown): RouteTable | undefined {
  const text = findVariable(config);
  if (text === undefined) return undefined;
  try {
    const table: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    return Array.isArray(table) ? (table as RouteTable) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function findVariable(part: unknown): string | undefined {
  if (typeof part !== 'object' || part === null) return undefined;
  const own = (part as Record<string, unknown>)[tableVariable];
  if (typeof own === 'string') return own;
  for (const each of Object.values(part)) {
    const found = findVariable(each);
    if (found !== undefined) return found;
  }
  return undefined;
}
