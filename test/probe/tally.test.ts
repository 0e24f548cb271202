import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HealthTimings } from '../../src/desired/app.ts';
import { shorten } from '../../src/probe/shorten.ts';
import { count, emptyTally, nextDelay, type Tally } from '../../src/probe/tally.ts';

const timings: HealthTimings = { interval: 5_000, timeout: 3_000, retries: 3, successes: 1, startPeriod: 0 };

/** Answers as `[age in seconds, ok]`. */
function after(answers: readonly (readonly [number, boolean])[], over: Partial<HealthTimings> = {}): Tally {
  return answers.reduce(
    (tally, [age, ok]) =>
      count(tally, { at: 1_000_000 + age * 1_000, ok, detail: '' }, age * 1_000, { ...timings, ...over }),
    emptyTally(1_000_000),
  );
}

const cases: readonly (readonly [string, Parameters<typeof after>, Tally['verdict']])[] = [
  ['knows nothing before the first answer', [[]], 'unknown'],
  ['is healthy after one success', [[[1, true]]], 'healthy'],
  [
    'wants several successes where told',
    [
      [
        [1, true],
        [2, true],
      ],
      { successes: 3 },
    ],
    'unknown',
  ],
  [
    'wants them in a row',
    [
      [
        [1, true],
        [2, false],
        [3, true],
      ],
      { successes: 2 },
    ],
    'unknown',
  ],
  [
    'counts them in a row',
    [
      [
        [1, true],
        [2, false],
        [3, true],
        [4, true],
      ],
      { successes: 2 },
    ],
    'healthy',
  ],
  [
    'does not count quick failures at the start',
    [
      [
        [0.1, false],
        [0.3, false],
        [1, false],
        [2, false],
      ],
    ],
    'unknown',
  ],
  [
    'counts one failure an interval',
    [
      [
        [5, false],
        [6, false],
        [10, false],
        [11, false],
      ],
    ],
    'unknown',
  ],
  [
    'is unhealthy after enough intervals',
    [
      [
        [5, false],
        [10, false],
        [15, false],
      ],
    ],
    'unhealthy',
  ],
  [
    'forgives failures in the start period',
    [
      [
        [5, false],
        [10, false],
        [15, false],
      ],
      { startPeriod: 15_001 },
    ],
    'unknown',
  ],
  [
    'stays healthy over single failures',
    [
      [
        [1, true],
        [6, false],
        [11, false],
        [16, true],
        [21, false],
      ],
    ],
    'healthy',
  ],
  [
    'becomes unhealthy by failures in a row',
    [
      [
        [1, true],
        [6, false],
        [11, false],
        [16, false],
      ],
    ],
    'unhealthy',
  ],
  [
    'counts failures of an old container at once',
    [
      [
        [900, false],
        [905, false],
        [910, false],
      ],
    ],
    'unhealthy',
  ],
  [
    'recovers',
    [
      [
        [5, false],
        [10, false],
        [15, false],
        [20, true],
      ],
    ],
    'healthy',
  ],
];
for (const [name, input, verdict] of cases) {
  test(name, () => {
    assert.is(after(...input).verdict, verdict);
  });
}

test('remembers when the verdict changed, and the last five answers', () => {
  const tally = after([
    [1, true],
    [2, true],
    [3, true],
    [4, true],
    [5, true],
    [6, true],
    [7, true],
  ]);
  assert.is(tally.since, 1_001_000);
  assert.equal(
    tally.attempts.map(({ at }) => at - 1_000_000),
    [3_000, 4_000, 5_000, 6_000, 7_000],
  );
});

test('asks soon and often at the start, then every interval', () => {
  const delays = [0, 1, 2, 5, 10, 1_000].map((made) => Math.round(nextDelay(emptyTally(0), made, timings)));
  assert.equal(delays, [20, 30, 45, 152, 1_000, 1_000]);
  assert.is(nextDelay(emptyTally(0), 10, { ...timings, interval: 300 }), 300);
  assert.is(nextDelay(after([[1, true]]), 1, timings), 5_000);
});

test('asks for a second success an interval after the first: a release that flaps is not healthy at one good moment', () => {
  const several = { ...timings, successes: 5 };
  const once = after([[0.1, true]], several);
  assert.is(once.verdict, 'unknown');
  assert.is(nextDelay(once, 1, several), 5_000);
  const again = after(
    [
      [0.1, true],
      [5.1, false],
    ],
    several,
  );
  assert.ok(nextDelay(again, 2, several) < 5_000, 'nothing good is known of it any more');
});

test('shortens and escapes whatever an app answers', () => {
  assert.is(shorten('a\nb\u001b[31m\u202e'), 'a\\nb\\u001b[31m\\u202e');
  assert.is(shorten('x'.repeat(300)).length, 200);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
      const short = shorten(text);
      assert.ok(short.length <= 200);
      assert.ok(short.isWellFormed());
      assert.not.match(short, /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});

test.run();
