import { writeFileSync } from 'node:fs';
import * as openpgp from 'openpgp';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SignedObject } from '../../src/git/signed-object.ts';
import { createVerifier } from '../../src/git/verify-signature.ts';
import { anObject, answerOf, createSigners, latin1, withSignature } from './signers.ts';

const signers = createSigners();
test.after(() => signers.end());

const ssh = signers.sshKey('ada');
const sshLine = signers.publicHalf(ssh);
const at = (time: string): string[] => ['--faked-system-time', `${time}T000000!`];

for (const algorithm of ['ed25519', 'rsa2048', 'nistp256'])
  test(`commits and tags signed with an OpenPGP key of the kind ${algorithm} are verified`, async () => {
    const user = `${algorithm} <${algorithm}@example.com>`;
    const key = signers.gpgKey(user, { algorithm });
    const verifier = await createVerifier([`${signers.exported(key)}\n${sshLine}`]);
    const commit = signers.commit(signers.byGpg(key));
    const by = `${key} (${user})`;
    assert.ok(signers.gitAccepts(commit, signers.byGpg(key), ''));
    assert.equal(await verifier.verify(commit), { ok: true, by });
    assert.equal(await verifier.verify(signers.tag(signers.byGpg(key))), { ok: true, by });
    const mixed = await verifier.verify(signers.commit(signers.bySsh(ssh)));
    assert.match(mixed.ok ? mixed.by : mixed.why, /^SHA256:.* \(ada@example\.com\)$/);
    assert.is(await answerOf([sshLine], commit), `signed by an unknown OpenPGP key, ${key}`);
    const altered = anObject('commit', latin1(commit).replace('change', 'chance'));
    assert.not(signers.gitAccepts(altered, signers.byGpg(key), ''));
    assert.is(await answerOf([signers.exported(key)], altered), `bad signature: it is not what ${by} signed`);
  });

test('a subkey signs for its key', async () => {
  const key = signers.gpgKey('Sub <sub@example.com>', { usage: 'cert' });
  signers.gpg('--quick-add-key', key, 'ed25519', 'sign');
  assert.is(
    await answerOf([signers.exported(key)], signers.commit(signers.byGpg(key))),
    `accepted: ${key} (Sub <sub@example.com>)`,
  );
});

test('a hostile user id is escaped and shortened', async () => {
  const { privateKey, publicKey } = await openpgp.generateKey({
    userIDs: [{ name: `\u202eada\u001b[2J ${'x'.repeat(200)}`, email: 'ada@example.com' }],
    date: new Date('2024-01-01'),
  });
  const file = signers.workshop.path('hostile.asc');
  writeFileSync(file, privateKey);
  signers.gpg('--import', file);
  const key = (await openpgp.readKey({ armoredKey: publicKey })).getFingerprint().toUpperCase();
  const answer = await answerOf([publicKey], signers.commit(signers.byGpg(key)));
  assert.match(answer, /^accepted: \w{40} \(\\u202eada.{0,100}…\)$/);
});

test('a key that had expired when it signed is refused, and one that expired later is not', async () => {
  const user = 'Old <old@example.com>';
  const key = signers.gpgKey(user, { expires: '20200601T000000' }, ...at('20200101'));
  const early = signers.commit(signers.byGpg(key, ...at('20200301')));
  assert.is(await answerOf([signers.exported(key)], early), `accepted: ${key} (${user})`);
  signers.gpg(...at('20200302'), '--quick-set-expire', key, '20250101T000000');
  const late = signers.commit(signers.byGpg(key, ...at('20230101')));
  assert.match(await answerOf([signers.exported(key)], late), /^accepted/);
  signers.gpg(...at('20200303'), '--quick-set-expire', key, '20210101T000000');
  assert.is(
    await answerOf([signers.exported(key)], late),
    `signed with a key that had expired: ${key} (${user})`,
  );
  assert.match(await answerOf([signers.exported(key)], early), /^accepted/);
});

test('what was signed before a key was prolonged stays good', async () => {
  const key = signers.gpgKey('Long <long@example.com>', { expires: '20240601T000000' }, ...at('20240101'));
  const commit = signers.commit(signers.byGpg(key, ...at('20240301')));
  const before = signers.exported(key);
  signers.gpg(...at('20240501'), '--quick-set-expire', key, '0');
  assert.match(await answerOf([signers.exported(key)], commit), /^accepted/);
  assert.match(await answerOf([before, signers.exported(key)], commit), /^accepted/);
  const later = signers.commit(signers.byGpg(key));
  assert.match(await answerOf([before], later), /^signed with a key that had expired/);
  assert.match(await answerOf([before, signers.exported(key)], later), /^accepted/);
  const altered = anObject('commit', latin1(commit).replace('change', 'chance'));
  assert.match(await answerOf([signers.exported(key)], altered), /^bad signature/);
});

