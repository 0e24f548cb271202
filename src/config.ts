import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseScalar } from 'yaml';
import type { GuardSettings } from './api/guard.ts';
import type { DeclaredToken } from './api/token-book.ts';
import { configFaults } from './config-rules.ts';
import { decodeText } from './desired/decode-text.ts';
import type { HostPolicy, Problem } from './desired/desired.ts';
import { concerns, explainError, type FieldFault } from './desired/explain-error.ts';
import { isMapping } from './desired/layers.ts';
import { fieldProblem } from './desired/manifest-document.ts';
import { withoutExcerpt } from './desired/parse-manifest.ts';
import { parseYaml } from './desired/parse-yaml.ts';
import type { Places } from './desired/places.ts';
import { readTree } from './desired/read-tree.ts';
import { createValidator, type Validate } from './desired/schema-validator.ts';
import { createSourceText, problemAt, type SourceText } from './desired/source-text.ts';
import { parseDuration } from './desired/units.ts';
import type { Settings } from './plan/plan.ts';

/** `plimsoll.yaml` with the environment and the flags applied and every default filled in. */
export interface Config {
  /** The file it was read from; absent when there was none. */
  readonly file?: string;
  /** `source` alone, or all of `sources`; at least one. */
  readonly sources: readonly SourceSettings[];
  /** For sources without `auth` of their own, by host. */
  readonly credentials: readonly (AuthSettings & { readonly host: string })[];
  /** The overlay for apps that name none themselves. */
  readonly environment?: string;
  readonly secrets: SecretSettings;
  readonly stateDir: string;
  readonly docker: { readonly host?: string; readonly network: string; readonly subnet: string };
  readonly caddy: {
    readonly admin: string;
    readonly template: string;
    readonly manage: 'none' | 'process';
    readonly slots: string;
    readonly httpPort: number;
    readonly httpsPort: number;
    readonly acme?: { readonly ca?: string; readonly caRoot?: string; readonly email?: string };
  };
  readonly api: ApiSettings;
  readonly webhooks: WebhookSettings;
  readonly policy: HostPolicy & { readonly maxPruneShare: number };
  readonly concurrency: number;
  readonly logLevel: string;
  readonly logFormat?: 'json' | 'pretty';
  readonly instance: string;
}

/** A value, the path of a file that holds it, or `NAME/KEY` of a secret in one of `secrets.files`. */
export type Credential = string | { readonly file: string } | { readonly secret: string };

export interface AuthSettings {
  readonly username?: string;
  readonly password?: Credential;
  readonly token?: Credential;
  /** A string is the path of the key's file. */
  readonly sshKey?: Credential;
  /** Lines of a known_hosts file. */
  readonly knownHosts: readonly string[];
}

export interface SourceSettings {
  /** `default` for the one under `source`. */
  readonly name: string;
  readonly url?: string;
  readonly dir?: string;
  /** At most one of these four; none means the branch `main`. */
  readonly branch?: string;
  readonly tag?: string;
  readonly commit?: string;
  readonly semver?: string;
  /** `--rev`: stands above these four, and may be a branch, a tag or an id. */
  readonly revision?: string;
  readonly path: string;
  /** Milliseconds. */
  readonly interval: number;
  readonly auth?: AuthSettings;
  readonly verify?: {
    readonly mode: 'head' | 'tag';
    readonly keys: readonly (string | { readonly file: string })[];
  };
  /** Bytes, bytes, number, milliseconds. */
  readonly limits: {
    readonly pack: number;
    readonly blob: number;
    readonly entries: number;
    readonly timeout: number;
  };
}

export interface SecretSettings {
  /** The age identity file. */
  readonly identity?: string;
  readonly files: readonly string[];
  readonly runtimeDir?: string;
  readonly providers: {
    readonly file?: { readonly root: string };
    readonly env?: { readonly prefix: string };
    readonly http?: { readonly url: string; readonly token?: Credential };
  };
}

