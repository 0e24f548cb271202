import type { AppFile, RegistryLogin } from '../desired/app.ts';
import type { OpenedSecret, SealedSecret, SecretValue } from '../desired/secret.ts';
import type {
  Container,
  ContainerSpec,
  Health,
  Image,
  Network,
  ProxyState,
  RouteTable,
  Unread,
  VolumeInfo,
} from '../observed/observed.ts';
import type { ProbeTarget, Step } from '../plan/plan.ts';

/**
 * The outside systems as the loop sees them. Every edge implements one of these and imports nothing else of
 * ours that acts; the in-memory world of the tests implements the same.
 */

/**
 * What went wrong at an edge, once, with credentials removed. `message` reads *operation object: reason*.
 * `terminal` means that trying the same again cannot succeed: the release itself is at fault.
 */
export class EdgeError extends Error {
  readonly kind: 'transient' | 'terminal' | 'unreachable';
  /** PascalCase, for machines: `ImageNotFound`, `PortTaken`, `EngineUnreachable`. */
  readonly reason: string;
  /** Milliseconds for which the other side asked to be left alone. */
  readonly retryAfter?: number;

  constructor(
    kind: EdgeError['kind'],
    reason: string,
    message: string,
    cause?: unknown,
    { retryAfter }: { readonly retryAfter?: number | undefined } = {},
  ) {
    super(message, { cause });
    this.name = 'EdgeError';
    this.kind = kind;
    this.reason = reason;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}

/** A reading of the engine. */
export interface EngineState {
  readonly containers: readonly Container[];
  readonly foreign: readonly { readonly id: string; readonly name: string }[];
  readonly unread: readonly Unread[];
  readonly images: Readonly<Record<string, Image>>;
  readonly networks: readonly Network[];
  readonly volumes: readonly VolumeInfo[];
  readonly takenAddresses: readonly string[];
}

/** The container engine. "Already so" is success everywhere. Every method honours `signal`. */
export interface EnginePort {
  /** Makes the network with our labels; one of that name with our label is success, a foreign one an error. */
  createNetwork(name: string, subnet: string): Promise<void>;
  /** Pulls by reference; `progress` gets one line at a time for people. */
  pull(
    image: string,
    signal: AbortSignal,
    progress: (line: string) => void,
    login?: RegistryLogin,
  ): Promise<void>;
  createVolume(name: string, app: string): Promise<void>;
  removeVolume(name: string): Promise<void>;
  /** Creates, and puts the files in place; a container of that name that is ours with that spec hash is success. */
  createContainer(spec: ContainerSpec, files: readonly AppFile[], imageHealthCheck: boolean): Promise<void>;
  start(container: string): Promise<void>;
  /** Connects with this address and these aliases; where it is connected already it is disconnected first. */
  publish(container: string, address: string, aliases: readonly string[]): Promise<void>;
  connect(
    container: string,
    network: string,
    address: string | undefined,
    aliases: readonly string[],
  ): Promise<void>;
  disconnect(container: string, network: string): Promise<void>;
  update(
    container: string,
    limits: { readonly memory: number; readonly nanoCpus: number; readonly pids: number },
  ): Promise<void>;
  /** Puts the file in place of what is there, whole, and sends the signal; the same again is harmless. */
  deliver(container: string, file: AppFile, signal: string | undefined): Promise<void>;
  rename(container: string, name: string): Promise<void>;
  unpause(container: string): Promise<void>;
  /** `grace` in milliseconds between SIGTERM and SIGKILL. */
  stop(container: string, grace: number): Promise<void>;
  restart(container: string, grace: number): Promise<void>;
  /** Removes the container and its anonymous volumes, never a named one. */
  remove(container: string): Promise<void>;
}

/** Reading the engine: a cache kept true by the event stream, a full list on connect, after a gap, on resync. */
export interface EngineReader {
  /** The state as known now; asks the engine only for what changed. `known` are the ids that history knows as ours. */
  observe(known: ReadonlySet<string>): Promise<EngineState>;
  /** The image references that the next readings must know about; one that is not there is left out of them. */
  want(images: readonly string[]): void;
  /** The next `observe` lists the containers anew, and asks for those whose row in that list is another. */
  invalidate(): void;
  /** The next `observe` asks again for a small share of everything; called often enough, it comes round to all of it. */
  patrol(): void;
  /** Called whenever something of ours changed; returns the unsubscribe. */
  onChange(listener: (what: string) => void): () => void;
  /** The last lines a container wrote, control characters escaped. */
  tail(container: string, lines: number): Promise<readonly string[]>;
  /** Runs a health command inside a container; true when it exits 0 in time. */
  exec(
    container: string,
    command: readonly string[],
    timeout: number,
  ): Promise<{ readonly ok: boolean; readonly detail: string }>;
  close(): void;
}

/** The reverse proxy. */
export interface ProxyPort {
  /** Asks Caddy what it runs and reads the flag files. Never throws for an unreachable Caddy: it says so. */
  observe(): Promise<ProxyState>;
  /** Renders, adapts, compares, loads when different. A refused configuration leaves the old one serving. */
  load(routes: RouteTable): Promise<void>;
  /** Creates or removes one flag file, atomically and durably. */
  switch(app: string, replica: number, flagged: boolean): Promise<void>;
  onChange(listener: (what: string) => void): () => void;
  close(): Promise<void>;
}

/** Keeps probing the targets for as long as they are set. */
export interface ProbePort {
  /** Replaces the whole set; a target that stays keeps its counts. */
  setTargets(targets: readonly ProbeTarget[]): void;
  health(): Readonly<Record<string, Health>>;
  /** Called when a verdict changed. */
  onChange(listener: (container: string) => void): () => void;
  close(): void;
}

/** Encrypted values. Plain text is held in memory only, and handed out only by `reveal`. */
export interface SecretsPort {
  /**
   * Opens what can be opened, by name; answers come from memory for what was opened before. Never throws for a secret
   * that cannot be opened: it says why. What a release may need later is kept sealed, by version.
   */
  open(secrets: readonly SealedSecret[]): Promise<ReadonlyMap<string, OpenedSecret>>;
  /** The plain value, also of a version that git does not hold any more. Throws EdgeError (`SecretUnavailable`). */
  reveal(value: SecretValue): Promise<string>;
  /** Whether a plain value is the one of this version; undefined when that version is not known here. */
  matches(value: SecretValue, plain: string): boolean | undefined;
  /** Forgets every version that is not among these. */
  keep(versions: ReadonlySet<string>): Promise<void>;
  /** The text with every value that was ever opened replaced by `***`, in all its encodings. */
  redact(text: string): string;
}

/** The intent row before a mutating call, and its close after. */
export interface JournalPort {
  begin(app: string, step: Step, deployment: string | undefined): number;
  end(id: number, outcome: Outcome, durationMs: number): void;
}

/** What came of a step. */
export type Outcome =
  | { readonly kind: 'ok' }
  | { readonly kind: 'cancelled' }
  | {
      readonly kind: 'transient' | 'terminal' | 'unreachable';
      readonly reason: string;
      readonly message: string;
      /** Milliseconds before which nothing is to be tried again. */
      readonly retryAfter?: number;
    };
