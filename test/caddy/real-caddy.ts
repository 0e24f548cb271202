import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import { request as secureRequest } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { type CaddyProxy, createProxy } from '../../src/caddy/proxy.ts';
import type { Route } from '../../src/observed/observed.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Who signed the certificate, over https. */
  readonly issuer?: string | undefined;
}

export interface Ask {
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly from?: string;
}

/** A real Caddy on free ports with its own folders, and our proxy edge before it. */
export class RealCaddy {
  readonly dir = mkdtempSync(join(tmpdir(), 'plimsoll-caddy-'));
  readonly flagDir = join(this.dir, 'flags');
  readonly template = join(this.dir, 'Caddyfile.tmpl');
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly adminPort: number;
  readonly log: string[] = [];
  readonly #closers: (() => unknown)[] = [];
  #child: ReturnType<typeof spawn> | undefined;

  static async start(): Promise<RealCaddy> {
    const caddy = new RealCaddy(await freePorts(3));
    await caddy.run();
    return caddy;
  }

  constructor([http = 0, https = 0, admin = 0]: readonly number[]) {
    this.httpPort = http;
    this.httpsPort = https;
    this.adminPort = admin;
    writeFileSync(this.template, readFileSync(join(import.meta.dirname, '../../Caddyfile.tmpl')));
    mkdirSync(join(this.dir, 'home'));
  }

  get admin(): string {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  /** Starts the process with nothing but its admin API. */
  async run(): Promise<void> {
    const home = join(this.dir, 'home');
    const config = join(this.dir, 'initial.json');
    writeFileSync(config, JSON.stringify({ admin: { listen: `127.0.0.1:${this.adminPort}` } }));
    const child = spawn('caddy', ['run', '--config', config], {
      env: { PATH: process.env.PATH, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (lines: string) => this.log.push(lines));
    this.#child = child;
    await until('the admin API answers', async () => (await this.askAdmin('/config/')).status === 200);
  }

  async kill(): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
    this.#child = undefined;
  }

  proxy(over: Partial<Parameters<typeof createProxy>[0]> = {}): CaddyProxy {
    const { admin, template, flagDir, httpPort, httpsPort, dir } = this;
    const proxy = createProxy({ admin, template, flagDir, httpPort, httpsPort, stateDir: dir, ...over });
    this.#closers.push(() => proxy.close());
    return proxy;
  }

  /** An app at a loopback address that answers with `listener`; returns `address:port`. */
  async upstream(listener: RequestListener, tune: (server: Server) => void = () => {}): Promise<string> {
    const server = createServer(listener);
    tune(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** An app that says its name, and the path it was asked for. */
  app(name: string): Promise<string> {
    return this.upstream((asked, answer) => {
      answer.setHeader('Content-Type', 'text/plain');
      asked.resume().on('end', () => answer.end(`${name} ${asked.url}`));
    });
  }

  http(ask: Ask): Promise<Answer> {
    return send(ask, { port: this.httpPort });
  }

  https(ask: Ask, sni = ask.host): Promise<Answer> {
    return send(ask, { port: this.httpsPort, servername: sni, rejectUnauthorized: false });
  }

  askAdmin(path: string, body?: string, method = body === undefined ? 'GET' : 'POST'): Promise<Answer> {
    const host = `127.0.0.1:${this.adminPort}`;
    const json = { 'Content-Type': 'application/json' };
    return send(body === undefined ? { host, path, method } : { host, path, method, headers: json, body }, {
      port: this.adminPort,
    });
  }

  async close(): Promise<void> {
    for (const closer of this.#closers) await closer();
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function route(over: Partial<Route> & Pick<Route, 'host'>): Route {
  return {
    app: 'shop',
    path: '/',
    tls: 'off',
    redirectFrom: [],
    stripPrefix: false,
    headers: {},
    loadBalancing: 'round-robin',
    compress: false,
    allowIPs: [],
    maxBody: 0,
    upstreams: [],
    ...over,
  };
}

/** Upstreams whose slots are both the same server. */
export function fixed(...addresses: readonly string[]): Route['upstreams'] {
  return addresses.map((address, replica) => ({ replica, plain: address, flagged: address }));
}

/** Generous: the machine may be busy with others, and waiting longer costs only who waits in vain. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  ms = 60_000,
): Promise<void> {
  const deadline = performance.now() + ms;
  let reason: unknown;
  while (performance.now() < deadline) {
    try {
      if (await holds()) return;
    } catch (error) {
      reason = error;
    }
    await delay(20);
  }
  throw new Error(`waited ${ms} ms in vain until ${what}`, { cause: reason });
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createTcpServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function send(
  ask: Ask,
  to: { port: number; servername?: string; rejectUnauthorized?: boolean },
): Promise<Answer> {
  const { host, path = '/', method = 'GET', headers = {}, body, from } = ask;
  const secure = to.servername !== undefined;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    (secure ? secureRequest : request)(
      {
        host: '127.0.0.1',
        ...to,
        method,
        path,
        headers: { Host: host, ...headers },
        agent: false,
        timeout: 10_000,
        ...(from === undefined ? {} : { localAddress: from }),
      },
      resolve,
    )
      .on('error', reject)
      .end(body);
  });
  const socket = answer.socket as { getPeerCertificate?: () => { issuer?: { CN?: string } } };
  const issuer = socket.getPeerCertificate?.().issuer?.CN;
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer), issuer };
}
