import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Snapshot, SourceFile } from '../desired/desired.ts';
import { limits } from './entry-rules.ts';

/** The last good snapshot on disk: enough to start without the source. */
export interface SnapshotStore {
  /** Undefined when there is none, when it is damaged, or when it is of another source. */
  load(): Promise<Snapshot | undefined>;
  /** Atomic and durable; saving the same revision again writes nothing. */
  save(snapshot: Snapshot): Promise<void>;
}

interface Stored {
  readonly version: 1;
  /** `sourceKey` of the configuration that it was read by. */
  readonly source: string;
  readonly revision: string;
  readonly files: readonly { readonly path: string; readonly id: string; readonly content: string }[];
}

/** A checksum in hex and a line end stand before the compressed text. */
const headerLength = 65;
/** Base64 takes a third more, and manifests count besides. */
const unpackedLimit = 4 * limits.total;

/** `source` is `sourceKey(config)`: a snapshot of another repository must never be taken for this one's. */
export function createSnapshotStore(stateDir: string, source: string): SnapshotStore {
  const file = join(stateDir, 'snapshot.json.gz');
  let saved: string | undefined;
  return {
    async load() {
      const bytes = await readFile(file).catch(() => undefined);
      const stored = bytes && (await unpack(bytes));
      if (stored?.source !== source) return undefined;
      saved = stored.revision;
      return { revision: stored.revision, files: stored.files.map(toFile) };
    },
    async save(snapshot) {
      if (saved === snapshot.revision) return;
      const files = snapshot.files.map(({ path, id, content }) => ({
        path,
        id,
        content: Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('base64'),
      }));
      const stored: Stored = { version: 1, source, revision: snapshot.revision, files };
      const packed = await promisify(gzip)(JSON.stringify(stored));
      await mkdir(stateDir, { recursive: true, mode: 0o700 });
      await replaceFile(stateDir, file, Buffer.concat([Buffer.from(`${checksum(packed)}\n`), packed]));
      saved = snapshot.revision;
    },
  };
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
