import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { serving } from './serving.ts';
import { bareLabel } from './workbench.ts';

/** Creates and starts a container without plimsoll, and answers when its page is there; removes nothing. */
export async function runBare(
  docker: Docker,
  { image, page }: { readonly image: string; readonly page: string },
  signal: AbortSignal,
): Promise<Docker.Container> {
  const container = await docker.createContainer({
    name: `plimsoll-bench-bare-${randomUUID().slice(0, 8)}`,
    Image: image,
    Labels: { [bareLabel]: '' },
  });
  await container.start();
  const { NetworkSettings: settings } = await container.inspect();
  const address = { host: settings.Networks.bridge?.IPAddress ?? '', port: 8080, name: 'bare' };
  await serving(address, page, { deadline: 30_000, signal });
  return container;
}
