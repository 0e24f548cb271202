import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { TestController, TestHost } from './host.ts';
import { KillingSocket } from './killing-socket.ts';

/** Quick, and with two replicas that come at once. */
export const spec = {
  replicas: 2,
  healthCheck: { http: {}, interval: '1s', timeout: '1s' },
  deploy: { deadline: '20s', drain: '300ms', stopGrace: '1s', maxSurge: 2 },
};

/** A controller whose every request can be its last. */
export function openCrashing(host: TestHost) {
  const socket = new KillingSocket(join(host.dir, 'engine.sock'));
  host.endsWith(() => socket.close());
  let controller: TestController | undefined;
  socket.onKill = () => controller?.signal('SIGKILL');
  const start = () => {
    controller = host.start({ DOCKER_HOST: `unix://${socket.path}` });
    return controller;
  };
  return { socket, start };
}

/** Exactly what was committed, and nothing else, is there and said. */
export async function expectWhole(host: TestHost, revision: string, release: string): Promise<void> {
  await host.untilConverged(revision);
  assert.is(await host.marker('shop'), `shop ${release}`);
  const containers = await host.containers();
  assert.equal(containers.map(({ app, replica, state }) => `${app} ${replica} ${state}`).sort(), [
    'shop 0 running',
    'shop 1 running',
  ]);
  const { body } = await host.ask('GET', '/api/v1/apps/shop/deployments');
  const { items } = body as { items: readonly { result: string | null }[] };
  assert.equal(
    items.filter(({ result }) => result === null),
    [],
  );
}
