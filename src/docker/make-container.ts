import type Docker from 'dockerode';
import { EdgeError } from '../apply/ports.ts';
import type { AppFile } from '../desired/app.ts';
import { isSecretValue } from '../desired/secret.ts';
import type { ContainerSpec } from '../observed/observed.ts';
import { ask, read } from './ask.ts';
import { checkPolicy, type PolicyCheck } from './check-policy.ts';
import { createBody, endpoint, fileFolders, isWithin } from './create-body.ts';
import { engineError, redacted, sentence } from './engine-error.ts';
import { label, unfinished } from './labels.ts';
import { stateOf } from './read-container.ts';
import { type Revealing, revealEnv, withoutValues } from './reveal.ts';
import type { SecretMounts } from './secret-mounts.ts';
import { tarOf } from './tar.ts';

export interface Making {
  readonly docker: Docker;
  readonly network: string;
  readonly spec: ContainerSpec;
  readonly files: readonly AppFile[];
  readonly imageHealthCheck: boolean;
  readonly forgetful: boolean;
  readonly secrets: Revealing;
  readonly mounts: SecretMounts;
  /** What the host gives; everything when absent. */
  readonly policy?: PolicyCheck | undefined;
}

/** A making whose secret files are in place. */
interface Ready extends Making {
  readonly sources: Readonly<Record<string, string>>;
}

/**
 * Makes one container, whole: with its networks and files. One that needs more calls than one bears the mark
 * `unfinished` on its name until the last of them, so that a crash in between cannot leave one to be started.
 */
export async function makeContainer(making: Making): Promise<void> {
  const { spec, files, policy } = making;
  refuseLostFiles(spec, plainFiles(files));
  if (policy) checkPolicy(spec, policy);
  try {
    if (files.length === 0 && spec.networks.length === 0) await create({ ...making, sources: {} }, spec.name);
    else await makeWithSecrets(making);
  } catch (error) {
    if (isNameTaken(error) && (await isMadeAlready(making))) return;
    throw error;
  }
}

/** The secret files come first: the engine refuses to mount what is not there. */
async function makeWithSecrets(making: Making): Promise<void> {
  const { docker, spec, files, mounts } = making;
  if (plainFiles(files).length === files.length) return makeInParts({ ...making, sources: {} });
  // Files that a container has mounted must not be put anew below it.
  if (await inspect(docker, spec.name)) throw nameTaken(spec.name);
  const sources = await mounts.make(spec, files);
  try {
    await makeInParts({ ...making, sources });
  } catch (error) {
    if (!isNameTaken(error)) mounts.remove(Object.values(sources));
    throw isUnseen(error, sources) ? unseenFolder(spec.name, error) : error;
  }
}

async function makeInParts(making: Ready): Promise<void> {
  const { docker, spec } = making;
  await refuseMissingNetworks(making);
  const id = await createAnew(making, `${spec.name}${unfinished}`);
  try {
    for (const network of spec.networks) await join(making, id, network);
    if (Object.keys(making.sources).length > 0) await making.mounts.handOver(id, spec.user, making.sources);
    await putFiles(making, id);
    const call = { operation: 'create', object: spec.name };
    await ask(call, (abortSignal) => docker.getContainer(id).rename({ name: spec.name, abortSignal }));
  } catch (error) {
    // Best effort: what stays is found by its mark the next time.
    await removeUnstarted(docker, id, spec.name).catch(() => undefined);
    throw error;
  }
}

/** The engine lets a container that does not run join a network that is not there. */
async function refuseMissingNetworks({ docker, spec }: Making): Promise<void> {
  if (spec.networks.length === 0) return;
  const call = { operation: 'create', object: spec.name };
  const found = await ask(call, () => docker.listNetworks());
  const missing = spec.networks.filter((network) => !found?.some(({ Name }) => Name === network));
  if (missing.length === 0) return;
  throw new EdgeError(
    'transient',
    'NoSuchNetwork',
    sentence(call, `the network ${missing.join(', ')} does not exist`),
  );
}

/** Creates under a marked name; what bears it already is the remainder of an interrupted making. */
async function createAnew(making: Ready, name: string): Promise<string> {
  try {
    return await create(making, name);
  } catch (error) {
    const left = isNameTaken(error) ? await inspect(making.docker, name) : undefined;
    const ours = left?.Config.Labels?.[label.instance] === making.spec.labels[label.instance];
    if (!left || !ours || stateOf(left.State.Status) !== 'created') throw error;
    await removeUnstarted(making.docker, left.Id, name);
    return create(making, name);
  }
}

async function create(ready: Ready, name: string): Promise<string> {
  const { docker, spec, network, imageHealthCheck, files, forgetful, sources, secrets } = ready;
  const revealed = await revealEnv(spec, secrets);
  const body = createBody(spec, { network, imageHealthCheck, files, forgetful, sources, revealed });
  const call = { operation: 'create', object: spec.name };
  try {
    // Told apart for docker-modem, which otherwise writes the whole body, secrets too, into the URL as well.
    const made = await ask(call, (abortSignal) =>
      docker.createContainer({ _query: { name }, _body: body, abortSignal } as Docker.ContainerCreateOptions),
    );
    if (!made) throw new Error('a created container has an id');
    return made.id;
  } catch (error) {
    // Some refusals repeat the line of the environment that they refuse.
    throw redacted(engineError(call, error), (text) => withoutValues(text, Object.values(revealed)));
  }
}

