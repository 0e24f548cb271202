import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EdgeError } from '../apply/ports.ts';
import { askAdmin, UnreachableError } from './admin-client.ts';

export interface CaddyProcessOptions {
  /** The program, as `findCaddy` finds it. */
  readonly program: string;
  /** `http://127.0.0.1:2019` or `unix//path`: where its admin API is to listen. */
  readonly admin: string;
  /** Folder for its certificates and its last configuration; made when missing. */
  readonly dir: string;
  /** What happens to the process, one line at a time; its own log is `caddy.log` in `dir`. */
  readonly onLine: (line: string) => void;
  /** Milliseconds before the first restart, doubled up to a hundred times that; 300 when absent. */
  readonly backoff?: number;
  /** Milliseconds until it must answer at first; 15 s when absent. */
  readonly deadline?: number;
}

export interface CaddyProcess {
  /** The process id; undefined while none of ours runs. */
  readonly pid: number | undefined;
  /** Ends it gracefully, and after ten seconds not so. */
  stop(): Promise<void>;
}

const stopGrace = 10_000;
const adoptedPoll = 1_000;

/** The `caddy` in PATH. Throws a terminal `EdgeError` that says what to do when there is none. */
export function findCaddy(path = process.env.PATH ?? ''): string {
  const found = path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'caddy'))
    .find(isExecutable);
  if (found !== undefined) return found;
  const hint =
    'install it (Debian: apt-get install caddy), or run Caddy yourself and set caddy.manage to none';
  throw new EdgeError('terminal', 'CaddyMissing', `find caddy: no such program in PATH; ${hint}`);
}

/**
 * Starts our own Caddy with nothing but its admin API, and keeps it running until `stop`. One that answers there
 * already (it outlived a killed controller) is used as it is, since starting over would cut its traffic. Resolves
 * when the admin API answers; throws `EdgeError` when it does not.
 */
