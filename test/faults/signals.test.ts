import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { faultTest, isLong } from './fault-test.ts';
import { cycles, nextRelease, type Point, strikeAt, strikeEverywhere } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };

for (const cycle of cycles)
  faultTest(
    {
      kind: 'SIGTERM at a call',
      name: `a controller that is told to end in ${cycle.join(' and ')} ends, and the next one goes on`,
      ...(cycle.includes('create') ? { long: true as const } : {}),
    },
    async (stage) => {
      await beginWith(stage, base);
      stage.follow('api', /^api 0$/);
      const strike = (point: Point) => endAt(stage, point);
      const some = isLong ? cycle : cycle.slice(0, 1);
      const points = { few: 1, most: 5, when: ['before'] } as const;
      await strikeEverywhere(stage, { cycle: some, what: 'SIGTERM', ...points, strike });
    },
  );

async function endAt(stage: Stage, point: Point): Promise<boolean> {
  const { controller } = stage;
  let ended: Promise<number | null> | undefined;
  const { expected, isReached } = await strikeAt(stage, point, () => {
    ended = controller.end('SIGTERM');
    return undefined;
  });
  if (isReached) {
    assert.is(await ended, 0, `exit code; ${controller.output.slice(-2000)}`);
    stage.start();
  }
  await expectHolds(stage, expected);
  return isReached;
}

faultTest(
  {
    kind: 'SIGSTOP',
    name: 'a controller that stood still in the middle of an update goes on as if nothing had been',
    long: true,
  },
  async (stage) => {
    await beginWith(stage, { ...base, shop: { release: nextRelease(), spec: whole } });
    stage.follow('shop', /^shop \d+$/);
    const { controller } = stage;
    for (const at of [1, 7, 13]) {
      const { expected } = await strikeAt(stage, { name: 'update', at }, () => {
        controller.signal('SIGSTOP');
        return undefined;
      });
      // Longer than what is drained, probed and waited for takes.
      await delay(60_000);
      controller.signal('SIGCONT');
      await expectHolds(stage, expected);
    }
  },
);

faultTest(
  {
    kind: 'two controllers',
    name: 'of several controllers on one state one acts, whoever is stopped, killed or started meanwhile',
    long: true,
  },
  async (stage) => {
    await beginWith(stage, { ...base, shop: { release: nextRelease(), spec: whole } });
    stage.follow('shop', /^shop \d+$/);
    const first = stage.controller;
    for (const state of ['runs', 'stands still'] as const) {
      const { expected, isReached } = await strikeAt(stage, { name: 'update', at: 4 }, () => {
        if (state === 'stands still') first.signal('SIGSTOP');
        return undefined;
      });
      assert.ok(isReached);
      const others = [stage.host.start(stage.env), stage.host.start(stage.env)];
      for (const other of others) {
        await until('the other one ends', () => !other.isRunning);
        await other.ended();
        assert.match(other.output, `process ${first.pid}`, `while the first one ${state}`);
      }
      if (state === 'stands still') first.signal('SIGCONT');
      await expectHolds(stage, expected);
    }
    // Both come at the moment at which it goes: one of them gets the state.
    const expected = { revision: stage.commit({ shop: { release: nextRelease(), spec: whole } }) };
    await first.end('SIGKILL');
    const heirs = [stage.host.start(stage.env), stage.host.start(stage.env)];
    await until('one of them ends', () => heirs.some(({ isRunning }) => !isRunning));
    const winner = heirs.find(({ isRunning }) => isRunning);
    assert.ok(winner);
    stage.controllers.push(winner);
    stage.injected += 1;
    await expectHolds(stage, expected);
  },
);

test.run();
