import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readTag, splitSignature } from '../../src/git/signed-object.ts';
import { createVerifier } from '../../src/git/verify-signature.ts';
import { anObject, answerOf, createSigners, latin1, sshHeader } from './signers.ts';

const signers = createSigners();
test.after(() => signers.end());
const { folder } = signers;
const ada = signers.sshKey('ada');
const eve = signers.sshKey('eve');
const adaKey = signers.publicHalf(ada);

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
      assert.equal(await verifier.verify(signers.commit(signers.bySsh(key), `try ${tries}`)), {
        ok: true,
        by,
      });
    assert.equal(await verifier.verify(signers.tag(signers.bySsh(key))), { ok: true, by });
    const foreign = await answerOf([adaKey], signers.commit(signers.bySsh(key)));
    assert.is(foreign, `signed by an unknown SSH key, ${fingerprint} (${line.split(' ')[0]})`);
  });

test('a key without a comment is told by its fingerprint, and a hostile comment is escaped', async () => {
  const [type, base64] = adaKey.split(' ');
  const commit = signers.commit(signers.bySsh(ada));
  assert.match(await answerOf([`${type} ${base64}`], commit), /^accepted: SHA256:[A-Za-z0-9+/]{43}$/);
  assert.match(
    await answerOf([`${type} ${base64} \u001b[2J${'x'.repeat(500)}`], commit),
    /^accepted: .{60,160}$/,
  );
});

test('what is not signed is not verified', async () => {
  signers.workshop.git(folder, 'commit', '-q', '--allow-empty', '-m', 'unsigned');
  assert.is(await answerOf([adaKey], signers.read('commit', 'HEAD')), 'it is not signed');
  signers.workshop.git(folder, 'tag', '-a', '-m', 'unsigned', 'unsigned');
  assert.is(await answerOf([adaKey], signers.read('tag', 'unsigned')), 'it is not signed');
});

test('an object that is not the one of its id is refused, whoever signed it', async () => {
  const commit = signers.commit(signers.bySsh(ada));
  const other = signers.commit(signers.bySsh(ada));
  assert.is(
    await answerOf([adaKey], { ...commit, id: other.id }),
    'its content is not the one that its id names',
  );
  assert.match(await answerOf([adaKey], { ...commit, kind: 'tag' }), 'its content is not');
  assert.match(await answerOf([adaKey], { ...commit, id: '' }), 'its content is not');
});

test('an amended commit bears no signature of the one before it', async () => {
  signers.commit(signers.bySsh(ada));
  signers.workshop.git(folder, '-c', 'commit.gpgsign=false', 'commit', '-q', '--amend', '-m', 'amended');
  assert.is(await answerOf([adaKey], signers.read('commit', 'HEAD')), 'it is not signed');
});

test('a merge of a signed tag is signed by who merged, not by who tagged', async () => {
  signers.workshop.git(folder, 'checkout', '-q', '-b', 'side');
  signers.commit(signers.bySsh(eve));
  const tag = readTag(signers.tag(signers.bySsh(eve)).text)?.name ?? '';
  signers.workshop.git(folder, 'checkout', '-q', 'main');
  signers.workshop.git(folder, 'merge', '-q', '--no-ff', '-m', 'merge', tag);
  const unsigned = signers.read('commit', 'HEAD');
  assert.match(latin1(unsigned), /\nmergetag [\s\S]*\n -----BEGIN SSH SIGNATURE-----\n/);
  assert.is(await answerOf([signers.publicHalf(eve)], unsigned), 'it is not signed');
  signers.workshop.git(folder, ...signers.bySsh(ada), 'commit', '-q', '--amend', '-S', '-m', 'merge');
  const signed = signers.read('commit', 'HEAD');
  assert.match(await answerOf([adaKey], signed), /^accepted/);
  assert.match(await answerOf([signers.publicHalf(eve)], signed), /^signed by an unknown SSH key/);
});

