import process from 'node:process';
import type { ControllerPort } from './api/controller-port.ts';
import { keepTransitions } from './api/keep-transitions.ts';
import type { MachinePort } from './api/machine-port.ts';
import { Metrics } from './api/metrics.ts';
import { OpenStreams } from './api/open-streams.ts';
import { plainHealth } from './api/plain-health.ts';
import { serveSocket, serveTcp } from './api/serve.ts';
import { type Assembly, assemble } from './assemble.ts';
import { createCertificates } from './caddy/certificate.ts';
import { caddyAddress } from './caddy/running-caddy.ts';
import { type ExitCode, exitCodes } from './cli/context.ts';
import type { Config } from './config.ts';
import type { ReadCredential } from './credentials.ts';
import { giveBackAtRest, stopGrowing } from './give-back.ts';
import type { LoopLog } from './loop/reconciler.ts';
import type { Redaction } from './redaction.ts';
import type { WebhookSecrets } from './webhooks/create-webhooks.ts';

interface Running {
  readonly config: Config;
  readonly log: LoopLog;
  readonly redaction: Redaction;
  readonly version: string;
}

/** Runs the loop, the socket and the API until SIGTERM or SIGINT; a second signal does not wait. */
export async function runController({ config, log, redaction, version }: Running): Promise<ExitCode> {
  const assembly = await assemble(config, 'write', log, redaction);
  const { loop, history, reader, secrets, credential } = assembly;
  const port: ControllerPort = {
    loop,
    history,
    version,
    startedAt: Date.now(),
    stateDir: config.stateDir,
    log,
    now: Date.now,
    logs: reader.logs.bind(reader),
    machine: machineOf(assembly),
    sources: () => assembly.source.status(),
    redact: secrets.redact,
  };
  const streams = new OpenStreams();
  const metrics = new Metrics(port);
  assembly.probe.onAttempt((result) => metrics.attempted(result));
  keepTransitions(port);
  const webhooks = await plainWebhooks(config, credential);
  // An idle controller is asked for its health at most: what answers all else is loaded with the first other request.
  const health = plainHealth(port, metrics);
  const opened = onceAsked(async () => {
    const { openApi } = await import('./open-api.ts');
    return openApi({ config, port, webhooks, metrics, streams, redact: secrets.redact });
  });
  const socket = await serveSocket(
    { fetch: async (request, env) => (await opened.ask()).socket.fetch(request, env) },
    `${config.stateDir}/plimsoll.sock`,
    health,
  );
  const { host, port: number } = addressOf(config.api.listen);
  const tcp = await serveTcp(
    { fetch: async (request, env) => (await opened.ask()).tcp.fetch(request, env) },
    host,
    number,
    health,
  );
  giveBackAtRest(loop);
  stopGrowing();
  loop.start();
  log.info({ version, instance: config.instance, listen: config.api.listen }, 'the controller runs');
  const signal = await ended();
  log.info({ signal }, 'the controller ends: steps under way are finished');
  streams.close();
  await Promise.all([socket.close(), tcp.close()]);
  (await opened.known())?.flush();
  await assembly.close();
  return exitCodes.done;
}

/** What the engine and Caddy are asked when somebody wants to know. */
function machineOf({ config, reader, proxy }: Assembly): MachinePort {
  const { admin, httpsPort } = config.caddy;
  const certificates = createCertificates({ address: caddyAddress(admin), port: httpsPort });
  return {
    stats: (container, once) => reader.stats(container, once),
    info: () => reader.hostInfo(),
    networks: () => reader.networks(),
    volumes: () => reader.volumes(),
    images: () => reader.images(),
    caddyVersion: () => proxy.version(),
    certificate: (host) => certificates.of(host),
  };
}

/** Every secret of a forge in plain text; all of them must be readable, or none would notice that one is not. */
async function plainWebhooks({ webhooks }: Config, credential: ReadCredential): Promise<WebhookSecrets> {
  const plain = Object.entries(webhooks).map(async ([provider, { secrets, ...rest }]) => {
    const texts = await Promise.all(secrets.map(credential));
    return [provider, { ...rest, secrets: texts.map((text) => text.split(/\r?\n/)[0] ?? '') }] as const;
  });
  return Object.fromEntries(await Promise.all(plain)) as WebhookSecrets;
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

/** Makes a value when it is asked for the first time; `known` is what has been made. */
function onceAsked<T>(make: () => Promise<T>): { ask(): Promise<T>; known(): Promise<T> | undefined } {
  let made: Promise<T> | undefined;
  return {
    ask() {
      made ??= make();
      return made;
    },
    known: () => made,
  };
}
