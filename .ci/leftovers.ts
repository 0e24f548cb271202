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

/** Removes them; one that is gone by now is success. */
export async function removeLeftovers(leftovers: readonly Leftover[]): Promise<void> {
  const docker = new Docker();
  for (const { kind, id } of leftovers) {
    try {
      if (kind === 'container') await docker.getContainer(id).remove({ force: true, v: true });
      if (kind === 'network') await docker.getNetwork(id).remove();
      if (kind === 'volume') await docker.getVolume(id).remove();
    } catch (error) {
      const { statusCode } = error as { statusCode?: number };
      // 409: another removal of it is in progress.
      if (statusCode !== 404 && statusCode !== 409) throw error;
    }
  }
}

function leftover(
  kind: Leftover['kind'],
  id: string,
  name: string,
  labels: Readonly<Record<string, string>> | undefined,
): Leftover {
  return { kind, id, name, instance: labels?.[label] ?? '' };
}
