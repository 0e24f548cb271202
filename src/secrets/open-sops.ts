import { createHash, timingSafeEqual } from 'node:crypto';
import { EdgeError } from '../apply/ports.ts';
import { openDataKey } from './data-key.ts';
import type { Identities } from './identities.ts';
import {
  type Comment,
  type Leaf,
  macText,
  readDocument,
  type SopsDocument,
  shownPath,
} from './sops-document.ts';
import { readMetadata, type SopsMetadata } from './sops-metadata.ts';
import { looksEncrypted, openSopsValue, parseSopsValue, placeOf, type SopsType } from './sops-value.ts';

/** A SOPS file, decrypted and authenticated. */
export interface OpenedSops {
  readonly document: SopsDocument;
  readonly metadata: SopsMetadata;
  readonly dataKey: Uint8Array;
  /** In the order of the file. */
  readonly values: readonly OpenedValue[];
  readonly comments: readonly { readonly comment: Comment; readonly plain: string }[];
}

export interface OpenedValue {
  readonly leaf: Leaf;
  /** Undefined for what is not encrypted. */
  readonly type: SopsType | undefined;
  /** What SOPS encrypted: of a bool `True`. */
  readonly plain: string;
}

/**
 * Throws EdgeError: `NoIdentity`, `Corrupt` for a file that was changed by anything but SOPS, `Unsupported`.
 * Nothing is handed out before the whole file is authenticated.
 */
export async function openSops(text: string, file: string, identities: Identities): Promise<OpenedSops> {
  const opened = await openValues(readDocument(text, file), identities);
  checkMac(opened);
  return opened;
}

/** The same without the MAC, for a file that was edited by hand on purpose. */
export async function openValues(
  document: SopsDocument,
  identities: Identities,
  isFresh: (leaf: Leaf) => boolean = () => false,
): Promise<OpenedSops> {
  const metadata = readMetadata(document.value.sops);
  const dataKey = await openDataKey(metadata, identities);
  const { rule } = metadata;
  return {
    document,
    metadata,
    dataKey,
    values: document.leaves
      .filter((leaf) => !isFresh(leaf))
      .map((leaf) =>
        rule.isEncrypted(leaf.path)
          ? openLeaf(leaf, dataKey, document)
          : { leaf, type: undefined, plain: leaf.text },
      ),
    comments: document.comments.flatMap((comment) => {
      const plain = rule.isEncrypted(comment.path) ? openComment(comment, dataKey) : undefined;
      return plain === undefined ? [] : [{ comment, plain }];
    }),
  };
}

function openLeaf(leaf: Leaf, key: Uint8Array, document: SopsDocument): OpenedValue {
  const shown = shownPath(leaf.path);
  if (macText(leaf) === undefined) throw corrupt(`${shown} has no value`);
  // SOPS leaves it as it is, so that anybody could have added or emptied it.
  if (leaf.text === '') throw corrupt(`${shown} is empty: SOPS protects no empty value, leave the key out`);
  const value = parseSopsValue(leaf.text);
  if (!value && !looksEncrypted(leaf.text)) throw corrupt(`${shown} is not encrypted`);
  if (!value || value.type === 'comment') throw corrupt(`${shown} is no value of SOPS: it is damaged`);
  const bytes = openSopsValue(value, key, placeOf(leaf.path));
  if (!bytes) throw corrupt(`${shown} ${whyChanged(leaf, key, document)}`);
  const plain = bytes.toString('utf8');
  if (!Buffer.from(plain).equals(bytes)) throw corrupt(`${shown} is no text (UTF-8)`);
  return { leaf, type: value.type, plain };
}

/** Most often a value was moved to another key, or swapped with it. */
function whyChanged({ text, path }: Leaf, key: Uint8Array, { leaves }: SopsDocument): string {
  const value = parseSopsValue(text);
  const places = new Set(leaves.map((leaf) => placeOf(leaf.path)));
  places.delete(placeOf(path));
  const from = value && [...places].find((place) => openSopsValue(value, key, place));
  return from === undefined
    ? 'cannot be authenticated: it was changed, renamed, or encrypted by the data key of another file'
    : `holds the value of ${shownPath(from.slice(0, -1).split(':'))}: it was moved`;
}

/** One that does not open was not encrypted, says SOPS. */
function openComment({ text, path }: Comment, key: Uint8Array): string | undefined {
  const value = parseSopsValue(text);
  return value && openSopsValue(value, key, placeOf(path))?.toString('utf8');
}

function checkMac({ values, metadata, dataKey }: OpenedSops): void {
  const { mac, lastModified } = metadata;
  const value = parseSopsValue(mac);
  const sealed = value && openSopsValue(value, dataKey, lastModified);
  if (!sealed) throw corrupt('sops.mac or sops.lastmodified was changed: they do not fit');
  const computed = Buffer.from(macOf(values.map(countedOf), metadata));
  if (computed.length !== sealed.length || !timingSafeEqual(computed, sealed))
    throw corrupt(
      'the file was changed after it was encrypted: a value was added or removed, or what is not encrypted was edited (MAC mismatch)',
    );
}

/** What the MAC counts of one value. */
export interface Counted {
  readonly isEncrypted: boolean;
  /** Undefined for null. */
  readonly text: string | undefined;
}

function countedOf({ leaf, type, plain }: OpenedValue): Counted {
  return type === undefined
    ? { isEncrypted: false, text: macText(leaf) }
    : { isEncrypted: true, text: plain };
}

/** So that a MAC of the one kind is never one of the other. */
const onlyEncryptedStart = '8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69';

/** SHA-512 of all values, one after the other, in hexadecimal digits. */
export function macOf(
  values: readonly Counted[],
  { macOnlyEncrypted }: { macOnlyEncrypted: boolean },
): string {
  const hash = createHash('sha512');
  if (macOnlyEncrypted) hash.update(Buffer.from(onlyEncryptedStart, 'hex'));
  for (const { isEncrypted, text } of values)
    if (text !== undefined && (isEncrypted || !macOnlyEncrypted)) hash.update(text);
  return hash.digest('hex').toUpperCase();
}

function corrupt(why: string): EdgeError {
  return new EdgeError('terminal', 'Corrupt', why);
}
