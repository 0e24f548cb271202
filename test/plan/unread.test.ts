import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { App } from '../../src/desired/app.ts';
import { checkPlan } from '../../src/plan/check-plan.ts';
import { decide } from '../../src/plan/decide.ts';
import type { AppPlan, Plan, Step, World } from '../../src/plan/plan.ts';
import { simulate } from '../../src/plan/simulate.ts';
import { aDomain, anApp, aWorld, SimulatedHost } from './worlds.ts';

const shop = anApp({ replicas: 2, domains: [aDomain('shop.test')] });
const blog = anApp({ name: 'blog', domains: [aDomain('blog.test')] });

function withImage(app: App, image: string): App {
  return { ...app, container: { ...app.container, image } };
}

function aHost(...apps: readonly App[]): SimulatedHost {
  const host = new SimulatedHost(aWorld(apps));
  assert.ok(host.settle() !== undefined);
  return host;
}

/** The engine does not tell about the first container of an app, since the start of the controller or a moment ago. */
function unreadable(world: World, app: string, since: 'ever' | 'now' = 'ever'): World {
  const { containers } = world.observed;
  const [one] = containers.filter((container) => container.app === app);
  if (!one) throw new Error(`${app} has no container`);
  const { id, name } = one;
  const left = since === 'ever' ? containers.filter((container) => container !== one) : containers;
  const unread = [{ id, name, app, message: `inspect ${name}: broken` }];
  return { ...world, observed: { ...world.observed, containers: left, unread } };
}

function planOf({ apps }: Plan, app: string): AppPlan {
  const found = apps.find((one) => one.app === app);
  if (!found) throw new Error(`nothing is planned for ${app}`);
  return found;
}

function readyOf(plan: AppPlan): string | undefined {
  return plan.conditions.find(({ type }) => type === 'Ready')?.reason;
}

function assertHeld(world: World, app: string): Plan {
  const plan = decide(world);
  const { sync, health, steps, records, wakeAt, ...one } = planOf(plan, app);
  assert.equal([sync, health, readyOf(planOf(plan, app))], ['Unknown', 'Unknown', 'ContainerUnreadable']);
  assert.equal([steps, records], [[], []]);
  assert.is(wakeAt, world.now + 5_000);
  assert.match(one.conditions[0]?.message ?? '', /cannot be read: inspect .*: broken/);
  assert.ok((plan.wakeAt ?? Number.POSITIVE_INFINITY) <= world.now + 5_000);
  assert.equal(checkPlan(world, plan), []);
  return plan;
}

for (const since of ['ever', 'now'] as const)
  test(`an app with a container that cannot be read (${since}) is held, and the others go on`, () => {
    const host = aHost(shop, blog);
    const { containers, proxy } = host.world.observed;
    host.commit('r2', [withImage(shop, 'shop:2'), withImage(blog, 'blog:2')]);
    host.world = unreadable(host.world, 'shop', since);
    assert.ok(planOf(assertHeld(host.world, 'shop'), 'blog').steps.length > 0);
    for (let looks = 0; looks < 60; looks += 1) {
      const plan = host.look();
      assert.equal(planOf(plan, 'shop').steps, []);
      host.tick(Math.max(1, (plan.wakeAt ?? 0) - host.world.now));
    }
    const plan = assertHeld(host.world, 'shop');
    assert.is(planOf(plan, 'blog').sync, 'Synced');
    const routes = (all: typeof proxy.routes) => all.filter(({ app }) => app === 'shop');
    assert.equal(routes(host.world.observed.proxy.routes), routes(proxy.routes));
    const others = host.world.observed.containers.filter(({ app }) => app === 'blog');
    host.world = {
      ...host.world,
      observed: {
        ...host.world.observed,
        containers: [...containers.filter(({ app }) => app === 'shop'), ...others],
        unread: [],
      },
    };
    assert.ok(host.settle() !== undefined);
    assert.ok(host.world.observed.containers.every(({ imageId }) => imageId.endsWith(':2')));
  });

test('an app at rest does not stay so when a container of it cannot be read', () => {
  const host = aHost(shop, blog);
  assert.is(planOf(decide(host.world), 'shop').sync, 'Synced');
  assertHeld(unreadable(host.world, 'shop', 'now'), 'shop');
  assert.is(planOf(decide(host.world), 'shop').sync, 'Synced');
});

test('an app that git does not name any more is neither removed nor forgotten before it can be read', () => {
  const host = aHost(anApp(), blog, anApp({ name: 'wiki' }));
  host.commit('r2', [blog, anApp({ name: 'wiki' })]);
  assertHeld(unreadable(host.world, 'shop'), 'shop');
  const forgotten = unreadable(host.world, 'shop');
  assertHeld({ ...forgotten, memory: { ...forgotten.memory, apps: {} } }, 'shop');
});

test('the guard of removals counts who cannot be read', () => {
  const host = aHost(anApp(), blog, anApp({ name: 'wiki' }));
  host.commit('r2', [blog]);
  const plan = assertHeld(unreadable(host.world, 'shop'), 'shop');
  assert.equal(plan.pruneHeld, { apps: ['shop', 'wiki'], owning: 3 });
});

test('a rename waits for the containers under the name before', () => {
  const host = aHost(shop, blog);
  host.commit('r2', [blog, { ...shop, name: 'store', renamedFrom: 'shop' }]);
  const world = unreadable(host.world, 'shop');
  assertHeld(world, 'store');
  assert.equal(decide(world).host, []);
});

test('the flag of a replica that cannot be read is not taken for one that is left over', () => {
  const host = aHost(anApp());
  const { proxy } = host.world.observed;
  const observed = { ...host.world.observed, proxy: { ...proxy, flags: ['shop.0'] } };
  assert.equal(assertHeld(unreadable({ ...host.world, observed }, 'shop'), 'shop').host, []);
});

test('the whole way ends where the engine does not tell', () => {
  const host = aHost(shop, blog);
  host.commit('r2', [shop, withImage(blog, 'blog:2')]);
  const { looks, end } = simulate(unreadable(host.world, 'shop'));
  assert.ok(looks.length > 0);
  assert.ok(end.now - host.world.now < 60_000);
  assert.ok(end.observed.containers.some(({ imageId }) => imageId.endsWith('blog:2')));
});

test('a plan that touches who cannot be read is refused', () => {
  const host = aHost(shop, blog);
  host.commit('r2', [withImage(shop, 'shop:2'), blog]);
  const seen = decide(host.world);
  assert.ok(planOf(seen, 'shop').steps.length > 0);
  const world = unreadable(host.world, 'shop', 'now');
  const refusals = (plan: Plan) => checkPlan(world, plan).map(({ app, message }) => `${app}: ${message}`);
  assert.equal(refusals(seen), ['shop: pull although it is unread']);
  const steps: readonly Step[] = [
    { kind: 'switch', app: 'shop', replica: 0, flagged: true, reason: '', traffic: '' },
    {
      kind: 'load-routes',
      routes: world.observed.proxy.routes.filter(({ app }) => app !== 'shop'),
      reason: '',
      traffic: '',
    },
  ];
  for (const step of steps)
    assert.equal(refusals({ ...decide(world), host: [step] }), [': shop would have others']);
});

test.run();
