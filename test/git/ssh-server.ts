import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { until } from './workshop.ts';

export interface SshServer {
  readonly port: number;
  /** `ssh://user@127.0.0.1:PORT` and the root of the repositories; `/x.git` follows. */
  readonly url: string;
  readonly user: string;
  /** As it stands in a known_hosts file. */
  hostLine(): string;
  /** `SHA256:…` of the host key, as ssh-keygen prints it. */
  fingerprint(): string;
  /** Another host key, as after a machine was replaced or its traffic taken over. */
  changeHostKey(): Promise<void>;
  /** Commands that were asked for, in order. */
  commands(): string[];
  close(): Promise<void>;
}

export interface DeployKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** A key pair, made by ssh-keygen. */
export function makeKey(folder: string, name: string, passphrase = ''): DeployKey {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', name, '-f', file]);
  return { privateKey: readFileSync(file, 'utf8'), publicKey: readFileSync(`${file}.pub`, 'utf8').trim() };
}

/**
 * A real sshd, private to a test: own configuration, host key and port; the one key may only run git-upload-pack.
 * `serve` is what it runs instead.
 */
export async function startSshServer(
  folder: string,
  root: string,
  key: DeployKey,
  serve = 'exec git shell -c "$SSH_ORIGINAL_COMMAND"',
): Promise<SshServer> {
  mkdirSync(folder, { recursive: true });
  // Where Debian's sshd goes when it has nothing to do; it refuses to start without.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const log = join(folder, 'commands');
  const script = join(folder, 'serve');
  writeFileSync(
    script,
    `#!/bin/sh\necho "$SSH_ORIGINAL_COMMAND" >> '${log}'\ncase "$SSH_ORIGINAL_COMMAND" in\n"git-upload-pack '"*) ${serve} ;;\n*) echo refused >&2; exit 1 ;;\nesac\n`,
  );
  chmodSync(script, 0o755);
  writeFileSync(join(folder, 'authorized_keys'), `restrict,command="${script}" ${key.publicKey}\n`, {
    mode: 0o600,
  });
  const { username } = userInfo();
  const port = await freePort();
  let count = 0;
  let daemon = await start();
  return {
    port,
    user: username,
    url: `ssh://${username}@127.0.0.1:${port}${root}`,
    hostLine: () => `[127.0.0.1]:${port} ${hostKey().publicKey.split(' ').slice(0, 2).join(' ')}`,
    fingerprint: () =>
      execFileSync('ssh-keygen', ['-lf', join(folder, `host-${count}.pub`)], { encoding: 'utf8' }).split(
        ' ',
      )[1] ?? '',
    async changeHostKey() {
      await stop(daemon);
      count += 1;
      daemon = await start();
    },
    commands: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    close: () => stop(daemon),
  };

  function hostKey(): DeployKey {
    const file = join(folder, `host-${count}`);
    return { privateKey: file, publicKey: readFileSync(`${file}.pub`, 'utf8').trim() };
  }

  async function start(): Promise<ChildProcess> {
    makeKey(folder, `host-${count}`);
    const config = join(folder, 'sshd_config');
    writeFileSync(
      config,
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${join(folder, `host-${count}`)}`,
        `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
        `PidFile ${join(folder, 'pid')}`,
        'PermitRootLogin forced-commands-only',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'UsePAM no',
        'StrictModes no',
        'AcceptEnv GIT_PROTOCOL',
        `AllowUsers ${username}`,
        '',
      ].join('\n'),
    );
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await until(() => said.includes('Server listening') || child.exitCode !== null, 10_000);
    if (child.exitCode !== null) throw new Error(`sshd: ${said}`);
    return child;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
