import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { EdgeError } from './apply/ports.ts';
import {
  type CliConfig,
  type CliContext,
  CliError,
  type ExitCode,
  exitCodes,
  type GlobalOptions,
} from './cli/context.ts';
import { type ExplainError, messageOf, runProgram } from './cli/program.ts';
import { type Config, ConfigError, loadConfig, packageRoot, settingsOf } from './config.ts';
import type { Snapshot } from './desired/desired.ts';
import { formatProblem } from './desired/format-problem.ts';
import type { Loader } from './desired/load-desired.ts';
import { checkUrl, looksRemote } from './git/source-address.ts';
import { createLog, logLevels } from './log.ts';
import type { LoopLog } from './loop/reconciler.ts';
import { loadContext, manifestSchemas } from './manifest-schemas.ts';
import { createRedaction, type Redaction } from './redaction.ts';

/** The whole program: one command line in, its exit code out. */
export async function main(argv: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endUnread);
  process.exitCode = await runCommandLine(argv, process);
}

/** Who read the output of a pipe has seen enough, as `head` has: there is nothing left to do, and nothing to complain of. */
function endUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

/** What a command line runs in: this process, except in tests. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
}

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export function runCommandLine(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  return runProgram(argv, createContext(surroundings), explainError);
}

function createContext({ env, stdout, stderr }: Surroundings): CliContext {
  const configOf = (options: GlobalOptions) => readConfig(options, env);
  const color = stdout.isTTY === true && (env.NO_COLOR ?? '') === '';
  const redaction = createRedaction();
  // A level that does not exist is for the configuration to refuse.
  const level = logLevels.find((known) => known === env.PLIMSOLL_LOG_LEVEL) ?? 'warn';
  const log = createLog({ level, format: 'pretty', redaction });
  return {
    out: (text) => void stdout.write(text),
    // What goes to standard output is made of values that hold no secret; messages may quote anything.
    err: (text) => void stderr.write(redaction.redact(text)),
    color,
    isTty: stdout.isTTY === true,
    env,
    version: readVersion(),
    schema: manifestSchemas().app,
    log,
    config: (options) => toCliConfig(configOf(options)),
    readManifests: (options) =>
      fromSource(configOf(options), { log, redaction }, (loader, snapshot, context) =>
        loader.load(snapshot, { ...context, incumbents: new Map() }),
      ),
    renderManifest: (options, app, environment) =>
      fromSource(configOf(options), { log, redaction }, (loader, snapshot, context) =>
        loader.render(snapshot, app, environment ?? context.environment),
      ),
    openHost: async (options, mode) => {
      const { assemble } = await import('./assemble.ts');
      return assemble(configOf(options), mode, log, redaction, options.only ?? []);
    },
    runController: (options) => startController(configOf(options), redaction),
  };
}

/** Loaded only here, as engine, git and history are only where they are needed: most commands just ask the controller. */
async function startController(config: Config, redaction: Redaction): Promise<ExitCode> {
  const { runController } = await import('./run-controller.ts');
  const format = config.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json');
  const log = createLog({ level: config.logLevel, format, redaction });
  return runController({ config, log, redaction, version: readVersion() });
}

/**
 * `--source` replaces the configured sources by one: a URL where it looks like one, else a folder, followed as the first
 * of them. `--rev` is what is followed instead, whatever kind of revision it names.
 */
function readConfig({ config, source, rev }: GlobalOptions, env: Surroundings['env']): Config {
  const loaded = loadConfig({ file: config, env });
  const [first] = loaded.sources;
  if (first === undefined || (source === undefined && rev === undefined)) return loaded;
  if (source === undefined && loaded.sources.length > 1)
    throw new CliError(exitCodes.usage, '--rev needs one source, and several are configured', 'add --source');
  if (source !== undefined && looksRemote(source)) checkAddress(source);
  const { url: _url, dir: _dir, auth: _auth, ...kept } = first;
  const named =
    source === undefined ? first : { ...kept, ...(looksRemote(source) ? { url: source } : { dir: source }) };
  return { ...loaded, sources: [rev === undefined ? named : { ...named, revision: rev }] };
}