export async function startCaddy(options: CaddyProcessOptions): Promise<CaddyProcess> {
  const supervisor = new Supervisor(options);
  try {
    await supervisor.start();
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  return supervisor;
}

class Supervisor implements CaddyProcess {
  readonly #options: CaddyProcessOptions;
  readonly #stopped = new AbortController();
  #child: ChildProcess | undefined;
  #life: Promise<void> | undefined;

  constructor(options: CaddyProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    this.#prepare();
    this.#life = this.#supervise();
    const deadline = AbortSignal.timeout(this.#options.deadline ?? 15_000);
    while (!(await this.#answers())) {
      if (deadline.aborted) {
        const message = `start caddy: its admin API ${this.#options.admin} does not answer`;
        throw new EdgeError('unreachable', 'ProxyUnreachable', message);
      }
      await delay(50);
    }
  }

  async stop(): Promise<void> {
    const adopted = this.#child === undefined;
    this.#stopped.abort();
    await this.#life;
    if (adopted) await this.#stopAdopted();
  }

  /** One that an earlier controller of ours started is ours to end; one that somebody else runs is not. */
  async #stopAdopted(): Promise<void> {
    if (!existsSync(this.#pidFile)) return;
    const ask = { method: 'POST', path: '/stop', timeout: stopGrace } as const;
    await askAdmin(this.#options.admin, ask, AbortSignal.timeout(stopGrace)).catch(() => undefined);
    rmSync(this.#pidFile, { force: true });
  }

  /** Stands for as long as a Caddy that we started may run. */
  get #pidFile(): string {
    return join(this.#options.dir, 'caddy.pid');
  }

  #prepare(): void {
    const listen = this.#options.admin.replace(/^https?:\/\/|\/$/g, '');
    mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 });
    writeFileSync(this.#initialConfig, JSON.stringify({ admin: { listen } }), { mode: 0o600 });
  }

  get #initialConfig(): string {
    return join(this.#options.dir, 'initial.json');
  }

  async #supervise(): Promise<void> {
    const { backoff = 300, onLine } = this.#options;
    let wait = backoff;
    let resume = false;
    while (!this.#stopped.signal.aborted) {
      await this.#whileEarlierRuns();
      await this.#whileAnotherAnswers();
      const startedAt = performance.now();
      await this.#run(resume);
      const lasted = performance.now() - startedAt;
      // A Caddy that died comes back with its routes, unless just those make it die.
      resume = lasted > 5_000 || !resume;
      wait = lasted > 60_000 ? backoff : Math.min(wait * 2, backoff * 100);
      if (this.#stopped.signal.aborted) return;
      onLine(`caddy ended after ${Math.round(lasted)} ms, starting it again in ${wait} ms`);
      await this.#sleep(wait);
    }
  }

  /**
   * One that outlived a killed controller, however long it takes to answer: Caddy shares its ports with whoever else
   * listens there, so a second one would get half of the requests.
   */
  async #whileEarlierRuns(): Promise<void> {
    const pid = existsSync(this.#pidFile) ? Number(readFileSync(this.#pidFile, 'utf8')) : 0;
    if (!this.#isOurs(pid)) return;
    this.#options.onLine(`the Caddy ${pid} of an earlier controller runs: using it`);
    while (!this.#stopped.signal.aborted && this.#isOurs(pid)) await this.#sleep(adoptedPoll);
  }

  /** Somebody else's, which may answer late now and then. */
  async #whileAnotherAnswers(): Promise<void> {
    if (!(await this.#answers())) return;
    this.#options.onLine(`a Caddy answers at ${this.#options.admin} already: using it`);
    for (let missed = 0; !this.#stopped.signal.aborted && missed < 3; ) {
      await this.#sleep(adoptedPoll);
      missed = (await this.#answers()) ? 0 : missed + 1;
    }
  }

  /** A process that was started with the configuration in our folder; an id alone may be another's by now. */
  #isOurs(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(this.#initialConfig);
    } catch {
      return false;
    }
  }

  /** Resolves when the process has ended, by itself or by `stop`. */
  async #run(resume: boolean): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    const { program, dir, onLine } = this.#options;
    const log = openLog(join(dir, 'caddy.log'));
    const child = spawn(program, ['run', '--config', this.#initialConfig, ...(resume ? ['--resume'] : [])], {
      env: { PATH: process.env.PATH ?? '', HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
      cwd: dir,
      // A pipe would end with a killed controller, and Caddy with it at its next line; ctrl-C is for us alone.
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    writeFileSync(this.#pidFile, `${child.pid ?? ''}\n`, { mode: 0o600 });
    const ended = once(child, 'close').catch((error: unknown) => onLine(`caddy cannot be started: ${error}`));
    const end = (): void => void endGracefully(child);
    this.#stopped.signal.addEventListener('abort', end, { once: true });
    this.#child = child;
    await ended;
    this.#child = undefined;
    rmSync(this.#pidFile, { force: true });
    this.#stopped.signal.removeEventListener('abort', end);
  }

  async #answers(): Promise<boolean> {
    try {
      const ask = { method: 'GET', path: '/config/admin', timeout: 1_000 } as const;
      await askAdmin(this.#options.admin, ask, this.#stopped.signal);
      return true;
    } catch (error) {
      if (error instanceof UnreachableError) return false;
      throw error;
    }
  }

  async #sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }
}

async function endGracefully(child: ChildProcess): Promise<void> {
  const kill = setTimeout(() => child.kill('SIGKILL'), stopGrace);
  child.once('close', () => clearTimeout(kill));
  child.kill('SIGTERM');
}

const logLimit = 10 * 1024 * 1024;

/** Caddy's own log, begun anew when it has grown large. */
function openLog(path: string): number {
  const isLarge = existsSync(path) && statSync(path).size > logLimit;
  return openSync(path, isLarge ? 'w' : 'a', 0o600);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
