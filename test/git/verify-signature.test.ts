import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import * as openpgp from 'openpgp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SignedObject } from '../../src/git/signed-object.ts';
import { readTag } from '../../src/git/signed-object.ts';
import { sshString, sshUint32 } from '../../src/git/ssh-wire.ts';
import { createVerifier } from '../../src/git/verify-signature.ts';
import { anObject, createSigners, readObject } from './signers.ts';
import { createWorkshop, throwsReason } from './workshop.ts';

const workshop = createWorkshop();
const signers = createSigners(workshop);
const folder = workshop.repository('config', { 'app.yaml': 'a: 1\n' });
const ada = signers.sshKey('ada');
const eve = signers.sshKey('eve');
const adaKey = signers.publicHalf(ada);
const allowedSigners = workshop.path('allowed-signers');

const test = suite('signatures');
test.after(() => {
  signers.end();
  workshop.remove();
});

const ssh = (key: string): string[] => ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${key}`];
const gpg = (program: string, key: string): string[] => [
  '-c',
  'gpg.format=openpgp',
  '-c',
  `gpg.program=${program}`,
  '-c',
  `user.signingkey=${key}`,
];

let count = 1;
function signedCommit(how: readonly string[], message = 'change'): SignedObject {
  count += 1;
  workshop.write(folder, { 'app.yaml': `a: ${count}\n` });
  workshop.git(folder, 'add', '-A');
  workshop.git(folder, ...how, 'commit', '-q', '-S', '-m', message);
  return readObject(folder, 'commit', 'HEAD');
}

function signedTag(how: readonly string[], message = 'a release'): SignedObject {
  count += 1;
  workshop.git(folder, ...how, 'tag', '-s', '-m', message, `v${count}`);
  return readObject(folder, 'tag', `v${count}`);
}

/** Whether git itself finds the signature good, with the same SSH keys allowed, or gpg's own keys. */
function gitAccepts({ kind, text, id }: SignedObject, how: readonly string[], keys: string): boolean {
  const signer = keys
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `* ${line}\n`);
  writeFileSync(allowedSigners, signer.join(''));
  const written = execFileSync(
    'git',
    ['-C', folder, 'hash-object', '-t', kind, '-w', '--stdin', '--literally'],
    {
      input: text,
      encoding: 'utf8',
    },
  );
  assert.is(written.trim(), id);
  const options = ['-C', folder, '-c', `gpg.ssh.allowedSignersFile=${allowedSigners}`, ...how];
  return spawnSync('git', [...options, `verify-${kind}`, id], { stdio: 'ignore' }).status === 0;
}

async function whyNot(keys: readonly string[], object: SignedObject): Promise<string> {
  const verification = await (await createVerifier(keys)).verify(object);
  return verification.ok ? `accepted: ${verification.by}` : verification.why;
}

function latin1({ text }: SignedObject): string {
  return Buffer.from(text).toString('latin1');
}

const sshKinds: readonly (readonly [string, ...string[]])[] = [
  ['ed25519', '-t', 'ed25519'],
  ['ecdsa-256', '-t', 'ecdsa', '-b', '256'],
  ['ecdsa-384', '-t', 'ecdsa', '-b', '384'],
  ['ecdsa-521', '-t', 'ecdsa', '-b', '521'],
  ['rsa-2048', '-t', 'rsa', '-b', '2048'],
];
for (const [name, ...args] of sshKinds)
  test(`commits and tags signed with an SSH key of the kind ${name} are verified`, async () => {
    const key = signers.sshKey(name, ...args);
    const line = signers.publicHalf(key);
    const fingerprint = execFileSync('ssh-keygen', ['-l', '-f', `${key}.pub`], { encoding: 'utf8' }).split(
      ' ',
    )[1];
    const verifier = await createVerifier([adaKey, `# who may sign\n\n${line}`]);
    const by = `${fingerprint} (${name}@example.com)`;
    // Numbers with leading zeros and with a high first bit come up within some tries.
    for (let tries = 0; tries < 8; tries += 1)
      assert.equal(await verifier.verify(signedCommit(ssh(key), `try ${tries}`)), { ok: true, by });
    assert.equal(await verifier.verify(signedTag(ssh(key))), { ok: true, by });
    const foreign = await whyNot([adaKey], signedCommit(ssh(key)));
    assert.is(foreign, `signed by an unknown SSH key, ${fingerprint} (${line.split(' ')[0]})`);
  });

test('a key without a comment is told by its fingerprint, and a hostile comment is escaped', async () => {
  const [type, base64] = adaKey.split(' ');
  const commit = signedCommit(ssh(ada));
  assert.match(await whyNot([`${type} ${base64}`], commit), /^accepted: SHA256:[A-Za-z0-9+/]{43}$/);
  assert.match(
    await whyNot([`${type} ${base64} \u001b[2J${'x'.repeat(500)}`], commit),
    /^accepted: .{60,160}$/,
  );
});

