import type { Account, EnvValue } from '../desired/app.ts';

/** What really is: read from the engine, Caddy and the probes. A value; nothing in it is a promise. */
export interface Observed {
  /** Containers that are ours, sorted by name. */
  readonly containers: readonly Container[];
  /** Containers that bear our labels but are not ours: reported, never touched. */
  readonly foreign: readonly { readonly id: string; readonly name: string }[];
  /** Ours that the engine lists and does not tell about, sorted by name. What was read before stands in `containers`. */
  readonly unread: readonly Unread[];
  /** Local images, by every reference they are known under and by id. */
  readonly images: Readonly<Record<string, Image>>;
  /** Tags looked up at their registry for `pull: always`: reference → image id now behind it, once pulled. */
  readonly networks: readonly Network[];
  readonly volumes: readonly VolumeInfo[];
  /** Addresses in our subnet that are in use by anything, ours or not. */
  readonly takenAddresses: readonly string[];
  readonly proxy: ProxyState;
  /** Health answers by container id; absent until the first answer. */
  readonly health: Readonly<Record<string, Health>>;
  /**
   * Milliseconds since a container's last start or end, by id, counted by a clock that nobody sets. The wall clock tells
   * of those that are not in it.
   */
  readonly ages?: Readonly<Record<string, number>>;
  /** What each app's worker is doing right now, by app; `''` is the host itself. */
  readonly underway: Readonly<Record<string, Underway>>;
}

/** A container that cannot be read, as its row in the engine's list has it. */
export interface Unread {
  readonly id: string;
  readonly name: string;
  readonly app: string;
  /** Why: *operation object: reason*. */
  readonly message: string;
}

/** `removing` and `restarting` are as the engine says them. */
export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface Container {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly app: string;
  readonly specHash: string;
  readonly deployment: string;
  readonly replica: number;
  /** Set on a one-off container. */
  readonly hook?: 'preDeploy' | 'postDeploy';
  readonly imageId: string;
  readonly state: ContainerState;
  /** Meaningful when exited. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Somebody else asked the engine to end it, as far as we heard: with code 0 nothing else tells. */
  readonly signalled?: true;
  /** Milliseconds since the epoch; 0 for never. */
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** The fields that we set when creating it, read back. */
  readonly live: ContainerSpec;
  /** The image's own HEALTHCHECK. */
  readonly imageHealth: 'none' | 'starting' | 'healthy' | 'unhealthy';
}

/**
 * All that a create call may say: what is not here cannot be expressed. Read back from a live container it
 * has the same shape, so that desired and live are compared field by field.
 */
export interface ContainerSpec {
  readonly name: string;
  /** Image id (`sha256:…`), never a tag. */
  readonly image: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  /** With what the image contributes. Read back, a secret is known by its version. */
  readonly env: Readonly<Record<string, EnvValue>>;
  /** Ours only (prefix `plimsoll.`). */
  readonly labels: Readonly<Record<string, string>>;
  /** Our network: the slot's address, and the app's name once the release is verified. */
  readonly address: string;
  readonly aliases: readonly string[];
  /** Names of the other networks, sorted. */
  readonly networks: readonly string[];
  readonly mounts: readonly Mount[];
  /** What stands in the files that may change while it runs, by path: see `fileDigest`. Absent when there are none. */
  readonly liveFiles?: Readonly<Record<string, string>>;
  readonly ports: readonly PublishedPort[];
  /** Bytes, 0 for no limit. */
  readonly memory: number;
  /** Billionths of a CPU, 0 for no limit. */
  readonly nanoCpus: number;
  readonly pids: number;
  readonly readOnlyRootfs: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly privileged: boolean;
  readonly logging: { readonly maxSize: number; readonly maxFile: number };
}

export type Mount =
  | { readonly kind: 'volume'; readonly name: string; readonly target: string; readonly readOnly: boolean }
  | { readonly kind: 'bind'; readonly source: string; readonly target: string; readonly readOnly: boolean }
  /** One file in memory that holds a secret; where it lies on the host is the engine room's affair. */
  | { readonly kind: 'secret'; readonly target: string }
  | {
      readonly kind: 'tmpfs';
      readonly target: string /** Bytes, 0 for the engine's default. */;
      readonly size: number;
    };

