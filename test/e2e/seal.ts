import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { TestHost } from './host.ts';

/** Makes the identity of a host, as a person does; answers the path of its file. */
export async function makeIdentity(host: TestHost): Promise<string> {
  const identity = join(host.dir, 'identity.txt');
  const { code, stderr } = await host.run(['secret', 'keygen', '--out', identity]);
  if (code !== 0) throw new Error(`secret keygen exits ${code}\n${stderr}`);
  return identity;
}

/** A `kind: Secret` as a person makes it: written, and encrypted by the program for the host's identity. */
export async function seal(
  host: TestHost,
  name: string,
  data: Readonly<Record<string, string>>,
): Promise<string> {
  const plain = { apiVersion: 'plimsoll/v1', kind: 'Secret', metadata: { name }, data };
  const file = join(host.dir, `${name}.plain.yaml`);
  writeFileSync(file, stringify(plain), { mode: 0o600 });
  const { code, stdout, stderr } = await host.plimsoll('secret', 'encrypt', file);
  if (code !== 0) throw new Error(`secret encrypt exits ${code}\n${stderr}`);
  const open = Object.values(data).find((value) => stdout.includes(value));
  if (open !== undefined) throw new Error('secret encrypt left a value in plain text');
  return stdout;
}
