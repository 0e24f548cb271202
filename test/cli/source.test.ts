import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { type ATerminal, atTerminal } from './a-terminal.ts';

const keygen = (terminal: ATerminal, ...words: readonly string[]) =>
  terminal.run('source', 'keygen', '--out', join(terminal.stateDir, 'deploy-key'), ...words);

test('keygen writes a private key that ssh reads, and prints its public half alone', () =>
  atTerminal(undefined, async (terminal) => {
    const file = join(terminal.stateDir, 'deploy-key');
    const umask = process.umask(0);
    const { code, out, err } = await keygen(terminal, '--comment', 'web host').finally(() =>
      process.umask(umask),
    );
    assert.is(code, 0);
    assert.match(out, /^ssh-ed25519 [A-Za-z0-9+/]+ web host\n$/);
    assert.is(statSync(file).mode & 0o777, 0o600);
    assert.is(execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' }), out);
    assert.equal(readdirSync(terminal.stateDir), ['deploy-key'], 'nothing else is left');
    assert.not.match(out + err, 'PRIVATE');
  }));

test('keygen says what to do with the key, in lines that stand in plimsoll.yaml as they are', () =>
  atTerminal(undefined, async (terminal) => {
    const { err } = await keygen(terminal);
    const file = join(terminal.stateDir, 'deploy-key');
    assert.match(
      err,
      /^\S+\/deploy-key holds the private half of SHA256:[A-Za-z0-9+/]{43}: it stays on this host/,
    );
    assert.match(err, 'as a deploy key, to read only');
    assert.match(err, '"ssh-keyscan -t ed25519 HOST" gives the line for knownHosts');
    const lines = /^ {2}source:\n(?: {4}.*\n)+/m.exec(err)?.[0] ?? '';
    assert.equal(parse(lines), {
      source: {
        url: 'ssh://git@HOST/OWNER/REPO.git',
        auth: { sshKey: file, knownHosts: ['HOST ssh-ed25519 AAAA…'] },
      },
    });
  }));

test('keygen prints the same as JSON and YAML, never the private half', () =>
  atTerminal(undefined, async (terminal) => {
    const json = JSON.parse((await keygen(terminal, '-o', 'json')).out) as Record<string, string>;
    assert.equal(Object.keys(json), ['file', 'publicKey', 'fingerprint']);
    assert.is(json.file, join(terminal.stateDir, 'deploy-key'));
    assert.match(json.publicKey ?? '', /^ssh-ed25519 \S+ plimsoll@\S+$/);
    const yaml = parse((await keygen(terminal, '-o', 'yaml', '--force')).out) as Record<string, string>;
    assert.match(yaml.fingerprint ?? '', /^SHA256:/);
    assert.is.not(yaml.publicKey, json.publicKey);
  }));

test('keygen leaves what is there as it is, unless it is told to replace it', () =>
  atTerminal(undefined, async (terminal) => {
    const file = join(terminal.stateDir, 'deploy-key');
    writeFileSync(file, 'precious', { mode: 0o644 });
    assert.equal(await keygen(terminal), {
      code: 4,
      out: '',
      err: `error: write ${file}: it exists\nhelp: name another with --out, or add --force\n`,
    });
    assert.is(readFileSync(file, 'utf8'), 'precious');
    assert.equal(readdirSync(terminal.stateDir), ['deploy-key']);
    assert.is((await keygen(terminal, '--force')).code, 0);
    assert.match(readFileSync(file, 'utf8'), /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
    assert.is(statSync(file).mode & 0o777, 0o600);
  }));

test('keygen follows no link, not even one that leads nowhere', () =>
  atTerminal(undefined, async (terminal) => {
    const file = join(terminal.stateDir, 'deploy-key');
    const target = join(terminal.stateDir, 'target');
    symlinkSync(target, file);
    assert.is((await keygen(terminal)).code, 4);
    writeFileSync(target, 'precious');
    assert.is((await keygen(terminal)).code, 4);
    assert.is((await keygen(terminal, '--force')).code, 0);
    assert.is(readFileSync(target, 'utf8'), 'precious');
    assert.ok(lstatSync(file).isFile());
    assert.equal(readdirSync(terminal.stateDir).sort(), ['deploy-key', 'target']);
  }));

test('keygen says what is wrong with a place or a comment', () =>
  atTerminal(undefined, async (terminal) => {
    const missing = join(terminal.stateDir, 'no', 'such', 'key');
    const { code, out, err } = await terminal.run('source', 'keygen', '--out', missing);
    assert.equal([code, out], [2, '']);
    assert.is(
      err,
      `error: write ${missing}: its folder does not exist\nhelp: mkdir -p ${join(terminal.stateDir, 'no/such')}\n`,
    );
    mkdirSync(join(terminal.stateDir, 'deploy-key'));
    assert.is((await keygen(terminal)).code, 4);
    assert.is((await keygen(terminal, '--force')).code, 2);
    assert.is((await keygen(terminal, '--comment', 'two\nlines')).code, 64);
    assert.is((await keygen(terminal, '--comment', 'x'.repeat(101))).code, 64);
    assert.equal(readdirSync(terminal.stateDir), ['deploy-key']);
  }));

test('source and its command have a help with an example', () =>
  atTerminal(undefined, async (terminal) => {
    assert.match((await terminal.run('source', '--help')).out, /\nExample:\n {2}plimsoll source keygen/);
    const { out } = await terminal.run('source', 'keygen', '--help');
    assert.match(out, /\nExamples:\n {2}plimsoll source keygen\n/);
    assert.match(out, '(default: "/etc/plimsoll/deploy-key")');
  }));

test.run();
