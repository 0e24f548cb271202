import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

export interface TestResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** Why it failed beyond what its own tests say. */
  readonly problem?: string;
  readonly output: string;
}

const mostOutput = 2_000_000;
const running = new Set<ChildProcess>();

/**
 * Runs one test file in a process group of its own, because uvu knows no deadline. What is left of the group
 * when the file is done, or late, is ended.
 */
export async function runTestFile(file: string, deadlineMs: number): Promise<TestResult> {
  const startedAt = performance.now();
  // The group gives its pid to the file's own children too: `detached` makes it the leader.
  const child = spawn(process.execPath, [file], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: testEnvironment(),
  });
  running.add(child);
  let output = '';
  const take = (text: string): void => {
    if (output.length < mostOutput) output += text;
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);

  const { late, code, signal } = await ended(child, deadlineMs);
  running.delete(child);
  const seconds = (performance.now() - startedAt) / 1000;
  const counts = countTests(output);
  const problem = late
    ? `did not end within ${deadlineMs / 1000} s`
    : describeEnd({
        code,
        signal,
        tests: counts.passed + counts.failed + counts.skipped,
        failed: counts.failed,
      });
  const failed = problem === undefined ? counts.failed : Math.max(counts.failed, 1);
  return { ...counts, failed, seconds, output, ...(problem === undefined ? {} : { problem }) };
}

/** Ends every test file that is under way, with its children. */
export function endTestFiles(): void {
  for (const child of running) endGroup(child);
}

async function ended(
  child: ChildProcess,
  deadlineMs: number,
): Promise<{ late: boolean; code: number | null; signal: NodeJS.Signals | null }> {
  const cancel = new AbortController();
  const exit = Promise.withResolvers<{ code: number | null; signal: NodeJS.Signals | null }>();
  const close = Promise.withResolvers<void>();
  child.once('exit', (code, signal) => exit.resolve({ code, signal }));
  child.once('close', () => close.resolve());
  const deadline = delay(deadlineMs, 'late' as const, { signal: cancel.signal }).catch(() => 'late' as const);
  const late = (await Promise.race([exit.promise, deadline])) === 'late';
  cancel.abort();
  // A child that it forgot would also keep our pipes open for ever.
  endGroup(child);
  await close.promise;
  return { late, ...(await exit.promise) };
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // Nobody is left in the group.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Reads uvu's own summary, the last one in the output. */
function countTests(output: string): { passed: number; failed: number; skipped: number } {
  const summary = [...output.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm)].at(
    -1,
  );
  const [total = 0, passed = 0, skipped = 0] = (summary ?? []).slice(1).map(Number);
  return { passed, failed: total - passed, skipped };
}

function describeEnd(end: {
  code: number | null;
  signal: string | null;
  tests: number;
  failed: number;
}): string | undefined {
  if (end.signal !== null) return `was ended by ${end.signal}`;
  if (end.tests === 0) return `ran no test (exit code ${end.code})`;
  if (end.code !== 0 && end.failed === 0) return `ended with exit code ${end.code}`;
  return undefined;
}

/** Nothing that the user configured for a real controller reaches a test. */
function testEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PLIMSOLL_|FORCE_COLOR$)/.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1' };
}
