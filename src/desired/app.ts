import type { SecretValue } from './secret.ts';

/**
 * The validated value of one `kind: App` manifest: every default filled in, every unit resolved, nothing
 * left to interpret. Two manifests that mean the same give equal values.
 */
export interface App {
  /** Matches `^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`; unique in the config repo. */
  readonly name: string;
  /** Where the manifest stands; moves with formatting, so nothing is decided from it. */
  readonly origin: Position;
  readonly labels: Readonly<Record<string, string>>;
  readonly description?: string;
  readonly links: readonly { readonly title: string; readonly url: string }[];
  readonly project?: string;
  readonly environment?: string;
  readonly renamedFrom?: string;
  /** `stopped`: containers are stopped and kept out of routing, volumes are kept. */
  readonly state: 'running' | 'stopped';
  /** Observe and report, change nothing. */
  readonly suspend: boolean;
  readonly replicas: number;
  readonly container: ContainerFields;
  /** Files that may change while the app runs; `container.liveFiles` only names them. Sorted by mount. */
  readonly liveFiles?: readonly LiveFile[];
  /** What its image's registry is asked with. */
  readonly registry?: RegistryLogin;
  readonly pull: 'missing' | 'always' | 'never';
  readonly domains: readonly Domain[];
  readonly healthCheck: HealthCheck;
  readonly deploy: Deploy;
  readonly hooks: { readonly preDeploy?: Hook; readonly postDeploy?: Hook };
  readonly dependsOn: readonly Dependency[];
  readonly restart: 'always' | 'on-failure' | 'never';
  readonly policy: Policy;
}

/** A place in a file of the config repo; line and column are 1-based. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * The fields that only a new container can change: `specHash` is taken over exactly this value, so whatever
 * may change without a restart must not be in it.
 */
export interface ContainerFields {
  /** As the manifest wrote it: `name[:tag][@digest]`. */
  readonly image: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly ports: readonly Port[];
  readonly env: Readonly<Record<string, EnvValue>>;
  /** Files that only a new container brings. Sorted by mount. */
  readonly files: readonly AppFile[];
  /** Where the files stand that change without one; absent when there are none. */
  readonly liveFiles?: readonly { readonly mount: string; readonly sealed: boolean }[];
  readonly volumes: readonly Volume[];
  readonly resources: Resources;
  /** Networks joined besides our own. */
  readonly networks: readonly string[];
  readonly security: Security;
  readonly logging: { /** Bytes a log file. */ readonly maxSize: number; readonly maxFile: number };
  /** RFC 3339; changing it restarts the app gaplessly. */
  readonly restartedAt?: string;
}

export interface Port {
  readonly name: string;
  readonly container: number;
  readonly protocol: 'tcp' | 'udp';
  /** Published on the host when given. */
  readonly host?: number;
  readonly hostIp?: string;
}

export type EnvValue = string | SecretValue;

/** A configuration file inside the container; `from` is already read. A secret one lies in memory. */
export interface AppFile {
  readonly mount: string;
  readonly content: string | SecretValue;
  /** Octal permission bits, `0o644`. */
  readonly mode: number;
}

/** A file that is delivered into the running container. */
export interface LiveFile extends AppFile {
  /** Sent to the container's process after the delivery: `SIGHUP`. */
  readonly signal?: string;
}

export interface RegistryLogin {
  readonly username: string;
  readonly password: string | SecretValue;
}

export type Volume =
  | {
      readonly kind: 'named';
      readonly name: string;
      readonly mount: string;
      readonly readOnly: boolean;
      readonly retain: boolean;
    }
  | { readonly kind: 'bind'; readonly hostPath: string; readonly mount: string; readonly readOnly: boolean }
  | { readonly kind: 'tmpfs'; readonly mount: string /** Bytes. */; readonly size?: number };

export interface Resources {
  /** Thousandths of a CPU. */
  readonly cpuMillis?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly pids: number;
}

export interface Security {
  readonly readOnlyRootfs: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly privileged: boolean;
}

/** One L7 route through Caddy. A (host, path) has one owner in the whole repo. */
export interface Domain {
  /** Lower case, punycode; `*.example.com` is allowed. */
  readonly host: string;
  /** Path prefix, `/` for all. */
  readonly path: string;
  /** Name of one of the app's ports. */
  readonly port: string;
  readonly tls: 'auto' | 'internal' | 'off';
  /** Hosts that answer with a permanent redirect to `host`. */
  readonly redirectFrom: readonly string[];
  readonly stripPrefix: boolean;
  /** Response headers, validated and free of braces and control characters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly loadBalancing: 'round-robin' | 'least-conn' | 'ip-hash' | 'cookie';
  readonly compress: boolean;
  /** CIDRs; empty allows all. */
  readonly allowIPs: readonly string[];
  /** Bytes. */
  readonly maxBody?: number;
  /** Who may pass, sorted by user; everybody when absent. */
  readonly basicAuth?: readonly Account[];
  readonly origin: Position;
}

/** Somebody who may pass a route. */
export interface Account {
  readonly user: string;
  /** Bcrypt. */
  readonly hash: string;
}

export interface HealthTimings {
  /** All times in milliseconds. */
  readonly interval: number;
  readonly timeout: number;
  /** Consecutive failures that make it unhealthy. */
  readonly retries: number;
  /** Consecutive successes that make it healthy. */
  readonly successes: number;
  /** Failures in this time after the start do not count. */
  readonly startPeriod: number;
}

/** `none`: running for five seconds counts as healthy, and an image's own HEALTHCHECK is honoured. */
export type HealthCheck = HealthTimings &
  (
    | { readonly kind: 'none' }
    | {
        readonly kind: 'http';
        readonly path: string;
        readonly port: number;
        /** Inclusive ranges of accepted status codes. */
        readonly status: readonly (readonly [number, number])[];
        readonly headers: Readonly<Record<string, string>>;
      }
    | { readonly kind: 'tcp'; readonly port: number }
    | { readonly kind: 'exec'; readonly command: readonly string[] }
  );

export interface Deploy {
  readonly order: 'start-first' | 'stop-first';
  readonly maxSurge: number;
  /** Milliseconds from a container's start until it must be healthy. */
  readonly deadline: number;
  /** Milliseconds that a routed release must stay healthy before the old one is given up. */
  readonly bake: number;
  /** Milliseconds between leaving the routes and being stopped. */
  readonly drain: number;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly stopGrace: number;
  readonly onFailure: 'rollback' | 'pause';
  readonly approval: 'auto' | 'manual';
  /** Milliseconds since the epoch. */
  readonly notBefore?: number;
}

export interface Hook {
  readonly command: readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
}

export interface Dependency {
  readonly app: string;
  readonly condition: 'healthy' | 'started';
}

export interface Policy {
  readonly selfHeal: boolean;
  readonly prune: 'auto' | 'confirm' | 'never';
  readonly windows: readonly SyncWindow[];
}

/** A cron schedule that opens an allowed or a denied time, for `duration` milliseconds each. */
export interface SyncWindow {
  readonly kind: 'allow' | 'deny';
  readonly cron: string;
  readonly duration: number;
  readonly timeZone: string;
}