test('what is not signed is not verified', async () => {
  workshop.git(folder, 'commit', '-q', '--allow-empty', '-m', 'unsigned');
  assert.is(await whyNot([adaKey], readObject(folder, 'commit', 'HEAD')), 'it is not signed');
  workshop.git(folder, 'tag', '-a', '-m', 'unsigned', 'unsigned');
  assert.is(await whyNot([adaKey], readObject(folder, 'tag', 'unsigned')), 'it is not signed');
});

test('an object that is not the one of its id is refused, whoever signed it', async () => {
  const commit = signedCommit(ssh(ada));
  const other = signedCommit(ssh(ada));
  assert.is(
    await whyNot([adaKey], { ...commit, id: other.id }),
    'its content is not the one that its id names',
  );
  assert.match(await whyNot([adaKey], { ...commit, kind: 'tag' }), 'its content is not');
  assert.match(await whyNot([adaKey], { ...commit, id: '' }), 'its content is not');
});

test('an amended commit bears no signature of the one before it', async () => {
  signedCommit(ssh(ada));
  workshop.git(folder, '-c', 'commit.gpgsign=false', 'commit', '-q', '--amend', '-m', 'amended');
  assert.is(await whyNot([adaKey], readObject(folder, 'commit', 'HEAD')), 'it is not signed');
});

test('a merge of a signed tag is signed by who merged, not by who tagged', async () => {
  workshop.git(folder, 'checkout', '-q', '-b', 'side');
  signedCommit(ssh(eve));
  const tag = `v${count + 1}`;
  signedTag(ssh(eve));
  workshop.git(folder, 'checkout', '-q', 'main');
  workshop.git(folder, 'merge', '-q', '--no-ff', '-m', 'merge', tag);
  const unsigned = readObject(folder, 'commit', 'HEAD');
  assert.match(latin1(unsigned), /\nmergetag [\s\S]*\n -----BEGIN SSH SIGNATURE-----\n/);
  assert.is(await whyNot([signers.publicHalf(eve)], unsigned), 'it is not signed');
  workshop.git(folder, ...ssh(ada), 'commit', '-q', '--amend', '-S', '-m', 'merge');
  const signed = readObject(folder, 'commit', 'HEAD');
  assert.match(await whyNot([adaKey], signed), /^accepted/);
  assert.match(await whyNot([signers.publicHalf(eve)], signed), /^signed by an unknown SSH key/);
});

test('messages with any bytes and in any encoding are verified', async () => {
  workshop.write(folder, { 'app.yaml': 'a: latin1\n' });
  workshop.git(folder, 'add', '-A');
  const message = workshop.path('message');
  writeFileSync(message, Buffer.from('\xe4nderung\r\n\r\n gpgsig x\r\ngpgsig y\r\n\u0001\n', 'latin1'));
  workshop.git(
    folder,
    ...ssh(ada),
    '-c',
    'i18n.commitEncoding=ISO-8859-1',
    'commit',
    '-q',
    '-S',
    '--cleanup=verbatim',
    '-F',
    message,
  );
  const commit = readObject(folder, 'commit', 'HEAD');
  assert.match(latin1(commit), /\nencoding ISO-8859-1\n[\s\S]*\xe4nderung\r\n/);
  assert.match(await whyNot([adaKey], commit), /^accepted/);
});

/** What somebody without the key could make of a signed commit; what git says of it when it was asked. */
interface Forgery {
  readonly name: string;
  readonly forge: (text: string) => string;
  readonly why: RegExp;
  /** git is content with less: why we are not stands beside it. */
  readonly gitAccepts?: true;
}

const bad = /^bad signature: it is not what SHA256:\S+ \(ada@example\.com\) signed$/;
const malformed = /^it is no well-formed (?:commit|tag)$/;
const twice = /^it bears more than one signature$/;

/** The signature header, whole. */
const gpgsig = /gpgsig (-----BEGIN[\s\S]*?-----END SSH SIGNATURE-----)\n/;
const block = (text: string): string => (gpgsig.exec(text)?.[1] ?? '').replaceAll('\n ', '\n');

