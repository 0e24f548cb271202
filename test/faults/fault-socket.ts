import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * How far a request gets. `before`: it is never sent; `half-sent`: half of its bytes are; `half-answered`: it is
 * carried out and half of the answer comes back; `after`: the answer comes back whole.
 */
export const moments = ['before', 'half-sent', 'half-answered', 'after'] as const;
export type Moment = (typeof moments)[number];

export interface Call {
  /** Who was to answer. */
  readonly to: string;
  readonly method: string;
  readonly path: string;
  /** It changes something there. */
  readonly mutating: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What is to happen to a call instead of being passed on. */
export type Fault =
  /** Calls `act` at that moment, and ends the connection. */
  | { readonly kind: 'break'; readonly when: Moment; readonly act?: () => unknown }
  /** Answers with a failure and passes nothing on, or hides by it that the call was carried out. */
  | { readonly kind: 'fail'; readonly status: number; readonly carriedOut?: true }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Takes it and never answers, or not before that. */
  | { readonly kind: 'hang'; readonly until?: Promise<unknown> }
  /** Ends the connection at once, as one who does not listen. */
  | { readonly kind: 'refuse' };

/** The calls of all sockets of one host in one order, and the one rule that judges them. */
export class Ledger {
  /** Those that change something, in their order. */
  readonly mutations: Call[] = [];
  /** Asked of every call; what it answers happens to the call. */
  rule: (call: Call) => Fault | undefined = () => undefined;

  add(call: Call): Fault | undefined {
    if (call.mutating) this.mutations.push(call);
    return this.rule(call);
  }

  /** Once, at the n-th mutating call from now on, the first being 1; answers whether it was reached. */
  strikeAt(n: number, strike: (call: Call) => Fault | undefined): () => boolean {
    let count = 0;
    let reached = false;
    this.rule = (call) => {
      if (!call.mutating || reached) return undefined;
      count += 1;
      if (count < n) return undefined;
      reached = true;
      return strike(call);
    };
    return () => reached;
  }

  calm(): void {
    this.rule = () => undefined;
  }
}

interface Options {
  readonly name: string;
  readonly ledger: Ledger;
  readonly upstream: { readonly path: string } | { readonly port: number };
  /** Where to listen: a path, or a free port when absent. */
  readonly path?: string;
}

/** Stands before the engine's or Caddy's socket; knows HTTP, and nothing of who asks. */
export class FaultSocket {
  readonly #options: Options;
  readonly #server: Server;
  readonly #open = new Set<Duplex>();
  readonly #streams = new Set<ServerResponse>();
  /** What is sent in place of a line of the event stream, which stays open; what it keeps back may come with a later one. */
  events: (line: string) => readonly string[] = (line) => [line];

  static async open(options: Options): Promise<FaultSocket> {
    const socket = new FaultSocket(options);
    await new Promise<void>((resolve) => {
      if (options.path === undefined) socket.#server.listen(0, '127.0.0.1', resolve);
      else socket.#server.listen(options.path, resolve);
    });
    return socket;
  }

