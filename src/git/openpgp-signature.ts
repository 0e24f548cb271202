import type { Key, PartialConfig, SignaturePacket } from 'openpgp';
import { escapeText, shorten } from '../desired/shown-text.ts';
import { plainReason } from './source-error.ts';
import type { Verification } from './verification.ts';

type OpenPgp = typeof import('openpgp');

export type OpenPgpKey = Key;

/** How far the clock of who signed may be ahead of ours. */
const clockSkew = 10 * 60_000;

/** Reads the keys of one armored block; the error says what is wrong with it. */
export async function readOpenPgpKeys(armored: string): Promise<readonly OpenPgpKey[]> {
  const openpgp = await load();
  const keys = await openpgp.readKeys({ armoredKeys: armored, config: configOf(openpgp) });
  for (const key of keys) {
    if (key.isPrivate()) throw new Error('it is a private key: give the public half');
    const { bits } = key.getAlgorithmInfo();
    if (bits !== undefined && bits < 2048) throw new Error(`an RSA key of ${bits} bits is too weak`);
  }
  return keys;
}

/**
 * Checks a detached signature. Whether the key had expired or was withdrawn is asked as of the time of the signature;
 * a key that was withdrawn because somebody else may have it never counts.
 */
export async function verifyOpenPgpSignature(
  keys: readonly OpenPgpKey[],
  armor: string,
  payload: Uint8Array,
): Promise<Verification> {
  const openpgp = await load();
  const packet = await readPacket(openpgp, armor);
  if (typeof packet === 'string') return { ok: false, why: packet };
  const matching = keys.filter((key) => key.getKeys(packet.issuerKeyID).length > 0);
  let why = `signed by an unknown OpenPGP key, ${issuerOf(packet)}`;
  // One key may be given twice, as it was and as it was prolonged.
  for (const key of matching) {
    const by = await describeKey(key, packet.created ?? undefined);
    const problem = await problemOf(openpgp, { key, armor, payload }, packet.created);
    if (problem === undefined) return { ok: true, by };
    why = explain(problem, by);
  }
  return { ok: false, why };
}

/** The one signature, or why there is none to speak of. */
async function readPacket(openpgp: OpenPgp, armor: string): Promise<SignaturePacket | string> {
  try {
    const { packets } = await openpgp.readSignature({ armoredSignature: armor, config: configOf(openpgp) });
    const [packet] = packets;
    if (packets.length > 1) return 'it bears more than one signature';
    if (!(packet instanceof openpgp.SignaturePacket)) return 'its OpenPGP signature is of an unknown version';
    // Other types sign a key, a time or nothing at all, whatever they stand beside.
    if (packet.signatureType !== openpgp.enums.signature.binary)
      return 'its OpenPGP signature is not one over the content';
    return packet;
  } catch (error) {
    return `its OpenPGP signature cannot be read: ${plainReason(error)}`;
  }
}

interface Checking {
  readonly key: Key;
  readonly armor: string;
  readonly payload: Uint8Array;
}

/**
 * The library's message for what is wrong; undefined when all is well. Who prolongs a key replaces its signatures on
 * itself, and what was signed before then has none from its own time: the first one after it speaks for it.
 */
async function problemOf(
  openpgp: OpenPgp,
  checking: Checking,
  created: Date | null,
): Promise<string | undefined> {
  const latest = new Date(Date.now() + clockSkew);
  let problem = await problemAt(openpgp, checking, latest, false);
  if (created === null || created > latest || !/in the future/.test(problem ?? '')) return problem;
  for (const date of renewals(checking.key, created)) {
    problem = await problemAt(openpgp, checking, date, true);
    if (problem === undefined) break;
  }
  return problem;
}

async function problemAt(
  openpgp: OpenPgp,
  { key, armor, payload }: Checking,
  date: Date,
  wasRenewed: boolean,
): Promise<string | undefined> {
  const config = { ...configOf(openpgp), allowInsecureVerificationWithReformattedKeys: wasRenewed };
  try {
    const { signatures } = await openpgp.verify({
      message: await openpgp.createMessage({ binary: payload }),
      signature: await openpgp.readSignature({ armoredSignature: armor, config }),
      verificationKeys: key,
      date,
      format: 'binary',
      config,
    });
    const [first] = signatures;
    return (await first?.verified) === true ? undefined : 'no signature';
  } catch (error) {
    return plainReason(error);
  }
}

/** When the key was signed by itself after that time, in order. */
function renewals({ users, subkeys }: Key, after: Date): readonly Date[] {
  const own = [
    ...users.flatMap(({ selfCertifications }) => selfCertifications),
    ...subkeys.flatMap(({ bindingSignatures }) => bindingSignatures),
  ];
  const times = own.map(({ created }) => created?.getTime() ?? 0).filter((time) => time > after.getTime());
  return [...new Set(times)].sort((a, b) => a - b).map((time) => new Date(time));
}

/** The library tells its findings apart by their text alone; the tests hold each of these to a real key. */
const findings: readonly (readonly [RegExp, (by: string) => string])[] = [
  [/digest did not match|verification failed/i, (by) => `bad signature: it is not what ${by} signed`],
  [
    /insecure (?:message )?hash|hash algorithm too weak/i,
    (by) => `signed by ${by} over a hash that is too weak`,
  ],
  [/revoked/i, (by) => `signed with a key that was revoked: ${by}`],
  [/(?:key|subkey) is expired/i, (by) => `signed with a key that had expired: ${by}`],
  [/signature is expired/i, (by) => `the signature by ${by} has expired`],
  [/in the future|newer than the signature/i, (by) => `the signature by ${by} has a time that cannot be`],
];

function explain(problem: string, by: string): string {
  const found = findings.find(([pattern]) => pattern.test(problem));
  return found === undefined
    ? `the signature by ${by} is not accepted: ${escapeText(problem)}`
    : found[1](by);
}

/** `FINGERPRINT (Ada <ada@example.com>)`, of the primary key. */
async function describeKey(key: Key, date: Date | undefined): Promise<string> {
  const primary = await key.getPrimaryUser(date).catch(() => undefined);
  const user = primary?.user.userID?.userID ?? key.getUserIDs()[0];
  const fingerprint = key.getFingerprint().toUpperCase();
  return user === undefined ? fingerprint : `${fingerprint} (${escapeText(shorten(user, 80))})`;
}

function issuerOf({ issuerFingerprint, issuerKeyID }: SignaturePacket): string {
  const fingerprint = issuerFingerprint && Buffer.from(issuerFingerprint).toString('hex');
  return (fingerprint || issuerKeyID.toHex()).toUpperCase();
}

function configOf(openpgp: OpenPgp): PartialConfig {
  const { md5, sha1, ripemd } = openpgp.enums.hash;
  return { rejectMessageHashAlgorithms: new Set([md5, sha1, ripemd]) };
}

/** A large library, needed by few: it is read when the first key or signature of its kind comes. */
function load(): Promise<OpenPgp> {
  return import('openpgp');
}