const commitForgeries: readonly Forgery[] = [
  { name: 'another message', forge: (text) => text.replace('change', 'chance'), why: bad },
  { name: 'a longer message', forge: (text) => `${text}\nmore\n`, why: bad },
  {
    name: 'another tree',
    forge: (text) => text.replace(/^tree ./, (tree) => `tree ${tree.endsWith('a') ? 'b' : 'a'}`),
    why: bad,
  },
  { name: 'another author', forge: (text) => text.replace('author test', 'author tess'), why: bad },
  { name: 'another parent', forge: (text) => text.replace(/\nparent \w{4}/, '\nparent 0000'), why: bad },
  {
    name: 'one more parent',
    forge: (text) => text.replace('\nauthor', `\nparent ${'0'.repeat(40)}\nauthor`),
    why: bad,
  },
  { name: 'one more header', forge: (text) => text.replace('\ngpgsig', '\nx-more 1\ngpgsig'), why: bad },
  {
    name: 'a line folded onto the committer',
    forge: (text) => text.replace('\ngpgsig', '\n more\ngpgsig'),
    why: bad,
  },
  { name: 'no signature', forge: (text) => text.replace(gpgsig, ''), why: /^it is not signed$/ },
  {
    name: 'its signature in the message alone',
    forge: (text) => `${text.replace(gpgsig, '')}\ngpgsig ${gpgsig.exec(text)?.[1]}\n`,
    why: /^it is not signed$/,
  },
  {
    name: 'its signature at the end, as a tag has it',
    forge: (text) => `${text.replace(gpgsig, '')}${block(text)}\n`,
    why: /^it is not signed$/,
  },
  {
    name: 'its signature folded into another header',
    forge: (text) => text.replace('\ngpgsig ', '\nx-other 1\n gpgsig '),
    why: /^it is not signed$/,
  },
  {
    name: 'its signature twice',
    forge: (text) => text.replace(gpgsig, '$&$&'),
    why: twice,
    gitAccepts: true,
  },
  {
    name: 'an empty signature before its own',
    forge: (text) => text.replace('\ngpgsig', '\ngpgsig \ngpgsig'),
    why: twice,
  },
  {
    name: 'two signatures in one header',
    forge: (text) => text.replace(gpgsig, (all, armor) => `${all} ${armor}\n`),
    why: twice,
    gitAccepts: true,
  },
  {
    name: 'text behind the signature in its header, which nothing signs',
    forge: (text) => text.replace('-----END SSH SIGNATURE-----\n', '$& approved by all\n'),
    why: /^something follows its signature$/,
    gitAccepts: true,
  },
  {
    name: 'a header that git takes out as if it were a signature',
    forge: (text) => text.replace('\ngpgsig', '\ngpgsig-note approved by all\ngpgsig'),
    why: /^it has a signature header that git does not know$/,
    gitAccepts: true,
  },
  {
    name: 'the signature under the header of SHA-256 repositories',
    forge: (text) => text.replace('\ngpgsig', '\ngpgsig-sha256'),
    why: /^it is not signed$/,
  },
  {
    name: 'the signature before the tree',
    forge: (text) => `${gpgsig.exec(text)?.[0]}${text.replace(gpgsig, '')}`,
    why: malformed,
  },
  {
    name: 'a second tree behind the signature',
    forge: (text) => text.replace('-----END SSH SIGNATURE-----\n', `$&tree ${'0'.repeat(40)}\n`),
    why: malformed,
  },
  { name: 'line ends of Windows', forge: (text) => text.replaceAll('\n', '\r\n'), why: malformed },
  {
    name: 'line ends of Windows in the headers',
    forge: (text) => text.replace(/^[\s\S]*?\n\n/, (head) => head.replaceAll('\n', '\r\n')),
    why: malformed,
  },
  {
    name: 'a zero byte in a header',
    forge: (text) => text.replace('author test', 'author te\0st'),
    why: malformed,
  },
  { name: 'nothing in it', forge: () => '', why: malformed },
  { name: 'only a signature', forge: (text) => gpgsig.exec(text)?.[0] ?? '', why: malformed },
  {
    name: 'no message and no empty line',
    forge: (text) => text.replace(/\n\n[\s\S]*$/, '\n'),
    why: malformed,
  },
  {
    name: 'a signature without its last line',
    forge: (text) => text.replace(' -----END SSH SIGNATURE-----\n', ''),
    why: /^its signature is cut off$/,
  },
  {
    name: 'a signature cut off within',
    forge: (text) => text.replace(/(gpgsig .*\n .{60}).*\n(?: [A-Za-z0-9+/=]+\n)*/, '$1\n'),
    why: /^its SSH signature cannot be read: it ends too early$/,
  },
  {
    name: 'a signature that is no base64',
    forge: (text) => text.replace('\n U1NIU0lH', '\n U1NI*0lH'),
    why: /^its SSH signature cannot be read: it is no base64$/,
  },
  {
    name: 'a signature of the X.509 kind',
    forge: (text) => text.replaceAll('SSH SIGNATURE', 'SIGNED MESSAGE'),
    why: /^X\.509 signatures are not supported: sign with an SSH or OpenPGP key$/,
  },
  {
    name: 'a message in place of a signature',
    forge: (text) => text.replaceAll('SSH SIGNATURE', 'PGP MESSAGE'),
    why: /^it bears an OpenPGP message in place of a signature$/,
  },
  {
    name: 'a signature of a kind that nobody knows',
    forge: (text) => text.replaceAll('SSH SIGNATURE', 'OWL SIGNATURE'),
    why: /^its signature is of a kind that is not supported$/,
  },
  {
    name: 'an SSH signature that is called an OpenPGP one',
    forge: (text) => text.replaceAll('SSH SIGNATURE', 'PGP SIGNATURE'),
    why: /^its OpenPGP signature cannot be read: /,
  },
  {
    name: 'a huge signature',
    forge: (text) => text.replace(' -----END', ` ${'A'.repeat(70_000)}\n -----END`),
    why: /^its signature is larger than 64 KiB$/,
  },
  {
    name: 'a huge message',
    forge: (text) => `${text}${'x'.repeat(4 * 1024 * 1024)}`,
    why: /^it is larger than 4 MiB$/,
  },
];
for (const { name, forge, why, gitAccepts: accepts } of commitForgeries)
  test(`a signed commit with ${name} is refused`, async () => {
    const text = latin1(signedCommit(ssh(ada)));
    const forged = forge(text);
    assert.is.not(forged, text);
    const object = anObject('commit', forged);
    assert.match(await whyNot([adaKey], object), why);
    assert.is(gitAccepts(object, [], adaKey), accepts ?? false, 'what git says of it');
  });

