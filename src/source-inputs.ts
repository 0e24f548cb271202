import type { AuthSettings, Config, SourceSettings } from './config.ts';
import { type ReadCredential, readTextFile } from './credentials.ts';
import { authFor, type SourceAuth } from './git/auth-for.ts';
import type { VerifyPort } from './git/judge.ts';
import { plainReason } from './git/source-error.ts';
import type { SourceInput } from './git/sources.ts';
import { createVerifier, type Verifier } from './git/verify-signature.ts';

/**
 * The configured sources with every credential in plain text. One whose credentials cannot be had has a `fault`, and the
 * others go on.
 */
export function sourceInputs(config: Config, credential: ReadCredential): Promise<readonly SourceInput[]> {
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
      ...(password === undefined ? {} : { password: firstLine(await credential(password)) }),
      ...(token === undefined ? {} : { token: firstLine(await credential(token)) }),
      ...(sshKey === undefined ? {} : { sshKey: await credential(sshKey) }),
      knownHosts,
    };
  }

  /** Public keys are no credential: nothing of them is hidden. */
  async function keyOf(key: string | { readonly file: string }): Promise<string> {
    return typeof key === 'string' ? key : readTextFile(config, key.file);
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
