import { Document, isMap, isScalar, visit } from 'yaml';
import { EdgeError } from '../apply/ports.ts';
import { readGoScalar } from './go-scalar.ts';
import { defaultRule, readRule, type SopsRule } from './sops-rule.ts';

/** What SOPS writes below `sops`. */
export interface SopsMetadata {
  /** All of it as it stands, other services' keys as well. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** One group, of which any key opens the file; of several, parts of the data key from as many as `threshold`. */
  readonly groups: readonly (readonly AgeEntry[])[];
  readonly threshold: number;
  /** As SOPS writes it again: what the MAC is bound to. */
  readonly lastModified: string;
  readonly mac: string;
  readonly macOnlyEncrypted: boolean;
  readonly rule: SopsRule;
  /** `kms`, `pgp`, …: key services of which there are keys besides age's. */
  readonly otherServices: readonly string[];
}

export interface AgeEntry {
  readonly recipient: string;
  /** The data key, encrypted to the recipient; armored. */
  readonly enc: string;
}

const services = ['kms', 'gcp_kms', 'hckms', 'azure_kv', 'hc_vault', 'pgp'] as const;
/** Each costs a key exchange. */
const mostEntries = 100;

/** Throws EdgeError: `Corrupt`, `Unsupported`. */
export function readMetadata(value: unknown): SopsMetadata {
  if (!isRecord(value)) throw corrupt('there is no "sops" block: the file is not encrypted');
  const top = ageEntries(value.age, 'sops.age');
  const others = services.filter((service) => isFilled(value[service]));
  // Keys beside the groups go before them.
  const grouped = top.length === 0 && others.length === 0 ? readGroups(value.key_groups) : undefined;
  const threshold = value.shamir_threshold;
  const mac = value.mac;
  if (typeof mac !== 'string' || mac === '')
    throw corrupt('sops.mac is missing: nothing authenticates the file');
  return {
    fields: value,
    groups: grouped?.groups ?? [top],
    threshold: typeof threshold === 'number' ? threshold : 0,
    lastModified: readLastModified(value.lastmodified),
    mac,
    macOnlyEncrypted: value.mac_only_encrypted === true,
    rule: readRule(value) ?? defaultRule,
    otherServices: grouped?.others ?? others,
  };
}

function readGroups(value: unknown) {
  if (!isFilled(value)) return undefined;
  const found = (value as unknown[]).map((group) => (isRecord(group) ? group : {}));
  return {
    groups: found.map((group, index) => ageEntries(group.age, `sops.key_groups[${index}].age`)),
    others: services.filter((service) => found.some((group) => isFilled(group[service]))),
  };
}

function ageEntries(value: unknown, where: string): readonly AgeEntry[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > mostEntries) throw corrupt(`${where} is no list of recipients`);
  return value.map((entry: unknown) => {
    if (!isRecord(entry) || typeof entry.recipient !== 'string' || typeof entry.enc !== 'string')
      throw corrupt(`${where} has an entry without recipient and enc`);
    return { recipient: entry.recipient, enc: entry.enc };
  });
}

function readLastModified(value: unknown): string {
  const time = typeof value === 'string' ? readGoScalar(value) : undefined;
  if (time?.type !== 'time' || !String(value).includes(':'))
    throw corrupt('sops.lastmodified is missing or no time');
  return time.text.replace(/\.\d+/, '');
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function corrupt(why: string): EdgeError {
  return new EdgeError('terminal', 'Corrupt', why);
}

/** The lines of `sops`, as SOPS writes them. */
export function formatMetadata(fields: Readonly<Record<string, unknown>>): string {
  const document = new Document({ sops: fields });
  visit(document, {
    Pair(_key, { key, value }) {
      if (isScalar(key) && key.value === 'enc' && isScalar(value)) value.type = 'BLOCK_LITERAL';
      // Without quotes older readers take it for a time of theirs.
      if (isScalar(key) && key.value === 'lastmodified' && isScalar(value)) value.type = 'QUOTE_DOUBLE';
      if (isMap(value)) value.flow = false;
    },
  });
  return document.toString({ indent: 4, lineWidth: 0, flowCollectionPadding: false });
}
