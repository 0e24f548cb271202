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
  const { containers, unread, networks, volumes: found } = await reader.observe(new Set());
  const ours = new Map([...containers, ...unread].map(({ id, name }) => [id, name]));
  for (const [id, name] of ours) {
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
    await docker
      .getNetwork(id)
      .remove()
      .catch((error: unknown) => tellKept(name, error, progress));
  }
  const doomed = volumes ? found.filter((volume) => volume.app !== undefined) : [];
  for (const { name } of doomed) {
    progress(`remove volume ${name}`);
    await engine.removeVolume(name);
  }
  return ours.size + doomed.length;
}

/**
 * An engine may believe a network to be in use that nothing is in any more, until it is restarted
 * (https://github.com/moby/moby/issues/42119): all else is removed, and the network is named.
 */
function tellKept(name: string, error: unknown, progress: (line: string) => void): void {
  const isInUse = error instanceof Error && 'statusCode' in error && error.statusCode === 403;
  if (!isInUse) throw error;
  progress(`kept network ${name}: the engine says that it is in use; a restart of the engine frees it`);
}
