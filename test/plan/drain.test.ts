import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../src/plan/decide.ts';
import { aDomain, anApp, aWorld, SimulatedHost } from './worlds.ts';

test('a drain counts from when its switch is told as done', () => {
  const host = new SimulatedHost(aWorld([anApp({ domains: [aDomain('shop.test')] })]));
  host.settle();
  host.commit('two', [anApp({ image: 'shop:2', domains: [aDomain('shop.test')] })]);
  const drains = () =>
    decide(host.world).apps.flatMap(({ records }) => records.filter(({ kind }) => kind === 'drain'));
  for (let looks = 0; looks < 20 && drains().length === 0; looks += 1) host.look();
  const { now, observed, desired } = host.world;
  assert.equal(
    drains().map((record) => record.kind === 'drain' && record.since),
    [now],
  );
  const [app] = desired.apps;
  const underway = { [app?.name ?? '']: { what: 'switch', kind: 'switch', since: now } };
  host.world = { ...host.world, observed: { ...observed, underway } };
  assert.equal(drains(), []);
});

test.run();