/** Where the API listens, who may ask, and how often. */
export type ApiSettings = GuardSettings & { readonly tokens: readonly DeclaredToken[] };

interface HookSettings {
  readonly secrets: readonly Credential[];
}

/** A forge that is absent has no endpoint. */
export interface WebhookSettings {
  readonly github?: HookSettings;
  readonly gitlab?: HookSettings;
  readonly gitea?: HookSettings;
  readonly forgejo?: HookSettings;
  readonly bitbucket?: HookSettings;
  readonly generic?: HookSettings & { readonly header: string };
}

/** The configuration cannot be used; every problem with its place, as for manifests. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(message: string, problems: readonly Problem[] = []) {
    super(message);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

const places = ['plimsoll.yaml', '/etc/plimsoll/plimsoll.yaml'];

type Mapping = Record<string, unknown>;

export interface ConfigRequest {
  /** `--config`. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags by path: `{'source.dir': '/srv/config'}`. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
}

/** Flag over environment over file over default. Throws `ConfigError`. */
export function loadConfig({ file, env, flags = {} }: ConfigRequest): Config {
  const path = file ?? places.find((place) => existsSync(place));
  if (file !== undefined && !existsSync(file)) throw new ConfigError(`config ${file}: no such file`);
  const { schema, validate } = rules();
  const read = path === undefined ? emptyFile : readFile(path);
  const value = structuredClone(read.value) as Mapping;
  const given = new Map<string, string>();
  for (const leaf of leavesOf(schema)) {
    const flag = leaf.path.join('.');
    const text = flags[flag] ?? fromEnvironment(leaf, env);
    if (text === undefined) continue;
    const name = flags[flag] === undefined ? variableOf(leaf) : flag;
    overlay(value, leaf, text, name);
    given.set(`/${leaf.path.join('/')}`, name);
  }
  const faults = validate(value).flatMap((error) => explainError(error, read.places) ?? []);
  refuse(faults.length > 0 ? faults : configFaults(value as unknown as RawConfig), read, given);
  return toConfig(value, path);
}

/** Throws every fault, at the place in the file or by the name of the variable that gave the value. */
function refuse(faults: readonly FieldFault[], read: ReadFile, given: ReadonlyMap<string, string>): void {
  const problems = faults.map(hideValue).map((found) => {
    const variable = [...given].find(([pointer]) => concerns(found, pointer))?.[1];
    if (variable !== undefined)
      return problemAt(createSourceText(variable, ''), { start: 0, end: 1 }, found.fault);
    const hint = found.fault.hint?.replace('manifest reference', 'configuration reference');
    const problem = fieldProblem(read, { ...found, fault: { ...found.fault, ...(hint ? { hint } : {}) } });
    return withoutSecrets(problem, found.pointer);
  });
  problems.sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column,
  );
  if (problems.length > 0) throw new ConfigError('the configuration is not valid', problems);
}

/** Where a relative path in the file starts from. */
function baseOf(file: string | undefined): string {
  return file === undefined ? process.cwd() : dirname(resolve(file));
}

