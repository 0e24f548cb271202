import type { Position } from './app.ts';
import type { Problem } from './desired.ts';
import type { FieldFault } from './explain-error.ts';
import type { AppManifest } from './manifest.ts';
import type { Tree } from './read-tree.ts';
import { type Fault, positionAt, problemAt, type SourceText, type Span } from './source-text.ts';

/** One `kind: App` document, read as far as it can be. */
export interface ManifestDocument {
  readonly source: SourceText;
  /** Of what the manifest itself says. */
  readonly places: Tree['places'];
  /** Where a project says what stands at the pointer, when it is not the manifest. */
  readonly foreign?: (pointer: string) => { readonly of: string; readonly at: Position } | undefined;
  /** Absent when the manifest does not tell it, or tells one that no app can have. */
  readonly name?: string;
  /** Only to be trusted where `isSound`; defaults are filled in. */
  readonly value: AppManifest;
  /** JSON pointers at which something is wrong. */
  readonly unsound: readonly string[];
  readonly problems: readonly Problem[];
}

/** Whether nothing is wrong at the pointer, above it or below it. */
export function isSound({ unsound }: ManifestDocument, pointer: string): boolean {
  return unsound.every(
    (wrong) => wrong !== pointer && !wrong.startsWith(`${pointer}/`) && !pointer.startsWith(`${wrong}/`),
  );
}

export function fieldProblem(
  document: Pick<ManifestDocument, 'source' | 'places' | 'name' | 'foreign'>,
  { pointer, under, fault }: FieldFault,
): Problem {
  const elsewhere = document.places.has(pointer) ? undefined : document.foreign?.(pointer);
  const told = elsewhere === undefined ? fault : cameFrom(fault, elsewhere);
  return problemAt(document.source, spanAt(document.places, pointer, under), told, document.name);
}

/** The manifest does not say it: its project does. */
function cameFrom(fault: Fault, { of, at }: { readonly of: string; readonly at: Position }): Fault {
  return { ...fault, message: `${fault.message} (from ${of})`, other: fault.other ?? at };
}

/** Where the value at the pointer stands. */
export function positionOf(document: ManifestDocument, pointer: string): Position {
  const elsewhere = document.places.has(pointer) ? undefined : document.foreign?.(pointer);
  if (elsewhere !== undefined) return elsewhere.at;
  return positionAt(document.source, spanAt(document.places, pointer, 'value').start);
}

/** Shorthand for a fault under the value at the pointer. */
export function wrongValue(pointer: string, fault: Fault): FieldFault {
  return { pointer, under: 'value', fault };
}

/** A field that is missing is shown at the mapping that lacks it. */
function spanAt(places: Tree['places'], pointer: string, under: 'key' | 'value'): Span {
  const place = places.get(pointer);
  if (place !== undefined) return under === 'key' ? (place.key ?? place.value) : place.value;
  return pointer === ''
    ? { start: 0, end: 1 }
    : spanAt(places, pointer.slice(0, pointer.lastIndexOf('/')), 'key');
}
