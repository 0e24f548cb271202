/** JSON with the keys of every mapping sorted and absent fields left out: equal values give equal text. */
export function canonicalJson(value: unknown, change: (part: unknown) => unknown = (part) => part): string {
  return JSON.stringify(sorted(value, change));
}

/** A copy is faster than a function that `JSON.stringify` calls for each part. */
function sorted(part: unknown, change: (part: unknown) => unknown): unknown {
  const changed = change(part);
  if (Array.isArray(changed)) return changed.map((one) => sorted(one, change));
  if (!isMapping(changed)) return changed;
  const keys = Object.keys(changed).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(changed[key], change)]));
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
