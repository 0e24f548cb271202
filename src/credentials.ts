import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EdgeError } from './apply/ports.ts';
import type { Config, Credential } from './config.ts';
import { createLoader, type Schemas } from './desired/load-desired.ts';
import { splitReference } from './desired/secret-book.ts';
import { readIdentityFile } from './secrets/identities.ts';
import { createSecrets, type Secrets } from './secrets/secrets.ts';

/** The plain text of a credential of the configuration. Throws EdgeError (`CredentialUnreadable`) that says why it cannot be had. */
export type ReadCredential = (credential: Credential) => Promise<string>;

export interface OpenSecrets {
  readonly secrets: Secrets;
  /** Whatever it reads is hidden in all output from then on. */
  readonly credential: ReadCredential;
}

/** Throws EdgeError `IdentityUnsafe` when others may read the identity, `IdentityInvalid` when it is none. `writable` is false for commands that only look. */
export async function openSecrets(
  config: Config,
  schemas: Schemas,
  options: { readonly writable: boolean; readonly warn: (message: string) => void },
): Promise<OpenSecrets> {
  const { identity, providers } = config.secrets;
  if (identity !== undefined) await refuseUnreadable(identity);
  const { http, ...others } = providers;
  const base = { ...options, identity, stateDir: config.stateDir };
  const token = http?.token;
  // The token of the one provider may itself be a secret, of the files only.
  const first = token === undefined ? undefined : createSecrets({ ...base, writable: false, providers: {} });
  const plain =
    first && token !== undefined ? await credentialReader(config, schemas, first)(token) : undefined;
  const settings = http && { http: { url: http.url, ...(plain === undefined ? {} : { token: plain }) } };
  const secrets = createSecrets({ ...base, providers: { ...others, ...settings } });
  if (plain !== undefined) secrets.learn(plain);
  return { secrets, credential: credentialReader(config, schemas, secrets) };
}

/** A missing file stops nothing: every secret says so. One that is there and no identity is a mistake to be mended. */
async function refuseUnreadable(identity: string): Promise<void> {
  try {
    await readIdentityFile(identity);
  } catch (error) {
    if (!(error instanceof EdgeError) || error.reason !== 'IdentityMissing') throw error;
  }
}

function credentialReader(config: Config, schemas: Schemas, secrets: Secrets): ReadCredential {
  // Not the loader of the manifests: that one remembers only the last snapshot.
  const loader = createLoader(schemas);
  return async (credential) => {
    const text = await read(credential);
    secrets.learn(text);
    return text;
  };

  async function read(credential: Credential): Promise<string> {
    if (typeof credential === 'string') return credential;
    return 'file' in credential ? readTextFile(config, credential.file) : ofSecret(credential.secret);
  }

  async function ofSecret(reference: string): Promise<string> {
    const { name, key } = splitReference(reference);
    const files = await Promise.all(config.secrets.files.map(readSecretFile));
    const snapshot = { revision: '', files };
    const found = loader.secrets(snapshot).find((secret) => secret.name === name);
    const refuse = (why: string) =>
      new EdgeError('terminal', 'CredentialUnreadable', `read {secret: ${reference}}: ${why}`);
    if (found === undefined)
      throw refuse(`no valid secret of this name stands in the files of "secrets.files"`);
    const opened = (await secrets.open([found])).get(name);
    if (opened?.kind !== 'open') throw refuse(opened?.message ?? 'it was not opened');
    const version = opened.versions[key];
    if (version === undefined) throw refuse(`it has no key "${key}"`);
    return secrets.reveal({ secret: reference, version });
  }

  async function readSecretFile(path: string, index: number) {
    const content = Buffer.from(await readTextFile(config, path));
    return { path: `${index}/app.yaml`, id: `${path} ${content.toString('base64')}`, content };
  }
}

/** A file that the configuration names; a relative path starts where the configuration stands. */
export async function readTextFile(config: Config, path: string): Promise<string> {
  const file = resolve(config.file === undefined ? process.cwd() : dirname(config.file), path);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw new EdgeError('terminal', 'CredentialUnreadable', `read ${file}: ${code}`);
  }
}
