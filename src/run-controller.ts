import process from 'node:process';
import type { ControllerPort } from './api/controller-port.ts';
import { createApi, createAudit } from './api/create-api.ts';
import { Guard } from './api/guard.ts';
import { OpenStreams } from './api/open-streams.ts';
import { serveSocket, serveTcp } from './api/serve.ts';
import { TokenBook } from './api/token-book.ts';
import { assemble } from './assemble.ts';
import { type ExitCode, exitCodes } from './cli/context.ts';
import type { Config } from './config.ts';
import type { LoopLog } from './loop/reconciler.ts';

/** Runs the loop, the socket and the API until SIGTERM or SIGINT; a second signal does not wait. */
export async function runController(config: Config, log: LoopLog, version: string): Promise<ExitCode> {
  const assembly = await assemble(config, 'write', log);
  const { loop, history, reader } = assembly;
  const port: ControllerPort = {
    loop,
    history,
    version,
    startedAt: Date.now(),
    stateDir: config.stateDir,
    log,
    now: Date.now,
    logs: reader.logs.bind(reader),
  };
  const tokens = new TokenBook(history.tokens, config.api.tokens, Date.now);
  const audit = createAudit(port);
  const streams = new OpenStreams();
  // Servers of other rooms, such as that of webhooks, are parts of both.
  const shared = { tokens, audit, streams, parts: [] };
  const guard = new Guard(config.api, tokens, Date.now);
  const socket = await serveSocket(createApi(port, shared), `${config.stateDir}/plimsoll.sock`);
  const { host, port: number } = addressOf(config.api.listen);
  const tcp = await serveTcp(createApi(port, { ...shared, guard }), host, number);
  loop.start();
  log.info({ version, instance: config.instance, listen: config.api.listen }, 'the controller runs');
  const signal = await ended();
  log.info({ signal }, 'the controller ends: steps under way are finished');
  streams.close();
  await Promise.all([socket.close(), tcp.close()]);
  audit.flush();
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
