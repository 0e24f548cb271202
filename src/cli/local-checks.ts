import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import type { HostStatus } from '../api/host-status.ts';
import { inspectIdentity } from '../secrets/identities.ts';
import { connectApi } from './api-client.ts';
import { type CliContext, CliError, type GlobalOptions } from './context.ts';
import type { Check } from './doctor.ts';

export interface Finding {
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** How to mend it. */
  readonly hint?: string;
  /** It could not even be looked at. */
  readonly unobservable?: true;
}

/** Any clock before this program was written is wrong. */
const earliest = Date.parse('2026-01-01T00:00:00Z');
/** Clocks of one machine and its file systems differ by less. */
const tolerance = 60_000;

/** What is on this machine's disk: looked at without opening anything that a controller holds. */
export function localChecks(context: CliContext, options: GlobalOptions): Check[] {
  const { file, stateDir, instance, identity } = context.config(options);
  const database = `${stateDir}/plimsoll.db`;
  return [
    {
      name: 'config',
      run: async () => ({
        status: 'ok',
        message: `${file ?? 'defaults and environment'}, instance ${instance}`,
      }),
    },
    { name: 'state directory', run: () => checkStateDir(stateDir) },
    ...(identity === undefined ? [] : [{ name: 'identity', run: () => inspectIdentity(identity) }]),
    { name: 'disk', run: () => checkDisk(stateDir) },
    { name: 'database', run: () => checkDatabase(database) },
    { name: 'clock', run: () => checkClock(database) },
    { name: 'controller', run: () => checkController(context, options, stateDir) },
  ];
}

async function checkStateDir(path: string): Promise<Finding> {
  const found = await statOf(path);
  if (!found) return { status: 'ok', message: `${path} is made at the first start` };
  if (!found.isDirectory())
    return { status: 'fail', message: `${path} is no folder`, hint: 'name another stateDir' };
  const mode = found.mode & 0o777;
  if ((mode & 0o077) !== 0)
    return {
      status: 'fail',
      message: `${path} is open to others (mode ${mode.toString(8)})`,
      hint: `chmod 700 ${path}`,
    };
  const isWritable = await access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable)
    return {
      status: 'warn',
      message: `${path} cannot be written by this user`,
      hint: `run as its owner (uid ${found.uid})`,
    };
  return found.uid === process.getuid?.() || process.getuid?.() === 0
    ? { status: 'ok', message: `${path}, mode ${mode.toString(8)}` }
    : {
        status: 'warn',
        message: `${path} belongs to uid ${found.uid}`,
        hint: 'run the controller as its owner',
      };
}

async function checkDisk(stateDir: string): Promise<Finding> {
  const path = await nearestExisting(stateDir);
  const { bavail, blocks, bsize } = await statfs(path);
  const share = blocks === 0 ? 1 : bavail / blocks;
  const message = `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB (${Math.round(share * 100)} %) free at ${path}`;
  const hint = 'remove images that nothing uses: docker image prune';
  if (share < 0.02) return { status: 'fail', message, hint };
  return share < 0.1 ? { status: 'warn', message, hint } : { status: 'ok', message };
}

async function nearestExisting(path: string): Promise<string> {
  return (await statOf(path)) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** Read only, beside a running controller. */
async function checkDatabase(path: string): Promise<Finding> {
  const found = await statOf(path);
  if (!found) return { status: 'ok', message: 'begins at the first start' };
  const database = new DatabaseSync(path, { readOnly: true, timeout: 400 });
  try {
    const [row] = database.prepare('PRAGMA quick_check(1)').all();
    const result = String(row?.quick_check);
    return result === 'ok'
      ? { status: 'ok', message: `${path} is whole (${(found.size / 1024).toFixed(0)} KiB)` }
      : damaged(path, result);
  } catch (error) {
    return damaged(path, error instanceof Error ? error.message : String(error));
  } finally {
    database.close();
  }
}

function damaged(path: string, message: string): Finding {
  return {
    status: 'fail',
    message: `${path}: ${message}`,
    hint: 'restart the controller: it sets a damaged database aside and begins a new one; no container restarts',
  };
}

async function checkClock(database: string): Promise<Finding> {
  const now = Date.now();
  const written = (await statOf(database))?.mtimeMs ?? 0;
  const message = new Date(now).toISOString();
  const hint = 'set the clock and keep it by NTP: timetables, deadlines and certificates depend on it';
  if (now < earliest) return { status: 'fail', message: `${message} is in the past`, hint };
  return written > now + tolerance
    ? { status: 'warn', message: `${message} is before the last write of the database`, hint }
    : { status: 'ok', message };
}

async function checkController(
  context: CliContext,
  options: GlobalOptions,
  stateDir: string,
): Promise<Finding> {
  try {
    const { version, look } = await connectApi(context, options).get<HostStatus>('status');
    const mode = (await statOf(`${stateDir}/plimsoll.sock`))?.mode ?? 0o600;
    return (mode & 0o077) === 0
      ? { status: 'ok', message: `version ${version}, ${look} looks` }
      : { status: 'fail', message: 'its socket is open to other users', hint: 'restart it' };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return {
      status: 'warn',
      message: error.message,
      hint: error.hint ?? 'start one with "plimsoll controller"',
    };
  }
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
