import type { App } from './app.ts';
import { attachedFiles } from './attached-files.ts';
import type { Desired, HostPolicy, Problem, Snapshot, SourceFile } from './desired.ts';
import { fieldProblem, type ManifestDocument } from './manifest-document.ts';
import { createManifestParser, type ParsedDocument, type ParsedFile } from './parse-manifest.ts';
import { policyProblems } from './policy-rules.ts';
import { loginFaults, loginOf, type Neighbourhood, neighbourhoods } from './projects.ts';
import { createAppReader, type ReadApp } from './read-app.ts';
import { createProjectReader, type ProjectDocument } from './read-project.ts';
import { createSecretReader, type SecretDocument } from './read-secret.ts';
import { type RepoContext, type RepoProblem, repoProblems, routesHeldByInvalid } from './repo-rules.ts';
import type { OpenedSecret, SealedSecret } from './secret.ts';
import { type SecretBook, secretBook, secretFaults } from './secret-book.ts';
import { toApp } from './to-app.ts';
import { namesTwice } from './unique-names.ts';

/** The JSON Schemas of the kinds of manifests. */
export interface Schemas {
  readonly app: object;
  readonly secret: object;
  readonly project: object;
}

/** What the manifests are judged by besides themselves. */
export interface LoadContext {
  readonly policy: HostPolicy;
  /** `host path` → the app that serves it now: of two claims it keeps the route. */
  readonly incumbents: ReadonlyMap<string, string>;
  /** What was made of the sealed secrets, by `secretKey`; absent where nothing is to be decrypted. */
  readonly opened?: ReadonlyMap<string, OpenedSecret>;
  /** The overlay for apps that name none themselves. */
  readonly environment?: string;
}

/** Nothing is thrown for bad input. What was read of the last snapshot's files is remembered. */
export interface Loader {
  /** Reads all manifests of a snapshot. */
  load(snapshot: Snapshot, context: LoadContext): Desired;
  /** The secrets among them that are whole; `name` is their `secretKey`. */
  secrets(snapshot: Snapshot): readonly SealedSecret[];
  /** The manifest of an app with its project merged in, before defaults are filled in; undefined when there is none. */
  render(snapshot: Snapshot, app: string, environment?: string): Rendered | undefined;
}

