import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SignedObject } from '../../src/git/signed-object.ts';
import { sshString, sshUint32 } from '../../src/git/ssh-wire.ts';
import { answerOf, createSigners, withSignature } from './signers.ts';

// Signatures as no program makes them, or none without a token: made byte by byte from the format's description.

const signers = createSigners();
test.after(() => signers.end());
const ada = signers.bySsh(signers.sshKey('ada'));

interface Made {
  readonly namespace?: string;
  readonly hash?: string;
  readonly reserved?: string;
  readonly version?: number;
  /** Of the public key and of the signature around `value`. */
  readonly publicKey: Uint8Array;
  readonly sign: (data: Buffer) => Uint8Array;
  readonly after?: string;
}

function sshSignature(payload: string, made: Made): string {
  const { namespace = 'git', hash = 'sha512', reserved = '', version = 1, publicKey, after = '' } = made;
  const digest = createHash(['sha256', 'sha512', 'sha1'].includes(hash) ? hash : 'sha512')
    .update(payload, 'latin1')
    .digest();
  const data = Buffer.concat([Buffer.from('SSHSIG'), ...[namespace, reserved, hash, digest].map(sshString)]);
  const body = [publicKey, namespace, reserved, hash, made.sign(data)].map(sshString);
  const blob = Buffer.concat([Buffer.from('SSHSIG'), sshUint32(version), ...body, Buffer.from(after)]);
  return `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64').replaceAll(/.{70}/g, '$&\n')}\n-----END SSH SIGNATURE-----\n`;
}

/** A new commit with the signature that `made` describes. */
function commitWith(made: Made): SignedObject {
  return withSignature(signers.commit(ada), (payload) => sshSignature(payload, made));
}

interface SoftKey {
  readonly privateKey: KeyObject;
  readonly blob: Buffer;
  readonly line: string;
}

function softKey(privateKey: KeyObject, type: string, ...parts: readonly (string | Uint8Array)[]): SoftKey {
  const blob = Buffer.concat([type, ...parts].map(sshString));
  return { privateKey, blob, line: `${type} ${blob.toString('base64')} soft` };
}

function ed25519(type = 'ssh-ed25519', ...rest: readonly string[]): SoftKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return softKey(
    privateKey,
    type,
    Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'),
    ...rest,
  );
}

const signatureBlob = (type: string, value: Uint8Array, after: Uint8Array = Buffer.alloc(0)): Buffer =>
  Buffer.concat([sshString(type), sshString(value), after]);

const plain = ed25519();
const plainSign = (data: Buffer): Buffer => signatureBlob('ssh-ed25519', sign(null, data, plain.privateKey));
const made: readonly (readonly [
  string,
  Omit<Made, 'publicKey' | 'sign'> & Partial<Made>,
  RegExp,
  boolean,
])[] = [
  ['over SHA-512', {}, /^accepted/, true],
  ['over SHA-256', { hash: 'sha256' }, /^accepted/, true],
  [
    'with something in its reserved field',
    { reserved: 'later' },
    /cannot be read: it has a part of a kind/,
    false,
  ],
  ['for a file', { namespace: 'file' }, /^signed by SHA256:\S+ \(soft\) for "file", not for "git"$/, false],
  ['for nothing', { namespace: '' }, /for "", not for "git"$/, false],
  ['for git and a zero byte', { namespace: 'git\0' }, /for "git\\u0000", not for "git"$/, false],
  ['over SHA-1', { hash: 'sha1' }, /over a hash that is not accepted, "sha1"$/, false],
  ['over a hash named like a property', { hash: 'constructor' }, /over a hash that is not accepted/, false],
  ['of version 2', { version: 2 }, /cannot be read: it has an unknown version$/, false],
  ['with something behind it', { after: 'x' }, /cannot be read: something follows it$/, false],
  ['with an empty key', { publicKey: Buffer.alloc(0) }, /cannot be read: it ends too early$/, false],
  ['with no value', { sign: () => Buffer.alloc(0) }, /cannot be read: it ends too early$/, false],
  [
    'with an empty value',
    { sign: () => signatureBlob('ssh-ed25519', Buffer.alloc(0)) },
    /^bad signature/,
    false,
  ],
  [
    'by an algorithm named like a property',
    { sign: (data) => signatureBlob('toString', sign(null, data, plain.privateKey)) },
    /with an algorithm that is not accepted$/,
    false,
  ],
  [
    'with something behind its value',
    { sign: (data) => Buffer.concat([plainSign(data), Buffer.from('x')]) },
    /cannot be read: something follows it$/,
    false,
  ],
];
for (const [name, over, expected, gitsAnswer] of made)
  test(`an SSH signature ${name} is answered as it should be`, async () => {
    const commit = commitWith({ publicKey: plain.blob, sign: plainSign, ...over });
    assert.match(await answerOf([plain.line], commit), expected);
    assert.is(signers.gitAccepts(commit, [], plain.line), gitsAnswer, 'what git says of it');
  });

