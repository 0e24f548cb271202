import { lstat, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import process from 'node:process';
import type { getRequestListener } from '@hono/node-server';

/** What answers, such as a Hono app. */
export interface Answering {
  fetch(request: Request, env: object): Response | Promise<Response>;
}

/** A whole answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What answers by itself what it can, before anything else is asked; undefined is for the others. */
export type First = (request: IncomingMessage) => Promise<Reply | undefined>;

/** A server that listens; closing it ends open streams too. */
export interface Serving {
  close(): Promise<void>;
}

/** Where a TCP server really listens, which port 0 leaves open. */
export interface TcpServing extends Serving {
  readonly host: string;
  readonly port: number;
}

/** Serves on a Unix socket that only we may open. A file of a dead process is replaced, a live one is an error. */
export async function serveSocket(app: Answering, path: string, first?: First): Promise<Serving> {
  await removeStale(path);
  const server = createHttpServer(app, first);
  await listening(server, () => {
    // The socket is made in this call, under this mask: at no moment another user can open it.
    const mask = process.umask(0o177);
    try {
      server.listen(path);
    } finally {
      process.umask(mask);
    }
  });
  return { close: () => close(server) };
}

export async function serveTcp(
  app: Answering,
  host: string,
  port: number,
  first?: First,
): Promise<TcpServing> {
  const server = createHttpServer(app, first);
  await listening(server, () => server.listen(port, host));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without an address');
  return { host: address.address, port: address.port, close: () => close(server) };
}

/** Besides the streams, which may be a hundred. */
const connections = 64;
const streams = 100;

/** Slow and greedy callers are cut off: header in 10 s, request in 30 s, so many connections. */
function createHttpServer(app: Answering, first?: First): Server {
  const limits = {
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    // Node looks every 30 s whether somebody is late, unless told otherwise.
    connectionsCheckingInterval: 1_000,
    maxHeaderSize: 16 * 1024,
  };
  // With what it is made of come several megabytes, which an idle server does not need.
  let listener: Promise<ReturnType<typeof getRequestListener>> | undefined;
  const server = createServer(limits, async (request, response) => {
    // One that failed is tried by the others, who say what is wrong.
    const reply = await first?.(request).catch(() => undefined);
    if (reply) {
      const { status, headers, body } = reply;
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
      return;
    }
    listener ??= listenerOf(app);
    await (await listener)(request, response);
  });
  server.maxConnections = connections + streams;
  return server;
}

async function listenerOf(app: Answering) {
  const { getRequestListener } = await import('@hono/node-server');
  return getRequestListener((request, env) => app.fetch(request, env));
}

async function listening(server: Server, listen: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
    listen();
  });
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) throw new Error(`serve on ${path}: there is a file that is no socket`);
  if (await answers(path)) throw new Error(`serve on ${path}: another process answers there`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const tell = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => tell(true));
    socket.once('error', () => tell(false));
  });
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
