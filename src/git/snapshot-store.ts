import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { OmittedEntry, Snapshot, SourceFile } from '../desired/desired.ts';
import { limits } from './entry-rules.ts';

/** The last good snapshot on disk: enough to start without the source. */
export interface SnapshotStore {
  /** Undefined when there is none, when it is damaged, of another source, or not verified as it has to be. */
  load(): Promise<KeptSnapshot | undefined>;
  /** Atomic and durable; saving the same again writes nothing. */
  save(snapshot: Snapshot, verifiedBy?: string): Promise<void>;
}

export interface KeptSnapshot {
  readonly snapshot: Snapshot;
  /** When it was saved, in milliseconds since the epoch. */
  readonly at: number;
  readonly verifiedBy?: string;
}

export interface StoreOptions {
  /** Of several sources in one state directory each has a file of its own. */
  readonly name?: string;
  /** Tells the mode and the keys of `verify`: what was not verified by just these is not loaded. */
  readonly verification?: string;
  readonly now?: () => number;
}

interface Stored {
  readonly version: 1;
  /** `sourceKey` of the configuration that it was read by. */
  readonly source: string;
  readonly revision: string;
  readonly files: readonly { readonly path: string; readonly id: string; readonly content: string }[];
  readonly omitted?: readonly OmittedEntry[];
  readonly at?: number;
  readonly verification?: { readonly by: string; readonly rule: string };
}

/** A checksum in hex and a line end stand before the compressed text. */
const headerLength = 65;
/** Base64 takes a third more, and manifests count besides. */
const unpackedLimit = 4 * limits.total;

/** `source` is `sourceKey(config)`: a snapshot of another repository must never be taken for this one's. */
export function createSnapshotStore(
  stateDir: string,
  source: string,
  { name = 'default', verification: rule, now = Date.now }: StoreOptions = {},
): SnapshotStore {
  const file = join(stateDir, name === 'default' ? 'snapshot.json.gz' : `snapshot-${name}.json.gz`);
  let saved: string | undefined;
  return {
    async load() {
      const bytes = await readFile(file).catch(() => undefined);
      const stored = bytes && (await unpack(bytes));
      if (stored?.source !== source) return undefined;
      const { revision, verification, omitted, at = 0 } = stored;
      if (rule !== undefined && verification?.rule !== rule) return undefined;
      const by = verification?.by;
      saved = savedKey(revision, by);
      const snapshot = {
        revision,
        files: stored.files.map(toFile),
        ...(omitted === undefined ? {} : { omitted }),
      };
      return { snapshot, at, ...(by === undefined ? {} : { verifiedBy: by }) };
    },
    async save(snapshot, verifiedBy) {
      if (rule !== undefined && verifiedBy === undefined) throw new Error('only what was verified is kept');
      if (saved === savedKey(snapshot.revision, verifiedBy)) return;
      const files = snapshot.files.map(({ path, id, content }) => ({
        path,
        id,
        content: Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('base64'),
      }));
      const { revision, omitted } = snapshot;
      const stored: Stored = {
        version: 1,
        source,
        revision,
        files,
        at: now(),
        ...(omitted === undefined ? {} : { omitted }),
        ...(rule === undefined || verifiedBy === undefined ? {} : { verification: { by: verifiedBy, rule } }),
      };
      const packed = await promisify(gzip)(JSON.stringify(stored));
      await mkdir(stateDir, { recursive: true, mode: 0o700 });
      await replaceFile(stateDir, file, Buffer.concat([Buffer.from(`${checksum(packed)}\n`), packed]));
      saved = savedKey(revision, verifiedBy);
    },
  };
}

function savedKey(revision: string, by = ''): string {
  return `${revision} ${by}`;
}

async function unpack(bytes: Buffer): Promise<Stored | undefined> {
  const packed = bytes.subarray(headerLength);
  if (bytes.toString('latin1', 0, headerLength) !== `${checksum(packed)}\n`) return undefined;
  try {
    const text = await promisify(gunzip)(packed, { maxOutputLength: unpackedLimit });
    const stored: Stored = JSON.parse(text.toString('utf8'));
    return stored.version === 1 ? stored : undefined;
  } catch {
    return undefined;
  }
}

function toFile({ path, id, content }: Stored['files'][number]): SourceFile {
  return { path, id, content: Buffer.from(content, 'base64') };
}

function checksum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The new file is on the disk before it takes the name, and the name before we return. */
async function replaceFile(folder: string, file: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${file}.new`;
  await rm(fresh, { force: true });
  const handle = await open(fresh, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
  const parent = await open(folder, 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}
