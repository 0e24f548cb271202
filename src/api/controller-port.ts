import type { SourceStatus } from '../git/sources.ts';
import type { History } from '../history/history.ts';
import type { LoopLog, LoopStatus } from '../loop/reconciler.ts';
import type { MachinePort } from './machine-port.ts';

/** The running controller as the API sees it. */
export interface ControllerPort {
  readonly loop: {
    /** What the last look saw and decided. */
    readonly status: LoopStatus;
    /** Triggers a look and answers with what it saw. */
    lookNow(why: string): Promise<LoopStatus>;
    trigger(why: string): void;
    /** Returns the unsubscribe. */
    onLook(listener: (status: LoopStatus) => void): () => void;
    /** Called with each step that begins; returns the unsubscribe. */
    onProgress(listener: (app: string, line: string) => void): () => void;
  };
  readonly machine: MachinePort;
  /** In the order of the configuration. */
  sources(): readonly SourceStatus[];
  readonly history: ApiHistory;
  /** A container's log, line by line as it comes, safe to print. Throws `EdgeError`. */
  logs(container: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** For the disk check of `/readyz`, which is left out without it. */
  readonly stateDir?: string;
  /** Takes what must not be seen out of what people and programs wrote; names and numbers stay as they are. */
  readonly redact?: (text: string) => string;
  /** Where bugs of ours and what was asked for are told. */
  readonly log?: LoopLog;
  now(): number;
}

/** What is read, and the operator's verbs. */
export type ApiHistory = Pick<
  History,
  | 'memory'
  | 'suspend'
  | 'restart'
  | 'resume'
  | 'pin'
  | 'approve'
  | 'approvePrune'
  | 'retry'
  | 'releases'
  | 'deployments'
  | 'deployment'
  | 'events'
  | 'onEvent'
  | 'revisions'
  | 'lastTransition'
  | 'keepTransitions'
  | 'tokens'
  | 'audit'
  | 'deliveries'
>;

export interface LogOptions {
  /** Goes on until the container ends or the signal says so. */
  readonly follow: boolean;
  /** The last so many lines; all when absent. */
  readonly tail?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Each line begins with its RFC 3339 time. */
  readonly timestamps: boolean;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}
