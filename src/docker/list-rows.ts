import { hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';
import { brokenOff, read } from './ask.ts';
import { label } from './labels.ts';

/** What the engine lists of one instance. */
export interface Listed {
  /** The same for the same answer, byte by byte. */
  readonly digest: string;
  /** Taken apart when it is asked for; throws an `EdgeError` for what is no list. */
  rows(): readonly ContainerInfo[];
}

const call = { operation: 'list', object: 'containers' };

/**
 * All containers with the instance's label, in one call. An answer that is known already need not be taken apart, which
 * would cost as much as the rest of a look at a host where nothing happened.
 */
export async function listRows(docker: Docker, instance: string): Promise<Listed> {
  const filters = { label: [`${label.instance}=${instance}`] };
  const bytes = await read(call, (abortSignal) => listed(docker, { all: true, filters }, abortSignal), {
    bytes: true,
  });
  const text = bytes ?? Buffer.from('[]');
  return {
    digest: hash('sha256', text),
    rows() {
      try {
        return JSON.parse(text.toString()) as readonly ContainerInfo[];
      } catch {
        throw brokenOff(call);
      }
    },
  };
}

/** As dockerode's `listContainers` asks, without what it makes of the answer. */
async function listed(docker: Docker, options: object, abortSignal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Readable>();
  const question = {
    path: '/containers/json?',
    method: 'GET',
    isStream: true,
    statusCodes: { 200: true, 400: 'bad parameter', 500: 'server error' },
    options,
    abortSignal,
  };
  docker.modem.dial(question, (error: unknown, answer: unknown) =>
    error ? reject(error) : resolve(answer as Readable),
  );
  return Buffer.concat(await Array.fromAsync<Buffer>(await promise));
}
