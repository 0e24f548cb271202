import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { SshReader, SshWireError } from './ssh-wire.ts';

/** A public key as SSH writes it: what is in the second column of an authorized_keys line. */
export interface SshPublicKey {
  readonly type: string;
  readonly blob: Buffer;
  readonly comment: string;
  /** `SHA256:…`, as ssh-keygen -l shows it. */
  readonly fingerprint: string;
  /** Whether this signature (algorithm and value, as SSH encodes them) is the key's over `data`. */
  verify(signature: Uint8Array, data: Uint8Array): SshAnswer;
}

export type SshAnswer = 'good' | 'bad' | 'weak algorithm' | 'not touched';

interface Scheme {
  /** Reads what follows the type in the blob. */
  readonly read: (blob: SshReader) => JsonWebKey;
  /** The hash of each signature algorithm; none where the algorithm has its own. */
  readonly algorithms: Readonly<Record<string, string | undefined>>;
  /** The length of a coordinate, for ECDSA. */
  readonly ecdsa?: number;
  /** The key is in a token of its own, which says for what it signed and whether somebody touched it. */
  readonly token?: true;
}

/** The least that counts as an RSA key today; OpenPGP keys are held to the same. */
const leastRsaBits = 2048;

const schemes: Readonly<Record<string, Scheme>> = {
  'ssh-ed25519': { read: readEd25519, algorithms: { 'ssh-ed25519': undefined } },
  // The signature algorithm named ssh-rsa is the one with SHA-1.
  'ssh-rsa': { read: readRsa, algorithms: { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' } },
  'ecdsa-sha2-nistp256': nist('nistp256', 'P-256', 32, 'sha256'),
  'ecdsa-sha2-nistp384': nist('nistp384', 'P-384', 48, 'sha384'),
  'ecdsa-sha2-nistp521': nist('nistp521', 'P-521', 66, 'sha512'),
  'sk-ssh-ed25519@openssh.com': {
    read: readEd25519,
    algorithms: { 'sk-ssh-ed25519@openssh.com': undefined },
    token: true,
  },
  'sk-ecdsa-sha2-nistp256@openssh.com': {
    ...nist('nistp256', 'P-256', 32, 'sha256'),
    algorithms: { 'sk-ecdsa-sha2-nistp256@openssh.com': 'sha256' },
    token: true,
  },
};

export function isSshKeyType(word: string): boolean {
  return Object.hasOwn(schemes, word);
}

/** Reads `TYPE BASE64 [COMMENT]`; the error says what is wrong with it, and shows nothing of it but the type. */
export function readSshPublicKey(line: string): SshPublicKey {
  const [type = '', base64 = '', ...comment] = line.trim().split(/\s+/);
  if (!isSshKeyType(type)) throw new SshWireError(whyNoKey(type, [base64, ...comment]));
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw new SshWireError(`no base64 follows "${type}"`);
  return keyOf(type, Buffer.from(base64, 'base64'), comment.join(' '));
}

export function sshFingerprint(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replaceAll('=', '')}`;
}

function whyNoKey(type: string, rest: readonly string[]): string {
  if (type.includes('-cert-v01@')) return 'it is a certificate, and only plain keys are supported';
  if (type === 'ssh-dss') return 'DSA keys are too weak';
  const later = rest.find(isSshKeyType);
  if (later !== undefined) return `leave out what stands before ${later}`;
  return 'it is no public key: one is written as "ssh-ed25519 AAAA… comment", or as an armored OpenPGP block';
}

function keyOf(type: string, blob: Buffer, comment: string): SshPublicKey {
  const scheme = schemes[type];
  if (scheme === undefined) throw new Error(`no scheme for ${type}`);
  const reader = new SshReader(blob);
  if (reader.text() !== type) throw new SshWireError(`its base64 is not that of an ${type} key`);
  const jwk = scheme.read(reader);
  const application = scheme.token === true ? reader.bytes() : undefined;
  reader.end();
  const key = toKey(jwk);
  return {
    type,
    blob,
    comment,
    fingerprint: sshFingerprint(blob),
    verify: (signature, data) => check({ scheme, key, application }, new SshReader(signature), data),
  };
}

interface Checking {
  readonly scheme: Scheme;
  readonly key: KeyObject;
  /** What a token's key was made for; git's are `ssh:` and what begins with it. */
  readonly application: Buffer | undefined;
}

function check({ scheme, key, application }: Checking, reader: SshReader, data: Uint8Array): SshAnswer {
  const algorithm = reader.text();
  if (!Object.hasOwn(scheme.algorithms, algorithm)) return 'weak algorithm';
  const value = toValue(scheme, key, reader.bytes());
  const report = application === undefined ? Buffer.alloc(0) : reader.take(5);
  reader.end();
  // https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.u2f, "SSH U2F Signatures"
  const signed =
    application === undefined ? data : Buffer.concat([sha256(application), report, sha256(data)]);
  const isGood = verify(scheme.algorithms[algorithm], signed, { key, dsaEncoding: 'ieee-p1363' }, value);
  if (!isGood) return 'bad';
  return application === undefined || isTouched(report) ? 'good' : 'not touched';
}

/** The lowest flag of a token's report: a person was there. sshd wants it too. */
function isTouched([flags = 0]: Uint8Array): boolean {
  return (flags & 1) === 1;
}

function toValue({ ecdsa }: Scheme, key: KeyObject, value: Buffer): Buffer {
  if (ecdsa !== undefined) {
    const numbers = new SshReader(value);
    const halves = [numbers.unsigned(), numbers.unsigned()];
    numbers.end();
    return Buffer.concat(halves.map((half) => padded(half, ecdsa)));
  }
  // Some agents leave the leading zeros of an RSA signature out.
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits === undefined ? value : padded(value, Math.ceil(bits / 8));
}

function padded(number: Buffer, length: number): Buffer {
  if (number.length > length) throw new SshWireError('it holds a number that is too long');
  return Buffer.concat([Buffer.alloc(length - number.length), number]);
}

function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

function readEd25519(blob: SshReader): JsonWebKey {
  const key = blob.bytes();
  if (key.length !== 32) throw new SshWireError('an Ed25519 key has 32 bytes');
  return { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') };
}

function readRsa(blob: SshReader): JsonWebKey {
  const [e, n] = [blob.unsigned(), blob.unsigned()];
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
  if (bits < leastRsaBits) throw new SshWireError(`an RSA key of ${bits} bits is too weak`);
  return { kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') };
}

function nist(name: string, crv: string, length: number, hash: string): Scheme {
  return {
    read: (blob) => {
      if (blob.text() !== name) throw new SshWireError(`its curve is not ${name}`);
      const point = blob.bytes();
      if (point.length !== 2 * length + 1 || point[0] !== 4)
        throw new SshWireError(`it is no point of the curve ${name}`);
      const [x, y] = [point.subarray(1, length + 1), point.subarray(length + 1)];
      return { kty: 'EC', crv, x: x.toString('base64url'), y: y.toString('base64url') };
    },
    algorithms: { [`ecdsa-sha2-${name}`]: hash },
    ecdsa: length,
  };
}

function toKey(jwk: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (error) {
    throw new SshWireError('its numbers make no key', { cause: error });
  }
}
