import type { Command } from 'commander';
import type { Desired, HostPolicy } from '../desired/desired.ts';
import type { Rendered } from '../desired/load-desired.ts';
import type { LoopLog } from '../loop/reconciler.ts';
import type { Settings } from '../plan/plan.ts';
import type { Host } from './host.ts';

/** Exit codes, as other programs may rely on them. */
export const exitCodes = {
  done: 0,
  negative: 1,
  invalid: 2,
  unobservable: 3,
  refused: 4,
  usage: 64,
  bug: 70,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with one message and, where there is one, what to do about it; no stack is shown. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, hint?: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** What every command may be told besides its own options. */
export interface GlobalOptions {
  readonly config?: string;
  /** `--source DIR|URL`. */
  readonly source?: string;
  /** `--rev`: another revision of the source than its newest. */
  readonly rev?: string;
  /** Apps that a loop of this process may act on; all when empty. */
  readonly only?: readonly string[];
  /** `--server URL`; the controller's socket when absent. */
  readonly server?: string;
}

/** The part of the configuration that commands may know. */
export interface CliConfig {
  readonly file?: string;
  readonly stateDir: string;
  readonly instance: string;
  readonly policy: HostPolicy;
  readonly settings: Settings;
  /** Path of the age identity file. */
  readonly identity?: string;
  /** Everything, secrets hidden, for `config view`. */
  readonly shown: unknown;
}

/** The outside as commands see it; tests give one that writes to memory. */
export interface CliContext {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Standard output is a terminal, and `NO_COLOR` is not set. */
  readonly color: boolean;
  readonly isTty: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly schema: object;
  /** Throws `CliError` with every problem printed as for manifests. */
  config(options: GlobalOptions): CliConfig;
  /** Manifests of the configured source or of `--source`, without asking anything else of the host. */
  readManifests(options: GlobalOptions): Promise<Desired>;
  /** A manifest with its project merged in; undefined when there is no such app. */
  renderManifest(options: GlobalOptions, app: string, environment?: string): Promise<Rendered | undefined>;
  /** The engine, Caddy, git and history of this host, opened for one command. */
  openHost(options: GlobalOptions, mode: 'read' | 'write'): Promise<Host>;
  /** Runs the controller until it is told to end. */
  runController(options: GlobalOptions): Promise<ExitCode>;
  readonly log: LoopLog;
}

/** One file a command: adds it to the program. The action's result is the exit code. */
export type Register = (program: Command, context: CliContext, run: RunAction) => void;

/** Wraps an action, so that its result becomes the exit code and its errors are told. */
export type RunAction = <A extends unknown[]>(
  action: (...args: A) => Promise<ExitCode>,
) => (...args: A) => Promise<void>;
