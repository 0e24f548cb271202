import type Docker from 'dockerode';
import type { ContainerStats as EngineStats } from 'dockerode';
import { ask, readTimeout } from './ask.ts';

/** What a running container uses. */
export interface ContainerStats {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Since its start. */
  readonly cpuSeconds: number;
  /** Over the second before `at`; 100 is one CPU. */
  readonly cpuPercent: number;
  /** Without the file cache, which the kernel takes back when it needs to. */
  readonly memoryBytes: number;
  /** 0 for no limit of its own. */
  readonly memoryLimit: number;
  readonly networkReceivedBytes: number;
  readonly networkSentBytes: number;
  readonly pids: number;
}

/** The engine itself takes two readings, a second apart; `once` takes one at once, and knows no `cpuPercent`. */
export async function readStats(
  docker: Docker,
  container: string,
  once = false,
): Promise<ContainerStats | undefined> {
  const call = { operation: 'read statistics of', object: container };
  const target = docker.getContainer(encodeURIComponent(container));
  const [found, inspected] = await Promise.all([
    ask(call, () => target.stats({ stream: false, 'one-shot': once }), {
      timeout: readTimeout,
      fine: [404, 409],
    }),
    ask(call, (abortSignal) => target.inspect({ abortSignal }), { timeout: readTimeout, fine: [404] }),
  ]);
  if (!found || !inspected?.State.Running) return undefined;
  return toStats(found, Math.max(0, inspected.HostConfig.Memory ?? 0));
}

export function toStats(stats: EngineStats, memoryLimit: number): ContainerStats {
  const { cpu_stats: cpu, precpu_stats: before, memory_stats: memory } = stats;
  const used = cpu.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (cpu.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = cpu.online_cpus ?? cpu.cpu_usage.percpu_usage?.length ?? 1;
  const networks = Object.values(stats.networks ?? {});
  const sum = (field: 'rx_bytes' | 'tx_bytes') => networks.reduce((all, one) => all + (one[field] ?? 0), 0);
  const time = Date.parse(String(stats.read));
  return {
    at: Number.isNaN(time) ? Date.now() : time,
    cpuSeconds: cpu.cpu_usage.total_usage / 1e9,
    cpuPercent: used > 0 && passed > 0 ? Math.round((used / passed) * cpus * 1000) / 10 : 0,
    memoryBytes: Math.max(0, (memory.usage ?? 0) - cacheOf(memory.stats)),
    memoryLimit,
    networkReceivedBytes: sum('rx_bytes'),
    networkSentBytes: sum('tx_bytes'),
    pids: stats.pids_stats?.current ?? 0,
  };
}

/** Named differently by the two generations of control groups. */
function cacheOf(stats: EngineStats['memory_stats']['stats'] | undefined): number {
  return stats?.total_inactive_file ?? stats?.inactive_file ?? 0;
}
