import type { Decrypter, Encrypter } from 'age-encryption';
import { EdgeError } from '../apply/ports.ts';
import { escapeText, shorten } from '../desired/shown-text.ts';
import type { Identities } from './identities.ts';
import { loadAge } from './load-age.ts';
import { combineShares } from './shamir.ts';
import type { AgeEntry, SopsMetadata } from './sops-metadata.ts';

/** The key that a file's values are encrypted with, opened by any of our identities. Throws EdgeError. */
export async function openDataKey(metadata: SopsMetadata, identities: Identities): Promise<Uint8Array> {
  const { groups, threshold, otherServices } = metadata;
  const entries = groups.flat();
  if (entries.length === 0)
    throw new EdgeError(
      'terminal',
      'Unsupported',
      otherServices.length === 0
        ? 'it has no recipients'
        : `it is encrypted by ${otherServices.join(' and ')} alone: add an age recipient to it with sops`,
    );
  const parts: Uint8Array[] = [];
  for (const group of groups) {
    const part = await openEntries(group, identities);
    if (part !== undefined) parts.push(part);
  }
  const key = groups.length > 1 ? combineParts(parts, Math.max(2, threshold)) : parts[0];
  if (key?.length === 32) return key;
  if (key !== undefined) throw corrupt('the data key is damaged');
  throw whyNot(entries, identities, groups.length > 1 ? Math.max(2, threshold) : 1);
}

function combineParts(parts: readonly Uint8Array[], threshold: number): Uint8Array | undefined {
  if (parts.length < threshold) return undefined;
  const key = combineShares(parts);
  if (key === undefined) throw corrupt('the parts of the data key do not belong together');
  return key;
}

/** Those that name us first; an entry may also bear a wrong name. */
async function openEntries(
  entries: readonly AgeEntry[],
  identities: Identities,
): Promise<Uint8Array | undefined> {
  if (identities.keys.length === 0) return undefined;
  const isOurs = ({ recipient }: AgeEntry) => identities.recipients.includes(recipient.trim());
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  for (const key of identities.keys) decrypter.addIdentity(key);
  for (const { enc } of [...entries.filter(isOurs), ...entries.filter((entry) => !isOurs(entry))]) {
    const key = await decryptEntry(decrypter, enc);
    if (key !== undefined) return key;
  }
  return undefined;
}

async function decryptEntry(decrypter: Decrypter, enc: string): Promise<Uint8Array | undefined> {
  const { armor } = await loadAge();
  try {
    return await decrypter.decrypt(armor.decode(enc));
  } catch {
    // For somebody else, or damaged: which of them is told when no entry opens.
    return undefined;
  }
}

function whyNot(entries: readonly AgeEntry[], { recipients }: Identities, needed: number): EdgeError {
  if (needed === 1 && entries.some(({ recipient }) => recipients.includes(recipient.trim())))
    return corrupt('the data key for our recipient is damaged (sops.age[].enc)');
  const shown = entries.slice(0, 10).map(({ recipient }) => escapeText(shorten(recipient, 80)));
  const rest = entries.length > 10 ? ` and ${entries.length - 10} more` : '';
  const held = recipients.length === 0 ? 'there is no identity here' : `here is ${recipients.join(', ')}`;
  return new EdgeError(
    'terminal',
    'NoIdentity',
    `${needed > 1 ? `${needed} groups are needed of those ` : ''}encrypted for ${shown.join(', ')}${rest}; ${held}`,
  );
}

/** The data key for each of these recipients. Throws EdgeError `InvalidRecipient`. */
export async function wrapDataKey(
  key: Uint8Array,
  recipients: readonly string[],
): Promise<readonly AgeEntry[]> {
  const { armor } = await loadAge();
  const entries: AgeEntry[] = [];
  for (const recipient of recipients) {
    const encrypter = await encrypterFor([recipient]);
    entries.push({ recipient, enc: armor.encode(await encrypter.encrypt(key)) });
  }
  return entries;
}

export async function encrypterFor(recipients: readonly string[]): Promise<Encrypter> {
  const { Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      const shown = escapeText(shorten(recipient.startsWith('age1') ? recipient : recipient.slice(0, 4), 80));
      throw new EdgeError('terminal', 'InvalidRecipient', `"${shown}" is no age recipient (age1…)`);
    }
  }
  return encrypter;
}

function corrupt(why: string): EdgeError {
  return new EdgeError('terminal', 'Corrupt', why);
}
