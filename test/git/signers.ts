import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { SignedObject } from '../../src/git/signed-object.ts';
import { createVerifier } from '../../src/git/verify-signature.ts';
import { createWorkshop, type Workshop } from './workshop.ts';

type Kind = SignedObject['kind'];

/** Options of git's, before its command, that make it sign in one way. */
export type Manner = readonly string[];

/** A repository, and those who sign in it with the real programs: git, ssh-keygen, gpg. */
export interface Signers {
  readonly workshop: Workshop;
  /** The repository. */
  readonly folder: string;
  /** Makes an SSH key; gives the path of its private half. */
  sshKey(name: string, ...args: readonly string[]): string;
  publicHalf(key: string): string;
  /** gpg with a home of its own; gives what it prints. */
  gpg(...args: readonly string[]): string;
  /** Makes an OpenPGP key, with these options of gpg's before the command; gives its fingerprint. */
  gpgKey(user: string, made: GpgKey, ...options: readonly string[]): string;
  /** The public half, armored, as it is now. */
  exported(key: string): string;
  bySsh(key: string): Manner;
  /** With these options of gpg's besides those that git gives. */
  byGpg(key: string, ...options: readonly string[]): Manner;
  commit(manner: Manner, message?: string): SignedObject;
  /** A tag of the newest commit, `v1`, `v2` and so on. */
  tag(manner: Manner, message?: string): SignedObject;
  read(kind: Kind, name: string): SignedObject;
  /** Whether git finds the signature good; of SSH keys it is told these, of OpenPGP keys it knows all. */
  gitAccepts(object: SignedObject, manner: Manner, sshKeys?: string): boolean;
  /** Ends gpg's agent and removes all. */
  end(): void;
}

export interface GpgKey {
  readonly algorithm?: string;
  readonly usage?: string;
  readonly expires?: string;
}

export function createSigners(): Signers {
  const workshop = createWorkshop();
  const folder = workshop.repository('config', { 'app.yaml': 'a: 0\n' });
  const home = workshop.path('gnupg');
  mkdirSync(home, { mode: 0o700 });
  const common = ['--homedir', home, '--batch', '--quiet', '--passphrase', '', '--pinentry-mode', 'loopback'];
  let count = 0;
  const signers: Signers = {
    workshop,
    folder,
    sshKey(name, ...args) {
      const file = workshop.path(name);
      const type = args.length > 0 ? args : ['-t', 'ed25519'];
      execFileSync('ssh-keygen', ['-q', ...type, '-N', '', '-C', `${name}@example.com`, '-f', file]);
      return file;
    },
    publicHalf: (key) => readFileSync(`${key}.pub`, 'utf8'),
    gpg: (...args) => execFileSync('gpg', [...common, ...args], { encoding: 'utf8', stdio: 'pipe' }),
    gpgKey(user, { algorithm = 'ed25519', usage = 'sign', expires = 'never' }, ...options) {
      signers.gpg(...options, '--quick-generate-key', user, algorithm, usage, expires);
      const listed = signers.gpg('--with-colons', '--list-keys', `=${user}`);
      return /^fpr:{9}(\w+):/m.exec(listed)?.[1] ?? '';
    },
    exported: (key) => signers.gpg('--armor', '--export', key),
    bySsh: (key) => ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${key}`],
    byGpg(key, ...options) {
      count += 1;
      const program = join(workshop.root, `gpg-${count}`);
      const words = [...common, ...options].map((word) => `'${word}'`).join(' ');
      writeFileSync(program, `#!/bin/sh\nexec gpg ${words} "$@"\n`);
      chmodSync(program, 0o755);
      return ['-c', 'gpg.format=openpgp', '-c', `gpg.program=${program}`, '-c', `user.signingkey=${key}`];
    },
    commit(manner, message = 'change') {
      count += 1;
      workshop.write(folder, { 'app.yaml': `a: ${count}\n` });
      workshop.git(folder, 'add', '-A');
      workshop.git(folder, ...manner, 'commit', '-q', '-S', '-m', message);
      return signers.read('commit', 'HEAD');
    },
    tag(manner, message = 'a release') {
      count += 1;
      workshop.git(folder, ...manner, 'tag', '-s', '-m', message, `v${count}`);
      return signers.read('tag', `v${count}`);
    },
    read: (kind, name) => anObject(kind, execFileSync('git', ['-C', folder, 'cat-file', kind, name])),
    gitAccepts({ kind, id, text }, manner, sshKeys = '') {
      const allowed = workshop.path('allowed-signers');
      writeFileSync(allowed, sshKeys.replaceAll(/^(?=.)/gm, '* '));
      const writing = ['-C', folder, 'hash-object', '-t', kind, '-w', '--stdin', '--literally'];
      assert.is(execFileSync('git', writing, { input: text, encoding: 'utf8' }).trim(), id);
      const options = ['-C', folder, '-c', `gpg.ssh.allowedSignersFile=${allowed}`, ...manner];
      return spawnSync('git', [...options, `verify-${kind}`, id], { stdio: 'ignore' }).status === 0;
    },
    end() {
      execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'ignore' });
      workshop.remove();
    },
  };
  return signers;
}

/** An object with this content and the id that it has; one character of a text is one byte. */
export function anObject(kind: Kind, content: string | Uint8Array): SignedObject {
  const text = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const id = createHash('sha1').update(`${kind} ${text.length}\0`).update(text).digest('hex');
  return { kind, id, text };
}

/** One character a byte. */
export function latin1({ text }: SignedObject): string {
  return Buffer.from(text).toString('latin1');
}

/** What a verifier for these keys says: why not, or `accepted: ` and by whom. */
export async function answerOf(keys: readonly string[], object: SignedObject): Promise<string> {
  const verification = await (await createVerifier(keys)).verify(object);
  return verification.ok ? `accepted: ${verification.by}` : verification.why;
}

/** The header of a commit with an SSH signature, whole, and in it what stands in it. */
export const sshHeader = /gpgsig (-----BEGIN[\s\S]*?-----END SSH SIGNATURE-----)\n/;

/** The commit without its SSH signature, and with this one instead. */
export function withSignature(commit: SignedObject, sign: (payload: string) => string): SignedObject {
  const payload = latin1(commit).replace(sshHeader, '');
  const armor = sign(payload).trimEnd().replaceAll('\n', '\n ');
  return anObject('commit', payload.replace('\n\n', `\ngpgsig ${armor}\n\n`));
}
