import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RouteTable } from '../../src/observed/observed.ts';
import { decide } from '../../src/plan/decide.ts';
import type { World } from '../../src/plan/plan.ts';
import { aDomain, anApp, aWorld, SimulatedHost } from './worlds.ts';

test('what failed for the host is tried again after its pause, however often somebody looks', () => {
  const world = aWorld([anApp()]);
  const nextRetry = world.now + 5_000;
  const failure = {
    kind: 'transient',
    step: 'create-network',
    reason: 'NetworkConflict',
    message: 'the name is taken',
    count: 1,
    at: world.now,
    nextRetry,
  } as const;
  const failed = { ...world, memory: { ...world.memory, apps: { '': { restarts: {}, failure } } } };
  const kinds = (now: number) => decide({ ...failed, now }).host.map(({ kind }) => kind);
  assert.equal(
    decide(world).host.map(({ kind }) => kind),
    ['create-network'],
  );
  assert.equal(kinds(nextRetry - 1), []);
  assert.is(decide(failed).wakeAt, nextRetry);
  assert.equal(kinds(nextRetry), ['create-network']);
});

test('a flag that cannot be removed is tried again after its pause, and holds what comes before it not back', () => {
  const world = aWorld([]);
  const failure = {
    kind: 'transient',
    step: 'switch',
    reason: 'FlagUnwritable',
    message: 'read-only',
    count: 1,
    at: world.now,
    nextRetry: world.now + 5_000,
  } as const;
  const proxy = { ...world.observed.proxy, flags: ['gone.0'] };
  const stale = { ...world, observed: { ...world.observed, proxy } };
  const failed = { ...stale, memory: { ...world.memory, apps: { '': { restarts: {}, failure } } } };
  const kinds = (of: World) => decide(of).host.map(({ kind }) => kind);
  assert.equal(kinds(stale), ['create-network', 'switch']);
  assert.equal(kinds(failed), ['create-network']);
  assert.equal(kinds({ ...failed, now: failure.nextRetry }), ['create-network', 'switch']);
});

/** A host on which `first` is to get its routes, `second` does not answer, and other routes were loaded just now. */
function aHostWithFirstRoutesDue(): World {
  const image = (name: string) => (name === 'first' ? 'shop:1' : 'mute:1');
  const apps = ['first', 'second'].map((name) =>
    anApp({ name, image: image(name), domains: [aDomain(`${name}.example`)] }),
  );
  const host = new SimulatedHost(aWorld(apps), (one) => (one === 'mute:1' ? 'never healthy' : 'healthy'));
  for (let looks = 0; looks < 20; looks += 1) {
    if (kindsFor(host.world).includes('load-routes')) {
      const { proxy } = host.world.observed;
      return seenWith(host.world, { proxy: { ...proxy, loadedAt: host.world.now - 500 } });
    }
    host.look();
  }
  throw new Error('no routes are ever loaded');
}

/** The routes that a look at that host loads, under another app's name. */
function routesFor(app: string): RouteTable {
  const { host } = decide(aHostWithFirstRoutesDue());
  const routes = host.flatMap((step) => (step.kind === 'load-routes' ? step.routes : []));
  return routes.map((route) => ({ ...route, app, host: `${app}.example` }));
}

function kindsFor(world: World): string[] {
  return decide(world).host.map(({ kind }) => kind);
}

function seenWith(world: World, observed: Partial<World['observed']>): World {
  return { ...world, observed: { ...world.observed, ...observed } };
}

/** The second app is being started. */
const underway = { second: { what: 'start second', kind: 'start', since: 1_000_000 } };

test('two loads of first routes are two seconds apart while an app is on its way', () => {
  const world = seenWith(aHostWithFirstRoutesDue(), { underway });
  const { host, wakeAt } = decide(world);
  assert.equal(host, []);
  assert.is(wakeAt, world.now + 1_500);
  assert.equal(kindsFor({ ...world, now: world.now + 1_500 }), ['load-routes']);
});

test('routes wait for nobody for whom nothing is done, who has some, or who wants none', () => {
  const world = aHostWithFirstRoutesDue();
  assert.equal(kindsFor(world), ['load-routes']);
  const proxy = { ...world.observed.proxy, routes: routesFor('second') };
  assert.equal(kindsFor(seenWith(world, { proxy, underway })), ['load-routes']);
  const apps = world.desired.apps.map((app) => (app.name === 'second' ? { ...app, domains: [] } : app));
  const inside = { ...world, desired: { ...world.desired, apps } };
  assert.equal(kindsFor(seenWith(inside, { underway })), ['load-routes']);
});

test('what Caddy lost, and what is to go, waits for no first routes', () => {
  const world = seenWith(aHostWithFirstRoutesDue(), { underway });
  const edited = { ...world.observed.proxy, state: 'edited' } as const;
  assert.equal(kindsFor(seenWith(world, { proxy: edited })), ['load-routes']);
  const proxy = { ...world.observed.proxy, routes: routesFor('gone') };
  assert.equal(kindsFor(seenWith(world, { proxy })), ['load-routes']);
});

test('a clock that was set back makes no routes wait', () => {
  const world = seenWith(aHostWithFirstRoutesDue(), { underway });
  assert.equal(kindsFor({ ...world, now: world.now - 501 }), ['load-routes']);
});

test.run();