function toConfig(value: Mapping, file: string | undefined): Config {
  const raw = value as unknown as RawConfig;
  const at = (path: string) => resolve(baseOf(file), path);
  const { source, sources, secrets, stateDir, docker, caddy, policy, instance, ...rest } = raw;
  const state = at(stateDir);
  if (sources.length > 0 && (source.url ?? source.dir) !== undefined)
    throw new ConfigError('the configuration has both "source" and "sources": keep one of them');
  const toSource = ({ interval, limits, dir, auth, ...kept }: RawSource, name: string): SourceSettings => ({
    ...kept,
    name,
    ...(dir === undefined ? {} : { dir: at(dir) }),
    ...(auth === undefined ? {} : { auth: toAuth(auth) }),
    interval: parseDuration(interval) ?? 60_000,
    limits: { ...limits, timeout: parseDuration(limits.timeout) ?? 600_000 },
  });
  const toAuth = <Auth extends Partial<AuthSettings>>({ sshKey, ...kept }: Auth) => ({
    ...kept,
    knownHosts: kept.knownHosts ?? [],
    ...(sshKey === undefined ? {} : { sshKey: typeof sshKey === 'string' ? { file: at(sshKey) } : sshKey }),
  });
  return {
    ...rest,
    ...(file === undefined ? {} : { file: resolve(file) }),
    instance,
    sources:
      sources.length === 0
        ? [toSource(source, 'default')]
        : sources.map((named) => toSource(named, named.name)),
    credentials: rest.credentials.map(toAuth),
    secrets: {
      ...secrets,
      files: secrets.files.map(at),
      ...(secrets.identity === undefined ? {} : { identity: at(secrets.identity) }),
    },
    stateDir: state,
    docker: {
      ...docker,
      network: docker.network ?? (instance === 'default' ? 'plimsoll' : `plimsoll-${instance}`),
    },
    caddy: {
      ...caddy,
      template: caddy.template === undefined ? join(packageRoot, 'Caddyfile.tmpl') : at(caddy.template),
      slots: caddy.slots === undefined ? `${state}-slots` : at(caddy.slots),
    },
    policy: { ...policy, instance, maxPruneShare: policy.prune.maxShare },
  };
}

/** As the schema leaves it, defaults filled in. */
interface RawConfig
  extends Pick<
    Config,
    | 'api'
    | 'concurrency'
    | 'credentials'
    | 'environment'
    | 'instance'
    | 'logFormat'
    | 'logLevel'
    | 'secrets'
    | 'stateDir'
    | 'webhooks'
  > {
  readonly source: RawSource;
  readonly sources: readonly (RawSource & { readonly name: string })[];
  readonly docker: Omit<Config['docker'], 'network'> & { readonly network?: string };
  readonly caddy: Omit<Config['caddy'], 'template' | 'slots'> & {
    readonly template?: string;
    readonly slots?: string;
  };
  readonly policy: Omit<HostPolicy, 'instance'> & { readonly prune: { readonly maxShare: number } };
}

type RawSource = Omit<SourceSettings, 'name' | 'interval' | 'limits'> & {
  readonly interval: string;
  readonly limits: Omit<SourceSettings['limits'], 'timeout'> & { readonly timeout: string };
};

export function settingsOf(config: Config): Settings {
  return {
    instance: config.instance,
    network: config.docker.network,
    subnet: config.docker.subnet,
    maxPruneShare: config.policy.maxPruneShare,
    interval: Math.min(...config.sources.map(({ interval }) => interval)),
  };
}

/** Where people write credentials, also in the wrong form or beside the right field. */
const secretPlaces =
  /^\/(?:source\/(?:auth|url)|sources\/\d+\/(?:auth|url)|credentials|webhooks|secrets\/providers|api\/tokens)(?:\/|$)/;

