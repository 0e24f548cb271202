import type { RegistryLogin } from './app.ts';
import type { Problem } from './desired.ts';
import { didYouMean } from './did-you-mean.ts';
import type { FieldFault } from './explain-error.ts';
import { parseImage } from './image-reference.ts';
import { isMapping, type Layer } from './layers.ts';
import { isSound, type ManifestDocument, wrongValue } from './manifest-document.ts';
import type { ParsedDocument, ParsedFile } from './parse-manifest.ts';
import { mergeApp, type Surroundings } from './read-app.ts';
import type { Project, ProjectDocument, Registry } from './read-project.ts';
import { type SecretBook, splitReference } from './secret-book.ts';
import { showValue } from './shown-text.ts';
import { createSourceText, type Fault } from './source-text.ts';
import { namesTwice } from './unique-names.ts';

/** What an app gets from the projects that it belongs to. */
export interface Neighbourhood extends Surroundings {
  /** Why the app cannot be read rightly: its project is broken, or unknown. */
  readonly faults: readonly FieldFault[];
  /** Nearest project first. */
  readonly registries: readonly Registry[];
  /** One list for each project that narrows. */
  readonly allowedRegistries: readonly (readonly string[])[];
}

interface Repo {
  readonly files: readonly ParsedFile[];
  readonly roots: readonly string[];
  readonly readProject: (parsed: ParsedDocument) => ProjectDocument;
  readonly environment: string | undefined;
}

export interface Neighbourhoods {
  of(app: ParsedDocument): Neighbourhood;
  /** Of the projects themselves. */
  readonly problems: readonly Problem[];
  /** An app as it is with everything merged. */
  render(app: ParsedDocument): { readonly value: unknown; readonly problems: readonly Problem[] };
}

/** The projects of a repo, and which of them each app belongs to: the one it names, else those of the folders it lies in. */
export function neighbourhoods({ files, roots, readProject, environment }: Repo): Neighbourhoods {
  const parsed = files.flatMap(({ documents }) => documents.filter(({ kind }) => kind === 'Project'));
  const projects = parsed.map(readProject);
  const twice = namesTwice(parsed, roots);
  const shared = sharedFolders(projects);
  const problems = [...projects.flatMap((project) => project.problems), ...twice];
  const broken = new Set(problems.map(({ file }) => file));
  const lost = files.flatMap((file) => (file.lostProject ? (file.problems[0]?.file ?? []) : []));

  function of(app: ParsedDocument): Neighbourhood {
    const root = roots.find((one) => app.source.file.startsWith(one)) ?? '';
    const own = projects.filter(({ parsed: { source } }) => source.file.startsWith(root));
    const { chain, faults } = chainOf(
      app,
      own,
      lost.filter((file) => file.startsWith(root)),
    );
    const chosen = environmentOf(app, chain) ?? environment;
    const over = chain.flatMap(({ project }) => overlaysOf(project, chosen, app.name));
    const under = [
      ...(environment === undefined ? [] : [environmentLayer(environment)]),
      ...chain.flatMap(({ project }) => project?.defaults ?? []),
    ];
    const wrong = chain.find(
      ({ project, parsed: { source } }) => project === undefined || broken.has(source.file),
    );
    const clash = chain.find(({ parsed: { source } }) => shared.has(source.file));
    return {
      under: [...domainLayers(app, chain, { under, over }), ...under],
      over,
      faults: [
        ...faults,
        ...(wrong === undefined ? [] : [wrongValue('/metadata/name', brokenProject(wrong))]),
        ...(clash === undefined ? [] : [wrongValue('/metadata/name', twoProjects(clash))]),
      ],
      registries: chain.toReversed().flatMap(({ project }) => project?.registries ?? []),
      allowedRegistries: chain.flatMap(({ project }) =>
        project === undefined || project.allowedRegistries.length === 0 ? [] : [project.allowedRegistries],
      ),
    };
  }

  return {
    of,
    problems,
    render: (app) => ({ value: inOrder(mergeApp(app.tree, of(app)).value), problems: app.problems }),
  };
}

/** As people write it, whatever came first in the merge. */
function inOrder(value: unknown): unknown {
  if (!isMapping(value)) return value;
  const { apiVersion, kind, metadata, spec, ...rest } = value;
  const named = isMapping(metadata) ? { name: metadata.name, ...metadata } : metadata;
  return { apiVersion, kind, metadata: named, spec, ...rest };
}

/** Outermost first. */
interface Chain {
  readonly chain: readonly ProjectDocument[];
  readonly faults: readonly FieldFault[];
}

function chainOf(app: ParsedDocument, projects: readonly ProjectDocument[], lost: readonly string[]): Chain {
  const named = textAt(app.tree.value, 'project');
  if (named !== undefined && projects.length > 0) {
    const found = projects.filter(({ name }) => name === named);
    if (found.length > 0) return { chain: found.slice(0, 1), faults: [] };
    return { chain: [], faults: [wrongValue('/metadata/project', unknownProject(named, projects))] };
  }
  const { file } = app.source;
  const around = projects.filter(({ folder }) => file.startsWith(folder));
  const unread = lost.find((other) => file.startsWith(other.slice(0, other.lastIndexOf('/') + 1)));
  return {
    chain: around.toSorted((a, b) => a.folder.length - b.folder.length),
    faults: unread === undefined ? [] : [wrongValue('/metadata/name', unreadProject(unread))],
  };
}

