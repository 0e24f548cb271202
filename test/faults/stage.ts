import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity } from 'age-encryption';
import type { Clients } from '../e2e/clients.ts';
import { manifest, type TestController, TestHost } from '../e2e/host.ts';
import { FaultSocket, Ledger } from './fault-socket.ts';
import { type Planted, plantForeign } from './foreign.ts';
import { Sampler } from './sampler.ts';

/** An app as a test wants it; `spec` goes over the usual one. */
export interface Wanted {
  readonly release: string;
  readonly spec?: object;
}

/** Of every app that git has: what it is, or undefined where it has none any more. */
export type Commit = Readonly<Record<string, Wanted | undefined>>;

/** Two replicas that come at once and quickly, with everything of which a part can be missing. */
export const whole = {
  replicas: 2,
  healthCheck: { http: {}, interval: '1s', timeout: '1s' },
  deploy: { order: 'start-first', deadline: '40s', drain: '1s', stopGrace: '1s', maxSurge: 2 },
  volumes: [{ name: 'data', mount: '/data' }],
  files: [
    { mount: '/etc/plain', content: 'plain' },
    { mount: '/run/canary', secret: 'canary/KEY' },
  ],
};

/** One replica, made by a single call. */
export const plain = {
  replicas: 1,
  healthCheck: whole.healthCheck,
  deploy: { deadline: '40s', drain: '1s', stopGrace: '1s' },
};

/**
 * A whole host whose engine and Caddy are reached through sockets that can fail, beside things of others, with a
 * secret that must not leak, and somebody who compares what the status says with what is served.
 */
export class Stage {
  readonly host: TestHost;
  readonly ledger: Ledger;
  readonly engine: FaultSocket;
  readonly proxy: FaultSocket;
  readonly canary: string;
  readonly sampler: Sampler;
  readonly controllers: TestController[] = [];
  /** What each commit says of which apps. */
  readonly commits = new Map<string, Commit>();
  readonly planted: Planted;
  /** A file of ours in each volume, by the volume's name. */
  readonly markers = new Map<string, string>();
  readonly clients: Clients[] = [];
  /** Deployments that history once knew. */
  readonly deployments = new Set<string>();
  /** Calls before this one have been found in the journal, or cannot be any more. */
  journaled = 0;
  /** What was done to the host, and after how many of these everything held. */
  injected = 0;
  held = 0;
  #wanted: Commit = {};

  /** `over` makes what goes over the controller's configuration. */
  static async open(over: (stage: Stage) => object | Promise<object> = () => ({})): Promise<Stage> {
    const host = await TestHost.open();
    const opened: (() => unknown)[] = [];
    try {
      const ledger = new Ledger();
      const upstream = { path: enginePath() };
      const engine = await FaultSocket.open({
        name: 'engine',
        ledger,
        upstream,
        path: join(host.dir, 'engine.sock'),
      });
      opened.push(() => engine.close());
      const proxy = await FaultSocket.open({
        name: 'caddy',
        ledger,
        upstream: { port: host.caddy.adminPort },
      });
      opened.push(() => proxy.close());
      const canary = `canary-${randomBytes(12).toString('base64url')}`;
      const planted = await plantForeign(host);
      opened.push(() => planted.remove());
      const stage = new Stage({ host, ledger, engine, proxy, canary, planted });
      await stage.#configure(await over(stage));
      host.endsWith(async () => {
        await stage.sampler.end();
        for (const close of opened.toReversed()) await close();
      });
      return stage;
    } catch (error) {
      for (const close of opened.toReversed()) await close();
      await host.close();
      throw error;
    }
  }

  private constructor(parts: Pick<Stage, 'host' | 'ledger' | 'engine' | 'proxy' | 'canary' | 'planted'>) {
    this.host = parts.host;
    this.ledger = parts.ledger;
    this.engine = parts.engine;
    this.proxy = parts.proxy;
    this.canary = parts.canary;
    this.planted = parts.planted;
    this.sampler = new Sampler(this);
  }

  async #configure(over: object): Promise<void> {
    const { caddy, dir, runtimeDir } = this.host;
    const { adminPort, template } = caddy;
    // Caddy listens where it listens, although we ask it through another port: the second of two lines counts.
    const text = readFileSync(template, 'utf8').replace(
      '# plimsoll:global',
      (line) => `${line}\n\tadmin 127.0.0.1:${adminPort}`,
    );
    writeFileSync(template, text);
    const identity = join(dir, 'identity');
    writeFileSync(identity, `${await generateX25519Identity()}\n`, { mode: 0o600 });
    const root = join(dir, 'values');
    mkdirSync(root);
    writeFileSync(join(root, 'canary'), this.canary);
    await this.host.configure(
      {},
      {
        caddy: this.caddySettings,
        secrets: { identity, runtimeDir, providers: { file: { root } } },
        ...over,
      },
    );
  }

  /** Caddy as the controller's configuration has it. */
  get caddySettings(): object {
    const { httpPort, httpsPort, flagDir, template } = this.host.caddy;
    return { admin: `http://127.0.0.1:${this.proxy.port}`, httpPort, httpsPort, slots: flagDir, template };
  }

  /** The environment of whatever is to meet the faults. */
  get env(): Record<string, string> {
    return { DOCKER_HOST: `unix://${join(this.host.dir, 'engine.sock')}` };
  }

  /** Starts a controller and waits for nothing. */
  start(): TestController {
    const controller = this.host.start(this.env);
    this.controllers.push(controller);
    return controller;
  }

  get controller(): TestController {
    const last = this.controllers.at(-1);
    if (last === undefined) throw new Error('no controller was started');
    return last;
  }

  /** What git has by now. */
  get wanted(): Commit {
    return this.#wanted;
  }

  /** Commits these apps beside those that are there; undefined removes one. */
  commit(changed: Commit, files: Readonly<Record<string, string | undefined>> = {}): string {
    this.#wanted = { ...this.#wanted, ...changed };
    const manifests = Object.entries(changed).map(([name, app]) => [
      `${name}/app.yaml`,
      app && manifest(name, app.release, specOf(name, app)),
    ]);
    const first = this.commits.size === 0 ? { 'canary/app.yaml': secret } : {};
    const revision = this.host.commit({ ...first, ...Object.fromEntries(manifests), ...files });
    this.commits.set(revision, this.#wanted);
    return revision;
  }

  /** Clients of an app from now on; the oracle sees that none of them ever fails. */
  follow(app: string, expected: RegExp): Clients {
    const clients = this.host.clients(app, expected);
    this.clients.push(clients);
    return clients;
  }

  /** History was lost on purpose: what was before is not looked for any more. */
  forgetHistory(): void {
    this.deployments.clear();
    this.journaled = this.ledger.mutations.length;
  }

  loads(): number {
    return this.ledger.mutations.filter(({ to }) => to === 'caddy').length;
  }
}

/** Every app has the secret, so that it can leak everywhere. */
export function specOf(name: string, { release, spec = plain }: Wanted): object {
  const { env = {}, ...rest } = spec as { env?: object };
  return { ...rest, env: { APP: name, RELEASE: release, TOKEN: { secret: 'canary/KEY' }, ...env } };
}

const secret = JSON.stringify({
  apiVersion: 'plimsoll/v1',
  kind: 'Secret',
  metadata: { name: 'canary' },
  provider: 'file',
  data: { KEY: 'canary' },
});

function enginePath(): string {
  return process.env.DOCKER_HOST?.replace('unix://', '') ?? '/var/run/docker.sock';
}
