import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { bareLabel, composeProject, instance } from './workbench.ts';

const labels = [`plimsoll.instance=${instance}`, `com.docker.compose.project=${composeProject}`, bareLabel];
const sideBySide = 8;

/**
 * Milliseconds that a network is asked to go although nothing is in it: an engine may lose count of its
 * endpoints, and then keep it until they are restarted (https://github.com/moby/moby/issues/42119).
 */
const patience = 2_000;

/**
 * Takes everything that a part of the bench made off the engine, whatever state it was left in; answers the names
 * of networks that the engine does not give up.
 */
export async function sweep(docker: Docker): Promise<readonly string[]> {
  const kept = await Promise.all(labels.map((label) => sweepLabel(docker, label)));
  return kept.flat();
}

/** The same of what bears one label. */
export async function sweepLabel(docker: Docker, label: string): Promise<string[]> {
  const filters = { label: [label] };
  const containers = await docker.listContainers({ all: true, filters });
  await eachOf(containers, ({ Id }) => docker.getContainer(Id).remove({ force: true, v: true }));
  const { Volumes: volumes } = await docker.listVolumes({ filters });
  await eachOf(volumes, ({ Name }) => docker.getVolume(Name).remove());
  const end = performance.now() + patience;
  for (;;) {
    const networks = await docker.listNetworks({ filters });
    if (networks.length === 0 || performance.now() > end) return networks.map(({ Name }) => Name);
    await eachOf(networks, ({ Id }) => docker.getNetwork(Id).remove());
    await delay(100);
  }
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
