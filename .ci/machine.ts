import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { engineProblem, type StartedEngine, startEngine, stopEngine } from './engine.ts';
import { runProgram } from './run-program.ts';

/** What a script needs of its machine. */
export type Needs = Readonly<Partial<Record<'engine' | Tool, true>>>;

export interface Machine {
  /** The engine, when it was not running before. */
  readonly startedEngine?: StartedEngine;
  /** Ends what was started, and nothing else; what was installed stays. */
  stop(): Promise<void>;
}

/** The machine lacks something that we may not or cannot bring: exit code 3, the message says what to do. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
}

type Tool =
  | 'caddy'
  | 'git'
  | 'busybox'
  | 'curl'
  | 'wrk'
  | 'cc'
  | 'compose'
  | 'debootstrap'
  | 'systemd'
  | 'acme'
  | 'registry'
  | 'age'
  | 'gpg'
  | 'ssh'
  | 'sshd'
  | 'openssl'
  | 'ip'
  | 'strace'
  | 'faketime';

const tools = {
  caddy: { present: () => inPath('caddy'), packages: ['caddy'] },
  git: { present: () => inPath('git'), packages: ['git'] },
  curl: { present: () => inPath('curl'), packages: ['curl'] },
  wrk: { present: () => inPath('wrk'), packages: ['wrk'] },
  cc: { present: () => inPath('gcc') && existsSync('/usr/include/stdio.h'), packages: ['gcc', 'libc6-dev'] },
  compose: { present: () => inPath('docker-compose') || hasComposePlugin(), packages: ['docker-compose'] },
  debootstrap: { present: () => inPath('debootstrap'), packages: ['debootstrap'] },
  systemd: { present: () => inPath('systemd-analyze'), packages: ['systemd'] },
  busybox: { present: () => isStatic('/bin/busybox'), packages: ['busybox-static'] },
  acme: { present: () => inPath('pebble') && inPath('openssl'), packages: ['pebble', 'openssl'] },
  openssl: { present: () => inPath('openssl'), packages: ['openssl'] },
  ip: { present: () => inPath('ip'), packages: ['iproute2'] },
  strace: { present: () => inPath('strace'), packages: ['strace'] },
  faketime: { present: () => inPath('faketime'), packages: ['faketime'] },
  registry: { present: () => inPath('docker-registry'), packages: ['docker-registry'] },
  sshd: {
    present: () => inPath('sshd') && inPath('ssh-keyscan'),
    packages: ['openssh-server', 'openssh-client'],
  },
  age: { present: () => inPath('age') && inPath('age-keygen'), packages: ['age'] },
  gpg: { present: () => inPath('gpg') && inPath('gpgconf'), packages: ['gnupg'] },
  ssh: { present: () => inPath('ssh') && inPath('ssh-keygen'), packages: ['openssh-client'] },
} satisfies Record<Tool, { readonly present: () => boolean; readonly packages: readonly string[] }>;

/** Installs and starts what is missing, saying each in one line. */
export async function ensureMachine(needs: Needs, say: (line: string) => void): Promise<Machine> {
  // Debian's own places for daemons are not in every user's path.
  process.env.PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter);
  const noEngine = needs.engine ? await engineProblem() : undefined;
  const missing = missingPackages(needs, noEngine !== undefined);
  if (missing.length > 0) await install(missing, say);
  if (noEngine === undefined || (await engineProblem()) === undefined) return { stop: async () => {} };
  const startedEngine = await start(noEngine, say);
  return { startedEngine, stop: () => stopEngine(startedEngine) };
}

function missingPackages(needs: Needs, noEngine: boolean): string[] {
  const engine = noEngine && !(inPath('dockerd') && inPath('iptables')) ? ['docker.io', 'iptables'] : [];
  const wanted = Object.entries(tools).filter(([tool]) => needs[tool as Tool]);
  return [...engine, ...wanted.flatMap(([, tool]) => (tool.present() ? [] : tool.packages))];
}

async function install(packages: readonly string[], say: (line: string) => void): Promise<void> {
  const byHand = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!existsSync('/etc/debian_version')) {
    throw new MachineError(
      `missing here: what Debian calls ${packages.join(', ')}. Install it, then try again.`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new MachineError(
      `missing here: ${packages.join(', ')}. Install it as root, then try again:\n  ${byHand}`,
    );
  }
  say(`installing ${packages.join(', ')} (apt-get)`);
  if ((await aptInstall(packages)).code === 0) return;
  // Without package lists, or with old ones, nothing can be found.
  say('updating the package lists (apt-get update)');
  await runProgram('apt-get', ['update', '-q'], { env: aptEnvironment() });
  const { code, output } = await aptInstall(packages);
  if (code !== 0) throw new MachineError(`${byHand}\nfailed:\n${output.trim()}`);
}

function aptInstall(packages: readonly string[]): ReturnType<typeof runProgram> {
  const args = ['install', '-q', '-y', '--no-install-recommends', '--', ...packages];
  return runProgram('apt-get', args, { env: aptEnvironment() });
}

function aptEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
}

async function start(problem: string, say: (line: string) => void): Promise<StartedEngine> {
  const host = process.env.DOCKER_HOST;
  if (host) throw new MachineError(`no engine answers at DOCKER_HOST=${host}: ${problem}`);
  if (process.getuid?.() !== 0) {
    throw new MachineError(
      `no Docker engine answers for this user: ${problem}\nStart it (systemctl start docker), and see that this user is in the group docker.`,
    );
  }
  say('starting the Docker engine');
  try {
    return await startEngine();
  } catch (error) {
    throw new MachineError(
      `the Docker engine cannot be started: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function inPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

/** `docker compose`, where docker's own client looks for it. */
function hasComposePlugin(): boolean {
  const folders = [join(process.env.HOME ?? '/root', '.docker'), '/usr/libexec/docker', '/usr/lib/docker'];
  return (
    inPath('docker') && folders.some((folder) => isExecutable(join(folder, 'cli-plugins', 'docker-compose')))
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** An ELF file without an interpreter (PT_INTERP): it also runs where there is nothing but itself. */
function isStatic(file: string): boolean {
  if (!isExecutable(file)) return false;
  const head = readFileSync(file).subarray(0, 4096);
  const headers = {
    at: Number(head.readBigUInt64LE(32)),
    size: head.readUInt16LE(54),
    count: head.readUInt16LE(56),
  };
  return !Array.from({ length: headers.count }, (_, index) =>
    head.readUInt32LE(headers.at + index * headers.size),
  ).includes(3);
}
