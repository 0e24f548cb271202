import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { bareLabel, composeProject, instance } from './workbench.ts';

const labels = [`plimsoll.instance=${instance}`, `com.docker.compose.project=${composeProject}`, bareLabel];
const sideBySide = 8;

const patience = 15_000;

/**
 * Takes everything that a part of the bench made off the engine, whatever state it was left in; answers one line
 * for each network that the engine does not give up.
 */
export async function sweep(docker: Docker): Promise<readonly string[]> {
  const end = performance.now() + patience;
  for (;;) {
    const left = (await Promise.all(labels.map((label) => sweepLabel(docker, label)))).flat();
    // What is still being removed holds its network: again, until nothing is left. An engine that lost count of a
    // network's endpoints never gives it up (https://github.com/moby/moby/issues/23302).
    if (left.length === 0 || performance.now() > end) return left;
    await delay(200);
  }
}

/** Answers what could not be removed. */
async function sweepLabel(docker: Docker, label: string): Promise<string[]> {
  const filters = { label: [label] };
  const containers = await docker.listContainers({ all: true, filters });
  await eachOf(containers, ({ Id }) => docker.getContainer(Id).remove({ force: true, v: true }));
  const { Volumes: volumes } = await docker.listVolumes({ filters });
  await eachOf(volumes, ({ Name }) => docker.getVolume(Name).remove());
  const networks = await docker.listNetworks({ filters });
  await eachOf(networks, ({ Id }) => docker.getNetwork(Id).remove());
  const left = await docker.listNetworks({ filters });
  return left.map(
    ({ Name }) => `network ${Name} stays until the engine is restarted: it counts endpoints in it`,
  );
}

async function eachOf<T>(items: readonly T[], remove: (item: T) => Promise<unknown>): Promise<void> {
  const waiting = [...items];
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      await remove(item).catch(unlessGoing);
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
}

/** 404: it is gone. 409: another removal is in progress. 403: a network still has a container in it. */
function unlessGoing(error: { readonly statusCode?: number }): void {
  if (![403, 404, 409].includes(error.statusCode ?? 0)) throw error;
}
