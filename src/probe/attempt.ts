import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { EdgeError } from '../apply/ports.ts';
import type { HealthCheck } from '../desired/app.ts';
import type { ProbeTarget } from '../plan/plan.ts';

/** What one attempt found out. */
export interface Answer {
  readonly ok: boolean;
  readonly detail: string;
}

/** Runs a command in a container; false when it fails or does not end within `timeout` milliseconds. */
export type Exec = (container: string, command: readonly string[], timeout: number) => Promise<Answer>;

type Check<Kind extends HealthCheck['kind']> = HealthCheck & { readonly kind: Kind };

const mostBytes = 65_536;
/** Far more than is shown, so that a secret at the border is seen whole and hidden before the text is cut. */
const keptBytes = 8 * 1024;
/** Milliseconds beyond its timeout that a command's answer may take to reach us. */
const execGrace = 2_000;

/**
 * Asks the container once; whatever it does is an answer in time. Undefined when nothing can be known of it,
 * because the engine is away or `signal` ended the attempt.
 */
export async function attempt(
  target: ProbeTarget,
  exec: Exec,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const { check } = target;
  const seconds = AbortSignal.timeout(check.timeout + (check.kind === 'exec' ? execGrace : 0));
  try {
    return await ask(target, exec, AbortSignal.any([signal, seconds]));
  } catch (error) {
    if (signal.aborted || (error instanceof EdgeError && error.kind === 'unreachable')) return undefined;
    if (seconds.aborted) return { ok: false, detail: `no whole answer within ${check.timeout / 1000} s` };
    return { ok: false, detail: reasonOf(error) };
  }
}

async function ask(target: ProbeTarget, exec: Exec, signal: AbortSignal): Promise<Answer> {
  const { check, container, address } = target;
  switch (check.kind) {
    case 'http':
      return askHttp(addressOf(address), check, signal);
    case 'tcp':
      return askTcp(addressOf(address), check, signal);
    case 'exec':
      return orAborted(exec(container, check.command, check.timeout), signal);
    case 'none':
      return { ok: true, detail: 'running' };
    default:
      return check satisfies never;
  }
}

/** A name could lead anywhere. */
function addressOf(address: string): string {
  if (isIP(address) === 0) throw new Error('the container has no address on our network');
  return address;
}

async function askHttp(address: string, check: Check<'http'>, signal: AbortSignal): Promise<Answer> {
  const asked = request({
    host: address,
    port: check.port,
    path: check.path,
    headers: { 'User-Agent': 'plimsoll', Accept: '*/*', ...check.headers },
    // Slots are used again by other containers: a kept connection would ask the wrong one.
    agent: false,
    signal,
  });
  try {
    const answer = await responseTo(asked);
    const body = await readSome(answer);
    const status = answer.statusCode ?? 0;
    const ok = check.status.some(([from, to]) => from <= status && status <= to);
    return { ok, detail: ok ? `status ${status}` : `status ${status}: ${body}` };
  } finally {
    asked.destroy();
  }
}

function responseTo(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.on('response', resolve).on('error', reject);
    asked.on('upgrade', () => reject(new Error('the app wants another protocol')));
    asked.on('close', () => reject(new Error('the connection was closed without an answer')));
    asked.end();
  });
}

/** Reads to the end or to the limit, and gives the beginning. */
async function readSome(answer: IncomingMessage): Promise<string> {
  let kept = Buffer.alloc(0);
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    if (kept.length < keptBytes) kept = Buffer.concat([kept, part.subarray(0, keptBytes)]);
    bytes += part.length;
    if (bytes >= mostBytes) break;
  }
  return kept.toString('utf8');
}

async function askTcp(address: string, check: Check<'tcp'>, signal: AbortSignal): Promise<Answer> {
  const socket = connect({ host: address, port: check.port, signal });
  try {
    await connected(socket);
    return { ok: true, detail: `port ${check.port} accepts connections` };
  } finally {
    socket.destroy();
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('connect', resolve).on('error', reject);
  });
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
