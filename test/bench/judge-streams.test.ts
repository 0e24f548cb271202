import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContainerEvent } from '../../bench/container-events.ts';
import { judgeStreams } from '../../bench/judge-streams.ts';
import type { StreamEnd } from '../../bench/stream-client.ts';

/** Two apps that are updated side by side: `ash` is switched at 1000, `birch` at 5000. */
const events = [
  made('a1', 'ash', 0, 0),
  made('b1', 'birch', 0, 0),
  made('c1', 'ash', 1, 0),
  made('a2', 'ash', 0, 900),
  made('b2', 'birch', 0, 4_900),
];
const switches = [
  { app: 'ash', replica: 0, at: 1_000 },
  { app: 'birch', replica: 0, at: 5_000 },
];

test('a stream may be cut with its container when the drain is over, and not before', () => {
  const kept = stream('a1', 500, 2_000);
  const early = stream('a1', 500, 1_999);
  const judged = judge(kept, early);
  assert.equal(judged.drained, [kept]);
  assert.equal(judged.through, [kept, early]);
  assert.is(judged.faults.length, 1);
  assert.match(judged.faults[0] ?? '', /cut 999 ms after its switch/);
});

test('the switch of another app or replica is no reason to cut a stream', () => {
  assert.match(judge(stream('b1', 500, 3_000)).faults[0] ?? '', /cut -2000 ms after its switch/);
  assert.match(judge(stream('c1', 500, 3_000)).faults[0] ?? '', /though nothing took its place/);
});

test('a stream that came to its own end is no fault, and counts when its replica was switched meanwhile', () => {
  const [through, after] = [stream('a1', 500, 1_100, true), stream('a2', 1_200, 1_300, true)];
  const judged = judge(through, after);
  assert.equal(judged.faults, []);
  assert.equal(judged.through, [through]);
});

function judge(...streams: readonly StreamEnd[]) {
  return judgeStreams(streams, events, { switches, drain: 1_000 });
}

function made(container: string, app: string, replica: number, at: number): ContainerEvent {
  return { at, action: 'create', container, app, specHash: '', replica };
}

function stream(container: string, openedAt: number, endedAt: number, complete = false): StreamEnd {
  return { kind: 'events', release: 1, container, openedAt, endedAt, complete };
}

test.run();
