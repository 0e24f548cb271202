import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { type Answer, installPostReceive } from '../../.ci/post-receive.ts';
import { type GitServer, startGitServer } from '../git/git-server.ts';
import { makeKey, type SshServer, startSshServer } from '../git/ssh-server.ts';
import { selfSigned } from '../self-signed.ts';

/**
 * A forge as far as a controller can tell: a real git server over HTTP and SSH, whose post-receive hook signs the push
 * as GitHub does and posts it. A person pushes from `work`, by the same server.
 */
export class Forge {
  readonly dir = mkdtempSync(join(tmpdir(), 'plimsoll-forge-'));
  readonly work = join(this.dir, 'work');
  readonly #answers = join(this.dir, 'answers');
  readonly #token: string;
  #http: GitServer | undefined;
  #ssh: SshServer | undefined;
  sshKey = '';

  /** `isSecure`: by HTTPS, with a certificate of its own. */
  static async open(token: string, { isSecure = false } = {}): Promise<Forge> {
    const forge = new Forge(token);
    const bare = join(forge.dir, 'repos', 'config.git');
    mkdirSync(bare, { recursive: true });
    forge.#git(bare, 'init', '--quiet', '--bare', '--initial-branch=main');
    forge.#git(bare, 'config', 'http.receivepack', 'true');
    forge.#git(bare, 'config', 'receive.denyDeletes', 'false');
    forge.#git(bare, 'config', 'receive.denyDeleteCurrent', 'ignore');
    const auth = { username: 'git', password: token };
    const tls = isSecure ? selfSigned(forge.dir) : undefined;
    forge.#http = await startGitServer(join(forge.dir, 'repos'), auth, tls);
    mkdirSync(forge.work);
    forge.#git(forge.work, 'init', '--quiet', '--initial-branch=main');
    return forge;
  }

  private constructor(token: string) {
    this.#token = token;
  }

  /** Of a forge that speaks HTTPS; who is to believe it is told so. */
  get certificate(): string {
    return join(this.dir, 'certificate.pem');
  }

  /** As a controller's configuration names it. */
  get url(): string {
    if (!this.#http) throw new Error('the forge is not open');
    return `${this.#http.url}/config.git`;
  }

  get ssh(): SshServer {
    if (!this.#ssh) throw new Error('the forge does not speak SSH');
    return this.#ssh;
  }

  get requests(): readonly string[] {
    return this.#http?.requests ?? [];
  }

  /** Adds an SSH server for the same repositories, which knows one deploy key. */
  async openSsh(): Promise<void> {
    const folder = join(this.dir, 'ssh');
    mkdirSync(folder);
    const key = makeKey(folder, 'deploy');
    this.sshKey = join(folder, 'deploy');
    this.#ssh = await startSshServer(join(folder, 'server'), join(this.dir, 'repos'), key);
  }

  /** From now on every push is posted to `target`, signed with `secret`. */
  hook(target: string, secret: string): void {
    const repository = join(this.dir, 'repos', 'config.git');
    const sshUrl = this.#ssh === undefined ? {} : { sshUrl: `${this.#ssh.url}/config.git` };
    installPostReceive(repository, { target, secret, url: this.url, ...sshUrl, answers: this.#answers });
  }

  /** Commits these files and pushes them; `undefined` removes one. Answers the commit's id. */
  async push(
    files: Readonly<Record<string, string | undefined>>,
    ...args: readonly string[]
  ): Promise<string> {
    const id = this.commit(files);
    await this.send('HEAD:refs/heads/main', ...args);
    return id;
  }

  /** Commits these files in `work` and pushes nothing yet. */
  commit(files: Readonly<Record<string, string | undefined>>): string {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.work, path);
      mkdirSync(dirname(file), { recursive: true });
      if (content === undefined) rmSync(file);
      else writeFileSync(file, content);
    }
    this.#git(this.work, 'add', '--all');
    this.#git(this.work, 'commit', '--quiet', '--allow-empty', '-m', 'change');
    return this.#git(this.work, 'rev-parse', 'HEAD').trim();
  }

  /** `git push` of anything; not blocking, because the server is in this process. */
  async send(refspec: string, ...args: readonly string[]): Promise<void> {
    const url = new URL(this.url);
    url.username = 'git';
    url.password = this.#token;
    const trust = url.protocol === 'https:' ? { GIT_SSL_CAINFO: this.certificate } : {};
    await promisify(execFile)('git', ['-C', this.work, 'push', '--quiet', ...args, url.href, refspec], {
      env: { ...process.env, ...trust },
    });
  }

  /** What the controller answered to each push so far. */
  answers(): readonly Answer[] {
    if (!existsSync(this.#answers)) return [];
    return readFileSync(this.#answers, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer);
  }

  async close(): Promise<void> {
    await this.#http?.close();
    await this.#ssh?.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #git(folder: string, ...args: readonly string[]): string {
    const identity = [
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.com',
      '-c',
      'commit.gpgsign=false',
    ];
    return execFileSync('git', ['-C', folder, ...identity, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}
