import { join } from 'node:path';
import { EdgeError } from './apply/ports.ts';
import { type CaddyProcess, findCaddy, startCaddy } from './caddy/caddy-process.ts';
import { type CaddyProxy, createProxy } from './caddy/proxy.ts';
import type { Host } from './cli/host.ts';
import { type Config, settingsOf } from './config.ts';
import { openSecrets, type ReadCredential } from './credentials.ts';
import type { Snapshot } from './desired/desired.ts';
import { createLoader } from './desired/load-desired.ts';
import { createEngine } from './docker/engine.ts';
import { createEngineReader, type DockerReader } from './docker/engine-reader.ts';
import { connectEngine, findEngine } from './docker/find-engine.ts';
import { createSources, type Sources } from './git/sources.ts';
import { type History, openHistory } from './history/history.ts';
import { readMemory } from './history/read-memory.ts';
import { lockState, type StateLock } from './history/state-lock.ts';
import { askVerdicts, liveHealth } from './live-health.ts';
import { lockInstance } from './lock-instance.ts';
import { type LoopLog, Reconciler } from './loop/reconciler.ts';
import { loadContext, manifestSchemas } from './manifest-schemas.ts';
import { imagesOf } from './plan/images-of.ts';
import type { World } from './plan/plan.ts';
import { createProbe, type Probes } from './probe/probe.ts';
import { createDesiredReader } from './read-desired.ts';
import type { Redaction } from './redaction.ts';
import { removeAll } from './remove-all.ts';
import type { Secrets } from './secrets/secrets.ts';
import { sourceInputs, verifierOf } from './source-inputs.ts';
import { versionsNeeded } from './versions-needed.ts';

/** Everything of one controller or command, wired; `close` ends it in the right order. */
export interface Assembly extends Host {
  readonly config: Config;
  readonly history: History;
  readonly source: Sources;
  readonly reader: DockerReader;
  readonly proxy: CaddyProxy;
  readonly probe: Probes;
  readonly secrets: Secrets;
  readonly credential: ReadCredential;
}

/**
 * `write` holds the locks of the state directory and of the instance on its engine, so that one process at most acts
 * on either (`StateLockedError`);
 * `read` leaves it alone and writes nothing.
 */
export async function assemble(
  config: Config,
  mode: 'read' | 'write',
  log: LoopLog,
  redaction: Redaction,
  only: readonly string[] = [],
): Promise<Assembly> {
  const ends: (() => unknown)[] = [];
  try {
    return await wire({ config, mode, log, redaction, only, ends });
  } catch (error) {
    for (const end of ends.toReversed()) await end();
    throw error;
  }
}

interface Wiring {
  readonly config: Config;
  readonly mode: 'read' | 'write';
  readonly log: LoopLog;
  /** What the process writes is hidden by, from the moment on at which secrets are known. */
  readonly redaction: Redaction;
  /** Apps that the loop may act on; all when empty. */
  readonly only: readonly string[];
  /** What has been opened, in that order. */
  readonly ends: (() => unknown)[];
}

