import type { App } from './app.ts';
import { attachedFiles } from './attached-files.ts';
import type { Desired, HostPolicy, Problem, Snapshot, SourceFile } from './desired.ts';
import type { ManifestDocument } from './manifest-document.ts';
import { policyProblems } from './policy-rules.ts';
import { createManifestReader, type ManifestFile } from './read-manifest.ts';
import { type RepoContext, type RepoProblem, repoProblems, routesHeldByInvalid } from './repo-rules.ts';
import { toApp } from './to-app.ts';

/**
 * Reads all manifests of a snapshot. `incumbents` maps `host path` to the app that serves it now: of two
 * claims it keeps the route. Nothing is thrown for bad input.
 */
export type LoadDesired = (
  snapshot: Snapshot,
  policy: HostPolicy,
  incumbents: ReadonlyMap<string, string>,
) => Desired;

/** `schema` is the JSON Schema of manifests. The loader remembers what it read of the last snapshot's files. */
export function createLoader(schema: object): LoadDesired {
  const readManifest = createManifestReader(schema);
  let remembered: ReadonlyMap<string, ManifestFile> = new Map();

  return (snapshot, policy, incumbents) => {
    const current = new Map<string, ManifestFile>();
    for (const file of manifestFiles(snapshot)) {
      const key = `${file.id} ${file.path}`;
      current.set(key, remembered.get(key) ?? readManifest(file));
    }
    remembered = current;
    return judge(snapshot, [...current.values()], policy, incumbents);
  };
}

/** Files that are read as manifests, sorted by path. */
function manifestFiles({ files }: Snapshot): readonly SourceFile[] {
  return files.filter(({ path }) => isManifest(path)).sort((a, b) => compare(a.path, b.path));
}

function isManifest(path: string): boolean {
  const folders = path.split('/');
  const name = folders.pop();
  const isNamed = name === 'app.yaml' || name === 'app.yml';
  return isNamed && !folders.includes('.git') && !folders.includes('node_modules');
}

function judge(
  snapshot: Snapshot,
  manifests: readonly ManifestFile[],
  policy: HostPolicy,
  incumbents: ReadonlyMap<string, string>,
): Desired {
  const files = new Map(snapshot.files.map((file) => [file.path, file]));
  const documents = manifests.flatMap((manifest) => manifest.documents);
  const context = { incumbents, unnamed: manifests.some(({ unnamed }) => unnamed) };
  const attached = new Map(documents.map((document) => [document, attachedFiles(document, files)]));
  const own = new Map(
    documents.map((document) => [
      document,
      [
        ...document.problems,
        ...policyProblems(document, policy),
        ...(attached.get(document)?.problems ?? []),
      ],
    ]),
  );
  const problems = withRepoProblems(documents, own, context);
  const valid = documents.filter((document) => isValid(document, problems.get(document) ?? []));
  const apps = valid.map((document) => toApp(document, attached.get(document)?.contents ?? []));
  return {
    revision: snapshot.revision,
    apps: apps.sort((a: App, b: App) => compare(a.name, b.name)),
    problems: sorted([
      ...manifests.flatMap((manifest) => manifest.problems),
      ...[...problems.values()].flat(),
    ]),
    invalid: [...invalidNames(problems)].sort(),
    unnamed: context.unnamed,
  };
}

type ProblemsByDocument = ReadonlyMap<ManifestDocument, readonly Problem[]>;

function withRepoProblems(
  documents: readonly ManifestDocument[],
  own: ProblemsByDocument,
  context: RepoContext,
): ProblemsByDocument {
  const judged = added(own, repoProblems(documents, context));
  for (let now = judged, count = -1; ; ) {
    const invalid = invalidNames(now);
    if (invalid.size === count) return now;
    count = invalid.size;
    now = added(judged, routesHeldByInvalid(documents, invalid, context));
  }
}

function added(problems: ProblemsByDocument, more: readonly RepoProblem[]): ProblemsByDocument {
  const byDocument = Map.groupBy(more, ({ document }) => document);
  return new Map(
    [...problems].map(([document, known]) => {
      const found = (byDocument.get(document) ?? []).map(({ problem }) => problem);
      const places = new Set(known.map(placeAndCode));
      return [document, [...known, ...found.filter((problem) => !places.has(placeAndCode(problem)))]];
    }),
  );
}

/** One claim is refused once, whichever rule comes first. */
function placeAndCode({ line, column, code }: Problem): string {
  return `${line}:${column} ${code}`;
}

function invalidNames(problems: ProblemsByDocument): ReadonlySet<string> {
  return new Set(
    [...problems].flatMap(([document, found]) =>
      document.name === undefined || isValid(document, found) ? [] : document.name,
    ),
  );
}

/** Broken YAML is a problem of the file, and makes each of its documents invalid. */
function isValid({ unsound }: ManifestDocument, problems: readonly Problem[]): boolean {
  return problems.length === 0 && unsound.length === 0;
}

function sorted(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort(
    (a, b) =>
      compare(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compare(a.code, b.code) ||
      compare(a.message, b.message),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
