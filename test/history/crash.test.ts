import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockState, StateLockedError } from '../../src/history/state-lock.ts';
import { type Bench, createBench } from './fixture.ts';

const test = suite<{ bench: Bench; children: ChildProcess[] }>('history when its process is killed');

test.before.each((context) => {
  context.bench = createBench();
  context.children = [];
});
test.after.each(async ({ bench, children }) => {
  await Promise.all(children.map(kill));
  bench.end();
});

const program = fileURLToPath(new URL('crash-child.ts', import.meta.url));

/** Starts the child and waits until it says that it is where it is to be killed. */
async function startChild(children: ChildProcess[], ...args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('the child ended early');
    }),
  ]);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function lockError(dir: string): StateLockedError {
  try {
    lockState(dir).release();
  } catch (error) {
    if (error instanceof StateLockedError) return error;
    throw error;
  }
  throw new Error('it could be locked');
}

test('a transaction that was cut off never was, and the journal row before it is closed as interrupted', async ({
  bench,
  children,
}) => {
  const child = await startChild(children, 'write', bench.path);
  await kill(child);
  const history = bench.open();
  assert.equal(
    history.deployments('shop', 10).map(({ id, result }) => [id, result]),
    [['committed', undefined]],
  );
  assert.is(history.memory().apps.shop?.deployment?.id, 'committed');
  assert.equal(history.events({ limit: 10 }), []);
  const step = history.deployment('committed')?.steps[0];
  assert.is(step?.outcome, 'interrupted');
  assert.is(step?.endedAt, bench.time);
});

test('a second controller is refused with the pid of the first, and the lock dies with its holder', async ({
  bench,
  children,
}) => {
  const child = await startChild(children, 'lock', bench.dir);
  const error = lockError(bench.dir);
  assert.is(error.pid, child.pid);
  assert.match(error.message, new RegExp(`process ${child.pid}`));
  await kill(child);
  const lock = lockState(bench.dir);
  assert.is(Number(readFileSync(join(bench.dir, 'lock.pid'), 'utf8')), process.pid);
  assert.is(statSync(join(bench.dir, 'lock.db')).mode & 0o777, 0o600);
  assert.is(lockError(bench.dir).pid, process.pid);
  assert.is(lockError(bench.dir).pid, process.pid, 'a refusal must not loosen the lock');
  lock.release();
  lock.release();
  lockState(bench.dir).release();
});

test('the pid file alone locks nothing', async ({ bench, children }) => {
  lockState(bench.dir).release();
  writeFileSync(join(bench.dir, 'lock.pid'), `${process.pid}\n`);
  const child = await startChild(children, 'lock', bench.dir);
  assert.is(lockError(bench.dir).pid, child.pid);
});

test.run();
