import type Docker from 'dockerode';
import type { EnginePort, EngineReader, ProxyPort } from './apply/ports.ts';
import type { Config } from './config.ts';

interface Parts {
  readonly docker: Docker;
  readonly engine: EnginePort;
  readonly reader: EngineReader;
  readonly proxy: ProxyPort;
  readonly config: Config;
}

/** Takes everything of this instance off the host, routes first; volumes only when told so. */
export async function removeAll(
  { docker, engine, reader, proxy, config }: Parts,
  { volumes }: { readonly volumes: boolean },
  progress: (line: string) => void,
): Promise<number> {
  const { state, flags } = await proxy.observe();
  if (state !== 'unreachable') await proxy.load([]);
  const { containers, networks, volumes: found } = await reader.observe(new Set());
  for (const { id, name } of containers) {
    progress(`remove container ${name}`);
    await engine.stop(id, 5_000);
    await engine.remove(id);
  }
  for (const flag of flags) {
    const [app = '', replica] = flag.split('.');
    await proxy.switch(app, Number(replica), false);
  }
  for (const { id, name } of networks.filter(
    (network) => network.ours && network.name === config.docker.network,
  )) {
    progress(`remove network ${name}`);
    await docker.getNetwork(id).remove();
  }
  const doomed = volumes ? found.filter((volume) => volume.app !== undefined) : [];
  for (const { name } of doomed) {
    progress(`remove volume ${name}`);
    await engine.removeVolume(name);
  }
  return containers.length + doomed.length;
}
