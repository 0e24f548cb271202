import { statfs } from 'node:fs/promises';
import type Docker from 'dockerode';
import { ask, readTimeout } from './ask.ts';
import { askVersion, type EngineVersion } from './engine-version.ts';
import { isLocal } from './secret-mounts.ts';

/** The host that the engine runs on. */
export interface HostInfo extends EngineVersion {
  readonly hostname: string;
  readonly os: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Of the engine's own configuration. */
  readonly labels: Readonly<Record<string, string>>;
  /** Where the engine keeps its data; absent when this process cannot see it. */
  readonly disk?: { readonly path: string; readonly totalBytes: number; readonly freeBytes: number };
}

interface Info {
  readonly Name?: string;
  readonly OperatingSystem?: string;
  readonly Architecture?: string;
  readonly KernelVersion?: string;
  readonly NCPU?: number;
  readonly MemTotal?: number;
  readonly DockerRootDir?: string;
  readonly Labels?: readonly string[] | null;
}

export async function readHostInfo(docker: Docker): Promise<HostInfo> {
  const call = { operation: 'ask', object: 'info' };
  const [version, info]: [EngineVersion, Info | undefined] = await Promise.all([
    askVersion(docker),
    ask(call, () => docker.info(), { timeout: readTimeout }),
  ]);
  const disk = isLocal(docker) && info?.DockerRootDir ? await readDisk(info.DockerRootDir) : undefined;
  return {
    ...version,
    hostname: info?.Name ?? '',
    os: info?.OperatingSystem ?? '',
    architecture: info?.Architecture ?? '',
    kernel: info?.KernelVersion ?? '',
    cpus: info?.NCPU ?? 0,
    memoryBytes: info?.MemTotal ?? 0,
    labels: Object.fromEntries((info?.Labels ?? []).map(pairOf)),
    ...(disk === undefined ? {} : { disk }),
  };
}

function pairOf(label: string): readonly [string, string] {
  const [name = '', ...value] = label.split('=');
  return [name, value.join('=')];
}

async function readDisk(path: string): Promise<HostInfo['disk']> {
  try {
    const { bsize, blocks, bavail } = await statfs(path);
    return { path, totalBytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch {
    return undefined;
  }
}
