import type { App, AppFile, RegistryLogin } from '../desired/app.ts';
import type { Desired } from '../desired/desired.ts';
import type { DeploymentResult, Memory, OpenDeployment, Quarantine, Release } from '../observed/memory.ts';
import type { ContainerSpec, Observed, RouteTable } from '../observed/observed.ts';

/** Everything a decision is made from. `decide(world)` is a function of this value and nothing else. */
export interface World {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly desired: Desired;
  readonly observed: Observed;
  readonly memory: Memory<App>;
  readonly settings: Settings;
}

/** The part of the controller's configuration that decisions depend on. */
export interface Settings {
  readonly instance: string;
  /** Name and IPv4 subnet (CIDR) of our network. */
  readonly network: string;
  readonly subnet: string;
  /** Share of the apps owning containers that one reconcile may remove, 0 to 1. */
  readonly maxPruneShare: number;
  /** Milliseconds between two look-ups of a tag with `pull: always`. */
  readonly interval: number;
}

/** The decision: what to do now, and when to look again. Printable, comparable, storable. */
export interface Plan {
  readonly revision: string;
  /** Sorted by name: every desired app, every invalid one that owns containers, every orphan. */
  readonly apps: readonly AppPlan[];
  /** What concerns no single app: our network, and the routes in one batch. */
  readonly host: readonly Step[];
  /** Containers to keep probing, sorted by id. */
  readonly probes: readonly ProbeTarget[];
  /** Milliseconds since the epoch; absent when only news can change anything. */
  readonly wakeAt?: number;
  /** Set when the guard of `prune.maxShare` holds this commit's removals. */
  readonly pruneHeld?: { readonly apps: readonly string[]; readonly owning: number };
}

export interface AppPlan {
  readonly app: string;
  readonly sync: 'Synced' | 'OutOfSync' | 'Unknown';
  readonly health: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing' | 'Unknown';
  readonly operation: OperationPhase;
  readonly conditions: readonly Condition[];
  /** Full commit ids: what git says, and what serves. */
  readonly revision: string;
  readonly liveRevision: string;
  /** Why anything differs; absent when nothing does. */
  readonly cause?: Cause;
  readonly consequence: Consequence;
  /** Field by field, desired against live; secret values never appear. */
  readonly differences: readonly Difference[];
  /** In order; the first that fails ends this app's turn. */
  readonly steps: readonly Step[];
  /** What history is to remember, whether or not the steps succeed. */
  readonly records: readonly Decision[];
  readonly wakeAt?: number;
  /** The act under way serves a release that is no longer wanted. */
  readonly cancel?: true;
  readonly error?: string;
  /** Milliseconds since the epoch at which a failed act is tried again. */
  readonly nextRetry?: number;
  readonly replicas: { readonly desired: number; readonly ready: number };
}

export type OperationPhase =
  | 'None'
  | 'Pending'
  | 'Building'
  | 'Pulling'
  | 'Starting'
  | 'Verifying'
  | 'Routing'
  | 'Draining'
  | DeploymentResult;

