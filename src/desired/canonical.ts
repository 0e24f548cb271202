/** JSON with the keys of every mapping sorted and absent fields left out: equal values give equal text. */
export function canonicalJson(value: unknown, change: (part: unknown) => unknown = (part) => part): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    const changed = change(part);
    return isMapping(changed) ? sortKeys(changed) : changed;
  });
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sortKeys(mapping: Record<string, unknown>): Record<string, unknown> {
  const sorted: [string, unknown][] = Object.entries(mapping).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted);
}
