import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { removeNetwork } from '../../.ci/leftovers.ts';
import { connectEngine, findEngine } from '../../src/docker/find-engine.ts';
import { freePorts, RealCaddy, until } from '../caddy/real-caddy.ts';
import { ensureTestImage } from '../docker/test-image.ts';
import { testInstance } from '../test-instance.ts';
import { Clients } from './clients.ts';

/** How a run of the program ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly id: string;
  readonly name: string;
  readonly app: string;
  readonly replica: number;
  readonly state: string;
}

/** The status of one app as the socket tells it. */
export interface AppStatus {
  readonly sync: string;
  readonly health: string;
  readonly operation: string;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  readonly deployment: unknown;
  readonly quarantine: { readonly reason: string } | null;
}

const entry = join(import.meta.dirname, '../../src/plimsoll.js');
export const image = 'plimsoll-test/e2e:1';

/** Answers `APP RELEASE` on 8080, and ends at once when it is told to. */
const serve =
  'trap "exit 0" TERM; mkdir -p /www; echo "$APP $RELEASE" > /www/index.html; httpd -f -p 8080 -h /www & wait';

export const imageLines = [`CMD ["/bin/sh", "-c", ${JSON.stringify(serve)}]`];

/** What an app of the tests does when it starts. */
export const programs = {
  serves: undefined,
  neverHealthy: ['/bin/sleep', '3600'],
  exits: ['/bin/sh', '-c', 'echo it broke; exit 1'],
  ends: ['/bin/sh', '-c', 'sleep 2; exit 0'],
  deaf: ['/bin/sh', '-c', serve.replace('exit 0', ':').replace(/wait$/, 'while true; do wait; done')],
  slow: ['/bin/sh', '-c', `sleep 3; ${serve}`],
} as const;

/** A manifest that is quick in everything; `spec` goes over it. JSON is YAML. */
export function manifest(name: string, release: string, spec: object = {}, metadata: object = {}): string {
  const value = {
    apiVersion: 'plimsoll/v1',
    kind: 'App',
    metadata: { name, ...metadata },
    spec: {
      image,
      pull: 'never',
      port: 8080,
      domains: [{ host: `${name}.test`, tls: 'off' }],
      env: { APP: name, RELEASE: release },
      healthCheck: { http: {}, interval: '1s', timeout: '1s', retries: 2 },
      deploy: { deadline: '30s', drain: '1s', stopGrace: '1s' },
      ...spec,
    },
  };
  return JSON.stringify(value, null, 2);
}

/** One host for one test: an instance, a config repo, a Caddy, and every way to look at them. */
export class TestHost {
  readonly docker: Docker = connectEngine(findEngine(process.env));
  readonly dir = mkdtempSync(join(tmpdir(), 'plimsoll-e2e-'));
  readonly repo = join(this.dir, 'config');
  readonly stateDir = join(this.dir, 'state');
  readonly config = join(this.dir, 'plimsoll.yaml');
  readonly instance = testInstance('e2e');
  /** For secret files, where a test has some. */
  readonly runtimeDir = join('/dev/shm', this.instance);
  readonly caddy: RealCaddy;
  /** What is run; another one for a test of what is installed. */
  entry = entry;
  #subnet = '';
  readonly #children = new Set<ChildProcess>();
  readonly #controllers: TestController[] = [];
  readonly #ends: (() => unknown)[] = [];

  static async open(over: object = {}): Promise<TestHost> {
    const host = new TestHost(await RealCaddy.start());
    await host.#prepare(over);
    return host;
  }

  private constructor(caddy: RealCaddy) {
    this.caddy = caddy;
  }

