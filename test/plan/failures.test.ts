import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { App } from '../../src/desired/app.ts';
import type { Failure } from '../../src/observed/memory.ts';
import type { Plan, World } from '../../src/plan/plan.ts';
import { hashOf } from '../../src/plan/release.ts';
import { anApp, aWorld, SimulatedHost } from './worlds.ts';

const app = anApp({ image: 'shop:1' });

/** A host on which an app is as git wants it. */
function settled(wanted: App): SimulatedHost {
  const host = new SimulatedHost(aWorld([wanted]));
  assert.ok(host.settle());
  return host;
}

function withFailure(world: World, over: Partial<Failure>): World {
  const failure: Failure = {
    kind: 'transient',
    step: 'start',
    reason: 'EngineUnreachable',
    message: 'its answer was lost',
    count: 3,
    at: world.now,
    nextRetry: world.now + 60_000,
    ...over,
  };
  const shop = { restarts: {}, ...world.memory.apps.shop, failure };
  return { ...world, memory: { ...world.memory, apps: { ...world.memory.apps, shop } } };
}

const reasonIn = ({ apps: [shop] }: Plan) => shop?.conditions.find(({ type }) => type === 'Ready')?.reason;

for (const kind of ['transient', 'terminal'] as const)
  for (const wanted of [app, anApp({ ...app, state: 'stopped' })])
    test(`a ${kind} failure of what is done all the same is forgotten: ${wanted.state}`, () => {
      const host = settled(wanted);
      host.world = withFailure(host.world, { kind, specHash: hashOf(wanted) });
      const [first, next] = [host.look(), host.look()];
      assert.equal(first.apps[0]?.records, [{ kind: 'lift', what: 'failure' }]);
      assert.equal(first.apps[0]?.steps, []);
      assert.is(reasonIn(next), 'Reconciled');
      assert.is(host.world.memory.apps.shop?.failure, undefined);
    });

test('what failed and is still to be done waits for its retry, and says so', () => {
  const host = settled(app);
  const containers = host.world.observed.containers.map((one) => ({ ...one, state: 'exited' as const }));
  const down = { ...host.world, observed: { ...host.world.observed, containers } };
  host.world = withFailure(down, { specHash: hashOf(app) });
  for (let looks = 0; looks < 3; looks += 1) {
    const plan = host.look();
    assert.equal(plan.apps[0]?.records, []);
    assert.is(reasonIn(plan), 'EngineUnreachable');
  }
  assert.is(host.world.memory.apps.shop?.failure?.count, 3);
});

test.run();
