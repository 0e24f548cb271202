// `npm run model [-- OPTIONS]`: schedules of faults by seed, and walks of every small world.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  longWalks,
  type NamedWalk,
  shortWalks,
  simulateMany,
  type Totals,
  walkAll,
} from './simulate-many.ts';

const usage = `usage: npm run model -- [OPTIONS]

  --steps N      steps to do in schedules; 100000
  --seconds N    stop the schedules after so many seconds, whatever was done
  --seed S       the first schedule's seed, those after it follow; 1
  --schedules N  play this many schedules and not until steps are done; 1 plays a failed one again
  --walks WHICH  short, long or none; short
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
      schedules: { type: 'string', default: 'Infinity' },
      walks: { type: 'string', default: 'short' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const [steps, seconds, seed, schedules] = [values.steps, values.seconds, values.seed, values.schedules].map(
    Number,
  );
  if (steps === undefined || seconds === undefined || seed === undefined || schedules === undefined)
    return 64;
  const begun = performance.now();
  const walks = walkAll({ short: shortWalks, long: longWalks }[values.walks] ?? [], note);
  const from = performance.now();
  let told = from;
  const totals = await simulateMany(
    seed,
    (sum) => {
      const now = performance.now();
      if (now - told > 10_000) note(`${sum.performed} steps in ${sum.schedules} schedules`);
      if (now - told > 10_000) told = now;
      const isPlayed = Number.isFinite(schedules) ? sum.schedules >= schedules : sum.performed >= steps;
      return isPlayed || now - from > seconds * 1000;
    },
    note,
  );
  const result = {
    seed,
    seconds: (performance.now() - begun) / 1000,
    stepsPerSecond: totals.performed / ((performance.now() - from) / 1000),
    walks,
    ...totals,
  };
  process.stdout.write(report(result));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  return totals.failures.length > 0 || walks.some(({ broken }) => broken) ? 1 : 0;
}

interface Result extends Totals {
  readonly seed: number;
  readonly seconds: number;
  readonly stepsPerSecond: number;
  readonly walks: readonly NamedWalk[];
}

function report(result: Result): string {
  const { seed, schedules, performed, planned, looks, longestRest, events, failures, walks } = result;
  const rate = Math.round(result.stepsPerSecond);
  const lines = [
    ...walks.map(
      ({ name, states, transitions, performed: done, longest }) =>
        `walk (${name}): ${states} states, ${transitions} transitions, ${done} steps, at rest after at most ${longest}`,
    ),
    ...walks.flatMap(({ name, broken }) =>
      broken ? [`walk (${name}) is broken: ${broken.rule}`, ...broken.way.map((one) => `  ${one}`)] : [],
    ),
    `${schedules} schedules, seeds ${seed} to ${seed + schedules - 1}: ${performed} steps done of ${planned} planned in ${looks} looks, ${rate} steps a second`,
    `at rest after at most ${longestRest} looks`,
    ...Object.entries(events)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, times]) => `  ${name}: ${times}`),
    ...failures.flatMap(({ seed: failed, rule, events: least, trace }) => [
      `seed ${failed} is broken: ${rule}`,
      ...least.map((event) => `  ${JSON.stringify(event)}`),
      ...trace.map((line) => `    ${line}`),
    ]),
    `${failures.length + walks.filter(({ broken }) => broken).length} failures`,
  ];
  return `${lines.join('\n')}\n`;
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
