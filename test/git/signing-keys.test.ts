import * as openpgp from 'openpgp';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSigningKeys } from '../../src/git/signing-keys.ts';
import { sshString } from '../../src/git/ssh-wire.ts';
import { createVerifier } from '../../src/git/verify-signature.ts';
import { createSigners } from './signers.ts';
import { throwsReason } from './workshop.ts';

const signers = createSigners();
test.after(() => signers.end());
const adaKey = signers.publicHalf(signers.sshKey('ada'));

test('keys of both kinds may stand in one text, as files from any system have them', async () => {
  const { publicKey } = await openpgp.generateKey({ userIDs: [{ name: 'Ada' }] });
  const text = `# who may sign\n\n${adaKey}  \n${publicKey}\n\t${adaKey}`.replaceAll(/\r?\n/g, '\r\n');
  const { ssh, openpgp: keys } = await readSigningKeys([`\ufeff${text}`, publicKey]);
  assert.equal(
    ssh.map(({ comment }) => comment),
    ['ada@example.com', 'ada@example.com'],
  );
  assert.is(keys.length, 2);
});

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
  });

test('keys that are too weak, off their curve or private are errors', async () => {
  const weak = signers.publicHalf(signers.sshKey('rsa-1024', '-t', 'rsa', '-b', '1024'));
  await throwsReason(() => createVerifier([weak]), 'SourceInvalid', /an RSA key of 1024 bits is too weak$/);
  const ecdsa = (point: Uint8Array): string => {
    const type = 'ecdsa-sha2-nistp256';
    return `${type} ${Buffer.concat([type, 'nistp256', point].map(sshString)).toString('base64')}`;
  };
  const off = ecdsa(Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]));
  await throwsReason(() => createVerifier([off]), 'SourceInvalid', /its numbers make no key$/);
  const other = ['ecdsa-sha2-nistp256', 'nistp384', Buffer.alloc(65, 4)];
  const ed25519 = ['ssh-ed25519', Buffer.alloc(31, 1)];
  const followed = ['ssh-ed25519', Buffer.alloc(32, 1), 'more'];
  for (const [parts, why] of [
    [other, /its curve is not nistp256$/],
    [ed25519, /an Ed25519 key has 32 bytes$/],
    [followed, /something follows it$/],
  ] as const) {
    const line = `${parts[0]} ${Buffer.concat(parts.map(sshString)).toString('base64')}`;
    await throwsReason(() => createVerifier([line]), 'SourceInvalid', why);
  }
  const short = ecdsa(Buffer.from([2]));
  await throwsReason(() => createVerifier([short]), 'SourceInvalid', /it is no point of the curve nistp256$/);
  const old = signers.gpgKey('Weak <weak@example.com>', { algorithm: 'rsa1024' });
  await throwsReason(
    () => createVerifier([signers.exported(old)]),
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
