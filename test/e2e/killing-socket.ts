import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** `before`: the engine never sees the request; `after`: its answer never arrives. */
export interface Kill {
  readonly at: number;
  readonly when: 'before' | 'after';
}

const engineSocket = '/var/run/docker.sock';

/**
 * Stands between a controller and the engine, counts the requests that change something, and ends the
 * controller at one of them. Works on bytes: every connection of ours carries one request.
 */
export class KillingSocket {
  readonly path: string;
  /** Called at the armed request. */
  onKill: () => void = () => {};
  #count = 0;
  #kill: Kill | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(path: string) {
    this.path = path;
    this.#server = createServer((client) => this.#accept(client)).listen(path);
  }

  /** Counts from one again; undefined lets everything pass. */
  arm(kill: Kill | undefined): void {
    this.#count = 0;
    this.#kill = kill;
  }

  get isArmed(): boolean {
    return this.#kill !== undefined;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    rmSync(this.path, { force: true });
  }

  #accept(client: Socket): void {
    const engine = connect(engineSocket);
    for (const [one, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.once('data', (first) => {
      const kills = this.#isTheOne(first);
      if (kills === 'before') return this.#end(client);
      engine.write(first);
      client.pipe(engine);
      if (kills === 'after') engine.once('data', () => this.#end(client));
      else engine.pipe(client);
    });
  }

  #isTheOne(request: string | Buffer): Kill['when'] | undefined {
    if (!/^(POST|PUT|DELETE) /.test(request.toString('latin1'))) return undefined;
    this.#count += 1;
    return this.#count === this.#kill?.at ? this.#kill.when : undefined;
  }

  #end(client: Socket): void {
    this.#kill = undefined;
    this.onKill();
    client.destroy();
  }
}
