import type { Check } from './check.ts';
import { filesOf } from './promises.ts';
import type { PartFigures, Proof } from './proof.ts';
import type { Figure } from './workbench.ts';

export type Form = Proof['form'];

/** One run of its own: what is started, how long it may take, and how its report is read. */
export interface ProofRun {
  readonly name: string;
  readonly title: string;
  /** Minutes. */
  readonly limit: Readonly<Record<Form, number>>;
  /** Besides the product, what its result follows from: as long as none of it changed, the result stands. */
  readonly madeOf: readonly string[];
  command(form: Form, seed: number): Command;
  /** From what it wrote; an empty text when it wrote nothing. */
  read(from: { readonly report: string; readonly output: string }): Reading;
}

export interface Command {
  /** As a person types it after `npm`. */
  readonly typed: readonly string[];
  readonly script: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How it is told where its report goes. */
  readonly report?: { readonly option: string } | { readonly variable: string };
}

export type Reading = Pick<Proof, 'checks' | 'figures' | 'faults'>;

/** What the bench measures with; not the page that is made of it. */
const benchFiles = [
  ...['bench', 'test', '.ci'],
  ...['marks', 'promises', 'proofs', 'prove', 'results-page', 'run-proof'].map(
    (file) => `:!bench/${file}.ts`,
  ),
  ':!bench/*.md',
];

export const proofRuns: readonly ProofRun[] = [
  {
    name: 'faults',
    title: 'Faults, injected for real',
    limit: { long: 34, short: 4 },
    madeOf: ['test', '.ci'],
    command: (form, seed) => ({
      ...npmRun('faults', '.ci/faults.ts', [
        '--seed',
        String(seed),
        ...(form === 'short' ? ['--short'] : []),
      ]),
      report: { variable: 'FAULTS_REPORT' },
    }),
    read: readFaults,
  },
  {
    name: 'model',
    title: 'The model: schedules of faults, and every small world',
    limit: { long: 8, short: 2 },
    madeOf: ['test/model', 'test/plan'],
    command: (form, seed) => ({
      ...npmRun('model', 'test/model/run.ts', [
        ...['--seed', String(seed)],
        ...(form === 'short'
          ? ['--steps', '150000', '--seconds', '60']
          : ['--steps', '5000000', '--seconds', '420', '--walks', 'long']),
      ]),
      report: { option: '--json' },
    }),
    read: readModel,
  },
  {
    name: 'corpus',
    title: 'Bad input, and properties over any input',
    limit: { long: 6, short: 3 },
    madeOf: ['test', '.ci'],
    command: (form) => testFiles(form, [...corpora, ...filesOf('corpus')]),
    read: readTests,
  },
  {
    name: 'scenes',
    title: 'Whole controllers on a real engine',
    limit: { long: 8, short: 6 },
    madeOf: ['test', '.ci'],
    command: (form) => testFiles(form, filesOf('scenes')),
    read: readTests,
  },
  {
    name: 'downtime',
    title: 'Zero downtime',
    limit: { long: 18, short: 4 },
    madeOf: benchFiles,
    command: (form) =>
      bench([
        ...['rollouts', 'broken'],
        ...(form === 'short'
          ? ['--rollouts', '5', '--broken', '13']
          : ['--rollouts', '200', '--broken', '100']),
      ]),
    read: readBench,
  },
  {
    name: 'speed',
    title: 'Speed, side by side',
    limit: { long: 16, short: 6 },
    madeOf: benchFiles,
    command: (form) => bench([...speedParts, ...(form === 'short' ? shortSizes : longSizes)]),
    read: readBench,
  },
  {
    name: 'memory',
    title: 'Memory and start-up',
    limit: { long: 10, short: 4 },
    madeOf: benchFiles,
    command: (form) =>
      bench([
        'memory',
        ...(form === 'short'
          ? ['--apps', '10', '--repetitions', '2']
          : ['--apps', '100,1000', '--repetitions', '5']),
      ]),
    read: readBench,
  },
];

const corpora = [
  'test/desired/corpus',
  'test/cli/corpus',
  'test/api/corpus',
  'test/history/corpus',
  'test/webhooks/corpus',
];
const speedParts = ['noop', 'beside', 'plan', 'reading'];
const longSizes = ['--apps', '10,100,1000', '--beside', '50', '--repetitions', '7'];
const shortSizes = ['--apps', '10', '--beside', '3', '--repetitions', '2'];

/** How a person repeats it alone. */
export function typedCommand({ typed, env = {} }: Command): string {
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...set, 'npm', ...typed].join(' ');
}

function npmRun(name: string, script: string, args: readonly string[]): Command {
  return { typed: ['run', name, '--', ...args], script, args };
}

function bench(args: readonly string[]): Command {
  return { ...npmRun('bench', 'bench/run.ts', args), report: { option: '--json' } };
}

function testFiles(form: Form, filters: readonly string[]): Command {
  const args = [...new Set(filters)].sort();
  const env = form === 'long' ? { PROPERTY_RUNS: '2000' } : {};
  return { typed: ['test', '--', ...args], script: '.ci/test.ts', args, env };
}

