/** What is asked of the engine and of Caddy when somebody wants to know, beyond what every look sees. Throws `EdgeError`. */
export interface MachinePort {
  /** What a running container uses, over about a second, or `once` at this moment; undefined when it does not run. */
  stats(container: string, once?: boolean): Promise<ContainerUse | undefined>;
  info(): Promise<HostFacts>;
  /** These three: what is ours, and what is not but used by a container of ours. */
  networks(): Promise<readonly NetworkFacts[]>;
  volumes(): Promise<readonly VolumeFacts[]>;
  images(): Promise<readonly ImageFacts[]>;
  /** `unknown` when Caddy does not tell, undefined when it does not answer. */
  caddyVersion(): Promise<string | undefined>;
  /** What Caddy shows for a host by TLS; never throws. */
  certificate(host: string): Promise<CertificateFacts>;
}

export interface ContainerUse {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Since its start. */
  readonly cpuSeconds: number;
  /** 100 is one CPU. */
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  /** 0 for no limit of its own. */
  readonly memoryLimit: number;
  readonly networkReceivedBytes: number;
  readonly networkSentBytes: number;
  readonly pids: number;
}

export interface HostFacts {
  /** Of the engine. */
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly hostname: string;
  readonly os: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly disk?: { readonly path: string; readonly totalBytes: number; readonly freeBytes: number };
}

/** `created` is RFC 3339, empty when the engine does not say it. */
interface Listed {
  readonly created: string;
  /** Apps that use it, sorted. */
  readonly apps: readonly string[];
}

export interface NetworkFacts extends Listed {
  readonly name: string;
  readonly id: string;
  readonly ours: boolean;
  /** Empty when it has no IPv4 one. */
  readonly subnet: string;
}

export interface VolumeFacts extends Listed {
  readonly name: string;
  readonly ours: boolean;
  readonly driver: string;
  /** Absent when the engine does not tell without measuring. */
  readonly bytes?: number;
}

export interface ImageFacts extends Listed {
  readonly id: string;
  readonly tags: readonly string[];
  /** `NAME@sha256:…` */
  readonly digests: readonly string[];
  readonly bytes: number;
}

export interface CertificateFacts {
  readonly status: 'valid' | 'expiring' | 'expired' | 'missing' | 'unknown';
  readonly issuer?: string;
  /** Milliseconds since the epoch, both. */
  readonly notAfter?: number;
  readonly since: number;
  readonly error?: string;
}
