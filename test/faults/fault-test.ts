import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'uvu';
import { lastSteps } from './oracle.ts';
import { seed } from './seeded.ts';
import { Stage } from './stage.ts';

interface FaultTest {
  /** Which kind of fault of the results it belongs to. */
  readonly kind: string;
  readonly name: string;
  /** Only in the long form, which `FAULTS=long` or `all` asks for. */
  readonly long?: true;
  /** What this machine lacks for it: then it is left out, and that is said. */
  readonly unless?: string | undefined;
  /** Goes over the controller's configuration. */
  readonly config?: (stage: Stage) => object | Promise<object>;
}

/** One line for the results of a run. */
export interface FaultRecord {
  readonly kind: string;
  readonly name: string;
  readonly injected: number;
  readonly held: number;
  readonly seed: number;
  readonly seconds: number;
}

/** A part of the kind or the name of the cases that are wanted. */
const only = process.env.FAULTS_ONLY ?? '';

/** Every moment of every call, which takes most of an hour. */
export const isAll = process.env.FAULTS === 'all';
export const isLong = isAll || process.env.FAULTS === 'long';

const cases = { all: 0, chosen: 0 };

/** A test on a stage of its own, which is cleared whatever happens; what it injected is written down. */
export function faultTest(about: FaultTest, body: (stage: Stage) => Promise<void>): void {
  const { kind, name, config, long, unless } = about;
  cases.all += 1;
  if ((long && !isLong) || !`${kind}: ${name}`.includes(only)) return void test.skip(name);
  if (unless !== undefined) {
    say(`left out, as ${unless}: ${name}`);
    return void test.skip(name);
  }
  cases.chosen += 1;
  test(name, async () => {
    const begun = performance.now();
    const stage = await Stage.open(config);
    let failed = false;
    try {
      await body(stage);
    } catch (error) {
      failed = true;
      // At once: the other cases of the file may run into its deadline, and uvu tells only at the end.
      say(`failed: ${name}: ${error instanceof Error ? error.message.slice(0, 1_000) : error}`);
      const explained = stage.host.explain(error);
      explained.message += `\nthe last steps:\n${stepsOf(stage)}`;
      throw explained;
    } finally {
      record(about, stage, (performance.now() - begun) / 1000);
      // What went wrong first is what is told.
      await stage.host.close().catch((error) => {
        if (!failed) throw error;
      });
    }
  });
}

/** A test may fail before there is any history, or because there is none. */
function stepsOf(stage: Stage): string {
  try {
    return lastSteps(stage);
  } catch (error) {
    return String(error);
  }
}

/** Told on a line that the runners show: what is left out is never left out silently. */
export function say(line: string): void {
  process.stdout.write(`\nfaults: ${line}\n`);
}

function record({ kind, name }: FaultTest, { injected, held }: Stage, seconds: number): void {
  const file = process.env.FAULTS_RECORDS;
  if (file === undefined) return;
  const line = { kind, name, injected, held, seed, seconds } satisfies FaultRecord;
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

process.once('exit', () => {
  if (cases.chosen < cases.all)
    say(
      `${basename(process.argv[1] ?? '')}: ${cases.chosen} of ${cases.all} cases; npm run faults has them all`,
    );
});
