import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { parse } from 'yaml';
import type { SealedSecret } from '../../src/desired/secret.ts';
import { type Identities, parseIdentities } from '../../src/secrets/identities.ts';
import { newSealing, nothingKnown, readPlainSecret, sealDocument } from '../../src/secrets/seal-sops.ts';
import type { SopsRule } from '../../src/secrets/sops-rule.ts';

export async function anIdentity(): Promise<Identities> {
  return parseIdentities(await generateIdentity(), 'a test');
}

/** The manifest with these values, plain. */
export function plainSecret(name: string, data: Readonly<Record<string, string>>): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`);
  return `apiVersion: plimsoll/v1\nkind: Secret\nmetadata:\n  name: ${name}\ndata:\n${lines.join('')}`;
}

/** The same as SOPS keeps it. */
export async function encrypt(
  plain: string,
  recipients: readonly string[],
  options: { readonly rule?: SopsRule; readonly macOnlyEncrypted?: boolean } = {},
): Promise<string> {
  const sealing = await newSealing(randomBytes(32), recipients, options);
  return sealDocument(readPlainSecret(plain, 'app.yaml'), sealing, { known: nothingKnown, now: new Date() });
}

/** As the loader hands it to us. */
export function sealed(text: string): SealedSecret {
  const { metadata, provider, data } = parse(text) as {
    readonly metadata: { readonly name: string };
    readonly provider?: SealedSecret['provider'];
    readonly data: Readonly<Record<string, string>>;
  };
  return {
    name: metadata.name,
    origin: { file: 'app.yaml', line: 1, column: 1 },
    provider: provider ?? 'sops',
    text,
    data,
  };
}

export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-secrets-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function writeIdentity(path: string, ...identities: readonly Identities[]): Promise<string> {
  await rm(path, { force: true });
  await writeFile(
    path,
    identities.flatMap(({ keys }) => keys.map((key) => `# one of them\n${key}\n`)).join('\n'),
  );
  await chmod(path, 0o600);
  return path;
}
