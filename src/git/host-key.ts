import { createHash } from 'node:crypto';
import { runProgram } from './run-program.ts';

/** A host key as a server shows it, which says nothing about whose server it is. */
export interface HostKey {
  /** As it would stand in a known_hosts file. */
  readonly line: string;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  readonly type: string;
}

const scanTime = 5_000;
/** The first that a server has is the one to pin. */
const types = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];

/** The key that a server shows now; undefined when it shows none in time. */
export async function scanHostKey(
  { host, port, cwd }: { readonly host: string; readonly port: number; readonly cwd: string },
  signal: AbortSignal,
): Promise<HostKey | undefined> {
  const args = ['-T', '4', '-p', String(port), '-t', 'ed25519,ecdsa,rsa', '--', host];
  const ended = await runProgram('ssh-keyscan', args, {
    cwd,
    timeout: scanTime,
    outputLimit: 64 * 1024,
    signal,
  }).catch(() => undefined);
  const keys = (ended?.stdout.toString('latin1') ?? '')
    .split('\n')
    .flatMap((line) => hostKeyOf(line, host, port));
  return keys.sort((a, b) => types.indexOf(a.type) - types.indexOf(b.type))[0];
}

/** What a server sends is text like any other: only a line of exactly this form is shown. */
function hostKeyOf(line: string, host: string, port: number): HostKey[] {
  const [, type = '', key = ''] = /^\S+ (\S+) ([A-Za-z0-9+/]{40,2000}={0,2})$/.exec(line.trim()) ?? [];
  if (!types.includes(type)) return [];
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  const name = port === 22 ? host : `[${host}]:${port}`;
  return [{ line: `${name} ${type} ${key}`, fingerprint: `SHA256:${digest.replace(/=+$/, '')}`, type }];
}
