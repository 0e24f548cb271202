import { appRuleFaults } from './app-rules.ts';
import { decodeText } from './decode-text.ts';
import type { Problem, SourceFile } from './desired.ts';
import { concerns, explainError, type FieldFault } from './explain-error.ts';
import type { AppManifest } from './manifest.ts';
import { fieldProblem, type ManifestDocument } from './manifest-document.ts';
import { parseYaml, type YamlDocument } from './parse-yaml.ts';
import { readTree, type Tree } from './read-tree.ts';
import { createValidator } from './schema-validator.ts';
import { problemAt, type SourceText } from './source-text.ts';
import { textPointers } from './text-pointers.ts';
import { findUnsupported, isUnsupportedKind, unsupportedKind } from './unsupported.ts';

/** What one file says by itself: everything but the rules that need the repo or the host's policy. */
export interface ManifestFile {
  readonly documents: readonly ManifestDocument[];
  /** Of the file, and of documents that are no apps. */
  readonly problems: readonly Problem[];
  /** The file declares, or may declare, an app whose name cannot be told. */
  readonly unnamed: boolean;
}

/** More than anyone reads of one file. */
const problemLimit = 100;

const namePattern = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

export function createManifestReader(schema: object): (file: SourceFile) => ManifestFile {
  const validate = createValidator(schema);
  const isText = textPointers(schema);

  return (file) => {
    const source = decodeText(file);
    if ('code' in source) return { documents: [], problems: [source], unnamed: true };
    const yaml = parseYaml(source);
    const read = yaml.documents.map((document) => readDocument(document, source));
    const documents = read.flatMap(({ app }) => (app === undefined ? [] : [app]));
    return limited({
      documents,
      problems: [...named(yaml.problems, documents), ...read.flatMap(({ problems }) => problems)],
      unnamed: yaml.lost || documents.some(({ name }) => name === undefined) || read.some(({ lost }) => lost),
    });
  };

  function readDocument({ contents, broken }: YamlDocument, source: SourceText): ReadDocument {
    const tree = readTree(contents, source, isText);
    const treeProblems = tree.faults.map(({ span, fault }) => problemAt(source, span, fault));
    if (!isMapping(tree.value)) {
      const place = tree.places.get('')?.value ?? { start: 0, end: 1 };
      const own = broken || treeProblems.length > 0 ? treeProblems : [problemAt(source, place, notAMapping)];
      return { problems: own, lost: true };
    }
    if (isUnsupportedKind(tree.value.kind)) {
      const problem = fieldProblem({ source, places: tree.places }, unsupportedKind(tree.value.kind));
      return { problems: broken ? treeProblems : [...treeProblems, problem], lost: false };
    }
    return { app: readApp(tree, broken, source, treeProblems), problems: [], lost: false };
  }

  function readApp(
    tree: Tree,
    broken: boolean,
    source: SourceText,
    treeProblems: readonly Problem[],
  ): ManifestDocument {
    const name = nameIn(tree.value);
    const document = {
      source,
      places: tree.places,
      ...(name === undefined ? {} : { name }),
      // The schema decides whether it is one; `unsound` says where it is not.
      value: tree.value as AppManifest,
    };
    const own = treeProblems.map((problem) => (name === undefined ? problem : { ...problem, app: name }));
    // What the YAML means is unknown then: more errors would be guesses.
    const onlyDuplicates = own.every(({ code }) => code === 'E1108');
    if (broken || !onlyDuplicates) return { ...document, unsound: [''], problems: own };
    const { faults, unsound } = judgeBySchema(tree);
    const partial = { ...document, unsound, problems: own };
    const all = [...faults, ...appRuleFaults(partial)];
    return { ...partial, problems: [...own, ...unique(all.map((fault) => fieldProblem(document, fault)))] };
  }

  function judgeBySchema({ value, places }: Tree) {
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

/** A field too much takes nothing from the meaning of the others. */
const unknownFieldCode = 'E1207';

interface ReadDocument {
  readonly app?: ManifestDocument;
  readonly problems: readonly Problem[];
  readonly lost: boolean;
}

const notAMapping = {
  code: 'E1201',
  message: 'a manifest is a mapping with apiVersion, kind, metadata and spec',
};

/** The schema misses `image`, or one of `content` and `from`, in the mapping. */
function asksForChoice({ pointer, fault }: FieldFault, parent: string): boolean {
  return fault.code === 'E1202'
    ? pointer === `${parent}/image`
    : fault.code === 'E1208' && pointer === parent;
}

function parentOf(pointer: string): string {
  return pointer.slice(0, pointer.lastIndexOf('/'));
}

function nameIn(value: unknown): string | undefined {
  const metadata = isMapping(value) && Object.hasOwn(value, 'metadata') ? value.metadata : undefined;
  const name = isMapping(metadata) && Object.hasOwn(metadata, 'name') ? metadata.name : undefined;
  return typeof name === 'string' && namePattern.test(name) ? name : undefined;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A file with one app is all about that app. */
function named(problems: readonly Problem[], documents: readonly ManifestDocument[]): readonly Problem[] {
  const app = documents.length === 1 ? documents[0]?.name : undefined;
  return app === undefined ? problems : problems.map((problem) => ({ ...problem, app }));
}

function unique(problems: readonly Problem[]): readonly Problem[] {
  return [
    ...new Map(
      problems.map((problem) => [`${problem.line}:${problem.column} ${problem.message}`, problem]),
    ).values(),
  ];
}

/** A file with thousands of errors is shown by its first ones; its apps stay invalid. */
function limited(file: ManifestFile): ManifestFile {
  const first = (problems: readonly Problem[]) =>
    [...problems].sort((a, b) => a.line - b.line || a.column - b.column).slice(0, problemLimit);
  return {
    ...file,
    documents: file.documents.map((document) => ({ ...document, problems: first(document.problems) })),
    problems: first(file.problems),
  };
}