test('a header with the signature of the SHA-256 form is no part of what is signed, as in git', async () => {
  const text = latin1(signedCommit(ssh(ada)));
  const both = text.replace('\ngpgsig', '\ngpgsig-sha256 -----BEGIN SSH SIGNATURE-----\n more\ngpgsig');
  const object = anObject('commit', both);
  assert.ok(gitAccepts(object, [], adaKey));
  assert.match(await whyNot([adaKey], object), /^accepted/);
});

const tagForgeries: readonly Forgery[] = [
  { name: 'another message', forge: (text) => text.replace('a release', 'a relapse'), why: bad },
  { name: 'another object', forge: (text) => text.replace(/^object \w{4}/, 'object 0000'), why: bad },
  { name: 'another name', forge: (text) => text.replace(/\ntag v/, '\ntag w'), why: bad },
  {
    name: 'no signature',
    forge: (text) => text.replace(/-----BEGIN[\s\S]*$/, ''),
    why: /^it is not signed$/,
  },
  {
    name: 'a folded signature in its headers alone',
    forge: (text) => {
      const [head = '', armor = ''] = text.split(/(?=-----BEGIN)/);
      return head.replace('\n\n', `\ngpgsig ${armor.trimEnd().replaceAll('\n', '\n ')}\n\n`);
    },
    why: /^it is not signed$/,
  },
  {
    name: 'text behind the signature, which nothing signs',
    forge: (text) => `${text}approved by all\n`,
    why: /^something follows its signature$/,
    gitAccepts: true,
  },
  { name: 'its signature twice', forge: (text) => text.replace(/-----BEGIN[\s\S]*$/, '$&$&'), why: bad },
  {
    name: 'a signature that is cut off',
    forge: (text) => text.slice(0, -40),
    why: /^its signature is cut off$/,
  },
  {
    name: 'the signature alone',
    forge: (text) => text.replace(/^[\s\S]*(?=-----BEGIN)/, ''),
    why: malformed,
  },
  {
    name: 'a second object',
    forge: (text) => text.replace('\ntagger', `\nobject ${'0'.repeat(40)}\ntagger`),
    why: malformed,
  },
  { name: 'nothing in it', forge: () => '', why: malformed },
];
for (const { name, forge, why, gitAccepts: accepts } of tagForgeries)
  test(`a signed tag with ${name} is refused`, async () => {
    const text = latin1(signedTag(ssh(ada)));
    const forged = forge(text);
    assert.is.not(forged, text);
    const object = anObject('tag', forged);
    assert.match(await whyNot([adaKey], object), why);
    assert.is(gitAccepts(object, [], adaKey), accepts ?? false, 'what git says of it');
  });

test('a tag tells what it names', () => {
  const tag = signedTag(ssh(ada));
  const target = workshop.git(folder, 'rev-parse', 'HEAD');
  assert.equal(readTag(tag.text), { object: target, type: 'commit', name: `v${count}` });
  assert.is(readTag(Buffer.from('tree x\n\n')), undefined);
});

// Signatures as no program makes them, or none without a token: made byte by byte from the format's description.

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