function environmentOf(app: ParsedDocument, chain: readonly ProjectDocument[]): string | undefined {
  const given = chain
    .flatMap(({ project }) => project?.defaults ?? [])
    .map(({ value }) => textAt(value, 'environment'));
  return textAt(app.tree.value, 'environment') ?? given.findLast((one) => one !== undefined);
}

function textAt(value: unknown, field: string): string | undefined {
  const metadata = isMapping(value) && Object.hasOwn(value, 'metadata') ? value.metadata : undefined;
  const found = isMapping(metadata) && Object.hasOwn(metadata, field) ? metadata[field] : undefined;
  return typeof found === 'string' ? found : undefined;
}

function overlaysOf(
  project: Project | undefined,
  environment: string | undefined,
  app: string | undefined,
): Layer[] {
  const overlay = environment === undefined ? undefined : project?.environments.get(environment);
  return [overlay?.patch, app === undefined ? undefined : overlay?.apps.get(app)].flatMap(
    (layer) => layer ?? [],
  );
}

const environmentLayers = new Map<string, Layer>();

/** The controller's own environment is the one of every app that names none. */
function environmentLayer(environment: string): Layer {
  const known = environmentLayers.get(environment);
  if (known) return known;
  const source = createSourceText('plimsoll.yaml', '');
  const value = { metadata: { environment } };
  const layer = { of: 'plimsoll.yaml', value, source, places: new Map(), prefix: '' };
  environmentLayers.set(environment, layer);
  return layer;
}

/** The nearest default domain, for an app that has a port to serve and says nothing of domains. */
function domainLayers(
  app: ParsedDocument,
  chain: readonly ProjectDocument[],
  around: Surroundings,
): readonly Layer[] {
  const domain = chain.findLast(({ project }) => project?.domain !== undefined)?.project?.domain;
  if (domain === undefined || app.name === undefined) return [];
  const { value } = mergeApp(app.tree, around);
  const spec = isMapping(value) && isMapping(value.spec) ? value.spec : {};
  const serves = spec.port !== undefined || (Array.isArray(spec.ports) && spec.ports.some(isHttp));
  return spec.domains === undefined && serves ? [domain.layerFor(app.name)] : [];
}

function isHttp(port: unknown): boolean {
  return isMapping(port) && port.name === 'http';
}

/** Files of projects that share their folder with another one. */
function sharedFolders(projects: readonly ProjectDocument[]): ReadonlySet<string> {
  const groups = [...Map.groupBy(projects, ({ folder }) => folder).values()];
  return new Set(
    groups
      .filter((group) => group.length > 1)
      .flatMap((group) => group.map(({ parsed }) => parsed.source.file)),
  );
}

/** The login for the registry that the app's image comes from. */
export function loginOf(
  document: ManifestDocument,
  { registries }: Neighbourhood,
  book: SecretBook,
): RegistryLogin | undefined {
  const found = registryOf(document, registries);
  if (found === undefined) return undefined;
  const { name, key } = splitReference(found.password.secret);
  return { username: found.username, password: book.value(name, key) };
}

export function loginFaults(
  document: ManifestDocument,
  { registries }: Neighbourhood,
  book: SecretBook,
): readonly FieldFault[] {
  const found = registryOf(document, registries);
  if (found === undefined) return [];
  const { name, key } = splitReference(found.password.secret);
  const fault = book.fault(name, key);
  if (fault === undefined) return [];
  const message = `the password for ${found.host}: ${fault.message}`;
  return [wrongValue('/spec/image', { ...fault, message, other: found.at })];
}

function registryOf(document: ManifestDocument, registries: readonly Registry[]): Registry | undefined {
  // Most hosts have none, and this is asked of every app at every commit.
  if (registries.length === 0 || !isSound(document, '/spec/image')) return undefined;
  const image = parseImage(document.value.spec.image);
  return registries.find(({ host }) => host === image?.registry);
}

function brokenProject({ name, parsed: { source } }: ProjectDocument): Fault {
  return {
    code: 'E1421',
    message: `its project ${name === undefined ? '' : `"${name}" `}is invalid`,
    hint: 'mend the project first: without it nobody knows what the app should be',
    other: { file: source.file, line: 1, column: 1 },
  };
}

function unreadProject(file: string): Fault {
  return {
    code: 'E1421',
    message: 'a project of its folder cannot be read',
    hint: 'mend that file first: without it nobody knows what the app should be',
    other: { file, line: 1, column: 1 },
  };
}

function twoProjects({ parsed: { source } }: ProjectDocument): Fault {
  return {
    code: 'E1420',
    message: 'its folder has two projects',
    hint: 'a project is the defaults of its folder: move one of them',
    other: { file: source.file, line: 1, column: 1 },
  };
}

function unknownProject(name: string, projects: readonly ProjectDocument[]): Fault {
  const meant = didYouMean(
    name,
    projects.flatMap((project) => project.name ?? []),
  );
  return {
    code: 'E1422',
    message: `project ${showValue(name)} does not exist${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`,
    hint: 'name a project of this config repo, or remove the line',
  };
}
