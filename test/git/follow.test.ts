import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { authFor } from '../../src/git/auth-for.ts';
import { describeFollow, followOf, pickRef } from '../../src/git/follow.ts';
import { looksRemote } from '../../src/git/source-address.ts';
import { throwsReason } from './workshop.ts';

const test = suite('what of a repository is followed');

const tags = (...names: string[]) => names.map((name) => ({ ref: `refs/tags/${name}`, id: name }));

for (const [range, names, wanted] of [
  ['^1.2', ['v1.2.0', 'v1.10.0', 'v1.9.3', 'v2.0.0'], 'v1.10.0'],
  ['>=1.0.0 <2', ['1.0.0', 'v1.5.0', '2.0.0'], 'v1.5.0'],
  ['*', ['v1.0.0', 'v2.0.0-rc.1'], 'v1.0.0'],
  ['>=2.0.0-rc.0', ['v1.0.0', 'v2.0.0-rc.1', 'v2.0.0-rc.10', 'v2.0.0-rc.9'], 'v2.0.0-rc.10'],
  ['1.x', ['nightly', 'v1', 'v1.0', 'release-1.4.0', '1.0.0+b', '1.0.0+a'], '1.0.0+b'],
  ['1.0.0', ['1.0.0', 'v1.0.0'], 'v1.0.0'],
] as const) {
  test(`${range} of ${names.join(', ')} is ${wanted}`, () => {
    const follow = { kind: 'semver', range } as const;
    assert.is(pickRef(follow, tags(...names), 'read').id, wanted);
    assert.is(pickRef(follow, tags(...names).reverse(), 'read').id, wanted);
  });
}

test('no tag in the range is an error that names the newest, and so is no version at all', async () => {
  const follow = { kind: 'semver', range: '^3' } as const;
  await throwsReason(() => pickRef(follow, tags('v1.0.0', 'v2.1.0'), 'read'), 'RevisionMissing', /v2\.1\.0/);
  await throwsReason(() => pickRef(follow, tags('main'), 'read'), 'RevisionMissing', /no tag is a version/);
});

test('one thing is followed, and the branch main when none is named', async () => {
  assert.is(describeFollow(followOf({})), 'branch main');
  assert.is(describeFollow(followOf({ semver: '>=1 <2' })), 'semver >=1 <2');
  assert.is(describeFollow(followOf({ commit: 'a'.repeat(40) })), 'commit aaaaaaaaaaaa');
  await throwsReason(() => followOf({ branch: 'a', tag: 'b' }), 'SourceInvalid', /branch and tag/);
  await throwsReason(() => followOf({ semver: 'newest' }), 'SourceInvalid', /no range/);
  await throwsReason(() => followOf({ commit: 'a'.repeat(64) }), 'SourceInvalid', /SHA-256/);
  await throwsReason(() => followOf({ tag: '../x' }), 'SourceInvalid', /no tag name/);
});

const credentials = [
  { host: 'git.example.com', token: 'web' },
  { host: 'git.example.com', sshKey: 'key' },
  { host: 'git.example.com:8443', token: 'other port' },
  { host: 'Ssh.example.com:2222', sshKey: 'key at 2222' },
  { host: 'example.com', token: 'parent' },
];

for (const [url, wanted] of [
  ['https://git.example.com/a.git', 'web'],
  ['https://git.example.com:443/a.git', 'web'],
  ['https://GIT.example.com/a.git', 'web'],
  ['https://git.example.com:8443/a.git', 'other port'],
  ['https://git.example.com:9/a.git', undefined],
  ['https://evil.git.example.com/a.git', undefined],
  ['https://git.example.com.evil.org/a.git', undefined],
  ['ssh://git@git.example.com/a.git', 'key'],
  ['git@git.example.com:a.git', 'key'],
  ['ssh://git@ssh.example.com:2222/a.git', 'key at 2222'],
  ['ssh://git@ssh.example.com/a.git', undefined],
  ['ssh://git@example.com/a.git', undefined],
] as const) {
  test(`credentials by host: ${url} gets ${wanted ?? 'none'}`, () => {
    const found = authFor(url, undefined, credentials);
    assert.is(found?.sshKey ?? found?.token, wanted);
  });
}

test('a source with credentials of its own gets no others', () => {
  assert.equal(authFor('https://git.example.com/a', { username: 'me' }, credentials), { username: 'me' });
});

test('what looks like an address is one, and a folder is none', () => {
  for (const text of ['https://a/b', 'ssh://git@a/b', 'git@a:b', 'ftp://x'])
    assert.ok(looksRemote(text), text);
  for (const text of ['.', '/srv/config', 'a/b', 'C:\\x', './git@a:b', 'config'])
    assert.not.ok(looksRemote(text), text);
});

test.run();