/** A commit of now with the signature that `made` describes. */
function commitWith(made: Made): SignedObject {
  const payload = latin1(signedCommit(ssh(ada))).replace(gpgsig, '');
  const header = `gpgsig ${sshSignature(payload, made).trimEnd().replaceAll('\n', '\n ')}\n`;
  return anObject('commit', payload.replace('\n\n', `\n${header}\n`));
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
    assert.match(await whyNot([plain.line], commit), expected);
    assert.is(gitAccepts(commit, [], plain.line), gitsAnswer, 'what git says of it');
  });

test('an RSA signature over SHA-1 is refused, also with a key that is allowed', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const modulus = Buffer.concat([Buffer.alloc(1), Buffer.from(n, 'base64url')]);
  const key = softKey(privateKey, 'ssh-rsa', Buffer.from(e, 'base64url'), modulus);
  const by = (type: string, hash: string) =>
    commitWith({ publicKey: key.blob, sign: (data) => signatureBlob(type, sign(hash, data, privateKey)) });
  assert.match(await whyNot([key.line], by('rsa-sha2-512', 'sha512')), /^accepted/);
  assert.match(await whyNot([key.line], by('rsa-sha2-256', 'sha256')), /^accepted/);
  assert.match(await whyNot([key.line], by('rsa-sha2-256', 'sha512')), /^bad signature/);
  const weak = by('ssh-rsa', 'sha1');
  assert.match(await whyNot([key.line], weak), /with an algorithm that is not accepted$/);
  assert.not(gitAccepts(weak, [], key.line));
});

test('ECDSA numbers that are negative, too long or padded are refused', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const type = 'ecdsa-sha2-nistp256';
  const key = softKey(privateKey, type, 'nistp256', point);
  const by = (shape: (half: Buffer) => Buffer) =>
    commitWith({
      publicKey: key.blob,
      sign(data) {
        const value = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
        const halves = [value.subarray(0, 32), value.subarray(32)];
        return signatureBlob(type, Buffer.concat(halves.map((half) => sshString(shape(half)))));
      },
    });
  const zero = Buffer.alloc(1);
  const shortest = (half: Buffer): Buffer => {
    const at = half.findIndex((byte) => byte !== 0);
    return (half[at] ?? 0) >= 0x80 ? Buffer.concat([zero, half.subarray(at)]) : half.subarray(at);
  };
  assert.match(await whyNot([key.line], by(shortest)), /^accepted/);
  assert.match(
    await whyNot(
      [key.line],
      by((half) => Buffer.concat([zero, zero, half])),
    ),
    /not written as it should/,
  );
  assert.match(
    await whyNot(
      [key.line],
      by(() => Buffer.from([0x80])),
    ),
    /not written as it should/,
  );
  assert.match(
    await whyNot(
      [key.line],
      by(() => Buffer.alloc(33, 1)),
    ),
    /a number that is too long/,
  );
  assert.match(
    await whyNot(
      [key.line],
      by(() => Buffer.alloc(0)),
    ),
    /^bad signature/,
  );
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
  assert.match(await whyNot([ed.line], good), /^accepted: SHA256:\S+ \(soft\)$/);
  assert.ok(gitAccepts(good, [], ed.line), 'git says the same');
  assert.match(await whyNot([ed.line], byEd(Buffer.from([5, 0, 0, 1, 0]))), /^accepted/);
  assert.match(
    await whyNot([ed.line], byEd(Buffer.from([4, 0, 0, 0, 7]))),
    /without a touch of the security key$/,
  );
  assert.match(await whyNot([ed.line], byEd(Buffer.from([0, 0, 0, 0, 7]), touched)), /^bad signature/);
  assert.match(await whyNot([ed.line], byEd(touched.subarray(0, 4))), /cannot be read/);

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
  assert.match(await whyNot([ec.line], commit), /^accepted/);
  assert.ok(gitAccepts(commit, [], ec.line), 'git says the same');
});

test('in a SHA-256 repository the signature is the one of its own kind', async () => {
  const other = workshop.path('sha256');
  workshop.git(workshop.root, 'init', '-q', '-b', 'main', '--object-format=sha256', other);
  workshop.git(other, ...ssh(ada), 'commit', '-q', '-S', '--allow-empty', '-m', 'change');
  const id = workshop.git(other, 'rev-parse', 'HEAD');
  const text = execFileSync('git', ['-C', other, 'cat-file', 'commit', id]);
  assert.is(id.length, 64);
  assert.match(text.toString(), '\ngpgsig-sha256 ');
  assert.match(await whyNot([adaKey], { kind: 'commit', id, text }), /^accepted/);
});

// OpenPGP

const program = signers.gpgProgram('gpg-plain');

