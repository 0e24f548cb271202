import { appRuleFaults } from './app-rules.ts';
import type { Problem } from './desired.ts';
import { concerns, explainError, type FieldFault } from './explain-error.ts';
import { type Layer, mergeLayers, placeIn } from './layers.ts';
import type { AppManifest } from './manifest.ts';
import { fieldProblem, type ManifestDocument } from './manifest-document.ts';
import type { ParsedDocument } from './parse-manifest.ts';
import { packed } from './places.ts';
import type { Tree } from './read-tree.ts';
import { createValidator } from './schema-validator.ts';
import { findUnsupported } from './unsupported.ts';

/** What a project adds to an app: first what it stands on, then what goes over it. */
export interface Surroundings {
  readonly under: readonly Layer[];
  readonly over: readonly Layer[];
}

export type ReadApp = (parsed: ParsedDocument, surroundings: Surroundings) => ManifestDocument;

/** One app by itself, with its project merged in; what was read before is not read again. */
export function createAppReader(schema: object): ReadApp {
  const validate = createValidator(schema);
  const known = new WeakMap<
    ParsedDocument,
    { readonly layers: readonly Layer[]; readonly app: ManifestDocument }
  >();

  return (parsed, { under, over }) => {
    const layers = [...under, ...over];
    const before = known.get(parsed);
    const same =
      before?.layers.length === layers.length && layers.every((one, at) => one === before.layers[at]);
    if (before && same) return before.app;
    const app = readApp(parsed, { under, over });
    known.set(parsed, { layers, app });
    return app;
  };

  function readApp(parsed: ParsedDocument, surroundings: Surroundings): ManifestDocument {
    const { source, tree, name, broken } = parsed;
    const merged = mergeApp(tree, surroundings);
    const document = {
      source,
      places: merged.places,
      foreign: merged.foreign,
      ...(name === undefined ? {} : { name }),
      // The schema decides whether it is one; `unsound` says where it is not. It fills in defaults: a copy.
      value: structuredClone(merged.value) as AppManifest,
    };
    const own = parsed.problems.map((problem) => (name === undefined ? problem : { ...problem, app: name }));
    // What the YAML means is unknown then: more errors would be guesses.
    const onlyDuplicates = own.every(({ code }) => code === 'E1108');
    if (broken || !onlyDuplicates) return { ...document, unsound: [''], problems: own };
    const { faults, unsound } = judgeBySchema(document.value, merged.places);
    const partial = { ...document, unsound, problems: own };
    const all = [...faults, ...appRuleFaults(partial)];
    return { ...partial, problems: [...own, ...unique(all.map((fault) => fieldProblem(document, fault)))] };
  }

  function judgeBySchema(value: unknown, places: Tree['places']) {
    const unsupported = findUnsupported(value);
    const errors = validate(value).flatMap((error) => explainError(error, places) ?? []);
    const covered = (fault: FieldFault) =>
      unsupported.some(
        ({ pointer, meetsChoice }) =>
          concerns(fault, pointer) || (meetsChoice && asksForChoice(fault, parentOf(pointer))),
      );
    return {
      faults: [...unsupported, ...errors.filter((fault) => !covered(fault))],
      unsound: errors.filter(({ fault }) => fault.code !== unknownFieldCode).map(({ pointer }) => pointer),
    };
  }
}

/** The app's value with its layers, the places of what the manifest itself says, and where the rest comes from. */
export function mergeApp(
  { value, places }: Tree,
  { under, over }: Surroundings,
): { readonly value: unknown } & Required<Pick<ManifestDocument, 'places' | 'foreign'>> {
  if (under.length + over.length === 0) return { value, places, foreign: () => undefined };
  const merged = mergeLayers([
    ...under.map((layer) => layer.value),
    value,
    ...over.map((layer) => layer.value),
  ]);
  const mine = under.length;
  const layers = [...under, undefined, ...over];
  return {
    value: merged.value,
    places: packed(new Map([...places].filter(([pointer]) => (merged.ownerOf(pointer) ?? mine) === mine))),
    foreign(pointer) {
      const layer = layers[merged.ownerOf(pointer) ?? mine];
      return layer && { of: layer.of, at: placeIn(layer, pointer) };
    },
  };
}

/** A field too much takes nothing from the meaning of the others. */
const unknownFieldCode = 'E1207';

/** The schema misses `image`, or one of several fields, in the mapping. */
function asksForChoice({ pointer, fault }: FieldFault, parent: string): boolean {
  return fault.code === 'E1202'
    ? pointer === `${parent}/image`
    : fault.code === 'E1208' && pointer === parent;
}

function parentOf(pointer: string): string {
  return pointer.slice(0, pointer.lastIndexOf('/'));
}

function unique(problems: readonly Problem[]): readonly Problem[] {
  return [
    ...new Map(
      problems.map((problem) => [`${problem.line}:${problem.column} ${problem.message}`, problem]),
    ).values(),
  ];
}
