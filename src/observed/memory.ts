/**
 * What happened before, from history. It explains and it holds back; it never says what should run, and a
 * loop that has lost it converges all the same.
 */
export interface Memory<A> {
  readonly apps: Readonly<Record<string, AppMemory<A>>>;
  /** Commits whose removals a person approved. */
  readonly approvedPrunes: readonly string[];
  /** Ids of every container that we made and have not removed. */
  readonly containers: Readonly<Record<string, KnownContainer>>;
}

export interface KnownContainer {
  readonly name: string;
  /** When we first saw it run without being in the routes, milliseconds; its drain counts from here. */
  readonly unroutedSince?: number;
}

export interface AppMemory<A> {
  /** The last release that passed its gate whole; what a rollback returns to. */
  readonly lastHealthy?: Release<A>;
  /** The release that a person pinned by `rollback`. */
  readonly pin?: Pin<A>;
  /** Releases that failed their gate; not tried again until the desired one is another. */
  readonly quarantine?: Quarantine;
  /** The open deployment. */
  readonly deployment?: OpenDeployment;
  /** The last closed one, for the operation axis. */
  readonly lastOperation?: {
    readonly id: string;
    readonly result: DeploymentResult;
    readonly revision: string;
    readonly at: number;
  };
  /** Set by `plimsoll suspend`, over the manifest. */
  readonly suspended?: {
    readonly actor: string;
    readonly reason: string /** Milliseconds. */;
    readonly until?: number;
  };
  readonly failure?: Failure;
  /** Times (ms) at which we restarted a container of this app, newest last, at most ten; by replica. */
  readonly restarts: Readonly<Record<string, readonly number[]>>;
  /** The drift that was healed by replacing a container: the second time for one spec hash is a stall. */
  readonly healed?: {
    readonly specHash: string;
    readonly fields: readonly string[];
    readonly containers: readonly string[];
  };
  /** What was put into which file of which container last (`ID MOUNT` → digest): the same again is a stall. */
  readonly delivered?: Readonly<Record<string, string>>;
  /** Containers that a person wants replaced by others of their release. */
  readonly restart?: { readonly containers: readonly string[]; readonly actor: string; readonly at: number };
  /** The spec hash whose rollout a person approved. */
  readonly approved?: string;
  /** A person approved the removal of this app (`prune: confirm`). */
  readonly pruneApproved?: boolean;
  /** When the tag of a `pull: always` app was last looked up, milliseconds. */
  readonly checkedAt?: number;
}

/** Holds until `resume`, or until git wants another release than the one it was set against. */
export interface Pin<A> extends Release<A> {
  readonly actor: string;
  /** The spec hash that git wanted when it was pinned. */
  readonly against: string;
}

/** An app at one spec hash with its resolved image, env, files and routes. */
export interface Release<A> {
  readonly specHash: string;
  /** Image id (`sha256:…`). */
  readonly imageId: string;
  /** The commit it was read at. */
  readonly revision: string;
  readonly app: A;
}

export interface Quarantine {
  readonly specHash: string;
  /** Absent when the image never became known. */
  readonly imageId?: string;
  readonly deployment: string;
  readonly reason: string;
  readonly message: string;
  readonly since: number;
}

export type DeploymentResult = 'Succeeded' | 'Failed' | 'RolledBack' | 'Superseded';

export interface OpenDeployment {
  readonly id: string;
  readonly specHash: string;
  readonly imageId?: string;
  readonly revision: string;
  readonly startedAt: number;
  /** What brought it about. */
  readonly cause: string;
  readonly phase: string;
}

/** A failed act. `transient` is tried again at `nextRetry`; `terminal` is the release's own fault and fails its gate. */
export interface Failure {
  readonly kind: 'transient' | 'terminal';
  readonly step: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly at: number;
  /** Milliseconds since the epoch. */
  readonly nextRetry: number;
  readonly specHash?: string;
}