  async #prepare(over: object): Promise<void> {
    await ensureTestImage(this.docker, image, imageLines);
    this.#subnet = await this.#freeSubnet();
    mkdirSync(this.repo);
    this.#git('init', '--quiet', '--initial-branch=main');
    await this.configure({}, over);
  }

  /** Writes `plimsoll.yaml`; a second one of another name may share everything but what `over` says. */
  async configure({ file = this.config }: { file?: string } = {}, over: object = {}): Promise<string> {
    const [api] = await freePorts(1);
    const { admin, httpPort, httpsPort, flagDir, template } = this.caddy;
    const value = {
      instance: this.instance,
      source: { dir: this.repo, interval: '1s' },
      stateDir: this.stateDir,
      docker: { subnet: this.#subnet },
      caddy: { admin, httpPort, httpsPort, slots: flagDir, template },
      api: { listen: `127.0.0.1:${api}` },
      ...over,
    };
    writeFileSync(file, JSON.stringify(value));
    return file;
  }

  async #freeSubnet(): Promise<string> {
    const networks = await this.docker.listNetworks();
    const taken = networks.flatMap(({ IPAM }) => (IPAM?.Config ?? []).map(({ Subnet }) => Subnet));
    for (;;) {
      const subnet = `10.${randomInt(30, 99)}.${randomInt(0, 255)}.0/24`;
      if (!taken.includes(subnet)) return subnet;
    }
  }

  /** Commits these files; `undefined` removes one. Answers the commit's id. */
  commit(files: Readonly<Record<string, string | undefined>>): string {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.repo, path);
      mkdirSync(dirname(file), { recursive: true });
      if (content === undefined) rmSync(file);
      else writeFileSync(file, content);
    }
    this.#git('add', '--all');
    this.#git(
      '-c',
      'user.name=test',
      '-c',
      'user.email=test@example.com',
      'commit',
      '--quiet',
      '-m',
      'change',
    );
    return this.#git('rev-parse', 'HEAD').trim();
  }

  #git(...args: readonly string[]): string {
    return execFileSync('git', ['-C', this.repo, ...args], { encoding: 'utf8' });
  }

  /** Runs one command to its end. */
  async plimsoll(...args: readonly string[]): Promise<Ran> {
    return this.run([...args, '--config', this.config]);
  }

  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const child = this.#spawn(args, env);
    const [stdout, stderr] = await Promise.all([
      text(child.stdout as NodeJS.ReadableStream),
      text(child.stderr as NodeJS.ReadableStream),
      child.exitCode ?? once(child, 'close'),
    ]);
    return { code: child.exitCode ?? -1, stdout, stderr };
  }

  #spawn(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    const child = spawn(process.execPath, [this.entry, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  /** Starts a controller and waits for nothing. */
  start(env: Readonly<Record<string, string>> = {}, config = this.config): TestController {
    const controller = new TestController(this.#spawn(['controller', '--config', config], env));
    this.#controllers.push(controller);
    return controller;
  }

  /** Starts a controller, and answers when its socket does. */
  async controller(
    env: Readonly<Record<string, string>> = {},
    config = this.config,
  ): Promise<TestController> {
    const controller = this.start(env, config);
    await until('the controller answers', async () => {
      if (!controller.isRunning) return true;
      return (await this.ask('GET', '/api/v1/status')).status === 200;
    });
    if (!controller.isRunning) throw new Error(`the controller ended: ${controller.output}`);
    return controller;
  }

  /** Asks the running controller through its socket. */
  async ask(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: unknown }>();
    const asked = request({
      socketPath: join(this.stateDir, 'plimsoll.sock'),
      method,
      path,
      headers: { 'Content-Type': 'application/json', 'Plimsoll-Actor': 'test' },
      agent: false,
      // A stopped process accepts whoever comes, and answers nobody.
      timeout: 60_000,
    });
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${path} was not answered within a minute`)));
    asked.on('error', reject).on('response', (answer) => {
      text(answer).then(
        (said) => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(said) }),
        reject,
      );
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }

  /** The text of an answer, also of one that goes on: what came within a second. */
  async askText(path: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socketPath = join(this.stateDir, 'plimsoll.sock');
    const asked = request({ socketPath, path, agent: false }, (answer) => {
      let said = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
      });
      const end = () => resolve(said);
      setTimeout(() => asked.destroy(), 1_000).unref();
      answer.on('close', end);
    });
    asked.on('error', reject).end();
    return promise;
  }

  async app(name: string): Promise<AppStatus> {
    return (await this.ask('GET', `/api/v1/apps/${name}`)).body as AppStatus;
  }

  /** Why the app is not ready; `Reconciled` when it is. */
  async reason(name: string): Promise<string | undefined> {
    const { conditions } = await this.app(name);
    return conditions?.find(({ type }) => type === 'Ready')?.reason;
  }

  async untilReason(name: string, reason: string, ms = 60_000): Promise<void> {
    await until(`${name} is ${reason}`, async () => (await this.reason(name)) === reason, ms);
  }

  /** The controller sees this commit, and there is nothing left to do. */
  async untilConverged(revision: string, ms = 90_000): Promise<void> {
    const holds = async () => {
      const { body } = await this.ask('GET', '/api/v1/status');
      const { revision: seen, converged } = body as { revision: string; converged: boolean };
      if (seen === revision && converged) return true;
      throw new Error(JSON.stringify(body));
    };
    await until(`${revision} is converged`, holds, ms);
  }

  /** `diff` once more, until it says this: the loop may be one look behind. */
  async expectDiff(code: number): Promise<Ran> {
    const ran = await this.plimsoll('diff');
    if (ran.code !== code) throw new Error(`diff exits ${ran.code}, not ${code}\n${ran.stdout}${ran.stderr}`);
    return ran;
  }

  /** One reconcile in a process of its own, that must end like this. */
  async apply(code = 0): Promise<Ran> {
    const ran = await this.plimsoll('apply', '--timeout', '60s');
    if (ran.code !== code)
      throw new Error(`apply exits ${ran.code}, not ${code}\n${ran.stdout}${ran.stderr}`);
    return ran;
  }

  /** Every container of this instance, sorted by name. */
  async containers(app?: string): Promise<Running[]> {
    const filters = { label: [`plimsoll.instance=${this.instance}`] };
    const found = (await this.docker.listContainers({ all: true, filters })).map(
      ({ Id, Names, Labels, State }) => ({
        id: Id,
        name: Names[0]?.slice(1) ?? '',
        app: Labels['plimsoll.app'] ?? '',
        replica: Number(Labels['plimsoll.replica']),
        state: State,
      }),
    );
    return found
      .filter((one) => app === undefined || one.app === app)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async ids(app?: string): Promise<string[]> {
    return (await this.containers(app)).map(({ id }) => id);
  }

  async only(app: string): Promise<Docker.Container> {
    const [one, ...others] = await this.ids(app);
    if (one === undefined || others.length > 0) throw new Error(`${app} has ${others.length + 1} containers`);
    return this.docker.getContainer(one);
  }

  /** What the app answers through Caddy, `APP RELEASE`. */
  async marker(app: string): Promise<string> {
    const { status, body } = await this.caddy.http({ host: `${app}.test` });
    return status === 200 ? body.trim() : String(status);
  }

  /** Clients that ask through Caddy until they are ended. */
  clients(app: string, expected: RegExp): Clients {
    const clients = new Clients(this.caddy.httpPort, `${app}.test`, expected);
    this.#ends.push(() => clients.end());
    return clients;
  }

  async volumes(): Promise<string[]> {
    const filters = { label: [`plimsoll.instance=${this.instance}`] };
    return (await this.docker.listVolumes({ filters })).Volumes.map(({ Name }) => Name).sort();
  }

  /** What a person needs to see of a failure: the causes, and what the controllers said last. */
  explain(error: unknown): Error {
    const causes: string[] = [];
    for (let one = error; one instanceof Error; one = one.cause) causes.push(one.message);
    const logs = this.#controllers.map(
      ({ pid, output }) => `controller ${pid}:\n${output.trimEnd().split('\n').slice(-40).join('\n')}`,
    );
    if (!(error instanceof Error)) return new Error(String(error));
    error.message = [causes.join('\n'), ...logs].join('\n');
    return error;
  }

  /** Something else that the test opened: ended before the host is cleared. */
  endsWith(end: () => unknown): void {
    this.#ends.push(end);
  }

  async close(): Promise<void> {
    for (const child of [...this.#children]) {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    }
    for (const end of this.#ends.toReversed()) await end();
    try {
      await this.#clear();
    } finally {
      // Whatever the engine says: a Caddy that goes on would keep the test's process alive.
      await this.caddy.close();
      rmSync(this.runtimeDir, { recursive: true, force: true });
      rmSync(this.dir, { recursive: true, force: true });
    }
  }

  /** What a killed controller asked for may be under way still: the engine refuses meanwhile, and is asked again. */
  async #clear(): Promise<void> {
    const filters = { label: [`plimsoll.instance=${this.instance}`] };
    await until('the engine has nothing of this host any more', async () => {
      for (const id of await this.ids())
        await this.docker
          .getContainer(id)
          .remove({ force: true, v: true })
          .catch(() => undefined);
      for (const { Id } of await this.docker.listNetworks({ filters })) await removeNetwork(this.docker, Id);
      for (const name of await this.volumes()) await this.docker.getVolume(name).remove();
      return (await this.ids()).length === 0;
    });
  }

  /** How often Caddy was given another configuration. */
  get caddyLoads(): number {
    return this.caddy.log.join('').split('"uri":"/load"').length - 1;
  }

  get hasSocket(): boolean {
    return existsSync(join(this.stateDir, 'plimsoll.sock'));
  }
}

/** A controller in a process of its own. */
export class TestController {
  readonly #child: ChildProcess;
  /** Its output has come whole by then. */
  readonly #closed: Promise<unknown>;
  output = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close');
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (lines: string) => {
        this.output += lines;
      });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends the signal and waits for the end; answers the exit code. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    await this.#closed;
    return this.#child.exitCode;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<void> {
    await this.#closed;
  }
}

/** Runs `body` with a host of its own, which is cleared whatever happens. */
export function onHost(body: (host: TestHost) => Promise<void>, over: object = {}): () => Promise<void> {
  return async () => {
    const host = await TestHost.open(over);
    try {
      await body(host);
    } catch (error) {
      throw host.explain(error);
    } finally {
      await host.close();
    }
  };
}
