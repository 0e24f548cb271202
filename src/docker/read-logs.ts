import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { ask, readTimeout } from './ask.ts';
import { engineError, redacted } from './engine-error.ts';
import { escapeText } from './escape-text.ts';
import { type LogLine, logLines } from './log-lines.ts';

export interface LogOptions {
  /** Goes on until the container ends or the signal says so. */
  readonly follow: boolean;
  /** The last so many lines; all when absent. */
  readonly tail?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Each line begins with its RFC 3339 time. */
  readonly timestamps: boolean;
}

/** The last lines a container wrote, of both streams, each at most 500 characters and safe to print. */
export async function tailOf(
  docker: Docker,
  container: string,
  lines: number,
  redact: (text: string) => string,
): Promise<string[]> {
  const call = { operation: 'read logs of', object: container };
  const bytes = await ask(
    call,
    (abortSignal) =>
      target(docker, container).logs({ stdout: true, stderr: true, tail: lines, follow: false, abortSignal }),
    { timeout: readTimeout, bytes: true },
  );
  const found: string[] = [];
  for await (const { line } of logLines(chunksOf(bytes))) found.push(escapeText(redact(line), 500));
  return found.slice(-lines);
}

/** A container's log, line by line as it comes, safe to print. */
export async function* readLogs(
  docker: Docker,
  container: string,
  options: LogOptions & { readonly redact: (text: string) => string },
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const call = { operation: 'read logs of', object: container };
  const { tail, since, timestamps, redact } = options;
  const wanted = {
    stdout: true,
    stderr: true,
    timestamps,
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since: (since / 1000).toFixed(3) }),
  };
  const open = (abortSignal: AbortSignal): Promise<unknown> =>
    options.follow
      ? target(docker, container).logs({ ...wanted, follow: true, abortSignal: signal })
      : target(docker, container).logs({ ...wanted, follow: false, abortSignal });
  try {
    const opened = await ask(call, open);
    for await (const { stream, line } of logLines(chunksOf(opened))) {
      yield { stream, line: escapeText(redact(line), 32_768) };
    }
  } catch (error) {
    if (!signal.aborted) throw redacted(engineError(call, error), redact);
  }
}

/** docker-modem gives a stream when following, bytes otherwise, and takes bytes that happen to be JSON apart. */
function chunksOf(answer: unknown): AsyncIterable<unknown> | Iterable<unknown> {
  if (Buffer.isBuffer(answer)) return [answer];
  return isStream(answer) ? answer : [];
}

function isStream(answer: unknown): answer is Readable {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}

function target(docker: Docker, container: string): Docker.Container {
  return docker.getContainer(encodeURIComponent(container));
}
