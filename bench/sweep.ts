import type Docker from 'dockerode';
import { removeNetwork } from '../.ci/leftovers.ts';
import { namesOf, type RunNames } from './workbench.ts';

const sideBySide = 8;

/**
 * Takes everything that a part of the bench made off the engine, whatever state it was left in; answers the names
 * of networks that the engine does not give up.
 */
export async function sweep(docker: Docker, names = namesOf(process.pid)): Promise<readonly string[]> {
  const kept = await Promise.all(labelsOf(names).map((label) => sweepLabel(docker, label)));
  return kept.flat();
}

/** Takes off what runs left that were killed. */
export async function sweepKilled(docker: Docker): Promise<void> {
  for (const pid of await pidsOnEngine(docker)) {
    if (isAlive(pid)) continue;
    await sweep(docker, namesOf(pid));
    await removeImages(docker, namesOf(pid));
  }
}

export async function removeImages(docker: Docker, { images } = namesOf(process.pid)): Promise<void> {
  const found = await docker.listImages({ filters: { reference: [`${images}*`] } });
  const tags = found.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.startsWith(images));
  // One after the other: of two that share their layers and go at once the engine may not recognize the second (500).
  await eachOf(tags, (tag) => docker.getImage(tag).remove({ force: true }), 1);
}

function labelsOf({ instance, bareLabel, composeProject }: RunNames): readonly string[] {
  return [`plimsoll.instance=${instance}`, `com.docker.compose.project=${composeProject}`, bareLabel];
}

/** Of all runs that the engine has something of. */
async function pidsOnEngine(docker: Docker): Promise<ReadonlySet<number>> {
  const [containers, networks, volumes, images] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listNetworks(),
    docker.listVolumes(),
    docker.listImages(),
  ]);
  const labels = [...containers, ...networks, ...volumes.Volumes].map((one) => one.Labels);
  const text = JSON.stringify([labels, images.map(({ RepoTags }) => RepoTags)]);
  return new Set([...text.matchAll(/"(?:plimsoll-)?bench-(\d+)["./]/g)].map(([, pid]) => Number(pid)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The same of what bears one label. */
export async function sweepLabel(docker: Docker, label: string): Promise<string[]> {
  const filters = { label: [label] };
  const containers = await docker.listContainers({ all: true, filters });
  await eachOf(containers, ({ Id }) => docker.getContainer(Id).remove({ force: true, v: true }));
  const { Volumes: volumes } = await docker.listVolumes({ filters });
  await eachOf(volumes, ({ Name }) => docker.getVolume(Name).remove());
  await eachOf(await docker.listNetworks({ filters }), ({ Id }) => removeNetwork(docker, Id));
  return (await docker.listNetworks({ filters })).map(({ Name }) => Name);
}

async function eachOf<T>(
  items: readonly T[],
  remove: (item: T) => Promise<unknown>,
  wide = sideBySide,
): Promise<void> {
  const waiting = [...items];
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      await remove(item).catch(unlessGoing);
  };
  await Promise.all(Array.from({ length: wide }, work));
}

/** 404: it is gone. 409: another removal is in progress. 403: a network still has a container in it. */
function unlessGoing(error: { readonly statusCode?: number }): void {
  if (![403, 404, 409].includes(error.statusCode ?? 0)) throw error;
}
