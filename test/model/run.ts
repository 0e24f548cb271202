// `npm run model [-- OPTIONS]`: schedules of faults by seed, and walks of every small world.

import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { longWalks, shortWalks } from './simulate-many.ts';
import { type Simulated, simulateSideBySide } from './simulate-side-by-side.ts';

const usage = `usage: npm run model -- [OPTIONS]

  --steps N      steps to do in schedules; 100000
  --seconds N    begin no schedule after so many seconds, whatever was done
  --seed S       the first schedule's seed, those after it follow; 1
  --schedules N  play this many schedules and not until steps are done; 1 plays a failed one again
  --walks WHICH  short, long or none; short
  --jobs N       threads; as many as there are cores, and what comes of it is the same on any number of them
  --json FILE    also writes what came of it
  --help         this
`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      steps: { type: 'string', default: '100000' },
      seconds: { type: 'string', default: 'Infinity' },
      seed: { type: 'string', default: '1' },
      schedules: { type: 'string' },
      walks: { type: 'string', default: 'short' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const begun = performance.now();
  const passed = () => (performance.now() - begun) / 1000;
  const seed = Number(values.seed);
  const jobs = Math.max(1, Number(values.jobs));
  const stopped = stopOnSignals();
  const { walks, totals } = await simulateSideBySide({
    ...{ jobs, seed },
    walks: { short: shortWalks, long: longWalks }[values.walks] ?? [],
    until:
      values.schedules === undefined
        ? { steps: Number(values.steps) }
        : { schedules: Number(values.schedules) },
    isOver: () => passed() >= Number(values.seconds),
    signal: stopped,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const result = { seed, jobs, seconds: passed(), walks, ...totals };
  process.stdout.write(report(result));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  if (stopped.aborted) return 130;
  return totals.failures.length > 0 || walks.some(({ broken }) => broken) ? 1 : 0;
}

/** What was played up to here is told all the same. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  return stop.signal;
}

type Result = Simulated['totals'] & {
  readonly seed: number;
  readonly jobs: number;
  readonly seconds: number;
  readonly walks: Simulated['walks'];
};

function report(result: Result): string {
  const { seed, schedules, performed, planned, looks, longestRest, events, failures, walks } = result;
  const lines = [
    ...walks.map(
      ({ name, states, transitions, performed: done, longest }) =>
        `walk (${name}): ${states} states, ${transitions} transitions, ${done} steps, at rest after at most ${longest}`,
    ),
    ...walks.flatMap(({ name, broken }) =>
      broken ? [`walk (${name}) is broken: ${broken.rule}`, ...broken.way.map((one) => `  ${one}`)] : [],
    ),
    `${schedules} schedules, seeds ${seed} to ${seed + schedules - 1}: ${performed} steps done of ${planned} planned in ${looks} looks`,
    `at rest after at most ${longestRest} looks`,
    ...Object.entries(events).map(([name, times]) => `  ${name}: ${times}`),
    ...failures.flatMap(({ seed: failed, rule, events: least, trace }) => [
      `seed ${failed} is broken: ${rule}`,
      ...least.map((event) => `  ${JSON.stringify(event)}`),
      ...trace.map((line) => `    ${line}`),
    ]),
    `${result.seconds.toFixed(0)} s on ${result.jobs} threads, walks and schedules: ${stepsOfAll(result)} steps done`,
    `${failures.length + walks.filter(({ broken }) => broken).length} failures`,
  ];
  return `${lines.join('\n')}\n`;
}

function stepsOfAll({ performed, walks }: Result): number {
  return walks.reduce((sum, walk) => sum + walk.performed, performed);
}
