import type Docker from 'dockerode';
import type { ContainerInspectInfo } from 'dockerode';
import { EdgeError } from '../apply/ports.ts';
import { fileDigest, secretFileDigest } from '../desired/file-digest.ts';
import type { Limits } from './ask.ts';
import { readEntry } from './container-files.ts';
import { changedByHand } from './read-container.ts';
import type { Revealing } from './reveal.ts';
import type { SecretFolder } from './secret-folder.ts';
import { readSecretFiles } from './secret-labels.ts';
import { mountedFiles } from './secret-mounts.ts';
import { isSilence } from './silent-containers.ts';

interface Reading {
  readonly docker: Docker;
  readonly secrets: Revealing;
  readonly folder: SecretFolder;
  readonly inspected: ContainerInspectInfo;
  readonly paths: readonly string[];
  /** Of each question. */
  readonly limits: Limits;
}

type Digests = Readonly<Record<string, string>>;

/** What stands in a container's files that may change while it runs; one that is not there is left out. */
export async function digestFiles(reading: Reading, before: Digests = {}): Promise<Digests> {
  const sources = mountedFiles(reading.inspected);
  const sealed = new Map(
    readSecretFiles(reading.inspected.Config.Labels ?? {}).map((file) => [file.target, file]),
  );
  const digests: [path: string, digest: string][] = [];
  for (const path of [...reading.paths].sort()) {
    const file = sealed.get(path);
    const digest = file
      ? secretDigest(reading, sources.get(path))
      : await plainDigest(reading, path, before[path]);
    if (digest !== undefined) digests.push([path, digest]);
  }
  return Object.fromEntries(digests);
}

/** Asked of the folder that it is mounted from: what the mark says is in it, unless the file says otherwise. */
function secretDigest({ secrets, folder }: Reading, source: string | undefined): string | undefined {
  const lying = source === undefined ? undefined : folder.read(source);
  if (!lying?.value) return undefined;
  const isOther = lying.plain !== undefined && secrets.matches(lying.value, lying.plain) === false;
  return secretFileDigest(isOther ? changedByHand : lying.value.version, lying.mode);
}

async function plainDigest(
  { docker, inspected, limits }: Reading,
  path: string,
  before: string | undefined,
): Promise<string | undefined> {
  try {
    const entry = await readEntry(docker, inspected.Id, path, limits);
    if (entry === undefined) return undefined;
    if (entry.kind !== 'file') return 'no file';
    return fileDigest({ content: entry.content.toString('utf8'), mode: entry.mode });
  } catch (error) {
    // An engine that cannot read one file is asked again with the next reading.
    if (error instanceof EdgeError && error.kind !== 'unreachable' && !isSilence(error)) return before;
    throw error;
  }
}
