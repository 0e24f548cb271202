/** Paths, in the manner of `apps.http.servers.srv0.listen[0]`, at which two JSON values differ: the first `most`. */
export function jsonDifferences(a: unknown, b: unknown, most: number): readonly string[] {
  return [...differences(a, b, '')].slice(0, most);
}

function* differences(a: unknown, b: unknown, path: string): Generator<string> {
  if (Object.is(a, b)) return;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) {
    yield path === '' ? 'the whole' : path;
    return;
  }
  for (const key of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
    yield* differences(a[key], b[key], joined(path, key, Array.isArray(a)));
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function joined(path: string, key: string, inArray: boolean): string {
  if (inArray) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