export interface Rendered {
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

export function createLoader(schemas: Schemas): Loader {
  const parse = createManifestParser(schemas.app);
  const readers: Readers = {
    app: createAppReader(schemas.app),
    secret: createSecretReader(schemas.secret),
    project: createProjectReader(schemas.project, schemas.app),
  };
  let remembered: ReadonlyMap<string, ParsedFile> = new Map();

  function parsed(snapshot: Snapshot): readonly ParsedFile[] {
    const current = new Map<string, ParsedFile>();
    for (const file of manifestFiles(snapshot)) {
      const key = `${file.id} ${file.path}`;
      current.set(key, remembered.get(key) ?? parse(file));
    }
    remembered = current;
    return [...current.values()];
  }

  return {
    load: (snapshot, context) => judge(snapshot, parsed(snapshot), readers, context),
    secrets: (snapshot) =>
      documentsOf(parsed(snapshot), 'Secret').flatMap((document) => {
        const { sealed } = readers.secret(document);
        return sealed === undefined ? [] : { ...sealed, name: secretKey(snapshot, document) };
      }),
    render(snapshot, name, environment) {
      const files = parsed(snapshot);
      const around = neighbourhoods({
        files,
        roots: rootsOf(snapshot),
        readProject: readers.project,
        environment,
      });
      const found = documentsOf(files, 'App').find((document) => document.name === name);
      return found && around.render(found);
    },
  };
}

interface Readers {
  readonly app: ReadApp;
  readonly secret: (parsed: ParsedDocument) => SecretDocument;
  readonly project: (parsed: ParsedDocument) => ProjectDocument;
}

/** Folders of the sources in a snapshot: no app refers to anything outside its own. */
function rootsOf({ parts }: Snapshot): readonly string[] {
  return parts === undefined ? [''] : parts.map(({ source }) => `${source}/`);
}

export function rootOf(roots: readonly string[], path: string): string {
  return roots.find((root) => path.startsWith(root)) ?? '';
}

/** A secret's name, with its source's folder in front where there are several. */
function secretKey(snapshot: Snapshot, { source, name = '' }: ParsedDocument): string {
  return `${rootOf(rootsOf(snapshot), source.file)}${name}`;
}

function documentsOf(files: readonly ParsedFile[], kind: ParsedDocument['kind']): readonly ParsedDocument[] {
  return files.flatMap(({ documents }) => documents.filter((document) => document.kind === kind));
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
  files: readonly ParsedFile[],
  readers: Readers,
  context: LoadContext,
): Desired {
  const roots = rootsOf(snapshot);
  const { environment } = context;
  const around = neighbourhoods({ files, roots, readProject: readers.project, environment });
  const secrets = documentsOf(files, 'Secret').map(readers.secret);
  const books = new Map(roots.map((root) => [root, bookOf(root, roots, secrets, context)]));
  const apps = documentsOf(files, 'App').map((parsed): AppInRepo => {
    const root = rootOf(roots, parsed.source.file);
    const neighbourhood = around.of(parsed);
    const book = books.get(root) ?? secretBook([], undefined);
    return { root, neighbourhood, book, document: readers.app(parsed, neighbourhood) };
  });
  const incomplete = snapshot.parts?.some(({ revision }) => revision === undefined) ?? false;
  const unnamed =
    incomplete || files.some(({ lost }) => lost) || apps.some(({ document }) => document.name === undefined);
  const repo = { incumbents: context.incumbents, unnamed };
  const problems = withRepoProblems(
    apps.map(({ document }) => document),
    ownProblems(apps, snapshot, context),
    repo,
  );
  const valid = apps.filter(({ document }) => isValid(document, problems.get(document) ?? []));
  const others = [
    ...files.flatMap((file) => file.problems),
    ...namesTwice(
      secrets.map(({ parsed }) => parsed),
      roots,
    ),
    ...secrets.flatMap((secret) => secret.problems),
    ...around.problems,
  ];
  return {
    revision: snapshot.revision,
    ...revisionsOf(snapshot, valid),
    apps: valid.map((app) => toValue(app, snapshot)).sort((a, b) => compare(a.name, b.name)),
    problems: sorted([...others, ...[...problems.values()].flat()]),
    invalid: [...invalidNames(problems)].sort(),
    unnamed,
  };
}

interface AppInRepo {
  readonly document: ManifestDocument;
  /** Folder of its source. */
  readonly root: string;
  readonly neighbourhood: Neighbourhood;
  readonly book: SecretBook;
}

/** Apps by their documents, with the contents of files that are in them. One that holds anything of a secret is not kept. */
const known = new WeakMap<ManifestDocument, { readonly contents: readonly string[]; readonly app: App }>();

/** A document that stays the same object means the same app, which stays the same object too. */
function toValue({ document, root, neighbourhood, book }: AppInRepo, snapshot: Snapshot): App {
  const { contents } = attachedFiles(document, filesOf(snapshot), root);
  const login = loginOf(document, neighbourhood, book);
  const before = login === undefined ? known.get(document) : undefined;
  if (before?.contents.every((content, index) => content === contents[index])) return before.app;
  let isSecretAsked = login !== undefined;
  const asked = <T>(answer: T): T => {
    isSecretAsked = true;
    return answer;
  };
  const listening: SecretBook = {
    fault: book.fault,
    value: (name, key) => asked(book.value(name, key)),
    keys: (name) => asked(book.keys(name)),
    passwordHash: (name, key) => asked(book.passwordHash(name, key)),
  };
  const app = toApp(document, { files: contents, book: listening, login });
  if (!isSecretAsked) known.set(document, { contents, app });
  return app;
}

const byPath = new WeakMap<Snapshot, ReadonlyMap<string, SourceFile>>();

function filesOf(snapshot: Snapshot): ReadonlyMap<string, SourceFile> {
  const files = byPath.get(snapshot) ?? new Map(snapshot.files.map((file) => [file.path, file]));
  byPath.set(snapshot, files);
  return files;
}

/** The secrets of one source. */
function bookOf(
  root: string,
  roots: readonly string[],
  secrets: readonly SecretDocument[],
  { opened }: LoadContext,
): SecretBook {
  const own = secrets.filter(({ parsed }) => rootOf(roots, parsed.source.file) === root);
  const prefix = root.length;
  const named =
    opened &&
    new Map(
      [...opened].filter(([key]) => key.startsWith(root)).map(([key, value]) => [key.slice(prefix), value]),
    );
  return secretBook(own, named);
}

/** With several sources each app has the revision of its own. */
function revisionsOf({ parts }: Snapshot, apps: readonly AppInRepo[]): Pick<Desired, 'revisions'> {
  if (parts === undefined) return {};
  const revisions = new Map(parts.map(({ source, revision }) => [`${source}/`, revision]));
  const named = apps.map(({ document, root }) => [document.name ?? '', revisions.get(root) ?? '']);
  return { revisions: Object.fromEntries(named) };
}

type ProblemsByDocument = ReadonlyMap<ManifestDocument, readonly Problem[]>;

function ownProblems(
  apps: readonly AppInRepo[],
  snapshot: Snapshot,
  { policy }: LoadContext,
): ProblemsByDocument {
  return new Map(
    apps.map(({ document, root, neighbourhood, book }) => {
      const faults = [
        ...neighbourhood.faults,
        ...secretFaults(document, book),
        ...loginFaults(document, neighbourhood, book),
      ];
      return [
        document,
        [
          ...document.problems,
          ...policyProblems(document, policy, neighbourhood.allowedRegistries),
          ...attachedFiles(document, filesOf(snapshot), root).problems,
          ...faults.map((fault) => fieldProblem(document, fault)),
        ],
      ];
    }),
  );
}

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
  if (more.length === 0) return problems;
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

/** More than anyone reads of one file. */
const problemLimit = 100;

/** A file with thousands of errors is shown by its first ones; its apps stay invalid. */
function sorted(problems: readonly Problem[]): readonly Problem[] {
  const counts = new Map<string, number>();
  const totals = Map.groupBy(problems, ({ file }) => file);
  const ordered = [...problems].sort(
    (a, b) =>
      compare(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compare(a.code, b.code) ||
      compare(a.message, b.message),
  );
  return ordered.flatMap((problem) => {
    const count = (counts.get(problem.file) ?? 0) + 1;
    counts.set(problem.file, count);
    const more = (totals.get(problem.file)?.length ?? 0) - problemLimit;
    if (count > problemLimit + 1) return [];
    return count <= problemLimit || more === 1 ? [problem] : [{ ...problem, ...restOf(more) }];
  });
}

function restOf(more: number): Pick<Problem, 'code' | 'message' | 'hint'> {
  return {
    code: 'E1005',
    message: `${more} more problems in this file, from here on`,
    hint: 'mend those above first',
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
