import { createHash } from 'node:crypto';
import { escapeText, shorten, showValue } from '../desired/shown-text.ts';
import { type SshPublicKey, sshFingerprint } from './ssh-public-key.ts';
import { SshReader, SshWireError, sshString } from './ssh-wire.ts';
import type { Verification } from './verification.ts';

const magic = 'SSHSIG';

/**
 * Checks a signature as `ssh-keygen -Y sign -n git` makes it
 * (https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig).
 */
export function verifySshSignature(
  keys: readonly SshPublicKey[],
  armor: string,
  payload: Uint8Array,
): Verification {
  try {
    return check(keys, readSignature(armor), payload);
  } catch (error) {
    if (!(error instanceof SshWireError)) throw error;
    return { ok: false, why: `its SSH signature cannot be read: ${error.message}` };
  }
}

interface SshSignature {
  readonly publicKey: Buffer;
  readonly namespace: Buffer;
  readonly reserved: Buffer;
  readonly hash: string;
  readonly signature: Buffer;
}

function check(keys: readonly SshPublicKey[], found: SshSignature, payload: Uint8Array): Verification {
  const { publicKey, namespace, reserved, hash, signature } = found;
  const key = keys.find(({ blob }) => blob.equals(publicKey));
  if (key === undefined)
    return { ok: false, why: `signed by an unknown SSH key, ${describeBlob(publicKey)}` };
  const by = describeKey(key);
  const purpose = namespace.toString('latin1');
  // Without this, a signature that somebody gave for a file or a login could be shown as one for a commit.
  if (purpose !== 'git')
    return { ok: false, why: `signed by ${by} for ${showValue(purpose)}, not for "git"` };
  if (hash !== 'sha256' && hash !== 'sha512')
    return { ok: false, why: `signed by ${by} over a hash that is not accepted, ${showValue(hash)}` };
  const digest = createHash(hash).update(payload).digest();
  const signed = [Buffer.from(magic), ...[namespace, reserved, hash, digest].map(sshString)];
  const answer = key.verify(signature, Buffer.concat(signed));
  switch (answer) {
    case 'good':
      return { ok: true, by };
    case 'bad':
      return { ok: false, why: `bad signature: it is not what ${by} signed` };
    case 'weak algorithm':
      return { ok: false, why: `signed by ${by} with an algorithm that is not accepted` };
    case 'not touched':
      return { ok: false, why: `signed by ${by} without a touch of the security key` };
    default:
      return answer satisfies never;
  }
}

function readSignature(armor: string): SshSignature {
  const base64 = armor.split('\n').slice(1, -2).join('').replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0)
    throw new SshWireError('it is no base64');
  const reader = new SshReader(Buffer.from(base64, 'base64'));
  if (reader.take(magic.length).toString('latin1') !== magic) throw new SshWireError('it is of another kind');
  if (reader.uint32() !== 1) throw new SshWireError('it has an unknown version');
  const found = {
    publicKey: reader.bytes(),
    namespace: reader.bytes(),
    reserved: reader.bytes(),
    hash: reader.text(),
    signature: reader.bytes(),
  };
  reader.end();
  // ssh-keygen knows of none either: what it is to mean is not settled.
  if (found.reserved.length > 0) throw new SshWireError('it has a part of a kind that is not known');
  return found;
}

function describeKey({ fingerprint, comment }: SshPublicKey): string {
  return comment === '' ? fingerprint : `${fingerprint} (${escapeText(shorten(comment, 80))})`;
}

function describeBlob(blob: Buffer): string {
  const type = new SshReader(blob).text();
  return `${sshFingerprint(blob)} (${escapeText(shorten(type, 40))})`;
}
