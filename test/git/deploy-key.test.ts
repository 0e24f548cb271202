import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isKeyComment, makeDeployKey } from '../../src/git/deploy-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-key-'));
const file = join(folder, 'key');
test.after(() => rmSync(folder, { recursive: true }));

function sshKeygen(...args: readonly string[]): string {
  return execFileSync('ssh-keygen', args, { encoding: 'utf8', stdio: 'pipe' });
}

// The padding differs with the length of the comment: each of its lengths is met.
for (const comment of [
  '',
  'a',
  'ab',
  'abc',
  'plimsoll@host',
  'with spaces and ä',
  'x'.repeat(99),
  'x'.repeat(100),
])
  test(`ssh-keygen reads a deploy key with the comment "${comment}" and finds the same public half`, () => {
    const { privateKey, publicKey, fingerprint } = makeDeployKey(comment);
    rmSync(file, { force: true });
    writeFileSync(file, privateKey, { mode: 0o600 });
    assert.is(sshKeygen('-y', '-f', file).trim(), publicKey);
    writeFileSync(`${file}.pub`, `${publicKey}\n`);
    assert.is(sshKeygen('-l', '-f', `${file}.pub`).split(' ')[1], fingerprint);
    assert.ok(privateKey.split('\n').every((line) => line.length <= 70));
  });

test('ssh-keygen signs with a deploy key, and the public half verifies it', () => {
  const { privateKey, publicKey } = makeDeployKey('signer');
  const signing = join(folder, 'signing');
  writeFileSync(signing, privateKey, { mode: 0o600 });
  const content = join(folder, 'content');
  writeFileSync(content, 'hello');
  sshKeygen('-Y', 'sign', '-f', signing, '-n', 'test', content);
  writeFileSync(join(folder, 'allowed'), `ada ${publicKey}\n`);
  const args = [
    '-Y',
    'verify',
    '-f',
    join(folder, 'allowed'),
    '-I',
    'ada',
    '-n',
    'test',
    '-s',
    `${content}.sig`,
  ];
  const answer = execFileSync('ssh-keygen', args, { encoding: 'utf8', input: 'hello' });
  assert.match(answer, /^Good "test" signature for ada /);
});

test('every deploy key is another', () => {
  const keys = Array.from({ length: 20 }, () => makeDeployKey('same'));
  assert.is(new Set(keys.map(({ privateKey }) => privateKey)).size, 20);
  assert.is(new Set(keys.map(({ fingerprint }) => fingerprint)).size, 20);
});

test('a comment that would not stay on its line is refused', () => {
  for (const comment of [
    'a\nssh-ed25519 AAAA',
    'a\rb',
    '\u001b[2J',
    '\u202ea',
    ' a',
    'a ',
    'x'.repeat(101),
  ]) {
    assert.not(isKeyComment(comment), comment);
    assert.throws(() => makeDeployKey(comment), /one line of printable text/);
  }
});

test.run();
