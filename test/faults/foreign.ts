import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { image, type TestHost } from '../e2e/host.ts';

/** Things on the engine that are not ours, each as it was planted. */
export interface Planted {
  readonly ids: ReadonlySet<string>;
  /** What is different by now; nothing when nobody touched them. */
  differences(): Promise<string[]>;
  /** From now on they are to be as they are now: the engine was ended, and its containers with it. */
  remember(): Promise<void>;
  /** A container of somebody else that bears all the labels of one of ours. */
  copyLabels(app: string): Promise<void>;
  remove(): Promise<void>;
}

/** A running and a created container, a network and a volume with a file in it. */
export async function plantForeign(host: TestHost): Promise<Planted> {
  const { docker, instance } = host;
  const name = `${instance}-foreign`;
  const ids = new Set<string>();
  const reads = new Map<string, () => Promise<unknown>>();
  const before = new Map<string, string>();
  const removals: (() => Promise<unknown>)[] = [];

  const keep = async (what: string, read: () => Promise<unknown>): Promise<void> => {
    reads.set(what, read);
    before.set(what, JSON.stringify(await read()));
  };
  const container = async (suffix: string, runs: boolean, more: object = {}): Promise<void> => {
    const made = await docker.createContainer({
      name: `${name}-${suffix}`,
      Image: image,
      Cmd: ['/bin/sleep', '86400'],
      HostConfig: { NetworkMode: 'none' },
      ...more,
    });
    ids.add(made.id);
    removals.push(() => made.remove({ force: true }));
    if (runs) await made.start();
    await keep(`container ${suffix}`, () => made.inspect());
  };

  const network = await docker.createNetwork({ Name: name, Driver: 'bridge', Internal: true });
  removals.unshift(() => network.remove());
  await container('running', true, { HostConfig: { NetworkMode: name } });
  await container('created', false);
  await keep('network', () => network.inspect());
  await docker.createVolume({ Name: name });
  const volume = docker.getVolume(name);
  removals.unshift(() => volume.remove());
  const file = join((await volume.inspect()).Mountpoint, 'file');
  writeFileSync(file, 'foreign');
  await keep('volume', async () => [await volume.inspect(), readFileSync(file, 'utf8')]);

  return {
    ids,
    async differences() {
      const different: string[] = [];
      for (const [what, read] of reads) {
        const now = JSON.stringify(await read().catch((error: Error) => error.message));
        if (now !== before.get(what)) different.push(`${what} was ${before.get(what)} and is ${now}`);
      }
      return different;
    },
    async remember() {
      for (const [what, read] of reads) before.set(what, JSON.stringify(await read()));
    },
    async copyLabels(app) {
      const [one] = await host.ids(app);
      if (one === undefined) throw new Error(`${app} has no container`);
      const { Config } = await docker.getContainer(one).inspect();
      await container('copied', true, { Labels: Config.Labels });
    },
    async remove() {
      for (const remove of removals.toReversed()) await remove().catch(() => undefined);
    },
  };
}
