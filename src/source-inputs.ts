import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { AuthSettings, Config, Credential, SourceSettings } from './config.ts';
import { authFor, type SourceAuth } from './git/auth-for.ts';
import type { VerifyPort } from './git/judge.ts';
import { plainReason } from './git/source-error.ts';
import type { SourceInput } from './git/sources.ts';
import { createVerifier, type Verifier } from './git/verify-signature.ts';

/** Finds the plain text of `{secret: NAME/KEY}`. */
export type ResolveSecret = (reference: string) => Promise<string>;

/** Until something can decrypt them. */
export const noSecretsYet: ResolveSecret = (reference) =>
  Promise.reject(
    new Error(`the credential {secret: ${reference}} cannot be read: secrets are not configured`),
  );

/**
 * The configured sources with every credential in plain text. One whose credentials cannot be had has a `fault`, and the
 * others go on.
 */
export function sourceInputs(config: Config, resolveSecret: ResolveSecret): Promise<readonly SourceInput[]> {
  const base = config.file === undefined ? process.cwd() : dirname(config.file);
  return Promise.all(config.sources.map(toInput));

  async function toInput({ auth: own, verify, ...kept }: SourceSettings): Promise<SourceInput> {
    const auth = kept.url === undefined ? undefined : authFor(kept.url, own, config.credentials);
    try {
      return {
        ...kept,
        ...(auth === undefined ? {} : { auth: await toAuth(auth) }),
        ...(verify === undefined
          ? {}
          : { verify: { mode: verify.mode, keys: await Promise.all(verify.keys.map(keyOf)) } }),
      };
    } catch (error) {
      const keys = verify === undefined ? {} : { verify: { mode: verify.mode, keys: [] } };
      return { ...kept, ...keys, fault: plainReason(error) };
    }
  }

  async function toAuth({
    username,
    password,
    token,
    sshKey,
    knownHosts,
  }: AuthSettings): Promise<SourceAuth> {
    return {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: firstLine(await textOf(password)) }),
      ...(token === undefined ? {} : { token: firstLine(await textOf(token)) }),
      ...(sshKey === undefined ? {} : { sshKey: await textOf(sshKey) }),
      knownHosts,
    };
  }

  async function textOf(credential: Credential): Promise<string> {
    if (typeof credential === 'string') return credential;
    return 'file' in credential ? readText(credential.file) : resolveSecret(credential.secret);
  }

  async function keyOf(key: string | { readonly file: string }): Promise<string> {
    return typeof key === 'string' ? key : readText(key.file);
  }

  async function readText(path: string): Promise<string> {
    const file = resolve(base, path);
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      throw new Error(`${file} cannot be read: ${plainReason(error)}`);
    }
  }
}

/** One verifier for each source, made when it is first asked. */
export function verifierOf(inputs: readonly SourceInput[]): VerifyPort {
  const verifiers = new Map<string, Promise<Verifier>>();
  return async (source, object) => {
    const keys = inputs.find(({ name }) => name === source)?.verify?.keys ?? [];
    const verifier = verifiers.get(source) ?? createVerifier(keys);
    verifiers.set(source, verifier);
    return (await verifier).verify(object);
  };
}

function firstLine(text: string): string {
  return text.split(/\r?\n/)[0] ?? '';
}