/** Makes a key with gpg; gives its fingerprint. */
function gpgKey(
  user: string,
  algorithm: string,
  usage = 'sign',
  expires = 'never',
  ...options: string[]
): string {
  signers.gpg([...options, '--quick-generate-key', user, algorithm, usage, expires]);
  const listed = signers.gpg(['--with-colons', '--list-keys', `=${user}`]);
  return /^fpr:{9}(\w+):/m.exec(listed)?.[1] ?? '';
}

const exported = (key: string): string => signers.gpg(['--armor', '--export', key]);
const at = (time: string): string[] => ['--faked-system-time', `${time}T000000!`];

for (const algorithm of ['ed25519', 'rsa2048', 'nistp256'])
  test(`commits and tags signed with an OpenPGP key of the kind ${algorithm} are verified`, async () => {
    const user = `${algorithm} <${algorithm}@example.com>`;
    const key = gpgKey(user, algorithm);
    const verifier = await createVerifier([adaKey, `${exported(key)}\n${signers.publicHalf(eve)}`]);
    const commit = signedCommit(gpg(program, key));
    const by = `${key} (${user})`;
    assert.ok(gitAccepts(commit, gpg(program, key), ''));
    assert.equal(await verifier.verify(commit), { ok: true, by });
    assert.equal(await verifier.verify(signedTag(gpg(program, key))), { ok: true, by });
    const mixed = await verifier.verify(signedCommit(ssh(eve)));
    assert.match(mixed.ok ? mixed.by : mixed.why, /^SHA256:.* \(eve@example\.com\)$/);
    assert.is(await whyNot([adaKey], commit), `signed by an unknown OpenPGP key, ${key}`);
    const altered = anObject('commit', latin1(commit).replace('change', 'chance'));
    assert.not(gitAccepts(altered, gpg(program, key), ''));
    assert.is(await whyNot([exported(key)], altered), `bad signature: it is not what ${by} signed`);
  });

test('a subkey signs for its key', async () => {
  const key = gpgKey('Sub <sub@example.com>', 'ed25519', 'cert');
  signers.gpg(['--quick-add-key', key, 'ed25519', 'sign']);
  assert.is(
    await whyNot([exported(key)], signedCommit(gpg(program, key))),
    `accepted: ${key} (Sub <sub@example.com>)`,
  );
});

test('a hostile user id is escaped and shortened', async () => {
  const { privateKey, publicKey } = await openpgp.generateKey({
    userIDs: [{ name: `\u202eada\u001b[2J ${'x'.repeat(200)}`, email: 'ada@example.com' }],
    date: new Date('2024-01-01'),
  });
  signers.gpg(['--import'], privateKey);
  const key = (await openpgp.readKey({ armoredKey: publicKey })).getFingerprint().toUpperCase();
  const answer = await whyNot([publicKey], signedCommit(gpg(program, key)));
  assert.match(answer, /^accepted: \w{40} \(\\u202eada.{0,100}…\)$/);
});

test('a key that had expired when it signed is refused, and one that expired later is not', async () => {
  const user = 'Old <old@example.com>';
  const key = gpgKey(user, 'ed25519', 'sign', '20200601T000000', ...at('20200101'));
  const early = signedCommit(gpg(signers.gpgProgram('gpg-2020', ...at('20200301')), key));
  assert.is(await whyNot([exported(key)], early), `accepted: ${key} (${user})`);
  signers.gpg([...at('20200302'), '--quick-set-expire', key, '20250101T000000']);
  const late = signedCommit(gpg(signers.gpgProgram('gpg-2023', ...at('20230101')), key));
  assert.match(await whyNot([exported(key)], late), /^accepted/);
  signers.gpg([...at('20200303'), '--quick-set-expire', key, '20210101T000000']);
  assert.is(await whyNot([exported(key)], late), `signed with a key that had expired: ${key} (${user})`);
  assert.match(await whyNot([exported(key)], early), /^accepted/);
});

test('what was signed before a key was prolonged stays good', async () => {
  const key = gpgKey('Long <long@example.com>', 'ed25519', 'sign', '20240601T000000', ...at('20240101'));
  const commit = signedCommit(gpg(signers.gpgProgram('gpg-2024', ...at('20240301')), key));
  const before = exported(key);
  signers.gpg([...at('20240501'), '--quick-set-expire', key, '0']);
  assert.match(await whyNot([exported(key)], commit), /^accepted/);
  assert.match(await whyNot([before, exported(key)], commit), /^accepted/);
  const later = signedCommit(gpg(program, key));
  assert.match(await whyNot([before], later), /^signed with a key that had expired/);
  assert.match(await whyNot([before, exported(key)], later), /^accepted/);
  const altered = anObject('commit', latin1(commit).replace('change', 'chance'));
  assert.match(await whyNot([exported(key)], altered), /^bad signature/);
});