  private constructor(options: Options) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (asked, answer) => {
      this.#serve(asked, answer).catch(() => asked.socket.destroy());
    });
    this.#server.on('upgrade', (asked, client: Duplex, head: Buffer) => this.#tunnel(asked, client, head));
    this.#server.on('connection', (socket) => this.#track(socket));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it listens on a path');
    return address.port;
  }

  /** Ends all event streams; the next one is served. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  /** Ends everything that is under way. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
    if (this.#options.path !== undefined) rmSync(this.#options.path, { force: true });
  }

  #track(socket: Duplex): void {
    this.#open.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#open.delete(socket));
  }

  async #serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await buffer(asked);
    const fault = this.#judge(asked);
    switch (fault?.kind) {
      case undefined:
        return this.#pass(asked, body, answer);
      case 'break':
        return this.#break(asked, body, answer, fault);
      case 'fail':
        if (fault.carriedOut) await this.#carryOut(asked, body);
        return void answer
          .writeHead(fault.status, { 'Content-Type': 'application/json', Connection: 'close' })
          .end(JSON.stringify({ message: 'a fault of the test' }));
      case 'delay':
        await delay(fault.ms);
        return this.#pass(asked, body, answer);
      case 'hang':
        if (fault.until === undefined) return;
        await fault.until;
        // Who has left meanwhile is told nothing.
        return asked.socket.destroyed ? undefined : this.#pass(asked, body, answer);
      case 'refuse':
        return void asked.socket.destroy();
      default:
        return fault satisfies never;
    }
  }

  #judge({ method = '', url = '' }: IncomingMessage): Fault | undefined {
    const { name: to, ledger } = this.#options;
    return ledger.add({ to, method, path: url, mutating: isMutating(method, url), at: Date.now() });
  }

  async #break(
    asked: IncomingMessage,
    body: Buffer,
    answer: ServerResponse,
    { when, act = () => undefined }: Extract<Fault, { kind: 'break' }>,
  ): Promise<void> {
    if (when === 'half-sent') await this.#sendHalf(asked, body);
    if (when === 'half-answered') {
      const whole = await this.#carryOut(asked, body);
      asked.socket.write(whole.subarray(0, whole.length >> 1));
    }
    if (when === 'after') await this.#pass(asked, body, answer);
    act();
    asked.socket.destroy();
  }

  /** Resolves when the answer is over. */
  #pass(asked: IncomingMessage, body: Buffer, answer: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const onward = this.#request(asked);
      const streams = /^(\/v[\d.]+)?\/events\b/.test(asked.url ?? '');
      if (streams) this.#streams.add(answer);
      answer.on('close', () => {
        this.#streams.delete(answer);
        onward.destroy();
        resolve();
      });
      onward.on('error', () => asked.socket.destroy());
      onward.on('response', (said) => {
        answer.writeHead(said.statusCode ?? 502, said.rawHeaders);
        answer.flushHeaders();
        if (streams) this.#disturb(said, answer);
        else
          said.on('data', (chunk) => {
            if (!answer.write(chunk)) said.pause();
          });
        answer.on('drain', () => said.resume());
        said.on('end', () => answer.end()).on('error', () => answer.destroy());
      });
      onward.end(body);
    });
  }

  /** Few and short lines: nobody has to wait until they are read. */
  #disturb(said: IncomingMessage, answer: ServerResponse): void {
    const lines = createInterface({ input: said });
    lines.on('line', (line) => {
      for (const one of this.events(line)) answer.write(`${one}\n`);
    });
    // It tells what happens to the answer once more; who ends it sees to that.
    lines.on('error', () => undefined);
  }

  /** Has it carried out and answers with the bytes of the answer, which nobody gets. */
  #carryOut(asked: IncomingMessage, body: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#request(asked)
        .on('error', reject)
        .on('response', (said) => {
          const head = `HTTP/1.1 ${said.statusCode} ${said.statusMessage}\r\nContent-Type: application/json\r\n\r\n`;
          buffer(said).then((rest) => resolve(Buffer.concat([Buffer.from(head), rest])), reject);
        })
        .end(body);
    });
  }

  async #sendHalf(asked: IncomingMessage, body: Buffer): Promise<void> {
    const lines = Object.entries(this.#headers(asked)).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('')}\r\n`;
    const whole = Buffer.concat([Buffer.from(head), body]);
    const socket = connect(this.#options.upstream as NetConnectOpts);
    this.#track(socket);
    await new Promise<void>((resolve) => {
      socket.on('close', () => resolve());
      socket.end(whole.subarray(0, whole.length >> 1), () => resolve());
    });
    socket.destroySoon();
  }

  #request(asked: IncomingMessage): ReturnType<typeof request> {
    const { upstream } = this.#options;
    const to = 'path' in upstream ? { socketPath: upstream.path } : { host: '127.0.0.1', ...upstream };
    const { method, url: path } = asked;
    const onward = request({ ...to, method, path, headers: this.#headers(asked), agent: false });
    // What is carried out and answered by nobody may be a stream, which has no end of its own.
    return onward.on('socket', (socket) => this.#track(socket));
  }

  /** Caddy accepts no other host than the one it listens on. */
  #headers({ headers }: IncomingMessage): Record<string, string | string[]> {
    const { upstream } = this.#options;
    const { connection: _c, 'transfer-encoding': _t, ...kept } = headers;
    if ('path' in upstream) return kept as Record<string, string>;
    const host = `127.0.0.1:${upstream.port}`;
    return { ...(kept as Record<string, string>), host, ...(kept.origin && { origin: `http://${host}` }) };
  }

  /** The engine turns some requests into a plain stream of bytes: commands in containers. */
  #tunnel(asked: IncomingMessage, client: Duplex, head: Buffer): void {
    const fault = this.#judge(asked);
    if (fault !== undefined && fault.kind !== 'delay') return void client.destroy();
    const onward = connect(this.#options.upstream as NetConnectOpts) as Socket;
    this.#track(onward);
    const lines = Object.entries(asked.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    onward.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
    onward.write(head);
    client.pipe(onward).pipe(client);
    client.on('close', () => onward.destroy());
    onward.on('close', () => client.destroy());
  }
}

/** Health commands run in containers and change nothing of them; Caddy's `adapt` only translates. */
function isMutating(method: string, path: string): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return !/\/exec\b|^\/adapt\b/.test(path);
}
