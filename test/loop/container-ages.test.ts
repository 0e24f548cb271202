import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ContainerAges } from '../../src/loop/container-ages.ts';
import type { Container } from '../../src/observed/observed.ts';

const hour = 3_600_000;

/** Ages by a steady clock that a test moves. */
function aClock() {
  let steady = 0;
  const ages = new ContainerAges(() => steady);
  const measure = (now: number, startedAt: number, state = 'running', finishedAt = 0) =>
    ages.measure([{ id: 'a', state, startedAt, finishedAt } as Container], now).a;
  const pass = (milliseconds: number) => {
    steady += milliseconds;
  };
  return { measure, pass };
}

test('what ran before it was first seen counts', () => {
  const { measure, pass } = aClock();
  assert.is(measure(10_000, 4_000), 6_000);
  pass(500);
  assert.is(measure(10_500, 4_000), 6_500);
});

test('a clock that is set forward or back changes no age', () => {
  const { measure, pass } = aClock();
  assert.is(measure(hour, hour - 1_000), 1_000);
  for (const now of [2 * hour, 0, 400 * 24 * hour]) {
    pass(1_000);
    measure(now, hour - 1_000);
  }
  assert.is(measure(hour, hour - 1_000), 4_000);
});

test('a start that the clock has still to come to is one of just now', () => {
  const { measure, pass } = aClock();
  assert.is(measure(0, hour), 0);
  pass(1_000);
  assert.is(measure(1_000, hour), 1_000);
});

test('another start or an end is counted anew, and what never started has no age', () => {
  const { measure, pass } = aClock();
  measure(10_000, 1);
  pass(1_000);
  assert.is(measure(11_000, 10_500), 500);
  assert.is(measure(11_000, 10_500, 'exited', 10_900), 100);
  assert.is(measure(11_000, 0, 'created'), undefined);
});

test.run();