test('a key that others may have is refused for good, and one that was replaced only for what it signed later', async () => {
  const user = 'Gone <gone@example.com>';
  const key = gpgKey(user, 'ed25519', 'sign', 'never', ...at('20240101'));
  const early = signedCommit(gpg(signers.gpgProgram('gpg-early', ...at('20240301')), key));
  const late = signedCommit(gpg(signers.gpgProgram('gpg-late', ...at('20240901')), key));
  const secret = await openpgp.readPrivateKey({
    armoredKey: signers.gpg(['--armor', '--export-secret-keys', key]),
  });
  const revoked = async (flag: openpgp.enums.reasonForRevocation): Promise<string> => {
    const date = new Date('2024-06-01');
    const { publicKey } = await openpgp.revokeKey({ key: secret, reasonForRevocation: { flag }, date });
    return publicKey;
  };
  const why = `signed with a key that was revoked: ${key} (${user})`;
  const { keySuperseded, keyCompromised } = openpgp.enums.reasonForRevocation;
  const replaced = await revoked(keySuperseded);
  assert.is(await whyNot([replaced], early), `accepted: ${key} (${user})`);
  assert.is(await whyNot([replaced], late), why);
  const stolen = await revoked(keyCompromised);
  assert.is(await whyNot([stolen], early), why);
  assert.is(await whyNot([stolen], late), why);
});

test('OpenPGP signatures that say less than they seem to are refused', async () => {
  const user = 'Odd <odd@example.com>';
  const key = gpgKey(user, 'ed25519', 'sign', 'never', ...at('20240101'));
  const other = gpgKey('Other <other@example.com>', 'ed25519', 'sign', 'never', ...at('20240101'));
  const keys = [exported(key), exported(other)];
  const by = `${key} (${user})`;
  const odd = (name: string, ...args: string[]) => signedCommit(gpg(signers.gpgProgram(name, ...args), key));
  const cases: readonly (readonly [string, SignedObject, string])[] = [
    ['weak', odd('gpg-sha1', '--digest-algo', 'SHA1'), `signed by ${by} over a hash that is too weak`],
    ['text', odd('gpg-text', '--textmode'), 'its OpenPGP signature is not one over the content'],
    ['two', odd('gpg-two', '--local-user', other), 'it bears more than one signature'],
    ['future', odd('gpg-future', ...at('21000101')), `the signature by ${by} has a time that cannot be`],
    [
      'short-lived',
      odd('gpg-short', ...at('20240301'), '--default-sig-expire', '1d'),
      `the signature by ${by} has expired`,
    ],
  ];
  for (const [name, commit, why] of cases) assert.is(await whyNot(keys, commit), why, name);
});

test('a signature over nothing is none over a commit, though it is by an allowed key', async () => {
  const { privateKey, publicKey } = await openpgp.generateKey({
    userIDs: [{ name: 'Ada' }],
    format: 'object',
    date: new Date('2024-01-01'),
  });
  const { standalone, timestamp } = openpgp.enums.signature;
  for (const type of [standalone, timestamp]) {
    const packet = new openpgp.SignaturePacket();
    packet.signatureType = type;
    packet.publicKeyAlgorithm = privateKey.keyPacket.algorithm as unknown as openpgp.enums.publicKey;
    packet.hashAlgorithm = openpgp.enums.hash.sha512;
    // The declared type lacks the last one, which is asked for.
    const signPacket = packet.sign.bind(packet) as (...args: readonly unknown[]) => Promise<void>;
    const time = new Date('2024-02-01');
    await signPacket(privateKey.keyPacket, new Uint8Array(), time, true, openpgp.config);
    const list = new openpgp.PacketList<openpgp.SignaturePacket>();
    list.push(packet);
    const armor = new openpgp.Signature(list).armor().replaceAll('\r', '').trimEnd();
    const payload = latin1(signedCommit(ssh(ada))).replace(gpgsig, '');
    const commit = anObject(
      'commit',
      payload.replace('\n\n', `\ngpgsig ${armor.replaceAll('\n', '\n ')}\n\n`),
    );
    assert.is(await whyNot([publicKey.armor()], commit), 'its OpenPGP signature is not one over the content');
  }
});

test('an OpenPGP signature that is cut off or damaged is refused, wherever', async () => {
  const key = gpgKey('Cut <cut@example.com>', 'ed25519');
  const keys = [exported(key)];
  const verifier = await createVerifier(keys);
  const text = latin1(signedCommit(gpg(program, key)));
  const [, head = '', body = '', tail = ''] =
    /^([\s\S]*SIGNATURE-----\n \n)([\s\S]*)(\n -----END[\s\S]*)$/.exec(text) ?? [];
  const base64 = body.replaceAll(/[\n ]|\n =.*$/g, '');
  for (let length = 0; length < base64.length - 6; length += 5) {
    const cut = await verifier.verify(anObject('commit', `${head} ${base64.slice(0, length)}${tail}`));
    assert.is(cut.ok, false, `cut at ${length}`);
    const byte = base64[length] === 'A' ? 'B' : 'A';
    const damaged = `${base64.slice(0, length)}${byte}${base64.slice(length + 1)}`;
    const answer = await verifier.verify(anObject('commit', `${head} ${damaged}${tail}`));
    // The unsigned part of the packet names the key once more: what stands there proves nothing, and may be wrong.
    assert.ok(!answer.ok || answer.by.startsWith(key), `damaged at ${length}`);
  }
});

