import type { CertificateFacts, ContainerUse, HostFacts, MachinePort } from '../../src/api/machine-port.ts';
import type { Container } from '../../src/observed/observed.ts';
import type { SimulatedHost } from '../plan/worlds.ts';

/** What the engine and Caddy would say of a simulated host. */
export class AMachine implements MachinePort {
  readonly #host: SimulatedHost;
  /** By host; all others are valid. */
  readonly certificates = new Map<string, Partial<CertificateFacts>>();
  /** What every call is refused with. */
  error: Error | undefined;

  constructor(host: SimulatedHost) {
    this.#host = host;
  }

  async stats(id: string): Promise<ContainerUse | undefined> {
    const container = this.#containers().find((one) => one.id === id);
    if (container?.state !== 'running') return undefined;
    return {
      at: this.#host.world.now,
      cpuSeconds: 12.5,
      cpuPercent: 1.5,
      memoryBytes: 50 * 1024 * 1024,
      memoryLimit: 256 * 1024 * 1024,
      networkReceivedBytes: 2048,
      networkSentBytes: 1024,
      pids: 3,
    };
  }

  async info(): Promise<HostFacts> {
    this.#refuse();
    return {
      name: 'Docker Engine',
      version: '28.1.0',
      apiVersion: '1.49',
      hostname: 'dock',
      os: 'Debian GNU/Linux 12',
      architecture: 'x86_64',
      kernel: '6.1.0',
      cpus: 2,
      memoryBytes: 4 * 1024 ** 3,
      labels: { zone: 'a' },
      disk: { path: '/var/lib/docker', totalBytes: 40 * 1024 ** 3, freeBytes: 30 * 1024 ** 3 },
    };
  }

  async networks() {
    this.#refuse();
    const apps = [...new Set(this.#containers().map(({ app }) => app))].sort();
    return this.#host.world.observed.networks.map(({ name, id, ours, subnet }) => ({
      name,
      id,
      ours,
      subnet,
      created: '2026-01-01T00:00:00Z',
      apps: ours ? apps : [],
    }));
  }

  async volumes() {
    this.#refuse();
    return this.#host.world.observed.volumes.map(({ name, app }) => ({
      name,
      ours: app !== undefined,
      driver: 'local',
      created: '2026-01-01T00:00:00Z',
      apps: app === undefined ? [] : [app],
    }));
  }

  async images() {
    this.#refuse();
    const byId = Map.groupBy(Object.entries(this.#host.world.observed.images), ([, { id }]) => id);
    return [...byId].map(([id, names]) => ({
      id,
      tags: names.map(([name]) => name).filter((name) => name !== id),
      digests: [],
      bytes: 7 * 1024 * 1024,
      created: '2026-01-01T00:00:00Z',
      apps: [
        ...new Set(
          this.#containers()
            .filter(({ imageId }) => imageId === id)
            .map(({ app }) => app),
        ),
      ].sort(),
    }));
  }

  async caddyVersion(): Promise<string> {
    return '2.10.0';
  }

  async certificate(host: string): Promise<CertificateFacts> {
    const { now } = this.#host.world;
    const day = 86_400_000;
    const valid = { status: 'valid' as const, issuer: 'Pebble', notAfter: now + 60 * day, since: now };
    return { ...valid, ...this.certificates.get(host) };
  }

  #containers(): readonly Container[] {
    return this.#host.world.observed.containers;
  }

  #refuse(): void {
    if (this.error) throw this.error;
  }
}
