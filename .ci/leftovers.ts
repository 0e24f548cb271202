import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';

/** Something on the engine that bears an instance's label. */
export interface Leftover {
  readonly kind: 'container' | 'network' | 'volume';
  readonly id: string;
  readonly name: string;
  readonly instance: string;
}

const label = 'plimsoll.instance';

/** What the engine holds of all instances that `matches` accepts; containers first, as they hold the others. */
export async function findLeftovers(matches: (instance: string) => boolean): Promise<Leftover[]> {
  const docker = new Docker();
  const filters = { label: [label] };
  const [containers, networks, volumes] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  const all: Leftover[] = [
    ...containers.map(({ Id, Names, Labels }) => leftover('container', Id, Names[0]?.slice(1) ?? Id, Labels)),
    ...networks.map(({ Id, Name, Labels }) => leftover('network', Id, Name, Labels)),
    ...volumes.Volumes.map(({ Name, Labels }) => leftover('volume', Name, Name, Labels)),
  ];
  return all.filter(({ instance }) => matches(instance));
}

/** Removes them; one that is gone by now is success. Answers which ones the engine does not give up: `removeNetwork`. */
export async function removeLeftovers(leftovers: readonly Leftover[]): Promise<readonly Leftover[]> {
  const docker = new Docker();
  const kept: Leftover[] = [];
  for (const leftover of leftovers) {
    const { kind, id } = leftover;
    try {
      if (kind === 'container') await docker.getContainer(id).remove({ force: true, v: true });
      if (kind === 'network' && !(await removeNetwork(docker, id))) kept.push(leftover);
      if (kind === 'volume') await docker.getVolume(id).remove();
    } catch (error) {
      const status = statusOf(error);
      // 409: another removal of it is in progress.
      if (status !== 404 && status !== 409) throw error;
    }
  }
  return kept;
}

/** Milliseconds that a network is asked to go: a container may be on its way out. */
const patience = 2_000;

/**
 * Removes a network whose containers are gone, and answers whether it went. An engine may lose count of its
 * endpoints, and then keeps the network until it is started again (https://github.com/moby/moby/issues/42119).
 * One with a container in it is refused with the engine's own error.
 */
export async function removeNetwork(docker: Docker, id: string): Promise<boolean> {
  const network = docker.getNetwork(id);
  const end = performance.now() + patience;
  for (;;) {
    try {
      await network.remove();
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (status === 404) return true;
      if (status !== 403) throw error;
      if (performance.now() > end) {
        if (await holdsContainers(docker, network)) throw error;
        return false;
      }
    }
    await delay(100);
  }
}

async function holdsContainers(docker: Docker, network: Docker.Network): Promise<boolean> {
  const { Containers = {} } = (await network.inspect()) as Docker.NetworkInspectInfo;
  const isThere = (id: string): Promise<boolean> =>
    docker
      .getContainer(id)
      .inspect()
      .then(
        () => true,
        (error: unknown) => statusOf(error) !== 404,
      );
  return (await Promise.all(Object.keys(Containers).map(isThere))).includes(true);
}

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

function leftover(
  kind: Leftover['kind'],
  id: string,
  name: string,
  labels: Readonly<Record<string, string>> | undefined,
): Leftover {
  return { kind, id, name, instance: labels?.[label] ?? '' };
}
