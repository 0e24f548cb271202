import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sopsVersion } from '../desired/secret.ts';
import { ensurePrivateFolder, replaceFile } from './private-file.ts';
import { readDocument, type SopsDocument } from './sops-document.ts';

/**
 * Ciphertexts on disk, for the releases that still need a value that git does not hold any more. Nothing in it can
 * be read without an identity. Losing it loses only rollbacks to such releases.
 */
export interface SealedStore {
  /** Everything that is whole. */
  load(): Promise<readonly SealedCopy[]>;
  /** Writes what is not there yet. */
  save(copy: SealedCopy): Promise<void>;
  /** The same version again, after the identities changed. */
  replace(copy: SealedCopy): Promise<void>;
  /** Removes what is not needed for these versions; the documents that git holds now are needed first. */
  prune(versions: ReadonlySet<string>, current: ReadonlySet<string>): Promise<void>;
}

export type SealedCopy =
  | { readonly kind: 'sops'; readonly text: string }
  /** A value of another manager, encrypted by age to our own recipients. */
  | { readonly kind: 'value'; readonly version: string; readonly sealed: Uint8Array };

export function createSealedStore(folder: string): SealedStore {
  /** The versions in each file. */
  const known = new Map<string, readonly string[]>();
  let loaded: Promise<readonly SealedCopy[]> | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  /** One after the other: a file is not pruned while it is written. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = queue.then(work);
    queue = turn.catch(() => undefined);
    return turn;
  }

  async function loadAll(): Promise<readonly SealedCopy[]> {
    const names = await readdir(folder).catch(() => []);
    const copies: SealedCopy[] = [];
    for (const name of names.toSorted()) {
      const copy = await readCopy(folder, name);
      known.set(name, copy === undefined ? [] : versionsOf(copy));
      if (copy !== undefined) copies.push(copy);
    }
    return copies;
  }

  function load(): Promise<readonly SealedCopy[]> {
    loaded ??= inTurn(loadAll);
    return loaded;
  }

  async function write(copy: SealedCopy): Promise<void> {
    await ensurePrivateFolder(folder);
    await replaceFile(join(folder, nameOf(copy)), copy.kind === 'sops' ? copy.text : copy.sealed);
    known.set(nameOf(copy), versionsOf(copy));
  }

  return {
    load,
    async save(copy) {
      await load();
      if (!known.has(nameOf(copy))) await inTurn(() => write(copy));
    },
    async replace(copy) {
      await load();
      await inTurn(() => write(copy));
    },
    async prune(versions, current) {
      await load();
      await inTurn(async () => {
        const documents = new Set([...current].map((text) => nameOf({ kind: 'sops', text })));
        for (const name of superfluous(known, versions, documents)) {
          await rm(join(folder, name), { force: true });
          known.delete(name);
        }
      });
    },
  };
}

/** A value that did not change is in the old document and in the new one: the old one need not stay for it. */
function superfluous(
  files: ReadonlyMap<string, readonly string[]>,
  wanted: ReadonlySet<string>,
  current: ReadonlySet<string>,
): readonly string[] {
  const unwanted = (versions: readonly string[]) => versions.filter((version) => !wanted.has(version)).length;
  const sorted = [...files].toSorted(
    ([a, inA], [b, inB]) => Number(current.has(b)) - Number(current.has(a)) || unwanted(inA) - unwanted(inB),
  );
  const covered = new Set<string>();
  return sorted.flatMap(([name, versions]) => {
    const needed = versions.filter((version) => wanted.has(version) && !covered.has(version));
    for (const version of needed) covered.add(version);
    return needed.length === 0 ? [name] : [];
  });
}

function nameOf(copy: SealedCopy): string {
  return copy.kind === 'sops' ? `sops-${digestOf(copy.text)}.yaml` : `value-${copy.version}.age`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Undefined for what we did not write like that: it was damaged, or cut off by a crash. */
async function readCopy(folder: string, name: string): Promise<SealedCopy | undefined> {
  const content = await readFile(join(folder, name)).catch(() => undefined);
  const [, version] = /^value-([0-9a-f]{16})\.age$/.exec(name) ?? [];
  if (content === undefined) return undefined;
  if (version !== undefined) return { kind: 'value', version, sealed: content };
  const copy: SealedCopy = { kind: 'sops', text: content.toString('utf8') };
  return nameOf(copy) === name ? copy : undefined;
}

function versionsOf(copy: SealedCopy): readonly string[] {
  if (copy.kind === 'value') return [copy.version];
  try {
    return Object.values(dataVersions(readDocument(copy.text, 'sealed copy')));
  } catch {
    return [];
  }
}

/** By key; ciphertexts are all it takes. */
export function dataVersions({ leaves }: SopsDocument): Readonly<Record<string, string>> {
  return Object.fromEntries(
    leaves.flatMap(({ path: [first, key, ...deeper], text }) =>
      first === 'data' && key !== undefined && deeper.length === 0 ? [[key, sopsVersion(text)]] : [],
    ),
  );
}
