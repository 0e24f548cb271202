import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '../apply/ports.ts';
import type { SourceAuth } from './auth-for.ts';
import { checkPack } from './check-pack.ts';
import type { Ref } from './follow.ts';
import { scanHostKey } from './host-key.ts';
import { makePrivateFolder, removePrivateFolder } from './private-folder.ts';
import { readRef } from './repository-reader.ts';
import { type Ended, ProgramMissing, runProgram } from './run-program.ts';
import type { Address } from './source-address.ts';
import {
  hostKeyRefused,
  limitExceeded,
  packTooLarge,
  plainReason,
  programMissing,
  revisionMissing,
  sourceInvalid,
  sourceUnreachable,
} from './source-error.ts';
import { haveRef, type Transport } from './transport.ts';

export interface SshOptions {
  readonly address: Extract<Address, { readonly kind: 'ssh' }>;
  /** For messages: *read source URL*. */
  readonly act: string;
  readonly auth?: SourceAuth;
  /** Folders that hold a key while it is needed are made below it. */
  readonly stateDir: string;
  /** Milliseconds without a word after which the server is given up. */
  readonly idle: number;
  /** Milliseconds of one fetch. */
  readonly timeout: number;
  /** Bytes of one fetch. */
  readonly pack: number;
}

/** What a list of refs may be long; a hundred thousand tags are below. */
const listLimit = 16 * 1024 * 1024;
/** Milliseconds between two looks at the size of what comes in. */
const sizeInterval = 50;

/**
 * Git over SSH, by the programs `git` and `ssh`: they know nothing of this machine's configuration, and of the key
 * only while they run. What they fetch lands in the bare repository, where the library reads it.
 */
