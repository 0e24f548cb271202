import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ProxyState } from '../../src/observed/observed.ts';
import { decide } from '../../src/plan/decide.ts';
import type { World } from '../../src/plan/plan.ts';
import { isPublished } from '../../src/plan/release.ts';
import { stepsOf } from '../../src/plan/simulate.ts';
import { aDomain, anApp, aWorld, type Meddling, meddle, SimulatedHost } from './worlds.ts';

/** Something that goes wrong between two looks, or in the middle of one. */
type Fault = (host: SimulatedHost) => void;

const hands: readonly Meddling[] = ['remove', 'stop', 'pause', 'disconnect', 'rename', 'update'];

const faults: readonly (readonly [string, Fault])[] = [
  ...[0, 1, 2, 3].map(
    (steps) => [`crash after ${steps} steps`, (host: SimulatedHost) => void host.look(steps)] as const,
  ),
  ...hands.flatMap((hand) =>
    [0, 1, 2].map(
      (nth) => [`${hand} container ${nth}`, (host: SimulatedHost) => meddle(host, hand, nth)] as const,
    ),
  ),
  ['memory lost', (host) => change(host, { memory: { apps: {}, approvedPrunes: [], containers: {} } })],
  ['Caddy edited', (host) => setProxy(host, { state: 'edited', routes: [] })],
  ['flags lost', (host) => setProxy(host, { flags: [] })],
];

function change(host: SimulatedHost, over: Partial<World>): void {
  host.world = { ...host.world, ...over };
}

function setProxy(host: SimulatedHost, over: Partial<ProxyState>): void {
  const { observed } = host.world;
  change(host, { observed: { ...observed, proxy: { ...observed.proxy, ...over } } });
}

const shop = (tag: string, order: 'start-first' | 'stop-first') => {
  const base = anApp({ image: `shop:${tag}`, replicas: 2, domains: [aDomain('shop.test')] });
  return { ...base, deploy: { ...base.deploy, order } };
};

/** An update from release 1 to 2 with one fault before look `first` and another before look `second`. */
function walk(order: 'start-first' | 'stop-first', schedule: ReadonlyMap<number, Fault>): string {
  const host = new SimulatedHost(aWorld([shop('1', order)]));
  host.settle();
  host.commit('r2', [shop('2', order)]);
  for (let look = 0; look < 14; look += 1) {
    schedule.get(look)?.(host);
    host.look();
    if (look % 4 === 3) host.tick(3_000);
  }
  if (host.settle() === undefined) return 'it never comes to rest';
  const { containers } = host.world.observed;
  const stands = containers
    .map((one) => `${one.imageId} ${one.state} ${one.replica} ${isPublished(one)}`)
    .join(', ');
  if (stands !== 'sha256:shop:2 running 0 true, sha256:shop:2 running 1 true') return `it ends as ${stands}`;
  const again = decide(host.world);
  if (stepsOf(again).length > 0) return 'it is not still';
  return again.apps[0]?.sync === 'Synced' && again.apps[0].health === 'Healthy' ? '' : 'it is not in sync';
}

for (const order of ['start-first', 'stop-first'] as const)
  test(`a ${order} update of two replicas survives every fault at every look`, () => {
    for (let look = 0; look < 14; look += 1)
      for (const [name, fault] of faults)
        assert.is(walk(order, new Map([[look, fault]])), '', `${name} before look ${look}`);
  });

/** `EXHAUSTIVE=1` walks from every look; otherwise from three that stand in different phases. */
const starts = process.env.EXHAUSTIVE === '1' ? [2, 3, 4, 5, 6, 7, 8, 9] : [2, 5];

test('an update survives every two faults in two looks that follow each other', () => {
  for (const look of starts)
    for (const [one, first] of faults)
      for (const [other, second] of faults) {
        const schedule = new Map([
          [look, first],
          [look + 1, second],
        ]);
        assert.is(walk('start-first', schedule), '', `${one} before look ${look}, then ${other}`);
      }
});

test.run();
