// `npm test [-- FILTER…]`: types, lint and every test file whose path holds one of the filters.

import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureMachine, type Machine, MachineError } from './machine.ts';
import { runProgram } from './run-program.ts';
import { endTestFiles, runTestFile, type TestResult } from './test-file.ts';
import { beginTestRun, type TestRun } from './test-run.ts';

interface Item {
  readonly name: string;
  readonly run: () => Promise<TestResult>;
}

/** A hang is told some day; who is only slow, on a busy machine, is waited for. */
const fileDeadline = 10 * 60_000;
const sideBySide = 2;
/** Files that start whole controllers. */
const hosts = ['test/e2e/', 'test/faults/'];
/** So many of them may have failed for want of time on a busy machine. More than that is no chance. */
const mostAgain = 2;

/** What the suite needs of the machine. */
const needs = {
  engine: true,
  caddy: true,
  git: true,
  busybox: true,
  curl: true,
  acme: true,
  registry: true,
  age: true,
  gpg: true,
  ssh: true,
  sshd: true,
  ip: true,
  systemd: true,
  strace: true,
} as const;

const results: { readonly name: string; readonly result: TestResult }[] = [];
/** What failed once, and was asked again. */
const again: string[] = [];
/** Interrupted: nothing more is started. */
let isStopping = false;

process.exitCode = await main(process.argv.slice(2));

async function main(filters: readonly string[]): Promise<number> {
  const items = allItems().filter(({ name }) => matches(name, filters));
  if (items.length === 0) {
    say(`no test file has ${filters.join(' or ')} in its path`);
    return 64;
  }
  // Hundreds of processes read the same sources: what they make of them is kept among the packages.
  process.env.NODE_COMPILE_CACHE ??= resolve('node_modules', '.cache', 'node-compile');
  const machine = await machineOrProblem();
  if (typeof machine === 'string') {
    say(machine);
    return 3;
  }
  try {
    const run = beginTestRun();
    stopOnSignals(machine, run);
    await runAll(items);
    await reportLeftovers(run);
  } finally {
    await machine.stop();
  }
  return summarize();
}

async function machineOrProblem(): Promise<Machine | string> {
  try {
    return await ensureMachine(needs, say);
  } catch (error) {
    if (error instanceof MachineError) return error.message;
    throw error;
  }
}

function allItems(): Item[] {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('test', file))
    .sort();
  return [
    { name: 'types', run: () => runCheck('tsc', ['--noEmit']) },
    { name: 'lint', run: () => runCheck('biome', ['check', '.']) },
    ...files.map((name) => ({ name, run: () => runTestFile(name, fileDeadline) })),
  ];
}

function matches(name: string, filters: readonly string[]): boolean {
  return filters.length === 0 || filters.some((filter) => name.includes(filter));
}

/** Quick ones first: what is wrong there is known soon. Hosts afterwards, so that only hosts disturb each other. */
async function runAll(items: readonly Item[]): Promise<void> {
  const isHost = ({ name }: Item) => hosts.some((folder) => name.startsWith(folder));
  // What takes longest begins first, so that it does not run on alone at the end.
  const isLong = ({ name }: Item) => /crash|push|engine|signals|rollback/.test(name);
  const ofHosts = items.filter(isHost).sort((a, b) => Number(isLong(b)) - Number(isLong(a)));
  for (const waiting of [items.filter((item) => !isHost(item)), [...ofHosts]]) {
    const work = async (): Promise<void> => {
      for (let item = waiting.shift(); item !== undefined && !isStopping; item = waiting.shift())
        await runItem(item);
    };
    await Promise.all(Array.from({ length: sideBySide }, work));
  }
  await runAgain(ofHosts);
}

async function runItem({ name, run }: Item): Promise<void> {
  report(name, await run());
}

/**
 * Hosts share engine, processors and disk with the one beside them: who failed is asked once more, alone. Both answers
 * are printed; the second one counts.
 */
async function runAgain(items: readonly Item[]): Promise<void> {
  const failed = items.filter(({ name }) =>
    results.some((one) => one.name === name && one.result.failed > 0),
  );
  if (failed.length > mostAgain) return;
  for (const item of failed) {
    say(`once more, alone: ${item.name}`);
    again.push(item.name);
    results.splice(
      results.findIndex(({ name }) => name === item.name),
      1,
    );
    await runItem(item);
  }
}

async function runCheck(program: string, args: readonly string[]): Promise<TestResult> {
  const startedAt = performance.now();
  const { code, output } = await runProgram(join('node_modules', '.bin', program), args);
  const seconds = (performance.now() - startedAt) / 1000;
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, seconds, output };
}

async function reportLeftovers(run: TestRun): Promise<void> {
  const found = await run.removeLeftovers();
  if (found.length === 0) return;
  const output = found
    .map(({ kind, name, instance }) => `${kind} ${name} of instance ${instance}\n`)
    .join('');
  report('leftovers on the engine', { passed: 0, failed: 1, skipped: 0, seconds: 0, output });
}

function report(name: string, result: TestResult): void {
  results.push({ name, result });
  const { passed, failed, skipped, seconds, problem, output } = result;
  const counts = [
    `${passed} passed`,
    ...(failed ? [`${failed} failed`] : []),
    ...(skipped ? [`${skipped} skipped`] : []),
  ];
  say(`${failed ? '✗' : '✓'} ${name}: ${counts.join(', ')} (${seconds.toFixed(1)} s)`);
  // Tests that take a sample say which.
  for (const [line] of output.matchAll(/^faults: .*$/gm)) say(`  ${line}`);
  if (failed) say(`${output.trimEnd()}\n${problem ? `${name} ${problem}\n` : ''}`);
}

function summarize(): number {
  const total = (count: 'passed' | 'failed' | 'skipped'): number =>
    results.reduce((sum, { result }) => sum + result[count], 0);
  const failures = results.filter(({ result }) => result.failed > 0);
  if (again.length > 0) say(`\nfailed once beside another, and asked again alone: ${again.join(', ')}`);
  if (failures.length > 0) say(`\nfailed: ${failures.map(({ name }) => name).join(', ')}`);
  const skipped = total('skipped');
  say(`${total('passed')} passed, ${total('failed')} failed${skipped ? `, ${skipped} skipped` : ''}`);
  return failures.length > 0 ? 1 : 0;
}

/** An interrupted run leaves no engine and no containers of its tests behind either. */
function stopOnSignals(machine: Machine, run: TestRun): void {
  const stop = async (code: number): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    endTestFiles();
    await run.removeLeftovers();
    await machine.stop();
    process.exit(code);
  };
  process.on('SIGINT', () => void stop(130));
  process.on('SIGTERM', () => void stop(143));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
