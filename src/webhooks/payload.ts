/** The value at a path of own properties, in JSON of whatever shape. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

/** The text there; undefined when it is anything else, or empty. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The texts under these names of one object. */
export function textsAt(value: unknown, names: readonly string[]): string[] {
  return names.flatMap((name) => textAt(value, name) ?? []);
}

/** The first so many items of the list there; none when it is no list. */
export function itemsAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found.slice(0, mostItems) : [];
}

/** More refs than anybody pushes at once. */
const mostItems = 1_000;

/** A commit id; the one of zeros is a ref that was removed. */
export function commitOf(id: string | undefined): string | undefined {
  return id === undefined || /^0+$/.test(id) ? undefined : id;
}
