import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { App } from '../../src/desired/app.ts';
import { decide } from '../../src/plan/decide.ts';
import { isPublished } from '../../src/plan/release.ts';
import { stepsOf } from '../../src/plan/simulate.ts';
import { aDomain, anApp, askRestart, aWorld, type Behaviour, meddle, SimulatedHost } from './worlds.ts';

const runs = Number(process.env.PROPERTY_RUNS ?? 300);

function behave(image: string): Behaviour {
  if (image.includes('bad')) return 'never healthy';
  return image.includes('exit') ? 'exits' : 'healthy';
}

const images = fc.constantFrom('shop:1', 'shop:2', 'shop:3', 'shop:bad', 'shop:exit');

const apps = fc
  .record({
    image: images,
    replicas: fc.integer({ min: 0, max: 3 }),
    routed: fc.boolean(),
    order: fc.constantFrom('start-first' as const, 'stop-first' as const),
    maxSurge: fc.integer({ min: 1, max: 2 }),
    bake: fc.constantFrom(0, 5_000),
    file: fc.constantFrom(undefined, 'one', 'two'),
    token: fc.constantFrom(undefined, '1111', '2222'),
    state: fc.constantFrom('running' as const, 'running' as const, 'running' as const, 'stopped' as const),
  })
  .map(({ image, replicas, routed, order, maxSurge, bake, state, file, token }): App => {
    const env = token === undefined ? {} : { TOKEN: { secret: 's/T', version: token } };
    const liveFiles =
      file === undefined ? [] : [{ mount: '/c', content: file, mode: 0o644, signal: 'SIGHUP' }];
    const base = anApp({ image, env, ...(file === undefined ? {} : { liveFiles }) });
    const domains = routed ? [aDomain('shop.test')] : [];
    return { ...base, replicas, state, domains, deploy: { ...base.deploy, order, maxSurge, bake } };
  });

type Event =
  | { readonly kind: 'commit'; readonly app: App }
  | { readonly kind: 'look'; readonly stopAfter: number }
  | { readonly kind: 'tick'; readonly ms: number }
  | { readonly kind: 'remove' | 'stop' | 'pause' | 'disconnect' | 'rename' | 'update'; readonly nth: number }
  | { readonly kind: 'edit proxy' | 'forget' | 'flip flag' | 'restart' };

const events: fc.Arbitrary<Event> = fc.oneof(
  { weight: 2, arbitrary: apps.map((app) => ({ kind: 'commit' as const, app })) },
  {
    weight: 8,
    arbitrary: fc.integer({ min: 0, max: 4 }).map((stopAfter) => ({ kind: 'look' as const, stopAfter })),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(1_000, 11_000, 130_000).map((ms) => ({ kind: 'tick' as const, ms })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'remove' as const,
        'stop' as const,
        'pause' as const,
        'disconnect' as const,
        'rename' as const,
        'update' as const,
      ),
      nth: fc.nat(5),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { kind: 'edit proxy' as const },
      { kind: 'forget' as const },
      { kind: 'flip flag' as const },
      { kind: 'restart' as const },
    ),
  },
);

function happen(host: SimulatedHost, event: Event, count: number): void {
  const { world } = host;
  switch (event.kind) {
    case 'commit':
      host.commit(`c${count}`, [event.app]);
      return;
    case 'look':
      host.look(event.stopAfter);
      return;
    case 'tick':
      host.tick(event.ms);
      return;
    case 'restart':
      askRestart(host, 'shop');
      return;
    case 'edit proxy':
      host.world = {
        ...world,
        observed: { ...world.observed, proxy: { ...world.observed.proxy, state: 'edited', routes: [] } },
      };
      return;
    case 'flip flag':
      host.world = {
        ...world,
        observed: {
          ...world.observed,
          proxy: { ...world.observed.proxy, flags: world.observed.proxy.flags.length > 0 ? [] : ['shop.0'] },
        },
      };
      return;
    case 'forget':
      host.world = { ...world, memory: { apps: {}, approvedPrunes: [], containers: {} } };
      return;
    default:
      meddle(host, event.kind, event.nth);
  }
}

