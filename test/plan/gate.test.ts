import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../src/plan/decide.ts';
import type { Plan, World } from '../../src/plan/plan.ts';
import { anApp, aWorld, SimulatedHost } from './worlds.ts';

const ok = { at: 0, ok: true, detail: '200' };
const refused = { at: 0, ok: false, detail: 'refused' };

/** A release on its way in, its container started, long after its deadline: nobody looked meanwhile. */
function lateWorld(verdict: 'unknown' | 'healthy' | undefined, attempts: readonly (typeof ok)[] = []): World {
  const host = new SimulatedHost(aWorld([anApp()]), () => 'never healthy');
  while (!host.world.observed.containers.some(({ state }) => state === 'running')) host.look();
  host.tick(600_000);
  const { observed } = host.world;
  const health = Object.fromEntries(
    observed.containers.map(({ id, startedAt }) => [id, { startedAt, verdict, since: 0, attempts }]),
  );
  return {
    ...host.world,
    observed: { ...observed, health: verdict === undefined ? {} : (health as typeof observed.health) },
  };
}

function isQuarantined({ apps }: Plan): boolean {
  return apps.some(({ records }) => records.some(({ kind }) => kind === 'quarantine'));
}

test('a release that is healthy passes, however late its deadline is looked at', () => {
  const plan = decide(lateWorld('healthy', [ok]));
  assert.not(isQuarantined(plan));
  assert.ok(plan.apps[0]?.steps.some(({ kind }) => kind === 'publish'));
});

test('a release that was not asked since its start is asked before it is judged', () => {
  const world = lateWorld(undefined);
  const plan = decide(world);
  assert.not(isQuarantined(plan));
  assert.is(plan.probes.length, 1);
  assert.ok((plan.wakeAt ?? 0) > world.now, 'it looks again, but not at once');
});

test('a release whose last answer was good gets its other chances', () => {
  assert.not(isQuarantined(decide(lateWorld('unknown', [ok]))));
});

test('a release whose last answer was bad has missed its deadline', () => {
  assert.ok(isQuarantined(decide(lateWorld('unknown', [ok, refused]))));
});

test.run();
