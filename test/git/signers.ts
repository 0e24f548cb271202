import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SignedObject } from '../../src/git/signed-object.ts';
import type { Workshop } from './workshop.ts';

/** Makes keys and signs with the real programs: ssh-keygen, gpg, git. */
export interface Signers {
  /** Makes an SSH key; gives the path of its private half. */
  sshKey(name: string, ...args: readonly string[]): string;
  publicHalf(key: string): string;
  /** gpg with a home of its own. */
  gpg(args: readonly string[], input?: string): string;
  /** A program that is gpg with these arguments before git's. */
  gpgProgram(name: string, ...args: readonly string[]): string;
  /** Ends gpg's agent. */
  end(): void;
}

export function createSigners(workshop: Workshop): Signers {
  const home = workshop.path('gnupg');
  mkdirSync(home, { mode: 0o700 });
  const common = ['--homedir', home, '--batch', '--quiet', '--passphrase', '', '--pinentry-mode', 'loopback'];
  return {
    sshKey(name, ...args) {
      const file = workshop.path(name);
      const type = args.length > 0 ? args : ['-t', 'ed25519'];
      execFileSync('ssh-keygen', ['-q', ...type, '-N', '', '-C', `${name}@example.com`, '-f', file]);
      return file;
    },
    publicHalf: (key) => readFileSync(`${key}.pub`, 'utf8'),
    gpg: (args, input) =>
      execFileSync('gpg', [...common, ...args], { encoding: 'utf8', stdio: 'pipe', input: input ?? '' }),
    gpgProgram(name, ...args) {
      const file = join(workshop.root, name);
      const words = [...common, ...args].map((word) => `'${word}'`).join(' ');
      writeFileSync(file, `#!/bin/sh\nexec gpg ${words} "$@"\n`);
      chmodSync(file, 0o755);
      return file;
    },
    end() {
      execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'ignore' });
    },
  };
}

/** The object as it is stored. */
export function readObject(folder: string, kind: SignedObject['kind'], name: string): SignedObject {
  const text = execFileSync('git', ['-C', folder, 'cat-file', kind, name]);
  return anObject(kind, text);
}

/** An object with this content and the id that it has. */
export function anObject(kind: SignedObject['kind'], content: string | Uint8Array): SignedObject {
  const text = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const id = createHash('sha1').update(`${kind} ${text.length}\0`).update(text).digest('hex');
  return { kind, id, text };
}