function checkAddress(source: string): void {
  try {
    checkUrl(source);
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    throw new CliError(exitCodes.invalid, error.message);
  }
}

/** What the source says, as `validate` promises: nothing else of this host is asked, and no secret is opened. */
async function fromSource<Answer>(
  config: Config,
  { log, redaction }: { readonly log: LoopLog; readonly redaction: Redaction },
  use: (loader: Loader, snapshot: Snapshot, context: ReturnType<typeof loadContext>) => Answer,
): Promise<Answer> {
  // What is only looked at need not be signed.
  const unsigned = { ...config, sources: config.sources.map(({ verify: _verify, ...kept }) => kept) };
  const { openSources } = await import('./assemble.ts');
  const { openSecrets } = await import('./credentials.ts');
  const { createLoader } = await import('./desired/load-desired.ts');
  const schemas = manifestSchemas();
  const warn = (message: string) => log.warn({}, message);
  const { secrets, credential } = await openSecrets(config, schemas, { writable: false, warn });
  redaction.use(secrets);
  const source = await openSources(unsigned, credential, { keep: false, log });
  try {
    return use(createLoader(schemas), await source.read(), loadContext(config));
  } finally {
    await source.close();
  }
}

function toCliConfig(config: Config): CliConfig {
  const { file, stateDir, instance, policy, secrets } = config;
  return {
    ...(secrets.identity === undefined ? {} : { identity: secrets.identity }),
    ...(file === undefined ? {} : { file }),
    stateDir,
    instance,
    policy,
    settings: settingsOf(config),
    shown: hideCredentials(config) as object,
  };
}

/** The configuration as it may be shown: credentials that stand in it are stars. */
function hideCredentials(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return ['password', 'token', 'secrets'].includes(name) ? '***' : value;
  if (Array.isArray(value)) return value.map((item) => hideCredentials(item, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hideCredentials(inner, key)]));
}

function readVersion(): string {
  const text = readFileSync(join(packageRoot, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Told by its name: the rooms that throw it are loaded only by commands that need them. */
function isNamed(error: unknown, name: string): error is Error {
  return error instanceof Error && error.name === name;
}

/** Reasons that are no failure to observe: a guard of ours, or a wrong configuration. */
const edgeExits: Readonly<Record<string, ExitCode>> = {
  IdentityUnsafe: exitCodes.refused,
  IdentityInvalid: exitCodes.invalid,
  CredentialUnreadable: exitCodes.invalid,
};

export const explainError: ExplainError = (error) => {
  if (error instanceof CliError) return { code: error.exitCode, text: messageOf(error) };
  if (error instanceof ConfigError) return { code: exitCodes.invalid, text: configMessage(error) };
  if (error instanceof EdgeError)
    return {
      code: edgeExits[error.reason] ?? exitCodes.unobservable,
      text: `error: ${error.message}\nhelp: plimsoll doctor says how to mend it\n`,
    };
  if (isNamed(error, 'StateLockedError'))
    return {
      code: exitCodes.refused,
      text: `error: ${error.message}\nhelp: ask that controller: plimsoll reconcile\n`,
    };
  if (isNamed(error, 'StateRefusedError'))
    return {
      code: exitCodes.refused,
      text: `error: ${error.message}\nhelp: see what it is, and move it away\n`,
    };
  if (isNamed(error, 'NewerSchemaError'))
    return { code: exitCodes.invalid, text: `error: ${error.message}\n` };
  return explainBug(error);
};

function configMessage({ message, problems }: ConfigError): string {
  const listed = problems.map((problem) => `${formatProblem(problem)}\n`).join('');
  return problems.length > 0 ? listed : `error: ${message}\n`;
}

/** The stack goes to the log; a person gets an id to report. */
function explainBug(error: unknown): { readonly code: ExitCode; readonly text: string } {
  const id = randomUUID().slice(0, 8);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const detail =
    process.env.PLIMSOLL_LOG_LEVEL === 'debug'
      ? `${stack}\n`
      : `${error instanceof Error ? error.message : String(error)}\n`;
  return {
    code: exitCodes.bug,
    text: `error: a bug of ours (${id}): ${detail}help: run again with PLIMSOLL_LOG_LEVEL=debug and report what it prints\n`,
  };
}
