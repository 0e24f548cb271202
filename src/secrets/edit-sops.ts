import { randomBytes } from 'node:crypto';
import { EdgeError } from '../apply/ports.ts';
import { wrapDataKey } from './data-key.ts';
import type { Identities } from './identities.ts';
import { type OpenedSops, openSops, openValues } from './open-sops.ts';
import {
  knownOf,
  newSealing,
  nothingKnown,
  plainDocument,
  readPlainSecret,
  sealDocument,
  sealingOf,
} from './seal-sops.ts';
import { replaceSpans } from './sops-document.ts';
import { formatMetadata } from './sops-metadata.ts';
import type { SopsRule } from './sops-rule.ts';
import { looksEncrypted } from './sops-value.ts';

/** What people do with SOPS files, as functions from text to text. All throw EdgeError. */

export interface NewFile {
  readonly recipients: readonly string[];
  readonly rule?: SopsRule | undefined;
  readonly macOnlyEncrypted?: boolean;
}

/** A plain secret, encrypted for the first time. */
export async function encryptNew(text: string, file: string, options: NewFile): Promise<string> {
  const document = readPlainSecret(text, file);
  const { recipients, rule, macOnlyEncrypted = false } = options;
  const sealing = await newSealing(randomBytes(32), recipients, {
    macOnlyEncrypted,
    ...(rule === undefined ? {} : { rule }),
  });
  return sealDocument(document, sealing, { known: nothingKnown, now: new Date() });
}

export function isEncrypted(text: string, file: string): boolean {
  return readPlainSecret(text, file).value.sops !== undefined;
}

/**
 * An encrypted file into which values were written by hand: they are encrypted, the ciphertexts that are there stay,
 * each only at its own place. One that is whole comes back as it is.
 */
export async function encryptRest(text: string, file: string, identities: Identities): Promise<string> {
  const isWhole = await openSops(text, file, identities).then(
    () => true,
    (error: unknown) => {
      if (error instanceof EdgeError && error.reason === 'Corrupt') return false;
      throw error;
    },
  );
  if (isWhole) return text;
  const document = readPlainSecret(text, file);
  const opened = await openValues(document, identities, (leaf) => !looksEncrypted(leaf.text));
  return sealDocument(document, sealingOf(opened), { known: knownOf(opened), now: new Date() });
}

/** What a person edited, encrypted like the file that it came from. */
export function encryptEdited(plain: string, file: string, opened: OpenedSops): string {
  const document = readPlainSecret(plain, file);
  if (document.value.sops !== undefined)
    throw new EdgeError('terminal', 'Invalid', '"sops" is written by us: leave it out');
  return sealDocument(document, sealingOf(opened), { known: knownOf(opened), now: new Date() });
}

export interface Rotation {
  readonly add: readonly string[];
  readonly remove: readonly string[];
  /** A new data key, and with it new ciphertexts and versions. */
  readonly dataKey: boolean;
}

/** The file for other recipients. With the same data key its values, and so its versions, stay as they are. */
export async function rotateFile(
  text: string,
  file: string,
  identities: Identities,
  { add, remove, dataKey }: Rotation,
): Promise<string> {
  const opened = await openSops(text, file, identities);
  const recipients = newRecipients(opened, add, remove);
  const { document, metadata } = opened;
  if (dataKey) {
    const { rule, macOnlyEncrypted, fields } = metadata;
    const fresh = await newSealing(randomBytes(32), recipients, { rule, macOnlyEncrypted });
    return sealDocument(
      readPlainSecret(plainDocument(opened), file),
      { ...fresh, fields: { ...withoutForeignKeys(fields), ...fresh.fields } },
      { known: nothingKnown, now: new Date() },
    );
  }
  const before = metadata.groups[0] ?? [];
  const added = recipients.filter((one) => !before.some(({ recipient }) => recipient === one));
  const entries = [
    ...before.filter(({ recipient }) => recipients.includes(recipient)),
    ...(await wrapDataKey(opened.dataKey, added)),
  ];
  const { metadataSpan: span } = document;
  if (span === undefined) throw new Error('an opened file without "sops"');
  if (added.length === 0 && entries.length === before.length) return text;
  const block = formatMetadata({ ...metadata.fields, age: entries });
  return replaceSpans(document.source.text, [{ span, text: block }]);
}

function newRecipients(
  { metadata }: OpenedSops,
  add: readonly string[],
  remove: readonly string[],
): readonly string[] {
  if (metadata.groups.length > 1)
    throw new EdgeError('terminal', 'Unsupported', 'it has several key_groups: rotate it with sops');
  const before = (metadata.groups[0] ?? []).map(({ recipient }) => recipient);
  const unknown = remove.find((one) => !before.includes(one));
  if (unknown !== undefined)
    throw new EdgeError('terminal', 'Invalid', `${unknown} is none of its recipients (${before.join(', ')})`);
  const after = [...new Set([...before.filter((one) => !remove.includes(one)), ...add])];
  if (after.length === 0)
    throw new EdgeError(
      'terminal',
      'Invalid',
      'nobody could open it then: its last recipient would be removed',
    );
  return after;
}

/** Keys of other services hold the old data key. */
function withoutForeignKeys(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const gone = ['kms', 'gcp_kms', 'hckms', 'azure_kv', 'hc_vault', 'pgp', 'key_groups', 'shamir_threshold'];
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !gone.includes(name)));
}
