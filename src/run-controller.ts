import process from 'node:process';
import type { ControllerPort } from './api/controller-port.ts';
import { createApi, createAudit } from './api/create-api.ts';
import { Guard } from './api/guard.ts';
import type { MachinePort } from './api/machine-port.ts';
import { Metrics } from './api/metrics.ts';
import { OpenStreams } from './api/open-streams.ts';
import { serveSocket, serveTcp } from './api/serve.ts';
import { TokenBook } from './api/token-book.ts';
import { type Assembly, assemble } from './assemble.ts';
import { createCertificates } from './caddy/certificate.ts';
import { caddyAddress } from './caddy/running-caddy.ts';
import { type ExitCode, exitCodes } from './cli/context.ts';
import type { Config, SourceSettings } from './config.ts';
import type { ReadCredential } from './credentials.ts';
import type { LoopLog } from './loop/reconciler.ts';
import type { Redaction } from './redaction.ts';
import type { FollowedSource } from './webhooks/concerned-sources.ts';
import { createWebhooks, type WebhookSecrets } from './webhooks/create-webhooks.ts';

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
  const tokens = new TokenBook(history.tokens, config.api.tokens, Date.now);
  const audit = createAudit(port);
  const streams = new OpenStreams();
  const metrics = new Metrics(port);
  assembly.probe.onAttempt((result) => metrics.attempted(result));
  // Servers of other rooms, such as that of webhooks, are parts of both.
  const webhooks = createWebhooks({
    webhooks: await plainWebhooks(config, credential),
    deliveries: history.deliveries,
    sources: () => config.sources.map(followedSource),
    trigger: async (names) => {
      const { look, world, sourceError } = await loop.lookNow(`webhook: ${names.join(', ')}`);
      return { look, revision: world?.desired.revision, error: sourceError?.message };
    },
    now: Date.now,
    address: (c) => c.get('facts').address,
    requestId: (c) => c.get('facts').requestId,
    // A wrong signature is counted with the other refusals of its address.
    audit: ({ outcome, provider, delivery, detail, ...entry }) => {
      if (outcome === 'refused') return;
      audit.add({
        ...entry,
        actor: `webhook:${provider}`,
        via: 'tcp',
        verb: 'webhook',
        object: delivery,
        outcome: outcome === 'invalid' ? 'failed' : 'done',
        detail: `${outcome} ${detail}`.trim(),
      });
    },
    counted: (provider, outcome) => metrics.webhook(provider, outcome),
    redact: secrets.redact,
    log,
  });
  const shared = { tokens, audit, streams, metrics, parts: [webhooks] };
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

/** What a push is matched with. */
function followedSource({ name, url, dir, tag, semver, commit, branch }: SourceSettings): FollowedSource {
  const chosen = { tag, semver, commit, branch: branch ?? (url === undefined ? undefined : 'main') };
  const [first] = Object.entries(chosen).filter(([, value]) => value !== undefined);
  return { name, address: url ?? dir ?? '', follows: first === undefined ? {} : Object.fromEntries([first]) };
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
