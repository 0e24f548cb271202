import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter } from '../../src/api/rate-limiter.ts';

const minute = 60_000;

test('after the wait that it says one more is allowed, and not a second before', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 300 }),
      (most, gaps) => {
        let now = 1_700_000_000_000;
        const limiter = new RateLimiter(most, () => now);
        for (const gap of gaps) {
          now += gap;
          const wait = limiter.take('a');
          if (wait === undefined) continue;
          const at = now;
          now = at + wait * 1000;
          assert.is(limiter.waitOf('a'), undefined, `${wait} s were not enough`);
          now = at + (wait - 1) * 1000;
          assert.is.not(limiter.waitOf('a'), undefined, `${wait} s were more than needed`);
          now = at;
        }
      },
    ),
  );
});

test('in no minute more than twice the limit comes in, and over many no more than the limit a minute', () => {
  let now = 1_700_000_000_000;
  const limiter = new RateLimiter(60, () => now);
  const taken: number[] = [];
  for (let tick = 0; tick < 600; tick += 1) {
    for (let burst = 0; burst < 5; burst += 1) if (limiter.take('a') === undefined) taken.push(now);
    now += 1000;
  }
  for (const at of taken) assert.ok(taken.filter((one) => one >= at && one < at + minute).length <= 120);
  assert.ok(taken.length <= 11 * 60, `${taken.length} in ten minutes`);
  assert.ok(taken.length >= 8 * 60, `${taken.length} in ten minutes`);
});

test('a hundred thousand addresses do not fill the memory, and who asks is not forgotten for them', () => {
  const limiter = new RateLimiter(2, () => 1_700_000_000_000, 1_000);
  for (let index = 0; index < 100_000; index += 1) {
    limiter.take(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
    if (index % 500 === 0) limiter.count('192.0.2.1');
  }
  assert.is(limiter.tracked, 1_000);
  assert.is.not(limiter.waitOf('192.0.2.1'), undefined);
});

test('a clock that goes back begins anew', () => {
  let now = 1_700_000_000_000;
  const limiter = new RateLimiter(1, () => now);
  limiter.take('a');
  assert.is.not(limiter.take('a'), undefined);
  now -= 10 * minute;
  assert.is(limiter.take('a'), undefined);
});

test.run();
