import type { Position } from './app.ts';
import type { Problem } from './desired.ts';
import { concerns, explainError, type FieldFault } from './explain-error.ts';
import { isMapping, type Layer, type Mapping, withoutNulls } from './layers.ts';
import { fieldProblem } from './manifest-document.ts';
import { type ParsedDocument, withoutExcerpt } from './parse-manifest.ts';
import { escapePointer, type Tree } from './read-tree.ts';
import { createValidator } from './schema-validator.ts';
import { positionAt } from './source-text.ts';
import { findUnsupported } from './unsupported.ts';

/** One `kind: Project`, read as far as it can be. */
export interface ProjectDocument {
  readonly parsed: ParsedDocument;
  readonly name?: string;
  /** The folder whose apps it is for: `''`, or with a slash at its end. */
  readonly folder: string;
  readonly problems: readonly Problem[];
  /** Absent when something is wrong with it: its apps are left as they are then. */
  readonly project?: Project;
}

export interface Project {
  readonly name: string;
  readonly origin: Position;
  /** Under each of its apps. */
  readonly defaults: readonly Layer[];
  /** For apps with a port and without `domains`; `{app}` stands for the name. */
  readonly domain?: { readonly layerFor: (app: string) => Layer };
  readonly allowedRegistries: readonly string[];
  readonly registries: readonly Registry[];
  readonly environments: ReadonlyMap<string, Overlay>;
}

export interface Registry {
  readonly host: string;
  readonly username: string;
  readonly password: { readonly secret: string };
  readonly at: Position;
}

interface Overlay {
  readonly patch?: Layer;
  readonly apps: ReadonlyMap<string, Layer>;
}

/** What was written there by mistake may be a password. */
const isPassword = /^\/spec\/registries\/\d+\/password/;

interface ProjectManifest {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly defaults: { readonly domain?: string; readonly metadata?: Mapping; readonly spec?: Mapping };
    readonly policy: Mapping & { readonly allowedRegistries: readonly string[] };
    readonly registries: readonly Omit<Registry, 'at'>[];
    readonly environments: Readonly<
      Record<string, { readonly patch?: Mapping; readonly apps: Readonly<Record<string, Mapping>> }>
    >;
  };
}

/** `appSchema` is what layers are judged by, as far as parts of an App can be. */
export function createProjectReader(
  schema: object,
  appSchema: object,
): (parsed: ParsedDocument) => ProjectDocument {
  const validate = createValidator(schema);
  const validatePart = createValidator(partSchema(appSchema));
  const known = new WeakMap<ParsedDocument, ProjectDocument>();
  return (parsed) => {
    const before = known.get(parsed);
    if (before) return before;
    const read = readProject(parsed);
    known.set(parsed, read);
    return read;
  };

  function readProject(parsed: ParsedDocument): ProjectDocument {
    const { source, tree, name } = parsed;
    const value: unknown = structuredClone(tree.value);
    const unsupported = findUnsupported(value, 'Project');
    const errors = validate(value).flatMap((error) => explainError(error, tree.places) ?? []);
    const faults = [
      ...unsupported,
      ...errors.filter((fault) => !unsupported.some(({ pointer }) => concerns(fault, pointer))),
    ];
    const parts = faults.length > 0 ? [] : layersOf(parsed, value as ProjectManifest);
    const inside = parts.flatMap((layer) => partFaults(layer, tree));
    const problems = [
      ...parsed.problems,
      ...[...faults, ...inside].map((fault) => {
        const problem = fieldProblem({ source, places: tree.places }, fault);
        return isPassword.test(fault.pointer) ? withoutExcerpt(problem) : problem;
      }),
    ];
    const folder = source.file.slice(0, source.file.lastIndexOf('/') + 1);
    const base = { parsed, folder, problems, ...(name === undefined ? {} : { name }) };
    if (problems.length > 0 || parsed.broken) return base;
    return { ...base, project: toProject(parsed, value as ProjectManifest) };
  }

  /** What is wrong with a part of an App, where it stands in the project. */
  function partFaults({ value, prefix }: Layer, { places }: Tree): readonly FieldFault[] {
    const below = new Map(
      [...places]
        .filter(([pointer]) => pointer.startsWith(`${prefix}/`))
        .map(([pointer, place]) => [pointer.slice(prefix.length), place]),
    );
    return validatePart(withoutNulls(structuredClone(value)))
      .flatMap((error) => explainError(error, below) ?? [])
      .map((fault) => ({ ...fault, pointer: `${prefix}${fault.pointer}` }));
  }
}

