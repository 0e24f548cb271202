import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EdgeError } from '../apply/ports.ts';
import { ask } from './ask.ts';
import { engineError, sentence } from './engine-error.ts';
import { imageReference } from './image-reference.ts';
import { jsonLines } from './json-lines.ts';
import { createPullProgress } from './pull-progress.ts';

/** Milliseconds until the engine, which asks the registry first, says anything at all. */
const firstWord = 120_000;
/** Milliseconds without any progress after which a pull is given up. */
const silence = 300_000;

/** Pulls one image by reference; ends when it is there, when `signal` says so, or when nothing moves any more. */
export async function pullImage(
  docker: Docker,
  image: string,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<void> {
  const call = { operation: 'pull', object: image };
  const reference = imageReference(image);
  if (!reference) {
    throw new EdgeError('terminal', 'InvalidConfig', sentence(call, 'it is not an image reference'));
  }
  try {
    const open = (late: AbortSignal): Promise<unknown> =>
      docker.pull(reference, { abortSignal: AbortSignal.any([signal, late]) });
    const stream = (await ask(call, open, { timeout: firstWord })) as Readable;
    await follow(stream, signal, tell);
  } catch (error) {
    if (signal.aborted) throw new EdgeError('transient', 'Cancelled', sentence(call, 'cancelled'), error);
    // An error inside the stream is an answer, though its status was 200 before anything was known.
    throw engineError(call, isInStream(error) ? Object.assign(error, { statusCode: 200 }) : error);
  }
}

async function follow(stream: Readable, signal: AbortSignal, tell: (line: string) => void): Promise<void> {
  const progress = createPullProgress(tell);
  const stalled = setTimeout(() => {
    stream.destroy(new Error(`timeout: no progress for ${silence / 1000} s`));
  }, silence);
  const stop = (): void => void stream.destroy(new Error('cancelled'));
  signal.addEventListener('abort', stop);
  try {
    for await (const line of jsonLines(stream)) {
      stalled.refresh();
      progress.take(line);
    }
  } finally {
    clearTimeout(stalled);
    signal.removeEventListener('abort', stop);
  }
}

/** The engine's own words, or our giving up; a broken connection has a `code`. */
function isInStream(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof EdgeError) && !('code' in error);
}
