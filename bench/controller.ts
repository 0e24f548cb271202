import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { AppItem } from '../src/api/app-item.ts';
import type { Settings } from './settings.ts';

/** A real controller: the program itself, in a process of its own. */
export interface Controller {
  readonly pid: number;
  /** What its API answers to `/api/v1/PATH`; undefined for everything but a 200. */
  ask<T>(path: string): Promise<T | undefined>;
  /** An app as its API shows it; undefined while there is none, or nobody to ask. */
  app(name: string): Promise<AppItem | undefined>;
  /** Ends it gracefully, and after half a minute not so. */
  stop(): Promise<void>;
}

export const plimsoll = join(dirname(import.meta.dirname), 'src', 'plimsoll.js');

const stopGrace = 30_000;

/** `env` is added to what the controller's process gets; `entry` is another program than the sources. */
export function startController(
  { file, stateDir }: Settings,
  env: NodeJS.ProcessEnv = {},
  entry = plimsoll,
): Controller {
  const logFile = join(dirname(file), 'controller.log');
  const log = openSync(logFile, 'a', 0o600);
  // A process group of its own: ctrl-C is ours to pass on, and a kill takes its Caddy too.
  const child = spawn(process.execPath, [entry, 'controller', '--config', file], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...cleanEnvironment(), ...env },
  });
  closeSync(log);
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  const ask = async <T>(path: string): Promise<T | undefined> => {
    if (child.exitCode !== null) throw new Error(`the controller ended:\n${endOf(logFile)}`);
    return askSocket<T>(join(stateDir, 'plimsoll.sock'), `/api/v1/${path}`);
  };
  return {
    pid: child.pid ?? 0,
    ask,
    app: (name) => ask<AppItem>(`apps/${name}`),
    async stop() {
      if (child.pid === undefined || child.exitCode !== null) return;
      const { pid } = child;
      const kill = setTimeout(() => process.kill(-pid, 'SIGKILL'), stopGrace);
      child.kill('SIGTERM');
      await closed;
      clearTimeout(kill);
    },
  };
}

/** Nothing that the user configured for a real controller reaches the bench's. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PLIMSOLL_|GIT_)/.test(name));
  return Object.fromEntries(kept);
}

/** What the API on a socket answers; undefined for everything but a 200. */
export async function askSocket<T>(socketPath: string, path: string): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const asked = request({ socketPath, path, agent: false, timeout: 5_000 }, async (response) => {
    const body = await text(response).catch(() => '');
    resolve(response.statusCode === 200 ? (JSON.parse(body) as T) : undefined);
  });
  asked.on('timeout', () => asked.destroy());
  asked.on('error', () => resolve(undefined));
  asked.end();
  return promise;
}

function endOf(logFile: string): string {
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}