function toProject(parsed: ParsedDocument, manifest: ProjectManifest): Project {
  const { metadata, spec } = manifest;
  const { domain } = spec.defaults;
  const { source, tree } = parsed;
  const at = (pointer: string) => positionAt(source, tree.places.get(pointer)?.value.start ?? 0);
  return {
    name: metadata.name,
    origin: at('/metadata/name'),
    defaults: defaultLayers(parsed, manifest),
    ...(domain === undefined ? {} : { domain: { layerFor: domainLayers(parsed, manifest, domain) } }),
    allowedRegistries: spec.policy.allowedRegistries,
    registries: spec.registries.map((registry, index) => ({
      ...registry,
      at: at(`/spec/registries/${index}/password/secret`),
    })),
    environments: new Map(
      Object.entries(spec.environments).map(([name, { patch, apps }]) => {
        const prefix = `/spec/environments/${escapePointer(name)}`;
        const own = Object.entries(apps).map(
          ([app, value]) =>
            [app, layerAt(parsed, manifest, `${prefix}/apps/${escapePointer(app)}`, value)] as const,
        );
        const over = patch && { patch: layerAt(parsed, manifest, `${prefix}/patch`, patch) };
        return [name, { ...over, apps: new Map(own) }];
      }),
    ),
  };
}

/** One layer for each app, the same look after look. */
function domainLayers(
  parsed: ParsedDocument,
  manifest: ProjectManifest,
  pattern: string,
): (app: string) => Layer {
  const layers = new Map<string, Layer>();
  return (app) => {
    const known = layers.get(app);
    if (known) return known;
    const value = { spec: { domains: [pattern.replaceAll('{app}', app)] } };
    const layer = layerAt(parsed, manifest, '/spec/defaults/domain', value);
    layers.set(app, layer);
    return layer;
  };
}

function layersOf(parsed: ParsedDocument, manifest: ProjectManifest): readonly Layer[] {
  const { environments } = toProject(parsed, manifest);
  const overlays = [...environments.values()].flatMap(({ patch, apps }) =>
    [patch ?? [], ...apps.values()].flat(),
  );
  return [...defaultLayers(parsed, manifest), ...overlays];
}

function defaultLayers(parsed: ParsedDocument, manifest: ProjectManifest): readonly Layer[] {
  const { allowedRegistries: _narrowing, ...policy } = manifest.spec.policy;
  const { metadata, spec } = manifest.spec.defaults;
  const given = { ...(metadata === undefined ? {} : { metadata }), ...(spec === undefined ? {} : { spec }) };
  return [
    layerAt(parsed, manifest, '/metadata/name', { metadata: { project: manifest.metadata.name } }),
    ...(Object.keys(policy).length === 0 ? [] : [layerAt(parsed, manifest, '', { spec: { policy } })]),
    ...(Object.keys(given).length === 0 ? [] : [layerAt(parsed, manifest, '/spec/defaults', given)]),
  ];
}

function layerAt(
  { source, tree }: ParsedDocument,
  { metadata }: ProjectManifest,
  prefix: string,
  value: Mapping,
): Layer {
  return { of: `project "${metadata.name}"`, value, source, places: tree.places, prefix };
}

interface Schema {
  readonly [keyword: string]: unknown;
}

/**
 * The schema of an App, for a part of one: nothing is required and nothing filled in, down to lists, which a merge
 * patch takes whole. What names an app cannot be given for many.
 */
export function partSchema(appSchema: object): object {
  const whole = appSchema as Schema & { readonly properties: Readonly<Record<string, Schema>> };
  const { metadata = {}, spec = {} } = whole.properties;
  const { name: _name, renamedFrom: _former, ...common } = metadata.properties as Record<string, Schema>;
  const { required: _required, ...rest } = whole;
  return {
    ...rest,
    properties: { metadata: partOf({ ...metadata, properties: common }), spec: partOf(spec) },
  };
}

function partOf(schema: Schema): Schema {
  const { default: _default, ...field } = schema;
  if (!isMapping(field.properties)) return field;
  const { required: _required, oneOf: _oneOf, dependentRequired: _companions, ...rest } = field;
  const parts = Object.entries(field.properties).map(([name, part]) => [name, partOf(part as Schema)]);
  return { ...rest, properties: Object.fromEntries(parts) };
}
