import { posix } from 'node:path';
import type Docker from 'dockerode';
import type { ContainerInspectInfo } from 'dockerode';
import { EdgeError } from '../apply/ports.ts';
import type { AppFile } from '../desired/app.ts';
import { isSecretValue } from '../desired/secret.ts';
import { ask } from './ask.ts';
import { isWithin } from './create-body.ts';
import { engineError, sentence, statusOf } from './engine-error.ts';
import { nameOf, stateOf } from './read-container.ts';
import type { SecretMounts } from './secret-mounts.ts';
import { tarOf } from './tar.ts';

/** Signals that ask a program for something; the others end it, or are none of ours. */
const signals = ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'TERM', 'WINCH', 'CONT'].map((name) => `SIG${name}`);

interface Delivery {
  readonly docker: Docker;
  readonly mounts: SecretMounts;
  readonly found: ContainerInspectInfo;
  readonly file: AppFile;
  readonly signal: string | undefined;
}

/** Puts a file in place of the one that is there, and tells the container's process. */
export async function deliverFile({ docker, mounts, found, file, signal }: Delivery): Promise<void> {
  const call = { operation: 'deliver to', object: nameOf(found.Name) };
  if (signal !== undefined && !signals.includes(signal)) {
    throw new EdgeError('terminal', 'InvalidConfig', sentence(call, `${signal} is no signal for it`));
  }
  const { mount: target, content, mode } = file;
  if (isSecretValue(content)) await mounts.change(found, { target, value: content, mode });
  else await putFile(docker, found, { ...file, content });
  if (signal === undefined || stateOf(found.State.Status) !== 'running') return;
  try {
    await ask({ ...call, operation: 'signal' }, (abortSignal) =>
      docker.getContainer(found.Id).kill({ signal, abortSignal }).catch(unlessEnded),
    );
  } catch (error) {
    throw engineError(call, error);
  }
}

/** It ended meanwhile: it will read the file when it starts. */
function unlessEnded(error: unknown): void {
  if (statusOf(error) !== 409) throw error;
}

/** The engine takes an archive into a container that must not be written to only at a volume of it. */
async function putFile(
  docker: Docker,
  found: ContainerInspectInfo,
  { mount, content, mode }: AppFile & { readonly content: string },
): Promise<void> {
  const volumes = (found.Mounts ?? [])
    .filter(({ RW, Destination }) => RW && isWithin(mount, Destination))
    .map(({ Destination }) => Destination)
    .sort((a, b) => b.length - a.length);
  const path = (found.HostConfig.ReadonlyRootfs ? volumes[0] : undefined) ?? '/';
  const archive = tarOf([{ path: posix.relative(path, mount), content: Buffer.from(content), mode }]);
  const call = { operation: 'put files into', object: nameOf(found.Name) };
  await ask(call, (abortSignal) => docker.getContainer(found.Id).putArchive(archive, { path, abortSignal }));
}
