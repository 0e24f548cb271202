import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { faultTest, say } from './fault-test.ts';
import { MemoryLimit } from './memory-limit.ts';
import { nextRelease, operations, strikeAt } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { plain, type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });
const resources = { memory: '24Mi' };
const volumes = [{ name: 'data', mount: '/data' }];

/** Serves until there is a file; then it takes all the memory that it is given, and more. */
const hungry = [
  '/bin/sh',
  '-c',
  'trap "exit 0" TERM; mkdir -p /www; echo "$APP $RELEASE" > /www/index.html; httpd -f -p 8080 -h /www & while true; do if rm /data/eat 2> /dev/null; then exec tail /dev/zero; fi; sleep 0.2; done',
];

interface Evidence {
  readonly container: string;
  readonly oomKilled: boolean;
}

faultTest(
  {
    kind: 'app out of memory',
    name: 'a release that needs more memory than it may have is taken back, and the evidence says why',
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    await beginWith(stage, { ...base, shop: { release: '1', spec: { ...plain, resources } } });
    stage.follow('shop', /^shop 1$/);
    const command = ['/bin/sh', '-c', 'sleep 1; exec tail /dev/zero'];
    stage.injected += 1;
    const revision = stage.commit({ shop: { release: '2', spec: { ...plain, resources, command } } });
    await expectHolds(stage, { revision, rolledBack: { shop: '1' } });
    assert.is((await host.app('shop')).quarantine?.reason, 'OutOfMemory');
    const { body } = await host.ask('GET', '/api/v1/apps/shop/deployments');
    const { items } = body as { items: readonly { readonly id: string; readonly revision: string }[] };
    const tried = items.filter((one) => one.revision === revision);
    assert.is(tried.length, 1, 'it was tried once');
    const answer = await host.ask('GET', `/api/v1/deployments/${tried[0]?.id}`);
    const { evidence } = answer.body as { evidence: readonly Evidence[] };
    assert.equal(
      evidence.map(({ oomKilled }) => oomKilled),
      [true],
    );
  },
);

faultTest(
  {
    kind: 'app out of memory',
    name: 'an app that runs out of memory while it serves is started again, and nothing else is touched',
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    const spec = { ...plain, command: hungry, resources, volumes };
    await beginWith(stage, { ...base, shop: { release: '1', spec } });
    stage.follow('api', /^api 0$/);
    const revision = [...stage.commits.keys()].at(-1) ?? '';
    const ids = await host.ids();
    const folder = (await host.docker.getVolume(`plimsoll-${host.instance}-shop-data`).inspect()).Mountpoint;
    const container = host.docker.getContainer(
      (await host.ids('shop')).find((id) => !stage.planted.ids.has(id)) ?? '',
    );
    const startedAt = async () => (await container.inspect()).State.StartedAt;
    // Its end is unsaid until the engine tells of it.
    stage.sampler.grace = 5_000;
    for (let time = 0; time < 2; time += 1) {
      const before = await startedAt();
      writeFileSync(join(folder, 'eat'), '');
      stage.injected += 1;
      await until('it is started again', async () => (await startedAt()) !== before);
      await expectHolds(stage, { revision });
      assert.is((await host.app('shop')).quarantine, null, 'it was healthy before');
      assert.equal(await host.ids(), ids, 'by a restart of what stands');
    }
  },
);

faultTest(
  {
    kind: 'controller out of memory',
    name: 'a controller that the kernel ends for its memory in the middle of a rollout is no loss',
    long: true,
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    const before = stage.ledger.mutations.length;
    await expectHolds(stage, operations.update.begin(stage));
    const all = Array.from({ length: stage.ledger.mutations.length - before }, (_, index) => index + 1);
    const chosen = sample(all, 3, seeded('memory'));
    say(`out of memory in an update: at call ${chosen.join(', ')} of ${all.length}, seed ${seed}`);
    for (const at of chosen) {
      const limit = MemoryLimit.around(stage.controller.pid);
      stage.host.endsWith(() => limit.remove());
      const { expected, isReached } = await strikeAt(stage, { name: 'update', at }, () => {
        limit.tighten();
        return undefined;
      });
      if (isReached) {
        // Who asks makes it need some more.
        await until('it is ended', async () => {
          await stage.host.ask('GET', '/api/v1/events').catch(() => undefined);
          return !stage.controller.isRunning;
        });
        await stage.controller.ended();
        assert.ok(limit.kills > 0, 'the kernel ended it');
        stage.start();
      }
      limit.remove();
      await expectHolds(stage, expected);
    }
  },
);

faultTest(
  {
    kind: 'controller out of memory',
    name: 'a controller whose heap is too small, wherever it ends, leaves nothing that the next one cannot go on from',
    long: true,
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api 0$/);
    // Near the border between too few megabytes and enough it ends in the middle of its work.
    let [few, enough] = [8, 64];
    while (enough - few > 2) {
      const heap = (few + enough) >> 1;
      if (await endsWithHeap(stage, heap)) few = heap;
      else enough = heap;
    }
    say(`a heap of ${few} MB is too small, ${enough} MB are enough`);
    assert.ok(stage.injected > 0, 'one of them was too small');
  },
);

/** An update by a controller that may have so many megabytes; whether it ended of it. */
async function endsWithHeap(stage: Stage, heap: number): Promise<boolean> {
  await stage.controller.end();
  const expected = { revision: stage.commit(shop()) };
  const small = startWith(stage, heap);
  const isThere = async () => (await stage.host.marker('shop')) === `shop ${stage.wanted.shop?.release}`;
  await until('it ends, or has done it', async () => !small.isRunning || (await isThere()));
  // It may still end of what the oracle asks.
  const all = expectHolds(stage, expected).catch(async (error: Error) => {
    await Promise.race([small.ended(), delay(5_000)]);
    if (small.isRunning) throw error;
  });
  await Promise.race([small.ended(), all]);
  if (small.isRunning) return false;
  await small.ended();
  assert.match(small.output, /heap out of memory/i, `${heap} MB`);
  stage.injected += 1;
  stage.start();
  await expectHolds(stage, expected);
  return true;
}

function startWith(stage: Stage, heap: number) {
  const controller = stage.host.start({ ...stage.env, NODE_OPTIONS: `--max-old-space-size=${heap}` });
  stage.controllers.push(controller);
  return controller;
}

test.run();
