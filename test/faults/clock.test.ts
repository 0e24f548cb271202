import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { faultTest, say } from './fault-test.ts';
import { nextRelease } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });

/** How far the controller's clock is from the engine's before and after it jumps; faketime's words. */
const jumps = [
  ['-1h', '+0'],
  ['+0', '-1h'],
  ['+0', '+1h'],
  ['+0', '+400d'],
] as const;

/**
 * A controller whose wall clock says what a file says. Its monotonic clock, by which Node's timers run, goes on as it
 * does when somebody sets a machine's clock.
 */
function startAt(stage: Stage, offset: string): (offset: string) => void {
  const file = join(stage.host.dir, 'clock');
  const set = (to: string) => writeFileSync(file, to);
  set(offset);
  const env = {
    LD_PRELOAD: '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
  stage.controllers.push(stage.host.start({ ...stage.env, ...env }));
  return set;
}

/** It comes back in seconds, however late its end was by the engine's clock. */
async function endOne({ host, planted }: Stage, app: string): Promise<void> {
  const [id = ''] = (await host.ids(app)).filter((one) => !planted.ids.has(one));
  const container = host.docker.getContainer(id);
  await container.kill();
  await until('it is started again', async () => (await container.inspect()).State.Running);
}

faultTest(
  {
    kind: 'clock',
    name: 'a clock that is set forward or back in the middle of a rollout costs neither a request nor the rollout, and holds up no restart',
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api 0$/);
    for (const [before, after] of jumps) {
      const what = `from ${before} to ${after}`;
      await stage.controller.end();
      const ids = await host.ids();
      const set = startAt(stage, before);
      await host.untilConverged([...stage.commits.keys()].at(-1) ?? '');
      assert.equal(await host.ids(), ids, `${what}: nothing restarts`);
      const revision = stage.commit(shop());
      await until('the new ones come up', async () => (await host.ids('shop')).length > 2);
      set(after);
      stage.injected += 1;
      say(`the clock is set ${what}`);
      await host.untilConverged(revision).catch(async (error: Error) => {
        error.message = `${what}: ${error.message}; ${JSON.stringify(await host.app('shop'))}`;
        throw error;
      });
      await endOne(stage, 'web').catch((error: Error) => {
        error.message = `${what}: ${error.message}`;
        throw error;
      });
      // The times of the journal are those of another clock.
      stage.journaled = stage.ledger.mutations.length;
      await expectHolds(stage, { revision }).catch((error: Error) => {
        error.message = `${what}: ${error.message}`;
        throw error;
      });
    }
  },
);

test.run();
