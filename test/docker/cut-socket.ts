import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A Unix socket in front of the engine's that counts requests, and can cut or hang what goes through it. */
export interface CutSocket {
  readonly path: string;
  /** Method and path of every request since the last `forget`. */
  readonly requests: readonly string[];
  forget(): void;
  /** Ends every connection; while `refusing`, new ones are ended too. */
  cut(refusing: boolean): void;
  /** While true, requests are taken and never answered. */
  hang(hanging: boolean): void;
  /** Requests whose method and path are like this are answered 500, and not passed on. */
  fail(what: RegExp | undefined): void;
  /** Requests whose method and path are like this are kept, and passed on when the next call of this says so. */
  hold(what: RegExp | undefined): void;
  close(): Promise<void>;
}

const failure = 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 20\r\n\r\n{"message":"broken"}';

export async function openCutSocket(engine: string): Promise<CutSocket> {
  const path = join(tmpdir(), `plimsoll-cut-${randomBytes(4).toString('hex')}.sock`);
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let refuse = false;
  let hung = false;
  let failing: RegExp | undefined;
  let holding: RegExp | undefined;
  const held: (() => void)[] = [];

  const server = createServer((client) => {
    if (refuse) return void client.destroy();
    const upstream = connect(engine);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      const [, request] = /^((?:GET|POST|PUT|DELETE|HEAD) \S+) HTTP/.exec(data.toString('latin1')) ?? [];
      if (request) requests.push(request);
      if (request && failing?.test(request)) return void client.write(failure);
      if (request && holding?.test(request)) return void held.push(() => upstream.write(data));
      if (!hung) upstream.write(data);
    });
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));

  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    path,
    requests,
    forget: () => void requests.splice(0),
    cut(refusing) {
      refuse = refusing;
      endAll();
    },
    hang(hanging) {
      hung = hanging;
    },
    fail(what) {
      failing = what;
    },
    hold(what) {
      holding = what;
      for (const pass of held.splice(0)) pass();
    },
    async close() {
      endAll();
      await new Promise((resolve) => server.close(resolve));
      rmSync(path, { force: true });
    },
  };
}
