import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkPlan } from '../../src/plan/check-plan.ts';
import { decide } from '../../src/plan/decide.ts';
import type { Plan, World } from '../../src/plan/plan.ts';
import { aDomain, anApp, aWorld, SimulatedHost } from './worlds.ts';

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

test('a release that nobody could ask while it was off our network is asked where it is now before it is judged', () => {
  const { observed, ...world } = lateWorld('unknown', [refused]);
  const asked = (address: string) =>
    Object.fromEntries(Object.entries(observed.health).map(([id, health]) => [id, { ...health, address }]));
  const isLate = (address: string) =>
    isQuarantined(decide({ ...world, observed: { ...observed, health: asked(address) } }));
  assert.not(isLate(''));
  assert.ok(isLate(observed.containers[0]?.live.address ?? ''));
});

test('a release whose deadline has passed by a clock that was set is given the time that it has not had', () => {
  const world = lateWorld('unknown', [refused]);
  const ages = Object.fromEntries(world.observed.containers.map(({ id }) => [id, 5_000]));
  const plan = decide({ ...world, observed: { ...world.observed, ages } });
  assert.not(isQuarantined(plan));
  assert.is(plan.wakeAt, world.now - 5_000 + anApp().deploy.deadline);
});

test('what exited is started again in its time although the clock was set back', () => {
  const host = new SimulatedHost(aWorld([anApp()]), () => 'healthy');
  host.settle();
  const { observed, now } = host.world;
  const containers = observed.containers.map((one) => ({
    ...one,
    state: 'exited' as const,
    exitCode: 1,
    finishedAt: now + 3_600_000,
  }));
  const isStarted = (age: Partial<typeof observed>) =>
    decide({ ...host.world, observed: { ...observed, containers, ...age } }).apps[0]?.steps.some(
      ({ kind }) => kind === 'start',
    );
  assert.ok(isStarted({ ages: Object.fromEntries(containers.map(({ id }) => [id, 500])) }));
  assert.ok(isStarted({}), 'nor where nobody has counted');
});

/** An update in which the new container and, where told, the serving one have ended with this exit code. */
function endedWorld(exitCode: number, withOthers: boolean): World {
  const host = new SimulatedHost(aWorld([anApp({ image: 'shop:1' })]), (image) =>
    image === 'shop:1' ? 'healthy' : 'never healthy',
  );
  host.settle();
  host.commit('r2', [anApp({ image: 'shop:2' })]);
  while (host.world.observed.containers.length < 2) host.look();
  host.tick(5_000);
  const { observed, now } = host.world;
  const containers = observed.containers.map((one) =>
    one.imageId === 'sha256:shop:2' || withOthers
      ? { ...one, state: 'exited' as const, exitCode, finishedAt: now }
      : one,
  );
  return { ...host.world, observed: { ...observed, containers } };
}

test('a release that ends together with what served is started again: the engine went down, not the release', () => {
  const plan = decide(endedWorld(0, true));
  assert.not(isQuarantined(plan));
  assert.is(plan.apps[0]?.steps.filter(({ kind }) => kind === 'start').length, 2);
});

test('a release that ends beside one that served is judged when others ran on: the engine did not go down', () => {
  const world = endedWorld(1, true);
  const { observed } = world;
  const [serving] = observed.containers;
  assert.ok(serving);
  const neighbour = { ...serving, id: 'n', app: 'other', state: 'running' as const };
  const beside = { ...neighbour, live: { ...serving.live, address: '10.210.0.9', aliases: ['other'] } };
  const containers = [...observed.containers, beside];
  assert.not(isQuarantined(decide(world)));
  assert.ok(isQuarantined(decide({ ...world, observed: { ...observed, containers } })));
});

test('a release that ends by itself with 0 is judged a moment later, one that ends with 1 at once', () => {
  const world = endedWorld(0, false);
  const plan = decide(world);
  assert.not(isQuarantined(plan));
  assert.is(plan.wakeAt, world.now + 2_000);
  assert.ok(isQuarantined(decide({ ...world, now: world.now + 2_000 })));
  assert.ok(isQuarantined(decide(endedWorld(1, false))));
});

test('what nobody else answers for is named at once, and gets requests when it is healthy; of a release that never passed it is refused', () => {
  const host = new SimulatedHost(aWorld([anApp({ domains: [aDomain('shop.test')] })]), () => 'healthy');
  host.settle();
  const { world } = host;
  const gone = { ...world, observed: { ...world.observed, containers: [], health: {} } };
  const repair = decide(gone);
  const created = repair.apps[0]?.steps.find((step) => step.kind === 'create');
  assert.equal(created?.spec.aliases, ['shop']);
  assert.equal(checkPlan(gone, repair), []);
  const forgotten = { ...gone, memory: { ...gone.memory, apps: {} } };
  assert.equal(
    checkPlan(forgotten, repair).map(({ rule }) => rule),
    ['a name means only a release that passed its gate'],
  );
  const first = decide(forgotten).apps[0]?.steps.find((step) => step.kind === 'create');
  assert.equal(first?.spec.aliases, []);
});

test.run();
