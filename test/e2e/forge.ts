import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { type GitServer, startGitServer } from '../git/git-server.ts';
import { makeKey, type SshServer, startSshServer } from '../git/ssh-server.ts';

/** What a push told the controller, as the hook heard it. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

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

  static async open(token: string): Promise<Forge> {
    const forge = new Forge(token);
    const bare = join(forge.dir, 'repos', 'config.git');
    mkdirSync(bare, { recursive: true });
    forge.#git(bare, 'init', '--quiet', '--bare', '--initial-branch=main');
    forge.#git(bare, 'config', 'http.receivepack', 'true');
    forge.#git(bare, 'config', 'receive.denyDeletes', 'false');
    forge.#git(bare, 'config', 'receive.denyDeleteCurrent', 'ignore');
    forge.#http = await startGitServer(join(forge.dir, 'repos'), { username: 'git', password: token });
    mkdirSync(forge.work);
    forge.#git(forge.work, 'init', '--quiet', '--initial-branch=main');
    return forge;
  }

  private constructor(token: string) {
    this.#token = token;
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
    const file = join(this.dir, 'repos', 'config.git', 'hooks', 'post-receive');
    const { url } = this;
    const wanted = JSON.stringify({ target, secret, url, answers: this.#answers });
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#!${process.execPath}\nconst wanted = ${wanted};\n(${postReceive})(wanted);\n`);
    chmodSync(file, 0o755);
  }

  /** Commits these files and pushes them; `undefined` removes one. Answers the commit's id. */
  async push(
    files: Readonly<Record<string, string | undefined>>,
    ...args: readonly string[]
  ): Promise<string> {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.work, path);
      mkdirSync(dirname(file), { recursive: true });
      if (content === undefined) rmSync(file);
      else writeFileSync(file, content);
    }
    this.#git(this.work, 'add', '--all');
    this.#git(this.work, 'commit', '--quiet', '--allow-empty', '-m', 'change');
    await this.send('HEAD:refs/heads/main', ...args);
    return this.#git(this.work, 'rev-parse', 'HEAD').trim();
  }

  /** `git push` of anything; not blocking, because the server is in this process. */
  async send(refspec: string, ...args: readonly string[]): Promise<void> {
    const url = new URL(this.url);
    url.username = 'git';
    url.password = this.#token;
    await promisify(execFile)('git', ['-C', this.work, 'push', '--quiet', ...args, url.href, refspec]);
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

/** The hook itself, run by git: `old new ref` for each ref on its standard input. */
const postReceive = `async ({ target, secret, url, answers }) => {
  const { readFileSync, appendFileSync } = await import('node:fs');
  const { createHmac, randomUUID } = await import('node:crypto');
  for (const line of readFileSync(0, 'utf8').trim().split('\\n')) {
    const [before, after, ref] = line.split(' ');
    const body = JSON.stringify({
      ref, before, after,
      created: /^0+$/.test(before), deleted: /^0+$/.test(after),
      repository: { full_name: 'acme/config', clone_url: url, ssh_url: url, html_url: url.replace(/\\.git$/, '') },
      head_commit: { id: after }, commits: [],
    });
    const signature = 'sha256=' + createHmac('sha256', secret).update(body).digest('hex');
    const headers = { 'content-type': 'application/json', 'x-github-event': 'push', 'x-github-delivery': randomUUID(), 'x-hub-signature-256': signature, 'user-agent': 'GitHub-Hookshot/test' };
    try {
      const response = await fetch(target, { method: 'POST', headers, body });
      appendFileSync(answers, JSON.stringify({ status: response.status, body: await response.text() }) + '\\n');
    } catch (error) {
      appendFileSync(answers, JSON.stringify({ status: 0, body: String(error) }) + '\\n');
    }
  }
}`;