function hideValue(found: FieldFault): FieldFault {
  if (!secretPlaces.test(found.pointer) || (found.fault.code !== 'E1203' && found.fault.code !== 'E1206'))
    return found;
  const message = found.fault.message.replace(/, not ["0-9].*$/s, ', not what is there');
  return { ...found, fault: { ...found.fault, message } };
}

/** What is wrong is told, and the lines around it are not shown where a credential may stand in them. */
function withoutSecrets(problem: Problem, pointer = ''): Problem {
  const mayHoldOne =
    secretPlaces.test(pointer) ||
    problem.excerpt.some(({ text }) => /token|passw|secret|auth|key\b|:\/\/[^/\s]*@/i.test(text));
  return mayHoldOne ? withoutExcerpt(problem) : problem;
}

interface ReadFile {
  readonly value: unknown;
  readonly places: Places;
  readonly source: SourceText;
}

const emptyFile: ReadFile = {
  value: {},
  places: new Map(),
  source: { file: 'environment', text: '', lines: [0] },
};

function readFile(path: string): ReadFile {
  const source = decodeText({ path, id: path, content: readContent(path) });
  if ('code' in source) throw new ConfigError('the configuration is not valid', [source]);
  const { documents, problems } = parseYaml(source);
  if (problems.length > 0)
    throw new ConfigError(
      'the configuration is not valid',
      problems.map((problem) => withoutSecrets(problem)),
    );
  const [document, second] = documents;
  if (!document) return { ...emptyFile, source };
  if (second) throw notOne(source, second.contents.range[0]);
  const tree = readTree(document.contents, source, () => false);
  const faults = tree.faults.map(({ span, fault }) => problemAt(source, span, fault));
  if (faults.length > 0)
    throw new ConfigError(
      'the configuration is not valid',
      faults.map((fault) => withoutSecrets(fault)),
    );
  if (!isMapping(tree.value)) throw notOne(source, 0);
  return { value: tree.value, places: tree.places, source };
}

function notOne(source: SourceText, start: number): ConfigError {
  const fault = { code: 'E1201', message: 'the configuration is one mapping, with fields such as source' };
  return new ConfigError('the configuration is not valid', [
    problemAt(source, { start, end: start + 1 }, fault),
  ]);
}

function readContent(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new ConfigError(
      `config ${path}: ${code === 'EISDIR' ? 'it is a folder' : `cannot be read (${code})`}`,
    );
  }
}

let known: { readonly schema: Mapping; readonly validate: Validate } | undefined;

/** Compiling the schema takes longer than all the rest. */
function rules(): { readonly schema: Mapping; readonly validate: Validate } {
  if (known === undefined) {
    const schema = readSchema();
    known = { schema, validate: createValidator(schema) };
  }
  return known;
}

function readSchema(): Mapping {
  return JSON.parse(readFileSync(join(packageRoot, 'schemas', 'config.schema.json'), 'utf8')) as Mapping;
}

interface Leaf {
  readonly path: readonly string[];
  readonly isText: boolean;
}

/** Every value that is no mapping; each has a name in the environment. */
function leavesOf(schema: Mapping, path: readonly string[] = [], whole = schema): Leaf[] {
  const definitions = whole.$defs as Record<string, Mapping> | undefined;
  const part = definitions?.[String(schema.$ref).replace('#/$defs/', '')] ?? schema;
  const properties = part.properties as Record<string, Mapping> | undefined;
  // A credential is one value, though it may also say where it stands.
  const isText = [part.type].flat().includes('string') || part.enum !== undefined;
  if (isText || !properties) return [{ path, isText }];
  return Object.entries(properties).flatMap(([name, inner]) => leavesOf(inner, [...path, name], whole));
}

/** `PLIMSOLL_SOURCE_DIR`, or the first line of the file that `PLIMSOLL_SOURCE_DIR_FILE` names. */
function fromEnvironment(leaf: Leaf, env: ConfigRequest['env']): string | undefined {
  const name = variableOf(leaf);
  const file = env[`${name}_FILE`];
  if (file === undefined) return env[name];
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[0];
  } catch {
    throw new ConfigError(`${name}_FILE: ${file} cannot be read`);
  }
}

function variableOf({ path }: Leaf): string {
  return `PLIMSOLL_${path.map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`;
}

function overlay(value: Mapping, { path, isText }: Leaf, text: string, name: string): void {
  let target = value;
  for (const part of path.slice(0, -1)) {
    target[part] ??= {};
    // What the file has in place of a mapping is refused where it stands.
    if (!isMapping(target[part])) return;
    target = target[part];
  }
  const last = path.at(-1) ?? '';
  // No text begins with a brace; `{file: PATH}` does.
  target[last] = isText && !text.startsWith('{') ? text : parseValue(text, name);
}

/** The value may be a credential, so that what is wrong with it is not quoted. */
function parseValue(text: string, name: string): unknown {
  try {
    return parseScalar(text);
  } catch {
    throw new ConfigError(`${name}: it cannot be read as YAML`);
  }
}