export function createSshTransport(options: SshOptions): Transport {
  const { act, address, auth } = options;
  const closing = new AbortController();
  return {
    isDearToAsk: true,

    async list(prefix) {
      // A pattern matches the end of a ref, by whole parts: what else it finds is left to who picks.
      const pattern = prefix.endsWith('/') ? `${prefix}*` : prefix;
      const ended = await inFolder((cwd) =>
        git(cwd, ['ls-remote', '--', address.url, pattern], {}, listLimit),
      );
      return toRefs(ended.stdout.toString('utf8')).filter(({ ref }) => ref.startsWith(prefix));
    },

    async fetch(gitdir, wanted, depth) {
      const before = new Set(await packsOf(gitdir));
      const args = [
        'fetch',
        '--quiet',
        '--force',
        '--no-tags',
        '--no-write-fetch-head',
        '--no-auto-maintenance',
        '--no-recurse-submodules',
        '--refmap=',
        `--depth=${depth}`,
        '--',
        address.url,
        `+${wanted}:${haveRef}`,
      ];
      const news = async () => (await packsOf(gitdir)).filter((name) => !before.has(name));
      try {
        await inFolder((cwd) => git(cwd, args, { GIT_DIR: gitdir }, 64 * 1024, gitdir));
        for (const name of await news()) await checkNew(gitdir, name);
      } catch (error) {
        // Also of a fetch that was stopped after its pack was in place: nobody would ever check it.
        for (const name of await news()) await removePack(gitdir, name);
        throw error;
      }
      const id = await readRef(gitdir, haveRef);
      if (id === undefined) throw new Error('git left no ref');
      return id;
    },

    close: () => closing.abort(),
    explain(error) {
      if (error instanceof EdgeError) return error;
      return sourceUnreachable(act, plainReason(error), error);
    },
  };

  /** The private key lies in a file of its own for as long as the work takes. */
  async function inFolder(work: (cwd: string) => Promise<Ended>): Promise<Ended> {
    const cwd = await makePrivateFolder(join(options.stateDir, 'ssh'));
    try {
      await writeFile(join(cwd, 'config'), sshConfig(options), { mode: 0o600 });
      await writeFile(join(cwd, 'known_hosts'), knownHosts(auth), { mode: 0o600 });
      if (auth?.sshKey !== undefined)
        await writeFile(join(cwd, 'key'), keyText(auth.sshKey), { mode: 0o600 });
      const ended = await work(cwd);
      if (ended.stopped !== undefined || ended.code !== 0) throw await refusal(ended, cwd);
      return ended;
    } catch (error) {
      if (error instanceof ProgramMissing) throw missing(error.program);
      throw error;
    } finally {
      await removePrivateFolder(cwd);
    }
  }

  async function git(
    cwd: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    outputLimit: number,
    watched?: string,
  ): Promise<Ended> {
    const tooLarge = new AbortController();
    const watch = watched === undefined ? undefined : setInterval(() => void weigh(watched), sizeInterval);
    try {
      const ended = await runProgram('git', [...settings, ...args], {
        cwd,
        env: { ...environment(options.pack), ...env },
        timeout: options.timeout,
        outputLimit,
        signal: AbortSignal.any([closing.signal, tooLarge.signal]),
      });
      if (tooLarge.signal.aborted) throw packTooLarge(act, 'it', options.pack);
      return ended;
    } finally {
      clearInterval(watch);
    }

    async function weigh(gitdir: string): Promise<void> {
      if ((await incoming(gitdir)) > options.pack) tooLarge.abort();
    }
  }

  async function checkNew(gitdir: string, name: string): Promise<void> {
    const file = join(gitdir, 'objects', 'pack', name);
    if ((await stat(file)).size > options.pack) throw packTooLarge(act, 'it', options.pack);
    await checkPack(await readFile(file), options.pack, (what) => packTooLarge(act, what, options.pack));
  }

  /** What git and ssh say, as one sentence that tells what to do. */
  async function refusal(ended: Ended, cwd: string): Promise<Error> {
    const { stderr, stopped } = ended;
    if (closing.signal.aborted) return sourceUnreachable(act, 'the source was closed');
    if (stopped === 'timeout')
      return limitExceeded(act, `no whole answer within ${options.timeout / 1_000} s`, 'timeout');
    if (stopped === 'output') return sourceInvalid(act, 'the list of its branches and tags is too long');
    const row = complaints.find(([pattern]) => pattern.test(stderr));
    if (row !== undefined) return row[1](act, auth);
    if (/IDENTIFICATION HAS CHANGED|Host key for \S+ has changed|REVOKED HOST KEY/.test(stderr))
      return badHostKey('HostKeyChanged', 'is not the one that is pinned', cwd);
    if (/Host key verification failed|host key is known/i.test(stderr))
      return badHostKey('HostKeyUnknown', 'is not pinned', cwd);
    // Another way to that commit may be open.
    if (/not our ref|unadvertised object/.test(stderr)) return new Error(lastWords(stderr));
    if (isOfTheServer(stderr)) return sourceUnreachable(act, lastWords(stderr));
    // Anything else may be the mirror's fault: the caller begins a new one.
    return new Error(lastWords(stderr));
  }

  async function badHostKey(
    reason: 'HostKeyUnknown' | 'HostKeyChanged',
    what: string,
    cwd: string,
  ): Promise<EdgeError> {
    const { host, port } = address;
    const key = await scanHostKey({ host, port, cwd }, closing.signal);
    const why = `the host key of ${host} ${what}, so it is refused`;
    if (key === undefined) return hostKeyRefused(reason, act, `${why}; pin it under auth.knownHosts`);
    return hostKeyRefused(
      reason,
      act,
      `${why}. It shows ${key.fingerprint} (${key.type}): only if its owner confirms that fingerprint, put this line under auth.knownHosts: ${key.line}`,
    );
  }

  function missing(program: string): EdgeError {
    const what = program === 'git' ? 'git and openssh-client' : 'openssh-client';
    return programMissing(act, `the program ${program} is not installed, and SSH needs it: install ${what}`);
  }
}

