import type Docker from 'dockerode';
import type { NetworkInspectInfo } from 'dockerode';
import { EdgeError, type EnginePort } from '../apply/ports.ts';
import type { HostPolicy } from '../desired/desired.ts';
import { upperHalf } from '../plan/address.ts';
import { ask, read, writeTimeout } from './ask.ts';
import { endpoint, limits } from './create-body.ts';
import { deliverFile } from './deliver-file.ts';
import { type Call, redacted, sentence, statusOf } from './engine-error.ts';
import { askVersion, type EngineVersion } from './engine-version.ts';
import { label, unfinished } from './labels.ts';
import { makeContainer } from './make-container.ts';
import { pullImage } from './pull-image.ts';
import { nameOf, readContainer } from './read-container.ts';
import { noSecrets, type Revealing } from './reveal.ts';
import { createSecretFolder } from './secret-folder.ts';
import { createSecretMounts, engineSocket, mountedFiles } from './secret-mounts.ts';

export type Touched = 'container' | 'network' | 'volume' | 'image';

interface EngineOptions {
  readonly docker: Docker;
  readonly instance: string;
  /** Name of our network. */
  readonly network: string;
  /** Called before an act on a container, with what it is given: `touched` tells its end. */
  readonly acting?: (container: string) => void;
  /** Called after every act with what it touched, so that a reader need not wait for the engine's event. */
  readonly touched?: (kind: Touched, name: string) => void;
  /** Without them a container that needs one is refused. */
  readonly secrets?: Revealing;
  /** Folder in memory for secret files; a usual place when absent. */
  readonly runtimeDir?: string | undefined;
  /** What the host gives to containers; everything when absent. */
  readonly policy?: HostPolicy;
  /** Data of our own, which no container ever mounts, whatever the policy says. */
  readonly closedPaths?: readonly string[];
  /** Takes secrets out of the words of errors. */
  readonly redact?: (text: string) => string;
}

/** The container engine behind Docker's API. */
export function createEngine(options: EngineOptions): EnginePort {
  const engine = createPlainEngine(options);
  const { redact } = options;
  return redact === undefined ? engine : redactErrors(engine, redact);
}

/** The same port, whose failures tell no secret. */
function redactErrors(engine: EnginePort, redact: (text: string) => string): EnginePort {
  const guarded = Object.entries(engine).map(
    ([name, act]: [string, (...given: never[]) => Promise<void>]) => [
      name,
      (...given: never[]) =>
        act(...given).catch((error) => {
          throw error instanceof EdgeError ? redacted(error, redact) : error;
        }),
    ],
  );
  return Object.fromEntries(guarded);
}

