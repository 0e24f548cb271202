// `npm run faults [-- --seed N] [--only TEXT] [--short | --all]`: every kind of fault, injected for real, and what came of it.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { FaultRecord } from '../test/faults/fault-test.ts';
import { ensureMachine, MachineError } from './machine.ts';
import { endTestFiles, runTestFile, type TestResult } from './test-file.ts';
import { beginTestRun } from './test-run.ts';

/** What `FAULTS_REPORT` holds. */
interface Report {
  readonly form: 'all' | 'long' | 'short';
  readonly seed: number;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly kinds: readonly (Omit<FaultRecord, 'name' | 'seed'> & { readonly seeds: readonly number[] })[];
}

const usage = `usage: npm run faults                  every fault
       npm run faults -- --short       the sample that npm test takes
       npm run faults -- --all         also every moment of every call, not one by chance; most of an hour
       npm run faults -- --seed N      the points, orders and double faults of an earlier run
       npm run faults -- --only TEXT   cases whose kind or name holds the text
       FAULTS_REPORT=FILE              also writes what came of each kind as JSON
`;
const fileDeadline = 45 * 60_000;
/** A host mostly waits: for health, drains and pauses. */
const sideBySide = 3;
/** What takes longest begins first, so that it does not run on alone at the end. */
const longest = ['crash.test.ts', 'engine.test.ts', 'signals.test.ts'];
const folder = join('test', 'faults');
const needs = {
  engine: true,
  caddy: true,
  git: true,
  busybox: true,
  ip: true,
  acme: true,
  strace: true,
  faketime: true,
} as const;

/** Interrupted: nothing more is started. */
let isStopping = false;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = optionsOrUndefined();
  if (options === undefined || options.help) {
    process.stdout.write(usage);
    return options === undefined ? 64 : 0;
  }
  const records = join(mkdtempSync(join(tmpdir(), 'plimsoll-faults-')), 'records');
  writeFileSync(records, '');
  const seed = Number(options.seed ?? Math.ceil(Math.random() * 2 ** 31));
  const form = options.short ? 'short' : options.all ? 'all' : 'long';
  Object.assign(process.env, {
    FAULTS: form,
    FAULTS_RECORDS: records,
    FAULTS_ONLY: options.only ?? '',
    FAULT_SEED: String(seed),
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? resolve('node_modules', '.cache', 'node-compile'),
  });
  try {
    const machine = await ensureMachine(needs, say);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);
    try {
      return await runAll({ form, seed, records });
    } finally {
      await machine.stop();
    }
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    say(error.message);
    return 3;
  } finally {
    rmSync(join(records, '..'), { recursive: true, force: true });
  }
}

function stop(): void {
  isStopping = true;
  endTestFiles();
}

function optionsOrUndefined() {
  try {
    const options = {
      seed: { type: 'string' },
      only: { type: 'string' },
      short: { type: 'boolean' },
      all: { type: 'boolean' },
      help: { type: 'boolean' },
    } as const;
    const { values } = parseArgs({ options });
    return values.seed === undefined || /^\d+$/.test(values.seed) ? values : undefined;
  } catch {
    return undefined;
  }
}

interface Run {
  readonly form: Report['form'];
  readonly seed: number;
  readonly records: string;
}

async function runAll({ form, seed, records }: Run): Promise<number> {
  const begun = performance.now();
  const run = beginTestRun();
  const files = readdirSync(folder).filter((file) => file.endsWith('.test.ts'));
  const waiting = [...new Set([...longest, ...files])];
  const results: TestResult[] = [];
  say(`${form} form, seed ${seed}; to repeat it: npm run faults -- --seed ${seed}`);
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined && !isStopping; file = waiting.shift()) {
      const result = await runTestFile(join(folder, file), fileDeadline);
      // With `--only`, or in the short form, a file may have none of the cases.
      if (result.passed + result.failed === 0) continue;
      results.push(result);
      tell(file, result);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  const left = await run.removeLeftovers();
  for (const { kind, name } of left) say(`left on the engine: ${kind} ${name}`);
  return summarize({ form, seed, records }, results, {
    left: left.length,
    seconds: (performance.now() - begun) / 1000,
  });
}

function tell(file: string, { passed, failed, seconds, output, problem }: TestResult): void {
  say(`${failed ? '✗' : '✓'} ${file}: ${passed} passed, ${failed} failed (${seconds.toFixed(0)} s)`);
  for (const [line] of output.matchAll(/^faults: .*$/gm)) say(`  ${line}`);
  if (failed) say(`${output.trimEnd()}\n${problem ? `${file} ${problem}` : ''}`);
}

function summarize(
  { form, seed, records }: Run,
  results: readonly TestResult[],
  { left, seconds }: { readonly left: number; readonly seconds: number },
): number {
  const found = readFileSync(records, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): FaultRecord => JSON.parse(line));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0) + left;
  const kinds = [...Map.groupBy(found, ({ kind }) => kind)].sort().map(([kind, of]) => ({
    kind,
    injected: of.reduce((sum, { injected }) => sum + injected, 0),
    held: of.reduce((sum, { held }) => sum + held, 0),
    seconds: Math.round(of.reduce((sum, { seconds }) => sum + seconds, 0)),
    seeds: [...new Set(of.map(({ seed }) => seed))],
  }));
  for (const { kind, injected, held, seconds } of kinds)
    say(`${held === injected ? '✓' : '✗'} ${kind}: ${held} of ${injected} held (${seconds} s)`);
  const report = { form, seed, seconds: Math.round(seconds), passed, failed, kinds } satisfies Report;
  const file = process.env.FAULTS_REPORT;
  if (file) writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  say(`${passed} passed, ${failed} failed`);
  if (results.length === 0) return 64;
  return failed > 0 ? 1 : 0;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