async function wire(wiring: Wiring): Promise<Assembly> {
  const { config, mode, log, redaction, only, ends } = wiring;
  const schemas = manifestSchemas();
  const warn = (message: string) => log.warn({}, message);
  const { secrets, credential } = await openSecrets(config, schemas, { writable: mode === 'write', warn });
  redaction.use(secrets);
  const history = openState(wiring, secrets.redact);
  const { instance } = config;
  const { network } = config.docker;
  const address = findEngine(process.env, config.docker.host);
  const docker = connectEngine(address);
  if (mode === 'write') {
    const lock = await lockInstance(instance, address, docker);
    ends.push(() => lock.release());
  }
  const { runtimeDir } = config.secrets;
  const given = { secrets, runtimeDir, redact: secrets.redact };
  const reader = createEngineReader({
    docker: connectEngine(address, 'kept'),
    instance,
    network,
    onUnreachable: (error) => log.debug({ err: error }, 'the engine does not answer'),
    ...given,
    sweeps: mode === 'write',
  });
  ends.push(() => reader.close());
  const engine = createEngine({
    docker,
    instance,
    network,
    acting: (container) => reader.acting(container),
    touched: (kind, name) => reader.touch(kind, name),
    ...given,
    policy: config.policy,
    closedPaths: ownPlaces(config),
  });
  const caddy = mode === 'write' ? await manageCaddy(config, log) : undefined;
  if (caddy) ends.push(() => caddy.stop());
  const proxy = openProxy(config);
  ends.push(() => proxy.close());
  const probe = createProbe({
    exec: (container, command, timeout) => reader.exec(container, command, timeout),
    redact: secrets.redact,
  });
  ends.push(() => probe.close());
  const source = await openSources(config, credential, { keep: mode === 'write', log });
  ends.push(() => source.close());
  const load = createDesiredReader(createLoader(schemas), secrets, loadContext(config));
  const settings = settingsOf(config);
  const loop = new Reconciler(
    { reader, probe, proxy, source, history },
    { engine, proxy, journal: history },
    {
      settings,
      concurrency: config.concurrency,
      load,
      log,
      now: Date.now,
      only,
      nightly: () => secrets.keep(versionsNeeded(history)),
    },
  );
  const snapshot = (revision?: string) => (revision === undefined ? source.read() : source.readAt(revision));
  return {
    config,
    history,
    source,
    reader,
    proxy,
    probe,
    loop,
    snapshot,
    secrets,
    credential,
    desired: async (wanted) => load(wanted, (await proxy.observe()).routes),
    world: async (revision) => readWorld(snapshot(revision)),
    engineVersion: () => reader.ping(),
    removeAll: (options, progress) => removeAll({ docker, engine, reader, proxy, config }, options, progress),
    async close() {
      await loop.stop();
      for (const end of ends.toReversed()) await end();
      ends.length = 0;
    },
  };

  /** Somebody waits for it: what does not need each other is asked side by side. */
  async function readWorld(reading: Promise<Snapshot>): Promise<World> {
    const memory = mode === 'write' ? history.memory() : readMemory(databaseOf(config));
    const known = new Set(Object.keys(memory.containers));
    const verdicts = askVerdicts(join(config.stateDir, 'plimsoll.sock'));
    const [wanted, observedProxy] = await Promise.all([reading, proxy.observe(), reader.observe(known)]);
    const desired = await load(wanted, observedProxy.routes);
    reader.want(imagesOf(desired, memory));
    const state = await reader.observe(known);
    const health = liveHealth(await verdicts, state.containers);
    return {
      now: Date.now(),
      desired,
      observed: { ...state, proxy: observedProxy, health, underway: {} },
      memory,
      settings,
    };
  }
}

/** `keep`: last good snapshots are kept, and enforced while a source fails; a command that reads wants the newest. */
export async function openSources(
  config: Config,
  credential: ReadCredential,
  { keep, log }: { readonly keep: boolean; readonly log: LoopLog },
): Promise<Sources> {
  const inputs = await sourceInputs(config, credential);
  return createSources(inputs, {
    stateDir: config.stateDir,
    keep,
    warn: (message) => log.warn({}, message),
    verify: verifierOf(inputs),
  });
}

/** What no container ever mounts: our history, flags and keys. */
function ownPlaces({ stateDir, caddy, secrets }: Config): readonly string[] {
  return [
    stateDir,
    caddy.slots,
    ...(secrets.identity === undefined ? [] : [secrets.identity]),
    ...secrets.files,
  ];
}

/** The state directory, for one writer; a reader gets a history of its own that ends with it. */
function openState({ config, mode, log, ends }: Wiring, redact: (text: string) => string): History {
  const { stateDir } = config;
  if (mode === 'write') {
    const lock: StateLock = lockState(stateDir);
    ends.push(() => lock.release());
  }
  const path = mode === 'write' ? databaseOf(config) : ':memory:';
  const warn = (message: string) => log.warn({}, message);
  const history = openHistory({ path, now: Date.now, log: { warn }, redact });
  ends.push(() => history.close());
  return history;
}

function databaseOf({ stateDir }: Config): string {
  return join(stateDir, 'plimsoll.db');
}

function openProxy({ caddy, stateDir }: Config): CaddyProxy {
  const { admin, template, slots, httpPort, httpsPort, acme } = caddy;
  const base = { admin, template, flagDir: slots, httpPort, httpsPort, stateDir };
  return createProxy(acme === undefined ? base : { ...base, acme });
}

/** `caddy.manage: process`: a Caddy of our own, which may outlive a killed controller and is then found again. */
async function manageCaddy({ caddy, stateDir }: Config, log: LoopLog): Promise<CaddyProcess | undefined> {
  if (caddy.manage === 'none') return undefined;
  const dir = join(stateDir, 'caddy');
  const onLine = (line: string) => log.debug({ from: 'caddy' }, line);
  try {
    return await startCaddy({ program: findCaddy(), admin: caddy.admin, dir, onLine });
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    log.error({ reason: error.reason }, error.message);
    throw error;
  }
}
