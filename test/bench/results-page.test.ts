import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeMarks } from '../../bench/marks.ts';
import { filesOf, judgePromises, promises } from '../../bench/promises.ts';
import type { Proof } from '../../bench/proof.ts';
import { proofRuns } from '../../bench/proofs.ts';
import { formatPage, problemsOf } from '../../bench/results-page.ts';

const kinds = [
  ...[
    'history deleted',
    'SIGKILL at a switch',
    'SIGKILL at a call',
    'SIGKILL again and again',
    'many at once',
  ],
  ...['broken release', 'difficult release', 'engine hangs', 'Caddy gone', 'image missing', 'git unreadable'],
  ...['events lost', 'old version', 'controller out of memory', 'app out of memory', 'ACME fails'],
];
const checksOf: Readonly<Record<string, readonly string[]>> = {
  faults: kinds,
  model: ['schedules', 'walk: an update'],
  corpus: filesOf('corpus'),
  scenes: filesOf('scenes'),
  downtime: ['rollouts', 'rollouts: wrk, keep-alive, in rollouts', 'broken'],
};

function proof(name: string, over: Partial<Proof> = {}): Proof {
  const checks = (checksOf[name] ?? []).map((check) => ({ name: check, tried: 3, held: 3, of: 'tests' }));
  return {
    ...{ name, command: `npm run ${name}`, form: 'long', commit: 'abc', at: '2026-01-01T00:00:00.000Z' },
    ...{ load: 0.1, seconds: 5, checks, figures: [], faults: [] },
    ...over,
  };
}

const all = proofRuns.map(({ name }) => proof(name));
const without = (name: string, ...instead: readonly Proof[]) => [
  ...all.filter((one) => one.name !== name),
  ...instead,
];

test('twelve promises are shown when every check of every proof held', () => {
  assert.is(promises.length, 12);
  assert.equal(problemsOf(all), []);
  assert.ok(judgePromises(all).every(({ isShown }) => isShown));
});

test('a proof that did not run shows nothing, and is a problem', () => {
  const problems = problemsOf(without('model'));
  assert.ok(problems.includes('model did not run'));
  assert.ok(problems.some((problem) => problem.startsWith('not shown: Crash-only')));
  assert.match(page(without('model')), '**Did not run**');
});

test('a check that failed once, was never tried, or is not there shows nothing', () => {
  const checks = proof('downtime').checks;
  const bad = [
    checks.map((check) => ({ ...check, held: 2 })),
    checks.map((check) => ({ ...check, tried: 0, held: 0 })),
    checks.slice(1),
  ];
  for (const one of bad) {
    const judged = judgePromises(without('downtime', proof('downtime', { checks: one })));
    assert.equal(
      judged.filter(({ isShown }) => !isShown).map(({ promise }) => promise.split(':')[0]),
      one.length < checks.length
        ? ['Gapless updates']
        : ['Gapless updates', 'Rollback that the loop respects'],
    );
  }
});

test('a fault is told on the page, and is a problem', () => {
  const proofs = without('speed', proof('speed', { faults: ['noop: looks without news sent 3 calls'] }));
  assert.equal(problemsOf(proofs), ['speed: noop: looks without news sent 3 calls']);
  assert.match(page(proofs), 'looks without news sent 3 calls');
});

test('a mark is judged by the median or the ratio that was measured, and says when there is none', () => {
  const figures = [
    { name: 'bare', unit: 'ms' as const, samples: [100, 100, 100] },
    { name: 'ours', unit: 'ms' as const, samples: [110, 120, 130], against: 'bare' },
  ];
  const mark = (atMost: number, figure = 'ours') => ({ part: 'p', figure, of: '×' as const, atMost });
  const judged = judgeMarks([{ part: 'p', figures }], [mark(1.2), mark(1.1), mark(9, 'theirs')]);
  assert.equal(
    judged.map(({ measured, isReached }) => [measured, isReached]),
    [
      ['1.2×', true],
      ['1.2×', false],
      [undefined, false],
    ],
  );
});

test('the test files that promises name are there', () => {
  assert.equal(
    [...filesOf('corpus'), ...filesOf('scenes')].filter((file) => !existsSync(file)),
    [],
  );
});

test('lines of the test command are read, and a failed or skipped test is a fault', () => {
  const corpus = proofRuns.find(({ name }) => name === 'corpus');
  const output =
    '✓ test/a.test.ts: 12 passed (0.3 s)\n  faults: none\n✗ test/b.test.ts: 1 passed, 2 failed, 1 skipped (9.0 s)\n';
  const read = corpus?.read({ report: '', output });
  assert.equal(read?.checks, [
    { name: 'test/a.test.ts', tried: 12, held: 12, of: 'tests' },
    { name: 'test/b.test.ts', tried: 4, held: 1, of: 'tests' },
  ]);
  assert.equal(read?.faults, ['test/b.test.ts: 3 of 4 failed or were skipped']);
});

function page(proofs: readonly Proof[]): string {
  const facts = { machine: {}, command: 'npm run prove', at: '', load: [0, 0, 0] };
  return formatPage(facts, proofs);
}

test.run();