function readFaults({ report }: { readonly report: string }): Reading {
  if (report === '') return nothing;
  const { kinds, passed, failed } = JSON.parse(report) as {
    readonly kinds: readonly {
      readonly kind: string;
      readonly injected: number;
      readonly held: number;
      readonly seeds: readonly number[];
    }[];
    readonly passed: number;
    readonly failed: number;
  };
  return {
    checks: kinds.map(({ kind, injected, held, seeds }) => ({
      ...{ name: kind, tried: injected, held, of: 'faults' },
      seeds: `seed ${seeds.join(', ')}`,
    })),
    figures: [],
    faults: failed > 0 ? [`${failed} of ${passed + failed} tests failed`] : [],
  };
}

function readModel({ report }: { readonly report: string }): Reading {
  if (report === '') return nothing;
  const told = JSON.parse(report) as {
    readonly seed: number;
    readonly jobs: number;
    readonly schedules: number;
    readonly looks: number;
    readonly planned: number;
    readonly performed: number;
    readonly longestRest: number;
    readonly events: Readonly<Record<string, number>>;
    readonly failures: readonly { readonly seed: number; readonly rule: string }[];
    readonly walks: readonly {
      readonly name: string;
      readonly states: number;
      readonly transitions: number;
      readonly performed: number;
      readonly longest: number;
      readonly broken?: { readonly rule: string };
    }[];
  };
  const { seed, schedules, failures, walks, events } = told;
  const walked = walks.reduce((sum, { performed }) => sum + performed, 0);
  const count = (name: string, value: number): Figure => ({ name, unit: '', samples: [value] });
  return {
    checks: [
      {
        ...{ name: 'schedules', tried: schedules, held: schedules - failures.length, of: 'schedules' },
        seeds: `seeds ${seed} to ${seed + schedules - 1}`,
      },
      ...walks.map(({ name, states, broken }) => ({
        ...{ name: `walk: ${name}`, tried: states, held: broken ? 0 : states, of: 'states' },
      })),
    ],
    figures: [
      {
        part: 'schedules and walks',
        figures: [
          count('steps done, each judged before and after it', told.performed + walked),
          count('threads', told.jobs),
        ],
      },
      {
        part: 'schedules',
        figures: [
          count('schedules', schedules),
          count('looks', told.looks),
          count('steps planned', told.planned),
          count('steps done', told.performed),
          count('looks to rest after the last fault, at most', told.longestRest),
          ...Object.entries(events)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, times]) => count(`· ${name}`, times)),
        ],
      },
      {
        part: 'walks',
        figures: walks.flatMap(({ name, states, transitions, performed, longest }) => [
          count(`${name}: states`, states),
          count(`${name}: transitions`, transitions),
          count(`${name}: steps done`, performed),
          count(`${name}: looks to rest, at most`, longest),
        ]),
      },
    ],
    faults: [
      ...failures.map((failure) => `seed ${failure.seed}: ${failure.rule}`),
      ...walks.flatMap(({ name, broken }) => (broken ? [`walk ${name}: ${broken.rule}`] : [])),
    ],
  };
}

/** The lines of `npm test`: `✓ FILE: 12 passed, 1 failed (3.2 s)`. */
const testLine = /^[✓✗] (.+): (\d+) passed(?:, (\d+) failed)?(?:, (\d+) skipped)? \([\d.]+ s\)$/gm;

function readTests({ output }: { readonly output: string }): Reading {
  const checks = [...output.matchAll(testLine)].map(
    ([, name = '', passed, failed = 0, skipped = 0]): Check => {
      const held = Number(passed);
      return { name, tried: held + Number(failed) + Number(skipped), held, of: 'tests' };
    },
  );
  return {
    checks: checks.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    figures: [],
    faults: checks.flatMap(({ name, tried, held }) =>
      held < tried ? [`${name}: ${tried - held} of ${tried} failed or were skipped`] : [],
    ),
  };
}

/** Figures of the bench that tell how often something was done, where samples do not. */
const counts: Readonly<Record<string, { readonly figure: string; readonly of: string }>> = {
  rollouts: { figure: 'rollouts done', of: 'rollouts' },
  broken: { figure: 'broken updates', of: 'broken updates' },
};

function readBench({ report }: { readonly report: string }): Reading {
  if (report === '') return nothing;
  const { parts } = JSON.parse(report) as {
    readonly parts: readonly (PartFigures & {
      readonly checks: readonly Check[];
      readonly faults: readonly string[];
    })[];
  };
  return {
    checks: parts.flatMap(({ part, figures, checks, faults }) => {
      const counted = counts[part];
      const count = figures.find(({ name }) => name === counted?.figure)?.samples[0];
      const tried = count ?? figures.reduce((sum, { samples }) => sum + samples.length, 0);
      const whole = {
        name: part,
        tried,
        held: faults.length === 0 ? tried : 0,
        of: counted && count !== undefined ? counted.of : 'measurements',
      };
      return [whole, ...checks.map((check) => ({ ...check, name: `${part}: ${check.name}` }))];
    }),
    figures: parts.map(({ part, figures }) => ({ part, figures })),
    faults: parts.flatMap(({ part, faults }) => faults.map((fault) => `${part}: ${fault}`)),
  };
}

const nothing: Reading = { checks: [], figures: [], faults: ['it ended without a report'] };
