import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { holds } from '../../bench/check.ts';
import { reportRollouts, type Seen } from '../../bench/rollout-report.ts';
import { type StreamEnd, streamKinds } from '../../bench/stream-client.ts';

const answers = {
  requests: 100,
  connect: 0,
  read: 0,
  write: 0,
  timeout: 0,
  wrong: 0,
  p50: 2_000,
  p99: 9_000,
};
const all = { ...answers, max: 20_000 };
const streams = streamKinds.map(
  (kind): StreamEnd => ({ kind, release: 1, container: 'a', openedAt: 1, endedAt: 9, complete: true }),
);
/** One rollout of two replicas, without a fault. */
const seen: Seen = {
  rest: { 'keep-alive': all, close: all },
  busy: { 'keep-alive': all, close: all },
  seconds: [4],
  checked: { requests: 50, failed: 0, late: 0, faults: [], streams },
  judged: { through: streams, drained: [], faults: [] },
  switches: [0, 1].map((replica) => ({ app: 'ash', replica, at: 5 })),
  rollouts: 1,
};

test('when nothing was lost every check holds, and there is no fault', () => {
  const { checks = [], faults, figures } = reportRollouts(seen);
  assert.equal(faults, []);
  assert.ok(checks.every(holds));
  assert.is(new Set(checks.map(({ name }) => name)).size, checks.length);
  const against = figures.flatMap((figure) => figure.against ?? []);
  assert.ok(against.every((name) => figures.some((figure) => figure.name === name)));
});

const [download] = streams as [StreamEnd];
const cut = { ...download, complete: false };
const losses: Readonly<Record<string, Partial<Seen>>> = {
  'wrk, new connections, in rollouts': {
    busy: { 'keep-alive': all, close: { ...all, read: 2, wrong: 1 } },
  },
  'wrk, keep-alive, at rest': { rest: { 'keep-alive': { ...all, requests: 0 }, close: all } },
  'checked: the whole page, of the right app': {
    checked: { ...seen.checked, failed: 1, faults: ['a request failed'] },
  },
  'checked: of no older release after the switch': {
    checked: { ...seen.checked, late: 1, faults: ['an older release answered'] },
  },
  'downloads, not cut before their drain': {
    checked: { ...seen.checked, streams: [...streams, cut] },
    judged: { ...seen.judged, faults: ['a download was cut'] },
  },
  'web sockets, open through the switch of their replica': {
    judged: { ...seen.judged, through: streams.filter(({ kind }) => kind !== 'socket') },
  },
  'switches of a replica, in the history': { switches: seen.switches.slice(1) },
};

for (const [name, over] of Object.entries(losses))
  test(`a loss is told by its check and as a fault: ${name}`, () => {
    const { checks = [], faults } = reportRollouts({ ...seen, ...over });
    assert.equal(
      checks.filter((check) => !holds(check)).map((check) => check.name),
      [name],
    );
    assert.is(faults.length, 1);
  });

test('what is cut when its drain is over is whole', () => {
  const { checks = [], figures } = reportRollouts({
    ...seen,
    checked: { ...seen.checked, streams: [...streams, cut] },
    judged: { through: [...streams, cut], drained: [cut], faults: [] },
  });
  assert.ok(checks.every(holds));
  assert.equal(figures.find(({ name }) => name === 'downloads cut when their drain was over')?.samples, [1]);
});

test.run();
