import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { ensureTestImage } from '../docker/test-image.ts';
import { image, imageLines } from '../e2e/host.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { nextRelease, operations, strikeAt } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { PrivateEngine } from './private-engine.ts';
import { sample, seed, seeded } from './seeded.ts';
import { type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });

let engine: PrivateEngine;

test.before(async () => {
  const shared = new Docker();
  await ensureTestImage(shared, image, imageLines);
  engine = await PrivateEngine.start();
  await engine.load(shared, image);
  // Everything of this file, its controllers too, finds this one.
  process.env.DOCKER_HOST = `unix://${engine.socket}`;
});
test.after(async () => {
  delete process.env.DOCKER_HOST;
  await engine?.close();
});

async function isUnseen({ host }: Stage): Promise<boolean> {
  const { body } = await host.ask('GET', '/api/v1/status');
  return (body as { engineError: unknown }).engineError !== null;
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const)
  faultTest(
    {
      kind: `engine ended by ${signal}`,
      name: `an engine that ends by ${signal} in the middle of a rollout comes back, and with it all apps`,
      ...(signal === 'SIGTERM' ? { long: true as const } : {}),
      config: () => ({ docker: { subnet: engine.subnet } }),
    },
    async (stage) => {
      // Without it nothing could be cleared.
      stage.host.endsWith(() => engine.run());
      await beginWith(stage, { ...base, ...shop() });
      const before = stage.ledger.mutations.length;
      await expectHolds(stage, operations.update.begin(stage));
      const all = Array.from({ length: stage.ledger.mutations.length - before }, (_, index) => index + 1);
      const chosen = sample(all, isLong ? 4 : 1, seeded(signal));
      say(`engine ended by ${signal} in an update: ${chosen.length} of ${all.length} points, seed ${seed}`);
      for (const at of chosen) {
        let ended: Promise<void> | undefined;
        const { expected } = await strikeAt(stage, { name: 'update', at }, () => {
          ended = engine.end(signal);
          return undefined;
        });
        await ended;
        await until('it is noticed', () => isUnseen(stage));
        const noticed = Date.now();
        await delay(1_500);
        for (const { sync, health } of stage.sampler.since(noticed, 'api'))
          assert.equal([sync, health], ['Unknown', 'Unknown'], 'nobody knows how an app is');
        await engine.run();
        await stage.planted.remember();
        await expectHolds(stage, { ...expected, gaps: true });
      }
    },
  );

faultTest(
  {
    kind: 'engine disk full',
    name: 'while the engine has no room for anything new that is said, what serves goes on, and it is made up for',
    long: true,
    config: () => ({ docker: { subnet: engine.subnet } }),
  },
  async (stage) => {
    const { host } = stage;
    stage.host.endsWith(() => engine.disk.empty());
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api 0$/);
    const ids = await host.ids();
    engine.disk.fill();
    stage.injected += 1;
    const revision = stage.commit(shop());
    await until('it is said', async () => {
      const { body } = await host.ask('GET', '/api/v1/events');
      const { items } = body as { items: readonly { app: string; reason: string }[] };
      return items.some(({ app, reason }) => app === 'shop' && reason === 'OutOfDisk');
    });
    assert.is((await host.app('shop')).quarantine, null, 'it is not the fault of the release');
    for (const id of ids) assert.ok((await host.ids()).includes(id), 'what serves is left alone');
    engine.disk.empty();
    await expectHolds(stage, { revision });
  },
);

test.run();
