import { ProblemError } from './problem.ts';

/** One page of a list; `next` is the cursor of the following one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** The page that a query asks for, of items sorted by key; an item that is gone is no reason to begin anew. */
export function pageOf<T>(query: PageQuery, items: readonly T[], keyOf: (item: T) => string): Page<T> {
  const after = cursorOf(query);
  return cut(query, after === undefined ? items : items.filter((item) => keyOf(item) > after), keyOf);
}

/** The same of items in another order, newest first for example; after one that is gone there is nothing. */
export function pageInOrder<T>(query: PageQuery, items: readonly T[], keyOf: (item: T) => string): Page<T> {
  const after = cursorOf(query);
  const place = items.findIndex((item) => keyOf(item) === after);
  const rest = after === undefined ? items : place < 0 ? [] : items.slice(place + 1);
  return cut(query, rest, keyOf);
}

/** What `next` of the page before says; a problem for what is none of ours. */
export function cursorOf({ cursor }: PageQuery): string | undefined {
  if (cursor === undefined) return undefined;
  const key = Buffer.from(cursor, 'base64url').toString();
  if (toCursor(key) === cursor) return key;
  throw new ProblemError(
    400,
    'InvalidQuery',
    'parameter cursor is not what a page before has answered with',
    'give the value of "next" as it is',
  );
}

export function toCursor(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function cut<T>({ limit = 500 }: PageQuery, rest: readonly T[], keyOf: (item: T) => string): Page<T> {
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last !== undefined && rest.length > limit ? toCursor(keyOf(last)) : null };
}