export interface PublishedPort {
  readonly container: number;
  readonly protocol: 'tcp' | 'udp';
  readonly host: number;
  /** Empty for every address. */
  readonly hostIp: string;
}

/** What an image contributes to a container made from it. */
export interface Image {
  readonly id: string;
  /** `sha256:…` that its registry knows this reference by; absent for what was never in one. */
  readonly digest?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly hasHealthCheck: boolean;
  /** Anonymous volumes it declares, sorted. */
  readonly volumes: readonly string[];
}

export interface Network {
  readonly id: string;
  readonly name: string;
  /** Bears our instance's label. */
  readonly ours: boolean;
  /** CIDR of the first IPv4 pool, empty when there is none. */
  readonly subnet: string;
  readonly gateway: string;
}

export interface VolumeInfo {
  readonly name: string;
  /** The app in its label, when it bears our instance's. */
  readonly app?: string;
}

/** What Caddy runs, asked for and not remembered. */
export interface ProxyState {
  /** `edited`: it runs, but not what we loaded. `off`: no app has ever needed it and none is configured. */
  readonly state: 'running' | 'edited' | 'unreachable';
  /** The routes in what it runs; empty unless `running`. */
  readonly routes: RouteTable;
  /** Why it is `edited` or `unreachable`, or what Caddy said of the last table it refused. */
  readonly message?: string;
  /** False when Caddy is known not to see the flag files: then each switch is a reload. */
  readonly sharesFlags?: boolean;
  /** Milliseconds since the epoch at which we loaded a table last; absent until then. */
  readonly loadedAt?: number;
  /** Slots that are switched to their second address, as `app.replica`; read from the flag files, sorted. */
  readonly flags: readonly string[];
}

/** All L7 routes of the host, sorted by host, then longest path first. */
export type RouteTable = readonly Route[];

export interface Route {
  readonly app: string;
  readonly host: string;
  readonly path: string;
  readonly tls: 'auto' | 'internal' | 'off';
  readonly redirectFrom: readonly string[];
  readonly stripPrefix: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly loadBalancing: 'round-robin' | 'least-conn' | 'ip-hash' | 'cookie';
  readonly compress: boolean;
  readonly allowIPs: readonly string[];
  /** Bytes, 0 for no limit. */
  readonly maxBody: number;
  readonly basicAuth?: readonly Account[];
  /** Replicas that may be sent traffic, by replica number. */
  readonly upstreams: readonly Upstream[];
}

/**
 * One replica's two slots. Caddy looks per request whether the flag file `app.replica` exists and then
 * dials `flagged` instead of `plain`, so a rollout switches without a reload.
 */
export interface Upstream {
  readonly replica: number;
  /** `address:port` of the slot that is dialled without the flag file, and of the one with it. */
  readonly plain: string;
  readonly flagged: string;
}

/** What the probe last found out about a container since it started. */
export interface Health {
  /** The container's `startedAt` that this belongs to: an older one says nothing. */
  readonly startedAt: number;
  /** Where it was asked; absent where that is no address of its own. */
  readonly address?: string;
  readonly verdict: 'unknown' | 'healthy' | 'unhealthy';
  /** Milliseconds since the epoch of the last change of verdict. */
  readonly since: number;
  readonly attempts: readonly ProbeAttempt[];
}

/** One answer, kept as evidence; the last five. */
export interface ProbeAttempt {
  readonly at: number;
  readonly ok: boolean;
  /** What the app answered, shortened and escaped. */
  readonly detail: string;
}

export interface Underway {
  /** What is being done, for people: `pull ghcr.io/acme/hello:2`. */
  readonly what: string;
  readonly kind: string;
  readonly since: number;
  /** The spec hash it is done for; a look that wants another one cancels it. */
  readonly specHash?: string;
  /** What Caddy runs when it is done, where routes are loaded. */
  readonly routes?: RouteTable;
}