test('a key from the future vouches for nothing from the future', async () => {
  const key = signers.gpgKey('Late <late@example.com>', {}, ...at('20980101'));
  const commit = signers.commit(signers.byGpg(key, ...at('20990101')));
  signers.gpg(...at('21000101'), '--quick-set-expire', key, '0');
  assert.match(await answerOf([signers.exported(key)], commit), /has a time that cannot be$/);
});

test('a key that others may have is refused for good, and one that was replaced only for what it signed later', async () => {
  const user = 'Gone <gone@example.com>';
  const key = signers.gpgKey(user, {}, ...at('20240101'));
  const early = signers.commit(signers.byGpg(key, ...at('20240301')));
  const late = signers.commit(signers.byGpg(key, ...at('20240901')));
  const secret = await openpgp.readPrivateKey({
    armoredKey: signers.gpg('--armor', '--export-secret-keys', key),
  });
  const revoked = async (flag: openpgp.enums.reasonForRevocation): Promise<string> => {
    const date = new Date('2024-06-01');
    const { publicKey } = await openpgp.revokeKey({ key: secret, reasonForRevocation: { flag }, date });
    return publicKey;
  };
  const why = `signed with a key that was revoked: ${key} (${user})`;
  const { keySuperseded, keyCompromised } = openpgp.enums.reasonForRevocation;
  const replaced = await revoked(keySuperseded);
  assert.is(await answerOf([replaced], early), `accepted: ${key} (${user})`);
  assert.is(await answerOf([replaced], late), why);
  const stolen = await revoked(keyCompromised);
  assert.is(await answerOf([stolen], early), why);
  assert.is(await answerOf([stolen], late), why);
});

test('OpenPGP signatures that say less than they seem to are refused', async () => {
  const user = 'Odd <odd@example.com>';
  const key = signers.gpgKey(user, {}, ...at('20240101'));
  const other = signers.gpgKey('Other <other@example.com>', {}, ...at('20240101'));
  const rsa = signers.gpgKey('Rsa <rsa@example.com>', { algorithm: 'rsa2048' });
  const keys = [key, other, rsa].map((one) => signers.exported(one));
  const by = `${key} (${user})`;
  const odd = (...options: string[]) => signers.commit(signers.byGpg(key, ...options));
  const cases: readonly (readonly [string, SignedObject, string])[] = [
    ['weak', odd('--digest-algo', 'SHA1'), `signed by ${by} over a hash that is too weak`],
    ['text', odd('--textmode'), 'its OpenPGP signature is not one over the content'],
    // With a key that allows it: Ed25519 itself wants a longer hash.
    [
      'weak and RSA',
      signers.commit(signers.byGpg(rsa, '--digest-algo', 'SHA1')),
      `signed by ${rsa} (Rsa <rsa@example.com>) over a hash that is too weak`,
    ],
    ['two', odd('--local-user', other), 'it bears more than one signature'],
    ['future', odd(...at('21000101')), `the signature by ${by} has a time that cannot be`],
    [
      'short-lived',
      odd(...at('20240301'), '--default-sig-expire', '1d'),
      `the signature by ${by} has expired`,
    ],
  ];
  for (const [name, commit, why] of cases) assert.is(await answerOf(keys, commit), why, name);
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
    const armor = new openpgp.Signature(list).armor().replaceAll('\r', '');
    const commit = withSignature(signers.commit(signers.bySsh(ssh)), () => armor);
    assert.is(
      await answerOf([publicKey.armor()], commit),
      'its OpenPGP signature is not one over the content',
    );
  }
});

test('an OpenPGP signature that is cut off or damaged is refused, wherever', async () => {
  const key = signers.gpgKey('Cut <cut@example.com>', {});
  const keys = [signers.exported(key)];
  const verifier = await createVerifier(keys);
  const text = latin1(signers.commit(signers.byGpg(key)));
  const [, head = '', body = '', tail = ''] =
    /^([\s\S]*SIGNATURE-----\n \n)([\s\S]*)(\n -----END[\s\S]*)$/.exec(text) ?? [];
  const base64 = body.replace(/\n =.*$/, '').replaceAll(/[\n ]/g, '');
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

test.run();
