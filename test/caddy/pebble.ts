import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePorts, type RealCaddy, until } from './real-caddy.ts';

/** Debian's test ACME server, which validates at a Caddy's ports and finds every name on loopback. */
export class Pebble {
  readonly dir = mkdtempSync(join(tmpdir(), 'plimsoll-pebble-'));
  readonly port: number;
  /** Its own certificate, which Caddy is to trust by `acme.caRoot`. */
  readonly root = join(this.dir, 'cert.pem');
  readonly #key = join(this.dir, 'key.pem');
  readonly #dns: number;
  readonly #processes: ChildProcess[] = [];
  #ill: Server | undefined;

  /** Nothing listens yet. */
  static async prepare(caddy: Pick<RealCaddy, 'httpPort' | 'httpsPort'>): Promise<Pebble> {
    const [port = 0, dns = 0, management = 0] = await freePorts(3);
    const pebble = new Pebble(port, dns);
    makeCertificate(pebble.root, pebble.#key);
    const ca = {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: pebble.root,
      privateKey: pebble.#key,
      httpPort: caddy.httpPort,
      tlsPort: caddy.httpsPort,
    };
    writeFileSync(pebble.#config, JSON.stringify({ pebble: ca }));
    return pebble;
  }

  private constructor(port: number, dns: number) {
    this.port = port;
    this.#dns = dns;
  }

  /** What Caddy is told of it. */
  get acme() {
    return { ca: `https://localhost:${this.port}/dir`, caRoot: this.root, email: 'ops@example.com' };
  }

  get #config(): string {
    return join(this.dir, 'pebble.json');
  }

  /** Who stands at its address and answers 500 to everything. */
  async runIll(): Promise<void> {
    const files = { cert: readFileSync(this.root), key: readFileSync(this.#key) };
    this.#ill = createServer(files, (asked, answer) => {
      asked.resume();
      answer.writeHead(500).end();
    }).listen(this.port, '127.0.0.1');
    await once(this.#ill, 'listening');
  }

  /** Without the name server it finds nobody, and refuses all. */
  async runCa(): Promise<void> {
    this.#ill?.closeAllConnections();
    this.#ill?.close();
    this.#ill = undefined;
    const env = { PATH: process.env.PATH, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' };
    const args = ['-config', this.#config, '-dnsserver', `127.0.0.1:${this.#dns}`];
    this.#processes.push(spawn('pebble', args, { env, stdio: 'ignore' }));
    await until('the ACME server listens', () => listens(this.port));
  }

  async runNames(): Promise<void> {
    const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-management', ''];
    const names = ['-dns01', `127.0.0.1:${this.#dns}`, '-defaultIPv6', '', '-defaultIPv4', '127.0.0.1'];
    this.#processes.push(spawn('pebble-challtestsrv', [...off, ...names], { stdio: 'ignore' }));
    await until('the name server listens', () => listens(this.#dns));
  }

  async close(): Promise<void> {
    this.#ill?.closeAllConnections();
    this.#ill?.close();
    for (const child of this.#processes) {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      if (child.exitCode === null) await closed;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

function makeCertificate(certificate: string, privateKey: string): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', privateKey, '-out', certificate];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files];
  const made = spawnSync('openssl', args);
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
}

/** Installs what is missing where we may; else says why not. */
export function pebbleProblem(): string | undefined {
  const programs = ['pebble', 'pebble-challtestsrv', 'openssl'];
  if (programs.every(inPath)) return undefined;
  if (process.getuid?.() !== 0 || !inPath('apt-get')) return `install ${programs.join(', ')} as root`;
  const args = ['install', '-y', '--no-install-recommends', '--', 'pebble', 'openssl'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' });
  return status === 0 && programs.every(inPath) ? undefined : `apt-get install pebble: ${stderr.trim()}`;
}

function inPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