test('messages with any bytes and in any encoding are verified', async () => {
  signers.workshop.write(folder, { 'app.yaml': 'a: latin1\n' });
  signers.workshop.git(folder, 'add', '-A');
  const message = signers.workshop.path('message');
  writeFileSync(message, Buffer.from('\xe4nderung\r\n\r\n gpgsig x\r\ngpgsig y\r\n\u0001\n', 'latin1'));
  signers.workshop.git(
    folder,
    ...signers.bySsh(ada),
    '-c',
    'i18n.commitEncoding=ISO-8859-1',
    'commit',
    '-q',
    '-S',
    '--cleanup=verbatim',
    '-F',
    message,
  );
  const commit = signers.read('commit', 'HEAD');
  assert.match(latin1(commit), /\nencoding ISO-8859-1\n[\s\S]*\xe4nderung\r\n/);
  assert.match(await answerOf([adaKey], commit), /^accepted/);
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
const block = (text: string): string => (sshHeader.exec(text)?.[1] ?? '').replaceAll('\n ', '\n');

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
  { name: 'no signature', forge: (text) => text.replace(sshHeader, ''), why: /^it is not signed$/ },
  {
    name: 'its signature in the message alone',
    forge: (text) => `${text.replace(sshHeader, '')}\ngpgsig ${sshHeader.exec(text)?.[1]}\n`,
    why: /^it is not signed$/,
  },
  {
    name: 'its signature at the end, as a tag has it',
    forge: (text) => `${text.replace(sshHeader, '')}${block(text)}\n`,
    why: /^it is not signed$/,
  },
  {
    name: 'its signature folded into another header',
    forge: (text) => text.replace('\ngpgsig ', '\nx-other 1\n gpgsig '),
    why: /^it is not signed$/,
  },
  {
    name: 'its signature twice',
    forge: (text) => text.replace(sshHeader, '$&$&'),
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
    forge: (text) => text.replace(sshHeader, (all, armor) => `${all} ${armor}\n`),
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
    forge: (text) => `${sshHeader.exec(text)?.[0]}${text.replace(sshHeader, '')}`,
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
  { name: 'a folded line before the first', forge: (text) => ` more\n${text}`, why: malformed },
  { name: 'nothing in it', forge: () => '', why: malformed },
  { name: 'only a signature', forge: (text) => sshHeader.exec(text)?.[0] ?? '', why: malformed },
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
    const text = latin1(signers.commit(signers.bySsh(ada)));
    const forged = forge(text);
    assert.is.not(forged, text);
    const object = anObject('commit', forged);
    assert.match(await answerOf([adaKey], object), why);
    assert.is(signers.gitAccepts(object, [], adaKey), accepts ?? false, 'what git says of it');
  });

test('a header with the signature of the SHA-256 form is no part of what is signed, as in git', async () => {
  const text = latin1(signers.commit(signers.bySsh(ada)));
  const both = text.replace('\ngpgsig', '\ngpgsig-sha256 -----BEGIN SSH SIGNATURE-----\n more\ngpgsig');
  const object = anObject('commit', both);
  assert.ok(signers.gitAccepts(object, [], adaKey));
  assert.match(await answerOf([adaKey], object), /^accepted/);
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
  { name: 'a folded line before the first', forge: (text) => ` more\n${text}`, why: malformed },
  { name: 'nothing in it', forge: () => '', why: malformed },
];
for (const { name, forge, why, gitAccepts: accepts } of tagForgeries)
  test(`a signed tag with ${name} is refused`, async () => {
    const text = latin1(signers.tag(signers.bySsh(ada)));
    const forged = forge(text);
    assert.is.not(forged, text);
    const object = anObject('tag', forged);
    assert.match(await answerOf([adaKey], object), why);
    assert.is(signers.gitAccepts(object, [], adaKey), accepts ?? false, 'what git says of it');
  });

test('a tag tells what it names', () => {
  signers.commit(signers.bySsh(ada));
  const { text } = signers.tag(signers.bySsh(ada));
  const name = signers.workshop.git(folder, 'describe', '--exact-match');
  const object = signers.workshop.git(folder, 'rev-parse', 'HEAD');
  assert.equal(readTag(text), { object, type: 'commit', name });
  assert.is(readTag(Buffer.from('tree x\n\n')), undefined);
});

test('in a SHA-256 repository the signature is the one of its own kind', async () => {
  const other = signers.workshop.path('sha256');
  signers.workshop.git(signers.workshop.root, 'init', '-q', '-b', 'main', '--object-format=sha256', other);
  signers.workshop.git(other, ...signers.bySsh(ada), 'commit', '-q', '-S', '--allow-empty', '-m', 'change');
  const id = signers.workshop.git(other, 'rev-parse', 'HEAD');
  const text = execFileSync('git', ['-C', other, 'cat-file', 'commit', id]);
  assert.is(id.length, 64);
  assert.match(text.toString(), '\ngpgsig-sha256 ');
  assert.match(await answerOf([adaKey], { kind: 'commit', id, text }), /^accepted/);
});

test('no byte of a signed object can be another without being noticed', async () => {
  const verifier = await createVerifier([adaKey]);
  for (const object of [signers.commit(signers.bySsh(ada)), signers.tag(signers.bySsh(ada))]) {
    const original = splitSignature(object);
    assert.ok('payload' in original);
    for (let at = 0; at < object.text.length; at += 1) {
      const text = Buffer.from(object.text);
      for (const byte of [(text[at] ?? 0) ^ 1, 0x20, 0x0a]) {
        text[at] = byte;
        const altered = anObject(object.kind, text);
        // What stays accepted is the same content with the signature written otherwise, in its white space.
        if (!(await verifier.verify(altered)).ok) continue;
        const split = splitSignature(altered);
        assert.equal('payload' in split && split.payload, original.payload, `byte ${at}`);
      }
    }
  }
});

test.run();