/** Before git's own configuration in the mirror; nothing of the machine or of a user is read. */
const settings = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  // Longer blobs are not held in memory as a whole.
  ['core.bigFileThreshold', '1m'],
  // What comes stays in one pack, so that it can be checked.
  ['fetch.unpackLimit', '1'],
  ['transfer.unpackLimit', '1'],
  ['fetch.writeCommitGraph', 'false'],
  ['fetch.recurseSubmodules', 'false'],
  ['transfer.bundleURI', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['protocol.version', '2'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`]);

function environment(pack: number): Record<string, string> {
  return {
    HOME: '/nonexistent',
    XDG_CONFIG_HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'ssh',
    GIT_PROTOCOL_FROM_USER: '0',
    // Relative to the private folder, so that no path stands in what git gives to a shell of its own.
    GIT_SSH_COMMAND: 'ssh -F ./config',
    GIT_SSH_VARIANT: 'ssh',
    // Bytes that git may ask for at once: a small pack can unpack to something huge.
    GIT_ALLOC_LIMIT: String(Math.max(256 * 1024 * 1024, 2 * pack)),
  };
}

/** `ssh_config(5)`; paths are relative to the folder in which git runs. */
function sshConfig({ address, auth, idle }: SshOptions): string {
  const seconds = Math.max(1, Math.ceil(idle / 1_000));
  return [
    'Host *',
    `  User ${address.user}`,
    auth?.sshKey === undefined ? '  IdentityFile none' : '  IdentityFile ./key',
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    '  CertificateFile none',
    '  UserKnownHostsFile ./known_hosts',
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
    '  VerifyHostKeyDNS no',
    '  CheckHostIP no',
    '  BatchMode yes',
    '  PreferredAuthentications publickey',
    '  PasswordAuthentication no',
    '  KbdInteractiveAuthentication no',
    '  ForwardAgent no',
    '  ForwardX11 no',
    '  ClearAllForwardings yes',
    '  PermitLocalCommand no',
    '  ControlMaster no',
    '  ControlPath none',
    '  ProxyCommand none',
    '  SendEnv -*',
    '  SendEnv GIT_PROTOCOL',
    `  ConnectTimeout ${seconds}`,
    `  ServerAliveInterval ${seconds}`,
    '  ServerAliveCountMax 1',
    '  LogLevel ERROR',
    '',
  ].join('\n');
}

function knownHosts(auth: SourceAuth | undefined): string {
  return (auth?.knownHosts ?? []).map((line) => `${line.replace(/[\r\n]+/g, ' ').trim()}\n`).join('');
}

/** What editors and secret stores do to a key: other line ends, and none at the end. */
function keyText(key: string): string {
  return `${key.replace(/\r\n?/g, '\n').trim()}\n`;
}

type Complaint = (act: string, auth: SourceAuth | undefined) => EdgeError;

/** What the programs say about the server and about us; first match wins. */
const complaints: readonly (readonly [RegExp, Complaint])[] = [
  [
    /cannot run ssh|ssh: not found|ssh: command not found|unable to fork|unable to find ssh/i,
    (act) => programMissing(act, 'the program ssh is not installed: install openssh-client'),
  ],
  [
    /Load key \S+ (.*)|invalid format|incorrect passphrase/i,
    (act) =>
      sourceInvalid(
        act,
        'the key of auth.sshKey cannot be used: it is damaged, or protected by a passphrase',
      ),
  ],
  [
    /Permission denied|Too many authentication failures/i,
    (act, auth) =>
      sourceUnreachable(
        act,
        auth?.sshKey === undefined
          ? 'the server asks for a key: put a deploy key under auth.sshKey'
          : 'the server refuses the key of auth.sshKey: add its public half there as a deploy key',
      ),
  ],
  [
    /couldn't find remote ref/i,
    (act) => revisionMissing(act, 'what is followed was removed while it was being read'),
  ],
  [
    /does not appear to be a git repository|repository (?:\S+ )?(?:does not exist|not found)|project you were looking for could not be found/i,
    (act) => sourceUnreachable(act, 'the server knows no such repository, or not for this key'),
  ],
];

function isOfTheServer(stderr: string): boolean {
  return /^ssh: |Could not read from remote repository|Connection (?:closed|reset|refused|timed out)|kex_exchange|early EOF|the remote end hung up|protocol error|bad line length|remote error|Could not resolve|Timeout, server/im.test(
    stderr,
  );
}

/** The line that says most: git ends with advice that is the same for every fault. */
function lastWords(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const advice = /^$|^Please make sure|^and the repository exists|Could not read from remote repository/;
  const line = lines.filter((one) => !advice.test(one)).at(-1) ?? lines.find((one) => one !== '');
  return plainReason(line ?? 'git ended without a word');
}

/** Of an annotated tag a second line, which ends with `^{}`, says what it names. */
function toRefs(text: string): Ref[] {
  const refs = new Map<string, Ref>();
  for (const line of text.split('\n')) {
    const [, id, ref] = /^([0-9a-f]{40})\t(refs\/\S+)$/.exec(line) ?? [];
    if (id === undefined || ref === undefined) continue;
    const named = ref.endsWith('^{}') ? refs.get(ref.slice(0, -3)) : undefined;
    if (named !== undefined) refs.set(named.ref, { ...named, peeled: id });
    else refs.set(ref, { ref, id });
  }
  return [...refs.values()];
}

async function packsOf(gitdir: string): Promise<string[]> {
  const names = await readdir(join(gitdir, 'objects', 'pack')).catch((): string[] => []);
  return names.filter((name) => name.endsWith('.pack'));
}

/** With its index first: a pack without one is seen by nobody. */
async function removePack(gitdir: string, name: string): Promise<void> {
  const file = join(gitdir, 'objects', 'pack', name);
  await rm(file.replace(/\.pack$/, '.idx'), { force: true });
  await rm(file, { force: true });
}

/** Bytes of the packs that git is writing. */
async function incoming(gitdir: string): Promise<number> {
  const folder = join(gitdir, 'objects', 'pack');
  const names = await readdir(folder).catch((): string[] => []);
  const sizes = names
    .filter((name) => name.startsWith('tmp_'))
    .map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
