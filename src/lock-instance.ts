import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { EdgeError } from './apply/ports.ts';
import { askEngineId } from './docker/engine-version.ts';
import type { EngineAddress } from './docker/find-engine.ts';
import { StateLockedError } from './history/state-lock.ts';

export interface InstanceLock {
  release(): Promise<void>;
}

/**
 * Takes this instance on this engine for this process, whatever its state directory: two controllers of one
 * instance would undo each other's work. Throws `StateLockedError` with the holder's process. What locks is an
 * abstract socket: the kernel drops it however the process ends, and it needs no folder that all may write to, so
 * it also holds between a service, a container in the host's network and a command line. Linux alone has them.
 */
export async function lockInstance(
  instance: string,
  address: EngineAddress,
  docker: Docker,
): Promise<InstanceLock> {
  const servers: Server[] = [];
  const release = async (): Promise<void> => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  };
  if (process.platform !== 'linux') return { release };
  try {
    // By address too: an engine that does not answer yet does not tell who it is.
    for (const key of [placeOf(address), await engineId(docker)])
      if (key !== undefined) servers.push(await hold(instance, key));
    return { release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function hold(instance: string, key: string): Promise<Server> {
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 16);
  const path = `\0plimsoll/${instance}/${hash}`;
  const server = createServer((asker) => {
    asker.on('error', () => asker.destroy());
    asker.end(`${process.pid}\n`);
  });
  try {
    await once(server.listen(path), 'listening');
    return server.unref();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new StateLockedError(`instance ${instance} on ${key}`, await askHolder(path));
  }
}

/** The holder's process, if it says so in time. */
async function askHolder(path: string): Promise<number | undefined> {
  const socket = connect(path);
  socket.setTimeout(1_000, () => socket.destroy(new Error('no answer')));
  try {
    const pid = Number.parseInt(await text(socket), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function placeOf(address: EngineAddress): string {
  return address.kind === 'socket' ? realPath(address.path) : `${address.host}:${address.port}`;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

async function engineId(docker: Docker): Promise<string | undefined> {
  try {
    const id = await askEngineId(docker);
    return id && `engine ${id}`;
  } catch (error) {
    if (error instanceof EdgeError) return undefined;
    throw error;
  }
}