// Keys

const badKeys: readonly (readonly [string, string, RegExp])[] = [
  ['an empty text', '', /key 2: it holds no key$/],
  ['only a comment', '# nobody\n', /key 2: it holds no key$/],
  [
    'words',
    'who knows',
    /key 2, line 1 \("who knows"\): it is no public key: one is written as "ssh-ed25519 AAAA…/,
  ],
  ['a property name', 'constructor AAAA', /it is no public key/],
  ['a type alone', '\n\nssh-ed25519', /key 2, line 3 \("ssh-ed25519"\): no base64 follows "ssh-ed25519"$/],
  ['no base64', 'ssh-ed25519 ~~~~', /no base64 follows "ssh-ed25519"$/],
  ['the wrong type', adaKey.replace('ssh-ed25519', 'ssh-rsa'), /its base64 is not that of an ssh-rsa key$/],
  [
    'half a key',
    `${adaKey.split(' ').slice(0, 2).join(' ').slice(0, 60)}`,
    /line 1 \("ssh-ed25519 AAAAC3NzaC1…"\): it ends too early$/,
  ],
  ['options', `no-pty ${adaKey}`, /leave out what stands before ssh-ed25519$/],
  ['an allowed_signers line', `ada@example.com ${adaKey}`, /leave out what stands before ssh-ed25519$/],
  ['a certificate', 'ssh-ed25519-cert-v01@openssh.com AAAA', /it is a certificate, and only plain keys/],
  ['a DSA key', 'ssh-dss AAAA', /DSA keys are too weak$/],
  [
    'an SSH private key',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n',
    /it is a private key: give the public half$/,
  ],
  [
    'an OpenPGP private key',
    '-----BEGIN PGP PRIVATE KEY BLOCK-----\nc2VjcmV0\n',
    /it is a private key: give the public half$/,
  ],
  ['a PEM file', '-----BEGIN PUBLIC KEY-----\nMIIB\n', /write it as one line: "ssh-keygen -i/],
  [
    'a half block',
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME',
    /line 1 \("-----BEGIN PGP PUBLIC K…"\): its last line is missing$/,
  ],
  [
    'a damaged block',
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZZZZ\n-----END PGP PUBLIC KEY BLOCK-----\n',
    /key 2, line 1 \(/,
  ],
  ['megabytes', 'x'.repeat(2_000_000), /it is larger than 1 MiB$/],
];
for (const [name, text, why] of badKeys)
  test(`${name} in place of a key is an error that says which and why`, async () => {
    await throwsReason(() => createVerifier([adaKey, text]), 'SourceInvalid', why);
    await createVerifier([adaKey]);
  });

test('keys that are too weak, off their curve or private are errors', async () => {
  const weak = signers.publicHalf(signers.sshKey('rsa-1024', '-t', 'rsa', '-b', '1024'));
  await throwsReason(() => createVerifier([weak]), 'SourceInvalid', /an RSA key of 1024 bits is too weak$/);
  const off = softKey(
    plain.privateKey,
    'ecdsa-sha2-nistp256',
    'nistp256',
    Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]),
  );
  await throwsReason(() => createVerifier([off.line]), 'SourceInvalid', /its numbers make no key$/);
  const short = softKey(plain.privateKey, 'ecdsa-sha2-nistp256', 'nistp256', Buffer.from([2]));
  await throwsReason(
    () => createVerifier([short.line]),
    'SourceInvalid',
    /it is no point of the curve nistp256$/,
  );
  const old = gpgKey('Weak <weak@example.com>', 'rsa1024');
  await throwsReason(
    () => createVerifier([exported(old)]),
    'SourceInvalid',
    /an RSA key of 1024 bits is too weak$/,
  );
  const { privateKey } = await openpgp.generateKey({ userIDs: [{ name: 'Ada' }], format: 'binary' });
  const disguised = openpgp.armor(openpgp.enums.armor.publicKey, privateKey);
  await throwsReason(
    () => createVerifier([disguised]),
    'SourceInvalid',
    /it is a private key: give the public half$/,
  );
  await throwsReason(() => createVerifier([]), 'SourceInvalid', /none is given/);
});

test.run();
