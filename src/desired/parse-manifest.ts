import { isMap, isScalar, type ParsedNode } from 'yaml';
import { decodeText } from './decode-text.ts';
import type { Problem, SourceFile } from './desired.ts';
import { isMapping } from './layers.ts';
import { fieldProblem } from './manifest-document.ts';
import { parseYaml, type YamlDocument } from './parse-yaml.ts';
import { readTree, type Tree } from './read-tree.ts';
import { problemAt, type SourceText } from './source-text.ts';
import { textPointers } from './text-pointers.ts';
import { isUnsupportedKind, unsupportedKind } from './unsupported.ts';

/** One document of a file, read as YAML and not judged yet. */
export interface ParsedDocument {
  readonly kind: 'App' | 'Secret' | 'Project';
  readonly source: SourceText;
  readonly tree: Tree;
  /** Its YAML cannot be relied upon. */
  readonly broken: boolean;
  /** Absent when it does not tell a name that anything can have. */
  readonly name?: string;
  /** It is not the only document of its file. */
  readonly shared: boolean;
  readonly problems: readonly Problem[];
}

export interface ParsedFile {
  readonly documents: readonly ParsedDocument[];
  /** Of the file, and of documents of no kind that is known. */
  readonly problems: readonly Problem[];
  /** The file declares, or may declare, an app whose name cannot be told. */
  readonly lost: boolean;
  /** It may declare a project, and cannot be read. */
  readonly lostProject: boolean;
}

const namePattern = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** `schema` is the one of Apps: it says which fields are text whatever they look like. */
export function createManifestParser(schema: object): (file: SourceFile) => ParsedFile {
  const isAppText = textPointers(schema);
  // In a project the fields of an App stand below these.
  const inProject = /^\/spec\/(?:defaults|environments\/[^/]+\/(?:patch|apps\/[^/]+))(?=\/)/;
  const isText = {
    App: isAppText,
    Project: (pointer: string) => inProject.test(pointer) && isAppText(pointer.replace(inProject, '')),
    Secret: () => false,
  };

  return (file) => {
    const source = decodeText(file);
    if ('code' in source) return { documents: [], problems: [source], lost: true, lostProject: false };
    const yaml = parseYaml(source);
    const shared = yaml.documents.length > 1;
    const read = yaml.documents.map((document) => readDocument(document, source, shared));
    const documents = read.flatMap(({ document }) => document ?? []);
    const problems = [...named(yaml.problems, documents), ...read.flatMap((one) => one.problems)];
    const lost = yaml.lost || read.some((one) => one.lost);
    return {
      documents,
      problems: /^kind:\s*["']?Secret\b/m.test(source.text) ? problems.map(withoutExcerpt) : problems,
      lost,
      lostProject: lost && /^kind:\s*["']?Project\b/m.test(source.text),
    };
  };

  function readDocument({ contents, broken }: YamlDocument, source: SourceText, shared: boolean): Read {
    const kind = kindOf(contents);
    const tree = readTree(contents, source, isText[kind]);
    const problems = tree.faults.map(({ span, fault }) => problemAt(source, span, fault));
    if (!isMapping(tree.value)) {
      const place = tree.places.get('')?.value ?? { start: 0, end: 1 };
      const own = broken || problems.length > 0 ? problems : [problemAt(source, place, notAMapping)];
      return { problems: own, lost: true };
    }
    if (isUnsupportedKind(tree.value.kind)) {
      const problem = fieldProblem({ source, places: tree.places }, unsupportedKind(tree.value.kind));
      return { problems: broken ? problems : [...problems, problem], lost: false };
    }
    const name = nameIn(tree.value);
    const document = {
      kind,
      source,
      tree,
      broken,
      shared,
      problems,
      ...(name === undefined ? {} : { name }),
    };
    return { document, problems: [], lost: false };
  }
}

interface Read {
  readonly document?: ParsedDocument;
  readonly problems: readonly Problem[];
  readonly lost: boolean;
}

const notAMapping = {
  code: 'E1201',
  message: 'a manifest is a mapping with apiVersion, kind, metadata and spec',
};

/** Known before the tree is read, because it says how numbers are. */
function kindOf(contents: ParsedNode): ParsedDocument['kind'] {
  const items = isMap(contents) ? contents.items : [];
  const pair = items.find(({ key }) => isScalar(key) && key.value === 'kind');
  const kind = isScalar(pair?.value) ? pair.value.value : undefined;
  return kind === 'Secret' || kind === 'Project' ? kind : 'App';
}

function nameIn(value: unknown): string | undefined {
  const metadata = isMapping(value) && Object.hasOwn(value, 'metadata') ? value.metadata : undefined;
  const name = isMapping(metadata) && Object.hasOwn(metadata, 'name') ? metadata.name : undefined;
  return typeof name === 'string' && namePattern.test(name) ? name : undefined;
}

/** A file with one app is all about that app. */
function named(problems: readonly Problem[], documents: readonly ParsedDocument[]): readonly Problem[] {
  const [only, more] = documents;
  const app = more === undefined && only?.kind === 'App' ? only.name : undefined;
  return app === undefined ? problems : problems.map((problem) => ({ ...problem, app }));
}

/** Its lines may hold a value that somebody forgot to encrypt. */
export function withoutExcerpt(problem: Problem): Problem {
  return { ...problem, excerpt: [] };
}
