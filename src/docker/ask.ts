import { EdgeError } from '../apply/ports.ts';
import { type Call, engineError, sentence, statusOf } from './engine-error.ts';

export const readTimeout = 10_000;
export const writeTimeout = 30_000;

/** For what one container can hold up while the engine serves all others. */
export interface Patience {
  /** Milliseconds without an answer. */
  readonly after: number;
  /** Asked then: the call is given up with what this resolves to, and goes on to its own limit where this fails. */
  readonly reason: (call: Call) => Promise<EdgeError>;
}

export interface Limits {
  /** Milliseconds. */
  readonly timeout?: number;
  /** Statuses that mean "already so": they resolve to `undefined`. */
  readonly fine?: readonly number[];
  /** The answer is no JSON. */
  readonly bytes?: true;
  readonly patience?: Patience;
  /** Ends it from outside. */
  readonly signal?: AbortSignal;
}

/**
 * One call of the engine. It ends in time whatever the engine does, and its failure is an `EdgeError`. The
 * limit is a race and not only the signal, because docker-modem never settles when an answer is cut short.
 */
export async function ask<T>(
  call: Call,
  run: (signal: AbortSignal) => Promise<T>,
  { timeout = writeTimeout, fine = [], bytes, patience, signal }: Limits = {},
): Promise<T | undefined> {
  const abort = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let isOver = false;
  const late = new Promise<never>((_resolve, reject) => {
    const giveUp = (error: EdgeError): void => {
      if (isOver) return;
      reject(error);
      abort.abort();
    };
    timers.push(setTimeout(() => giveUp(tooLate(call, timeout)), timeout));
    if (patience)
      timers.push(setTimeout(() => void patience.reason(call).then(giveUp, () => undefined), patience.after));
  });
  try {
    const ended = signal ? AbortSignal.any([abort.signal, signal]) : abort.signal;
    const answer = await Promise.race([run(ended), late]);
    if (!bytes && isCut(answer)) throw brokenOff(call);
    return answer;
  } catch (error) {
    if (fine.includes(statusOf(error))) return undefined;
    throw engineError(call, error);
  } finally {
    isOver = true;
    for (const timer of timers) clearTimeout(timer);
  }
}

/** A read: 404 is an answer, `undefined`. On a kept connection that the engine has closed it is made once more. */
export async function read<T>(
  call: Call,
  run: (signal: AbortSignal) => Promise<T>,
  { timeout = readTimeout, ...limits }: Limits = {},
): Promise<T | undefined> {
  const again = (signal: AbortSignal) =>
    run(signal).catch((error: unknown) => (isClosed(error) ? run(signal) : Promise.reject(error)));
  return ask(call, again, { ...limits, timeout, fine: [404] });
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(EPIPE|ECONNRESET)$/.test(String(error.code));
}

/** What docker-modem cannot read as JSON it gives as it came. Some acts are answered with a plain word, or nothing. */
function isCut(answer: unknown): boolean {
  return Buffer.isBuffer(answer) && /^[[{]/.test(answer.toString('latin1', 0, 1));
}

/** For an answer that is not whole. */
export function brokenOff(call: Call): EdgeError {
  const why = 'the answer of the engine broke off';
  return new EdgeError('unreachable', 'EngineUnreachable', sentence(call, why));
}

function tooLate(call: Call, timeout: number): EdgeError {
  return new EdgeError(
    'unreachable',
    'EngineUnreachable',
    sentence(call, `no answer from the engine within ${timeout / 1000} s`),
  );
}
