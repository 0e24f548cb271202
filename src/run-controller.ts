import process from 'node:process';
import { createApi } from './api/create-api.ts';
import { createHealthApi } from './api/health-api.ts';
import { serveSocket, serveTcp } from './api/serve.ts';
import { assemble } from './assemble.ts';
import { type ExitCode, exitCodes } from './cli/context.ts';
import type { Config } from './config.ts';
import type { LoopLog } from './loop/reconciler.ts';

/** Runs the loop, the socket and the health endpoints until SIGTERM or SIGINT; a second signal does not wait. */
export async function runController(config: Config, log: LoopLog, version: string): Promise<ExitCode> {
  const assembly = await assemble(config, 'write', log);
  const { loop, history, reader } = assembly;
  const port = {
    loop,
    history,
    version,
    startedAt: Date.now(),
    stateDir: config.stateDir,
    log,
    now: Date.now,
    logs: reader.logs.bind(reader),
  };
  const socket = await serveSocket(createApi(port), `${config.stateDir}/plimsoll.sock`);
  const { host, port: number } = addressOf(config.api.listen);
  const tcp = await serveTcp(createHealthApi(port), host, number);
  loop.start();
  log.info({ version, instance: config.instance, listen: config.api.listen }, 'the controller runs');
  const signal = await ended();
  log.info({ signal }, 'the controller ends: steps under way are finished');
  await Promise.all([socket.close(), tcp.close()]);
  await assembly.close();
  return exitCodes.done;
}

function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

function ended(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        process.once(signal, () => process.exit(130));
        resolve(signal);
      });
  });
}
