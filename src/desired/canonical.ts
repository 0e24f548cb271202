/** JSON with the keys of every mapping sorted and absent fields left out: equal values give equal text. */
export function canonicalJson(value: unknown, change: (part: unknown) => unknown = (part) => part): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    const changed = change(part);
    return isMapping(changed) ? sortKeys(changed) : changed;
  });
}

/** True when both have the same canonical JSON; what is shared is not looked into. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((part, index) => isSameValue(part, b[index]));
  if (!isMapping(a) || !isMapping(b)) return false;
  for (const key in a) if (!isSameValue(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sortKeys(mapping: Record<string, unknown>): Record<string, unknown> {
  const sorted: [string, unknown][] = Object.entries(mapping).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted);
}
