import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { EngineAddress } from '../src/docker/find-engine.ts';

const channel = 'http.client.request.start';

/** Counts the requests that this process sends to the engine while the task runs. */
export async function countCalls(engine: EngineAddress, task: () => Promise<unknown>): Promise<number> {
  let calls = 0;
  const count = (message: unknown): void => {
    if (goesTo(engine, (message as { readonly request: ClientRequest }).request)) calls += 1;
  };
  subscribe(channel, count);
  try {
    await task();
  } finally {
    unsubscribe(channel, count);
  }
  return calls;
}

function goesTo(engine: EngineAddress, request: ClientRequest & { readonly socketPath?: string }): boolean {
  if (engine.kind === 'socket') return request.socketPath === engine.path;
  return request.getHeader('host') === `${engine.host}:${engine.port}`;
}
