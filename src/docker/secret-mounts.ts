import type Docker from 'dockerode';
import type { ContainerInspectInfo } from 'dockerode';
import { EdgeError } from '../apply/ports.ts';
import type { AppFile } from '../desired/app.ts';
import type { ContainerSpec } from '../observed/observed.ts';
import { readText } from './container-files.ts';
import { findOwner } from './container-user.ts';
import { sentence } from './engine-error.ts';
import type { Revealing } from './reveal.ts';
import type { Owner, SecretFolder } from './secret-folder.ts';
import { readLiveFiles, readSecretFiles, type SecretFile, secretFilesOf } from './secret-labels.ts';

/** The secret files of containers: made, put back and changed on this host, seen by the container through a mount. */
export interface SecretMounts {
  /** Puts a container's secret files in place; where they lie, by target. */
  make(spec: ContainerSpec, files: readonly AppFile[]): Promise<Record<string, string>>;
  /** Gives them to the container's user, now that there is a container to ask who that is. */
  handOver(container: string, user: string, sources: Readonly<Record<string, string>>): Promise<void>;
  /** Puts back what is gone, as everything is after a reboot. */
  restore(inspected: ContainerInspectInfo): Promise<void>;
  /** Changes one that the container has mounted. */
  change(inspected: ContainerInspectInfo, file: SecretFile): Promise<void>;
  remove(paths: readonly string[]): void;
}

interface Deps {
  readonly docker: Docker;
  readonly secrets: Revealing;
  readonly folder: SecretFolder;
}

const root: Owner = { uid: 0, gid: 0 };

export function createSecretMounts({ docker, secrets, folder }: Deps): SecretMounts {
  const ownerIn = (container: string, user: string): Promise<Owner> =>
    findOwner(user, (path) => readText(docker, container, path));

  /** A file that is delivered anyway is left empty when the value it began with is not kept any more. */
  const revealAgain = async (file: SecretFile, live: readonly string[]): Promise<string | undefined> => {
    try {
      return await secrets.reveal(file.value);
    } catch (error) {
      const isForgotten = error instanceof EdgeError && error.reason === 'SecretUnavailable';
      if (isForgotten && live.includes(file.target)) return undefined;
      throw error;
    }
  };

  return {
    async make({ name }, files) {
      const sealed = secretFilesOf(files);
      if (sealed.length === 0) return {};
      refuseRemote(docker, name);
      const sources: [target: string, path: string][] = [];
      for (const [index, { target, value, mode }] of sealed.entries()) {
        const path = folder.pathOf(name, index);
        folder.write(path, { value, plain: await secrets.reveal(value), mode }, root);
        sources.push([target, path]);
      }
      return Object.fromEntries(sources);
    },

    async handOver(container, user, sources) {
      const owner = await ownerIn(container, user);
      if (owner.uid === 0 && owner.gid === 0) return;
      for (const path of Object.values(sources)) folder.give(path, owner);
    },

    async restore(inspected) {
      const { Id: id, Config: config } = inspected;
      const lost = readSecretFiles(config.Labels ?? {}).flatMap((file) => {
        const path = sourceOf(inspected, file.target);
        return path === undefined || folder.read(path) ? [] : [{ file, path }];
      });
      if (lost.length === 0) return;
      const owner = await ownerIn(id, config.User ?? '');
      const live = readLiveFiles(config.Labels ?? {});
      for (const { file, path } of lost) {
        const plain = await revealAgain(file, live);
        const value = plain === undefined ? { ...file.value, version: 'unknown' } : file.value;
        folder.write(path, { value, plain: plain ?? '', mode: file.mode }, owner);
      }
    },

    async change(inspected, { target, value, mode }) {
      const path = sourceOf(inspected, target);
      const refuse = (why: string): never => {
        const call = { operation: 'deliver to', object: inspected.Name.replace(/^\//, '') };
        throw new EdgeError('transient', 'SecretFileLost', sentence(call, `${target} ${why}`));
      };
      if (path === undefined) return refuse('is not mounted');
      const content = { value, plain: await secrets.reveal(value), mode };
      if (folder.overwrite(path, content)) return;
      // What the container has mounted is a file without a name now: one that is put there would not be seen.
      if (inspected.State.Running) refuse('was removed from the host; a restart puts it back');
      folder.write(path, content, await ownerIn(inspected.Id, inspected.Config.User ?? ''));
    },

    remove: (paths) => folder.remove(paths),
  };
}

/** The files of this host that are mounted into it; Podman tells only what came of what was asked. */
export function mountedFiles({
  HostConfig: host,
  Mounts: mounts,
}: ContainerInspectInfo): Map<string, string> {
  const asked = (host.Mounts ?? []).filter(({ Type }) => Type === 'bind');
  const came = (mounts ?? []).filter(({ Type }) => Type === 'bind');
  return new Map([
    ...came.map(({ Destination, Source }): [string, string] => [Destination, Source]),
    ...asked.map(({ Target, Source }): [string, string] => [Target, Source]),
  ]);
}

function sourceOf(inspected: ContainerInspectInfo, target: string): string | undefined {
  return mountedFiles(inspected).get(target);
}

function refuseRemote(docker: Docker, name: string): void {
  if (isLocal(docker)) return;
  const why = 'its secret files lie in memory on the host of the engine, which is another one';
  throw new EdgeError(
    'terminal',
    'SecretFilesNeedLocalEngine',
    sentence({ operation: 'create', object: name }, why),
  );
}

/** Reached by a socket of this host. */
export function isLocal(docker: Docker): boolean {
  return engineSocket(docker) !== undefined;
}

export function engineSocket(docker: Docker): string | undefined {
  const { socketPath } = docker.modem as { readonly socketPath?: unknown };
  return typeof socketPath === 'string' ? socketPath : undefined;
}