/** `lastTransitionTime` is added by history, which knows the one before. */
export interface Condition {
  readonly type:
    | 'Ready'
    | 'Reconciling'
    | 'Stalled'
    | 'Healthy'
    | 'Suspended'
    | 'RolledBack'
    | 'Quarantined'
    | 'Drifted'
    | 'WindowBlocked'
    | 'CertificateReady'
    | 'DiskPressure';
  readonly status: 'True' | 'False' | 'Unknown';
  /** PascalCase, for machines. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}

export type Cause = 'commit' | 'drift' | 'digest' | 'secret' | 'rollback' | 'restart' | 'removed';
export type Consequence =
  | 'no-op'
  | 'route-only'
  | 'in-place'
  | 'signal'
  | 'scale'
  | 'start'
  | 'stop'
  | 'create'
  | 'start-first replace'
  | 'stop-first replace'
  | 'remove';

/** `path` is the manifest's name of the field where it has one: `spec.env.LOG_LEVEL`. */
export interface Difference {
  readonly path: string;
  readonly live: string | undefined;
  readonly desired: string | undefined;
  readonly cause: Cause;
}

/** One act on one outside system; none waits for health, time or another app. */
export type Step = StepBase &
  (
    | { readonly kind: 'create-network'; readonly network: string; readonly subnet: string }
    | { readonly kind: 'load-routes'; readonly routes: RouteTable }
    | {
        readonly kind: 'pull';
        readonly image: string;
        readonly specHash: string;
        readonly login?: RegistryLogin;
      }
    | { readonly kind: 'create-volume'; readonly volume: string; readonly app: string }
    | { readonly kind: 'remove-volume'; readonly volume: string }
    | {
        readonly kind: 'create';
        readonly spec: ContainerSpec;
        readonly files: readonly AppFile[];
        /** What the container needs of the declared health check: the image's own is turned off for others. */
        readonly imageHealthCheck: boolean;
      }
    | { readonly kind: 'start'; readonly container: string }
    /** The mark of a verified release: its app's name begins to mean this container. */
    | {
        readonly kind: 'publish';
        readonly container: string;
        readonly address: string;
        readonly aliases: readonly string[];
      }
    | {
        readonly kind: 'connect';
        readonly container: string;
        readonly network: string;
        readonly address?: string;
        readonly aliases: readonly string[];
      }
    | { readonly kind: 'disconnect'; readonly container: string; readonly network: string }
    | {
        readonly kind: 'update';
        readonly container: string;
        readonly memory: number;
        readonly nanoCpus: number;
        readonly pids: number;
      }
    | { readonly kind: 'rename'; readonly container: string; readonly name: string }
    | { readonly kind: 'unpause'; readonly container: string }
    /** Puts a file into the running container, and tells its process by the signal, when there is one. */
    | {
        readonly kind: 'deliver';
        readonly container: string;
        readonly file: AppFile;
        readonly signal?: string;
      }
    /** Sends one replica's traffic to the slot with this flag: one atomic file operation, no reload. */
    | { readonly kind: 'switch'; readonly app: string; readonly replica: number; readonly flagged: boolean }
    | { readonly kind: 'restart'; readonly container: string /** Milliseconds. */; readonly grace: number }
    | { readonly kind: 'stop'; readonly container: string /** Milliseconds. */; readonly grace: number }
    | { readonly kind: 'remove'; readonly container: string }
  );

interface StepBase {
  /** Why this step, one clause for people. */
  readonly reason: string;
  /** What it does to traffic: `none`, or a clause. */
  readonly traffic: string;
}

/** What history is to remember of a look. */
export type Decision =
  | { readonly kind: 'open'; readonly deployment: OpenDeployment }
  | { readonly kind: 'phase'; readonly deployment: string; readonly phase: OperationPhase }
  | {
      readonly kind: 'close';
      readonly deployment: string;
      readonly result: DeploymentResult;
      readonly reason: string;
      readonly message: string;
      /** Containers whose evidence (probe answers, exit code, OOM flag, log tail) belongs to it. */
      readonly evidence: readonly string[];
    }
  | { readonly kind: 'healthy'; readonly release: Release<App> }
  | { readonly kind: 'quarantine'; readonly quarantine: Quarantine }
  /** The desired release is another one: what was held against the old one is void. */
  | {
      readonly kind: 'lift';
      readonly what: 'quarantine' | 'failure' | 'healed' | 'delivered' | 'pin' | 'restart' | 'suspended';
    }
  /** Files that are being put into running containers: `ID MOUNT` → digest. */
  | { readonly kind: 'delivered'; readonly files: Readonly<Record<string, string>> }
  | {
      readonly kind: 'healed';
      readonly specHash: string;
      readonly fields: readonly string[];
      readonly containers: readonly string[];
    }
  | { readonly kind: 'restarted'; readonly replica: number; readonly at: number }
  | { readonly kind: 'drain'; readonly container: string; readonly since: number | undefined }
  /** The tag of a `pull: always` app is being looked up. */
  | { readonly kind: 'checked'; readonly at: number }
  /** The app carries on the memory of the one it was renamed from. */
  | { readonly kind: 'renamed'; readonly from: string }
  | { readonly kind: 'forget' };

/** A container whose health somebody waits for, or that serves. */
export interface ProbeTarget {
  readonly container: string;
  readonly app: string;
  /** The container's own address on our network. */
  readonly address: string;
  /** Milliseconds since the epoch; a restart begins anew. */
  readonly startedAt: number;
  readonly check: App['healthCheck'];
  /** The image's own HEALTHCHECK decides (check is `none`). */
  readonly image: boolean;
}