test('from every mess a good commit is converged in a bounded number of looks, and then nothing moves', () => {
  fc.assert(
    fc.property(
      fc.array(events, { maxLength: 30 }),
      fc.integer({ min: 0, max: 3 }),
      fc.boolean(),
      (mess, replicas, routed) => {
        const host = new SimulatedHost(aWorld([anApp({ image: 'shop:1', replicas: 2 })]), behave);
        for (const [index, event] of mess.entries()) happen(host, event, index);
        const wanted = anApp({
          image: 'shop:final',
          replicas,
          domains: routed ? [aDomain('shop.test')] : [],
        });
        host.commit('final', [wanted]);
        const looks = host.settle();
        assert.is.not(looks, undefined, 'it comes to rest');
        const { containers } = host.world.observed;
        assert.equal(
          containers.map((one) => [one.imageId, one.state, one.replica, isPublished(one)]),
          Array.from({ length: replicas }, (_, index) => ['sha256:shop:final', 'running', index, true]),
        );
        const again = decide(host.world);
        assert.equal(stepsOf(again), []);
        const wakeAt = again.wakeAt ?? host.world.now + 1_000_000;
        assert.equal(
          decide({ ...host.world, now: wakeAt - 1 }),
          again,
          'it holds until it wants to be looked at',
        );
        assert.equal(
          again.apps.map(({ sync, health, differences }) => [sync, health, differences]),
          [['Synced', 'Healthy', []]],
        );
        const dialled = host.world.observed.proxy.routes.flatMap((route) =>
          route.upstreams.map((up) =>
            host.world.observed.proxy.flags.includes(`shop.${up.replica}`) ? up.flagged : up.plain,
          ),
        );
        assert.equal(
          dialled.sort(),
          (routed ? containers : []).map((one) => `${one.live.address}:8080`).sort(),
        );
      },
    ),
    { numRuns: runs, includeErrorInReport: true },
  );
});

/** Requests reach a container that passed its gate: the property that start-first is there for. */
function isServed(host: SimulatedHost): boolean {
  const { proxy, containers } = host.world.observed;
  const dials = proxy.routes.flatMap((route) =>
    route.upstreams.map((up) => (proxy.flags.includes(`shop.${up.replica}`) ? up.flagged : up.plain)),
  );
  return (
    dials.length > 0 &&
    dials.every((dial) =>
      containers.some(
        (one) => `${one.live.address}:8080` === dial && one.state === 'running' && isPublished(one),
      ),
    )
  );
}

test('with start-first every dialled slot is answered by a verified container at every step, whatever is committed', () => {
  const commits = fc.array(
    fc.record({
      image: images,
      replicas: fc.integer({ min: 1, max: 3 }),
      looks: fc.integer({ min: 0, max: 12 }),
      tick: fc.constantFrom(0, 5_000, 130_000),
      stopAfter: fc.integer({ min: 0, max: 5 }),
    }),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(commits, fc.boolean(), (all, sharesFlags) => {
      const wanted = (image: string, replicas: number) =>
        anApp({ image, replicas, domains: [aDomain('shop.test')] });
      const host = new SimulatedHost(aWorld([wanted('shop:1', 2)]), behave);
      const { observed } = host.world;
      host.world = { ...host.world, observed: { ...observed, proxy: { ...observed.proxy, sharesFlags } } };
      host.settle();
      assert.ok(isServed(host));
      all.forEach(({ image, replicas, looks, tick, stopAfter }, index) => {
        host.commit(`c${index}`, [wanted(image, replicas)]);
        for (let count = 0; count < looks; count += 1) {
          host.look(count === 2 ? stopAfter : undefined);
          assert.ok(isServed(host), `commit ${index}, look ${count}: ${host.done.slice(-6).join(', ')}`);
          if (count % 3 === 2) host.tick(tick);
        }
      });
    }),
    { numRuns: runs, includeErrorInReport: true },
  );
});

test('a failed release is tried once, and the last healthy one is whole again', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('shop:bad', 'shop:exit'),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom('start-first' as const, 'stop-first' as const),
      (image, replicas, order) => {
        const base = anApp({ replicas, domains: [aDomain('shop.test')] });
        const app = (tag: string) => ({
          ...base,
          deploy: { ...base.deploy, order },
          container: { ...base.container, image: tag },
        });
        const host = new SimulatedHost(aWorld([app('shop:1')]), behave);
        host.settle();
        host.commit('c1', [app(image)]);
        host.settle();
        const pulls = host.done.filter((step) => step === 'shop pull').length;
        assert.is(pulls, 2, 'one pull for each release');
        assert.equal(
          host.world.observed.containers.map((one) => [one.imageId, one.state]),
          Array.from({ length: replicas }, () => ['sha256:shop:1', 'running']),
        );
        const plan = host.look();
        assert.is(plan.apps[0]?.operation, 'RolledBack');
        assert.is(plan.apps[0]?.sync, 'OutOfSync');
        assert.is(plan.apps[0]?.health, 'Healthy');
        assert.equal(stepsOf(plan), []);
      },
    ),
    { numRuns: 30, includeErrorInReport: true },
  );
});

test.run();