test('an RSA signature over SHA-1 is refused, also with a key that is allowed', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const modulus = Buffer.concat([Buffer.alloc(1), Buffer.from(n, 'base64url')]);
  const key = softKey(privateKey, 'ssh-rsa', Buffer.from(e, 'base64url'), modulus);
  const by = (type: string, hash: string) =>
    commitWith({ publicKey: key.blob, sign: (data) => signatureBlob(type, sign(hash, data, privateKey)) });
  assert.match(await answerOf([key.line], by('rsa-sha2-512', 'sha512')), /^accepted/);
  assert.match(await answerOf([key.line], by('rsa-sha2-256', 'sha256')), /^accepted/);
  assert.match(await answerOf([key.line], by('rsa-sha2-256', 'sha512')), /^bad signature/);
  const weak = by('ssh-rsa', 'sha1');
  assert.match(await answerOf([key.line], weak), /with an algorithm that is not accepted$/);
  assert.not(signers.gitAccepts(weak, [], key.line));
});

test('ECDSA numbers that are negative, too long or padded are refused', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const type = 'ecdsa-sha2-nistp256';
  const key = softKey(privateKey, type, 'nistp256', point);
  const answer = (shape: (half: Buffer) => Buffer, after = '') =>
    answerOf(
      [key.line],
      commitWith({
        publicKey: key.blob,
        sign(data) {
          const value = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
          const halves = [value.subarray(0, 32), value.subarray(32)].map((half) => sshString(shape(half)));
          return signatureBlob(type, Buffer.concat([...halves, Buffer.from(after)]));
        },
      }),
    );
  const zero = Buffer.alloc(1);
  const shortest = (half: Buffer): Buffer => {
    const at = half.findIndex((byte) => byte !== 0);
    return (half[at] ?? 0) >= 0x80 ? Buffer.concat([zero, half.subarray(at)]) : half.subarray(at);
  };
  assert.match(await answer(shortest), /^accepted/);
  assert.match(await answer(shortest, 'x'), /cannot be read: something follows it$/);
  assert.match(await answer((half) => Buffer.concat([zero, zero, half])), /not written as it should/);
  assert.match(await answer(() => Buffer.from([0x80])), /not written as it should/);
  assert.match(await answer(() => Buffer.alloc(33, 1)), /a number that is too long/);
  assert.match(await answer(() => Buffer.alloc(0)), /^bad signature/);
});

test('keys in security tokens are verified with the report of the token, and only when they were touched', async () => {
  const touched = Buffer.from([1, 0, 0, 0, 7]);
  const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest();
  const edType = 'sk-ssh-ed25519@openssh.com';
  const ed = ed25519(edType, 'ssh:');
  const byEd = (report: Buffer, told = report) =>
    commitWith({
      publicKey: ed.blob,
      sign: (data) =>
        signatureBlob(
          edType,
          sign(null, Buffer.concat([sha256('ssh:'), report, sha256(data)]), ed.privateKey),
          told,
        ),
    });
  const good = byEd(touched);
  assert.match(await answerOf([ed.line], good), /^accepted: SHA256:\S+ \(soft\)$/);
  assert.ok(signers.gitAccepts(good, [], ed.line), 'git says the same');
  assert.match(await answerOf([ed.line], byEd(Buffer.from([5, 0, 0, 1, 0]))), /^accepted/);
  assert.match(
    await answerOf([ed.line], byEd(Buffer.from([4, 0, 0, 0, 7]))),
    /without a touch of the security key$/,
  );
  assert.match(await answerOf([ed.line], byEd(Buffer.from([0, 0, 0, 0, 7]), touched)), /^bad signature/);
  assert.match(await answerOf([ed.line], byEd(touched.subarray(0, 4))), /cannot be read/);

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const ecType = 'sk-ecdsa-sha2-nistp256@openssh.com';
  const ec = softKey(privateKey, ecType, 'nistp256', point, 'ssh:');
  const commit = commitWith({
    publicKey: ec.blob,
    sign(data) {
      const signed = Buffer.concat([sha256('ssh:'), touched, sha256(data)]);
      const value = sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const number = (half: Buffer) => {
        const bare = half.subarray(half.findIndex((byte) => byte !== 0));
        return sshString((bare[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bare]) : bare);
      };
      const numbers = Buffer.concat([number(value.subarray(0, 32)), number(value.subarray(32))]);
      return signatureBlob(ecType, numbers, touched);
    },
  });
  assert.match(await answerOf([ec.line], commit), /^accepted/);
  assert.ok(signers.gitAccepts(commit, [], ec.line), 'git says the same');
});

test.run();