function isUnseen(error: unknown, sources: Readonly<Record<string, string>>): boolean {
  return (
    error instanceof EdgeError &&
    /does not exist|no such file/i.test(error.message) &&
    Object.values(sources).some((path) => error.message.includes(path))
  );
}

/** A controller that runs in a container sees another file system than the engine. */
function unseenFolder(name: string, cause: unknown): EdgeError {
  const why =
    'the engine does not see the folder of its secret files: give the controller’s container the same folder, at the same path (secrets.runtimeDir)';
  const call = { operation: 'create', object: name };
  return new EdgeError('terminal', 'SecretFilesNeedLocalEngine', sentence(call, why), cause);
}

function nameTaken(name: string): EdgeError {
  const call = { operation: 'create', object: name };
  return new EdgeError('transient', 'NameTaken', sentence(call, 'the name is taken'));
}

function plainFiles(files: readonly AppFile[]): (AppFile & { readonly content: string })[] {
  return files.filter((file): file is AppFile & { readonly content: string } => !isSecretValue(file.content));
}

async function join({ docker, spec }: Ready, id: string, network: string): Promise<void> {
  const call = { operation: 'create', object: spec.name };
  await ask(call, () =>
    docker
      .getNetwork(encodeURIComponent(network))
      .connect({ Container: id, EndpointConfig: endpoint(undefined, []) }),
  );
}

/**
 * Puts the files in. Into a read-only root file system they go folder by folder, since the engine takes an
 * archive only at a path that is writable.
 */
async function putFiles({ docker, spec, files }: Ready, id: string): Promise<void> {
  const call = { operation: 'put files into', object: spec.name };
  for (const [path, inside] of byFolder(spec, plainFiles(files))) {
    const archive = tarOf(
      inside.map(({ mount, content, mode }) => ({
        path: mount.slice(path.length),
        content: Buffer.from(content),
        mode,
      })),
    );
    await ask(call, (abortSignal) => docker.getContainer(id).putArchive(archive, { path, abortSignal }));
  }
}

function byFolder<File extends AppFile>(spec: ContainerSpec, files: readonly File[]): Map<string, File[]> {
  if (!spec.readOnlyRootfs) return files.length > 0 ? new Map([['/', [...files]]]) : new Map();
  const volumes = spec.mounts.map(({ target }) => target);
  const writable = [...fileFolders(spec, files), ...volumes].sort((a, b) => b.length - a.length);
  return Map.groupBy(files, (file) => writable.find((folder) => isWithin(file.mount, folder)) ?? '/');
}

/** A file that nobody would see, or that cannot be put, is a fault of the manifest. */
function refuseLostFiles(spec: ContainerSpec, files: readonly AppFile[]): void {
  const refuse = (file: AppFile, why: string): never => {
    const call = { operation: 'create', object: spec.name };
    throw new EdgeError('terminal', 'InvalidConfig', sentence(call, `the file ${file.mount} ${why}`));
  };
  for (const file of files) {
    const mount = spec.mounts.find(({ target }) => isWithin(file.mount, target));
    if (mount?.kind === 'tmpfs') refuse(file, 'would lie below a tmpfs, which is empty at every start');
    if (mount && 'readOnly' in mount && mount.readOnly) refuse(file, 'lies in a read-only volume');
    if (spec.readOnlyRootfs && /^\/[^/]*$/.test(file.mount) && !mount) {
      refuse(file, 'needs a folder of its own, because the root file system is read-only');
    }
  }
}

/** A container that bears the final name is whole; ours and of this spec hash, it is the one that was wanted. */
async function isMadeAlready({ docker, spec }: Making): Promise<boolean> {
  const found = await inspect(docker, spec.name);
  if (!found) return false;
  const labels = found.Config.Labels ?? {};
  const same = [label.instance, label.app, label.specHash].every(
    (name) => labels[name] === spec.labels[name],
  );
  return same && ['created', 'running', 'paused', 'restarting'].includes(stateOf(found.State.Status));
}

async function inspect(docker: Docker, name: string): Promise<Docker.ContainerInspectInfo | undefined> {
  return read({ operation: 'inspect', object: name }, (abortSignal) =>
    docker.getContainer(encodeURIComponent(name)).inspect({ abortSignal }),
  );
}

/** Without force: the engine refuses when somebody has started it meanwhile. */
export async function removeUnstarted(docker: Docker, id: string, name: string): Promise<void> {
  const call = { operation: 'remove', object: name };
  await ask(call, (abortSignal) => docker.getContainer(id).remove({ v: true, abortSignal }), { fine: [404] });
}

function isNameTaken(error: unknown): boolean {
  return error instanceof EdgeError && error.reason === 'NameTaken';
}
