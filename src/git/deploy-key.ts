import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { isPrintable } from '../desired/shown-text.ts';
import { sshFingerprint } from './ssh-public-key.ts';
import { sshString, sshUint32 } from './ssh-wire.ts';

/** A key that a git server lets in, for one repository and to read only. */
export interface DeployKey {
  /** The file that `ssh` takes: not encrypted, so it must be 0600. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA… comment`, without a line end: what the git server is given. */
  readonly publicKey: string;
  /** `SHA256:…`, as git servers show it. */
  readonly fingerprint: string;
}

const type = 'ssh-ed25519';

/** Whether text may stand behind a public key: one line, printable, and short enough for any server. */
export function isKeyComment(text: string): boolean {
  return text.length <= 100 && text.trim() === text && [...text].every(isPrintable);
}

/** Makes an Ed25519 key. The comment must be one (`isKeyComment`). */
export function makeDeployKey(comment: string): DeployKey {
  if (!isKeyComment(comment)) throw new Error('the comment of a key is one line of printable text');
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const publicBytes = Buffer.from(x, 'base64url');
  const blob = Buffer.concat([sshString(type), sshString(publicBytes)]);
  return {
    privateKey: toPem(toContainer(blob, privatePart(Buffer.from(d, 'base64url'), publicBytes, comment))),
    publicKey: [type, blob.toString('base64'), comment].join(' ').trim(),
    fingerprint: sshFingerprint(blob),
  };
}

/** https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key, with no cipher. */
function toContainer(blob: Buffer, secret: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(sshString),
    sshUint32(1),
    sshString(blob),
    sshString(secret),
  ]);
}

function privatePart(seed: Buffer, publicBytes: Buffer, comment: string): Buffer {
  // Written twice: with a cipher, that they are equal shows that the passphrase was right.
  const check = randomBytes(4);
  const parts = [type, publicBytes, Buffer.concat([seed, publicBytes]), comment].map(sshString);
  const content = Buffer.concat([check, check, ...parts]);
  const padding = Uint8Array.from({ length: -content.length & 7 }, (_, index) => index + 1);
  return Buffer.concat([content, padding]);
}

function toPem(container: Buffer): string {
  const lines = container.toString('base64').replaceAll(/.{70}(?!$)/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