function createPlainEngine({
  docker,
  instance,
  network,
  acting = () => {},
  touched = () => {},
  secrets = noSecrets,
  runtimeDir,
  policy,
  closedPaths = [],
}: EngineOptions): EnginePort {
  const folder = createSecretFolder(runtimeDir, instance);
  const mounts = createSecretMounts({ docker, secrets, folder });
  const policyCheck = policy && {
    policy,
    socket: engineSocket(docker),
    closedPaths: [...closedPaths, ...folder.places],
  };
  const labels = { [label.instance]: instance };

  /** Asked once; an engine is not another one from one call to the next. */
  let asked: Promise<EngineVersion> | undefined;
  const version = (): Promise<EngineVersion> => {
    asked ??= askVersion(docker).catch((error) => {
      asked = undefined;
      throw error;
    });
    return asked;
  };

  const container = (id: string): Docker.Container => docker.getContainer(encodeURIComponent(id));

  const inspect = (id: string): Promise<Docker.ContainerInspectInfo | undefined> =>
    read({ operation: 'inspect', object: id }, (abortSignal) => container(id).inspect({ abortSignal }));

  /** Tells when an act on one container begins, before anything else is done, and when it is over. */
  const told = async (id: string, run: () => Promise<unknown>): Promise<void> => {
    acting(id);
    try {
      await run();
    } finally {
      touched('container', id);
    }
  };

  /** Runs one act on one container. */
  const act = (
    operation: string,
    id: string,
    run: (target: Docker.Container, abortSignal: AbortSignal) => Promise<unknown>,
    limit: Parameters<typeof ask>[2] = {},
  ): Promise<void> =>
    told(id, () => ask({ operation, object: id }, (signal) => run(container(id), signal), limit));

  /** Networks by exactly this name; the engine's own filter matches parts of names. */
  const networksNamed = async (name: string): Promise<NetworkInspectInfo[]> => {
    const filters = { name: [name] };
    const found = await read({ operation: 'list networks', object: name }, (abortSignal) =>
      docker.listNetworks({ filters, abortSignal } as Docker.NetworkListOptions),
    );
    return (found ?? []).filter(({ Name }) => Name === name);
  };

  /** Two networks may bear one name: ours is the one with our label. It is looked up anew when it could not be joined. */
  let known: Docker.Network | undefined;
  const networkOf = async (name: string): Promise<Docker.Network> => {
    if (name !== network) return docker.getNetwork(encodeURIComponent(name));
    if (known) return known;
    const ours = (await networksNamed(name)).find(isOurs);
    const call = { operation: 'find network', object: name };
    if (!ours) throw new EdgeError('transient', 'NoSuchNetwork', sentence(call, 'it does not exist'));
    known = docker.getNetwork(ours.Id);
    return known;
  };

  /** Made whole by us a moment ago, without any file: nothing is to be asked before their start. */
  const fresh = new Set<string>();
  /** Of one that is never started we do not know it for ever. */
  const mostFresh = 100;

  /** The engine takes 0 for "as it is": a limit that is there can be changed in place, but not taken away. */
  const refuseUnbounding = async (
    id: string,
    wanted: { readonly memory: number; readonly nanoCpus: number },
  ): Promise<void> => {
    if (wanted.memory > 0 && wanted.nanoCpus > 0) return;
    const { Memory = 0, NanoCpus = 0 } = (await inspect(id))?.HostConfig ?? {};
    if ((wanted.memory > 0 || Memory <= 0) && (wanted.nanoCpus > 0 || NanoCpus === 0)) return;
    const why = 'the engine takes no limit away from a container that has one; it needs a new container';
    throw new EdgeError('transient', 'CannotUpdate', sentence({ operation: 'update', object: id }, why));
  };

  const isOurs = (thing: { Labels?: Readonly<Record<string, string>> | null | undefined }): boolean =>
    thing.Labels?.[label.instance] === instance;

  const join = (
    target: Docker.Network,
    ...[id, , address, aliases]: Parameters<EnginePort['connect']>
  ): Promise<void> =>
    act('connect', id, async () => {
      const settings = { Container: id, EndpointConfig: endpoint(address, aliases) };
      await target.connect(settings).catch(unless(/already exists in network|already connected/i));
    }).catch((error) => {
      known = undefined;
      throw error;
    });

  const leave = (target: Docker.Network, id: string): Promise<void> =>
    act('disconnect', id, async () => {
      await target
        .disconnect({ Container: id, Force: true })
        .catch(unless(/is not connected to|no such container|not found/i));
    });

  return {
    async createNetwork(name, subnet) {
      const call = { operation: 'create network', object: name };
      const found = await networksNamed(name);
      if (found.some(isOurs)) return;
      if (found.length > 0) throw new EdgeError('transient', 'NetworkConflict', taken(call));
      // What the engine allocates by itself stays out of the half that our slots are in.
      const range = subnet && { Subnet: subnet, IPRange: upperHalf(subnet) };
      const pool = range ? { IPAM: { Driver: 'default', Config: [range] } } : {};
      const wanted = { Name: name, Driver: 'bridge', CheckDuplicate: true, Labels: labels, ...pool };
      await ask(call, (abortSignal) => docker.createNetwork({ ...wanted, abortSignal }));
      known = undefined;
      touched('network', name);
    },

    async pull(image, signal, tell, login) {
      // A cancelled one asks nothing any more.
      const knowsDigests = !signal.aborted && (await version()).name === 'docker';
      await pullImage({ docker, image, signal, tell, login, secrets, knowsDigests });
      touched('image', image);
    },

    async createVolume(name, app) {
      const call = { operation: 'create volume', object: name };
      const wanted = { Name: name, Labels: { ...labels, [label.app]: app } };
      // The engine answers with what is there already, whoever made it.
      await ask(call, (abortSignal) => docker.createVolume({ ...wanted, abortSignal }));
      const made = await ask(call, () => docker.getVolume(encodeURIComponent(name)).inspect());
      if (!made || !isOurs(made)) throw new EdgeError('transient', 'NameTaken', taken(call));
      touched('volume', name);
    },

    async removeVolume(name) {
      const call = { operation: 'remove volume', object: name };
      const volume = docker.getVolume(encodeURIComponent(name));
      const found = await read(call, () => volume.inspect());
      if (!found) return;
      if (!isOurs(found)) throw notOurs(call);
      await ask(call, (abortSignal) => volume.remove({ abortSignal }), { fine: [404] });
      touched('volume', name);
    },

    async createContainer(spec, files, imageHealthCheck) {
      await told(spec.name, async () => {
        const forgetful = (await version()).name === 'podman';
        const parts = { docker, network, secrets, mounts, policy: policyCheck };
        await makeContainer({ ...parts, spec, files, imageHealthCheck, forgetful });
        if (fresh.size >= mostFresh) fresh.clear();
        if (files.length === 0) fresh.add(spec.name);
      }).catch((error) => {
        touched('container', `${spec.name}${unfinished}`);
        throw error;
      });
    },

    start: (id) =>
      told(id, async () => {
        const found = fresh.delete(id) ? undefined : await inspect(id);
        if (found?.Name.endsWith(unfinished)) {
          mounts.remove([...mountedFiles(found).values()]);
          await act('remove', id, (target, abortSignal) => target.remove({ v: true, abortSignal }));
          const call = { operation: 'start', object: nameOf(found.Name) };
          const why = 'its making was interrupted; it is removed, to be made again';
          throw new EdgeError('transient', 'Unfinished', sentence(call, why));
        }
        if (found) await mounts.restore(found);
        await act('start', id, (target, abortSignal) => target.start({ abortSignal }), { fine: [304] });
      }).catch((error) => {
        // By whom, the network tells: what was read of it is not all.
        if (error instanceof EdgeError && error.reason === 'AddressTaken') touched('network', network);
        throw error;
      }),

    publish: (id, address, aliases) =>
      told(id, async () => {
        // A release waits for this with its traffic: what can be asked at once is.
        const [found, target] = await Promise.all([inspect(id), networkOf(network)]);
        const live = found && readContainer(found, { instance, network }).container?.live;
        const same = live?.address === address && live.aliases.join() === [...aliases].sort().join();
        if (same) return;
        await leave(target, id);
        await join(target, id, network, address || undefined, aliases);
      }),

    connect: async (id, name, ...how) => join(await networkOf(name), id, name, ...how),
    disconnect: async (id, name) => leave(await networkOf(name), id),

    async update(id, wanted) {
      await refuseUnbounding(id, wanted);
      await act('update', id, (target, abortSignal) => target.update({ ...limits(wanted), abortSignal }));
    },

    async deliver(id, file, signal) {
      const call = { operation: 'deliver to', object: id };
      const found = await inspect(id);
      if (!found)
        throw new EdgeError('transient', 'NoSuchContainer', sentence(call, 'there is no such container'));
      if (!isOurs(found.Config)) throw notOurs(call);
      try {
        await deliverFile({ docker, mounts, found, file, signal });
      } finally {
        touched('container', found.Id);
      }
    },

    async rename(id, name) {
      await act('rename', id, (target, abortSignal) =>
        target.rename({ name, abortSignal }).catch(unless(/same name as its current name/i)),
      );
    },

    async unpause(id) {
      await act('unpause', id, (target, abortSignal) =>
        target.unpause({ abortSignal }).catch(unless(/is not paused/i)),
      );
    },

    async stop(id, grace) {
      const limit = { timeout: grace + writeTimeout, fine: [304] };
      await act('stop', id, (target, abortSignal) => target.stop({ t: seconds(grace), abortSignal }), limit);
    },

    async restart(id, grace) {
      const found = await inspect(id);
      if (found) await mounts.restore(found);
      const limit = { timeout: grace + writeTimeout };
      await act(
        'restart',
        id,
        (target, abortSignal) => target.restart({ t: seconds(grace), abortSignal }),
        limit,
      );
    },

    async remove(id) {
      const found = await inspect(id);
      if (!found) return touched('container', id);
      if (!isOurs(found.Config)) throw notOurs({ operation: 'remove', object: id });
      const files = [...mountedFiles(found).values()];
      // Before: a failed answer may hide that it is gone, and nobody removes it again. A start would put them back.
      if (!found.State.Running) mounts.remove(files);
      // Without force: it was stopped with its grace before, and the engine refuses one that runs again.
      await act(
        'remove',
        found.Id,
        (target, abortSignal) =>
          target.remove({ v: true, abortSignal }).catch(unless(/removal .* is already in progress/i)),
        { fine: [404] },
      );
      mounts.remove(files);
    },
  };
}

/** Makes an answer that says "already so" a success. */
function unless(alreadySo: RegExp): (error: unknown) => void {
  return (error) => {
    if (statusOf(error) === 0 || !(error instanceof Error) || !alreadySo.test(error.message)) throw error;
  };
}

/** The engine counts whole seconds; a shorter grace must not become none. */
function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000);
}

function taken(call: Call): string {
  return sentence(call, 'the name is taken by one that is not ours');
}

function notOurs(call: Call): EdgeError {
  return new EdgeError('terminal', 'NotOurs', sentence(call, 'it does not bear our labels'));
}
