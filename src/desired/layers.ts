import type { Position } from './app.ts';
import { escapePointer, type Tree } from './read-tree.ts';
import { positionAt, type SourceText } from './source-text.ts';

/** A part of an App that a project gives: merged under or over what the manifest says. */
export interface Layer {
  /** For people: `project "web"`. */
  readonly of: string;
  readonly value: Mapping;
  readonly source: SourceText;
  readonly places: Tree['places'];
  /** Pointer in the source of what is `''` in the value. */
  readonly prefix: string;
}

export type Mapping = Readonly<Record<string, unknown>>;

export interface Merged {
  readonly value: unknown;
  /** Which of the values what stands at the pointer comes from; undefined for a mapping, which may be of several. */
  readonly ownerOf: (pointer: string) => number | undefined;
}

/** Later values over earlier ones, each a JSON merge patch (https://www.rfc-editor.org/rfc/rfc7396): null removes. */
export function mergeLayers(values: readonly unknown[]): Merged {
  const owners = new Map<string, number>();
  const own = (pointer: string, owner: number): void => {
    for (const known of [...owners.keys()]) if (known.startsWith(`${pointer}/`)) owners.delete(known);
    owners.set(pointer, owner);
  };
  const merge = (under: unknown, over: unknown, pointer: string, owner: number): unknown => {
    if (!isMapping(over)) {
      own(pointer, owner);
      return over;
    }
    const fields = new Map(isMapping(under) ? Object.entries(under) : []);
    for (const [name, value] of Object.entries(over)) {
      if (value === null) fields.delete(name);
      else fields.set(name, merge(fields.get(name), value, `${pointer}/${escapePointer(name)}`, owner));
    }
    // `fromEntries` defines own fields, also for `__proto__`.
    return Object.fromEntries(fields);
  };
  const value = values.reduce((under, over, owner) => merge(under, over, '', owner), {});
  return { value, ownerOf: (pointer) => nearest(owners, pointer) };
}

/** Where in its own file a layer says what stands at the pointer, or what holds it. */
export function placeIn({ places, source, prefix }: Layer, pointer: string): Position {
  for (let at = `${prefix}${pointer}`; ; at = at.slice(0, at.lastIndexOf('/'))) {
    const place = places.get(at);
    if (place !== undefined) return positionAt(source, (place.key ?? place.value).start);
    if (at === '') return { file: source.file, line: 1, column: 1 };
  }
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value without what is null, which in a merge patch means that the field is removed. */
export function withoutNulls(value: unknown): unknown {
  if (!isMapping(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)]));
}

function nearest(owners: ReadonlyMap<string, number>, pointer: string): number | undefined {
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf('/'))) {
    const owner = owners.get(at);
    if (owner !== undefined || at === '') return owner;
  }
}
