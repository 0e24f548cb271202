import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SyncWindow } from '../../src/desired/app.ts';
import { windowState } from '../../src/plan/window.ts';

const minute = 60_000;
const at = (time: string) => Date.parse(time);
const allow = (cron: string, minutes: number): readonly SyncWindow[] => [
  { kind: 'allow', cron, duration: minutes * minute, timeZone: 'Europe/Zurich' },
];

/** Every moment of change from one time to another, as it is told ahead. */
function changes(windows: readonly SyncWindow[], from: string, to: string): string[] {
  const found: string[] = [];
  let { open, changesAt } = windowState(windows, at(from));
  while (changesAt !== undefined && changesAt < at(to)) {
    const next = windowState(windows, changesAt);
    if (next.open !== open) found.push(`${new Date(changesAt).toISOString().slice(0, 16)}Z ${next.open}`);
    ({ open, changesAt } = next);
  }
  return found;
}

// Clocks go from 02:00 to 03:00 at 01:00Z on 29 March 2026, and from 03:00 to 02:00 at 01:00Z on 25 October.
for (const [name, windows, day, expected] of [
  [
    'a window over the hour that is left out is as long as ever',
    allow('0 1 * * *', 180),
    '2026-03-29',
    ['2026-03-29T00:00Z true', '2026-03-29T03:00Z false'],
  ],
  ['a window that begins in the hour that is left out stays shut', allow('30 2 * * *', 60), '2026-03-29', []],
  [
    'a window over the hour that comes twice is as long as ever',
    allow('0 1 * * *', 180),
    '2026-10-25',
    // Midnight in Zurich is 22:00Z the day before.
    ['2026-10-24T23:00Z true', '2026-10-25T02:00Z false'],
  ],
  [
    'a window that begins in the hour that comes twice opens twice',
    allow('15 2 * * *', 30),
    '2026-10-25',
    [
      '2026-10-25T00:15Z true',
      '2026-10-25T00:45Z false',
      '2026-10-25T01:15Z true',
      '2026-10-25T01:45Z false',
    ],
  ],
] as const)
  test(`${name}, and every change is told ahead`, () => {
    const from = new Date(at(`${day}T00:00Z`) - 90 * minute).toISOString();
    assert.equal(changes(windows, from, `${day}T12:00Z`), expected);
  });

test.run();
