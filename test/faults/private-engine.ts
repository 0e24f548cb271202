import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { mountsBelow } from '../../.ci/mounts.ts';
import { until } from '../caddy/real-caddy.ts';
import { SmallDisk } from './small-disk.ts';

/**
 * An engine that a test may kill: with data, state, socket and containerd of its own, in a network of its own. In the
 * machine's network it would delete `docker0`, which is another engine's, as soon as it starts.
 */
export class PrivateEngine {
  readonly dir = mkdtempSync(join(tmpdir(), 'plimsoll-engine-'));
  readonly socket = join(this.dir, 'engine.sock');
  readonly docker = new Docker({ socketPath: this.socket });
  /** What it stores lies here, and nothing else. */
  readonly disk = new SmallDisk(join(this.dir, 'data'), '256m');
  /** Of its network namespace, and of the link to it. */
  readonly #name = `plt${randomBytes(4).toString('hex')}`;
  readonly #net: string;
  #daemon: ChildProcess | undefined;

  static async start(): Promise<PrivateEngine> {
    const engine = new PrivateEngine(freeNet());
    process.once('exit', () => engine.#sweep());
    try {
      engine.#makeNetwork();
      await engine.run();
      return engine;
    } catch (error) {
      engine.#sweep();
      throw error;
    }
  }

  private constructor(net: string) {
    this.#net = net;
  }

  /** For the network of a controller: this machine knows the way there. */
  get subnet(): string {
    return `${this.#net}.64.0/24`;
  }

  #makeNetwork(): void {
    const name = this.#name;
    ip('netns', 'add', name);
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'up0', 'netns', name);
    ip('address', 'add', `${this.#net}.0.1/24`, 'dev', name);
    ip('link', 'set', name, 'up');
    ip('-netns', name, 'address', 'add', `${this.#net}.0.2/24`, 'dev', 'up0');
    for (const link of ['up0', 'lo']) ip('-netns', name, 'link', 'set', link, 'up');
    ip('-netns', name, 'route', 'add', 'default', 'via', `${this.#net}.0.1`);
    ip('route', 'add', `${this.#net}.0.0/16`, 'via', `${this.#net}.0.2`);
  }

  /** Starts the daemon if it does not run, and answers when it does. */
  async run(): Promise<void> {
    if (this.#isRunning) return;
    const file = join(this.dir, 'log');
    const log = await open(file, 'a');
    const options = Object.entries({
      'data-root': join(this.dir, 'data'),
      'exec-root': join(this.dir, 'exec'),
      pidfile: join(this.dir, 'pid'),
      host: `unix://${this.socket}`,
      iptables: 'false',
      'default-address-pool': `base=${this.#net}.128.0/17,size=24`,
    });
    // Not `ip netns exec`: that would also take away its view of cgroups.
    const args = options.map(([name, value]) => `--${name}=${value}`);
    const daemon = spawn('nsenter', [`--net=/run/netns/${this.#name}`, 'dockerd', ...args], {
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    this.#daemon = daemon;
    const answers = async (): Promise<boolean> => {
      if (daemon.exitCode !== null) throw new Error(readFileSync(file, 'utf8').slice(-3000));
      return (await this.docker.ping()) !== undefined;
    };
    await until('the engine answers', answers);
  }

  /** Containers outlive a killed daemon until the next one clears them away; one that is told to end ends them. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.#isRunning) return;
    const ended = once(this.#daemon as ChildProcess, 'exit');
    this.#daemon?.kill(signal);
    await ended;
    // One that is still dying would be taken for one that runs, and waited for in vain.
    const containerd = () =>
      processesOf(this.dir).filter((pid) => read(`/proc/${pid}/comm`).trim() === 'containerd');
    for (const pid of containerd()) kill(pid);
    await until('its containerd is gone', () => containerd().length === 0);
    // As long as nobody has asked for its end, the next daemon would still take it for one that runs, and wait for it.
    rmSync(join(this.dir, 'exec/containerd/containerd.pid'), { force: true });
  }

  get #isRunning(): boolean {
    return this.#daemon?.exitCode === null && this.#daemon.signalCode === null;
  }

  /** An image of the other engine. */
  async load(from: Docker, image: string): Promise<void> {
    const stream = await this.docker.loadImage(await from.getImage(image).get());
    await once(stream.resume(), 'end');
  }

  async close(): Promise<void> {
    await this.end('SIGTERM');
    this.#sweep();
  }

  /** Whatever is left of it, also when a test ended in the middle: its processes all name its folder. */
  #sweep(): void {
    for (const pid of processesOf(this.dir)) {
      for (const child of childrenOf(pid)) kill(child);
      kill(pid);
    }
    attempt(this.disk.unmount);
    for (const mount of mountsBelow(this.dir)) attempt(() => execFileSync('umount', ['--lazy', mount]));
    // Its links and bridges go with it.
    attempt(() => ip('netns', 'delete', this.#name));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The first two numbers of addresses that nothing on this machine has. */
function freeNet(): string {
  const taken = ip('-4', 'address') + ip('-4', 'route');
  for (;;) {
    const net = `10.${randomInt(100, 250)}`;
    if (!taken.includes(` ${net}.`)) return net;
  }
}

function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && read(`/proc/${pid}/cmdline`).includes(`${folder}/exec`));
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').map(Number).filter(Boolean);
}

function kill(pid: number): void {
  attempt(() => process.kill(pid, 'SIGKILL'));
}

/** What is gone by now is as it should be. */
function attempt(act: () => unknown): void {
  try {
    act();
  } catch {}
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
