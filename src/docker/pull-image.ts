import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EdgeError } from '../apply/ports.ts';
import type { RegistryLogin } from '../desired/app.ts';
import { parseImage } from '../desired/image-reference.ts';
import { isSecretValue } from '../desired/secret.ts';
import { ask, read, readTimeout } from './ask.ts';
import { askPause } from './asked-pause.ts';
import { engineError, redacted, sentence } from './engine-error.ts';
import { imageReference } from './image-reference.ts';
import { jsonLines } from './json-lines.ts';
import { createPullProgress } from './pull-progress.ts';
import { repoDigest } from './repo-digest.ts';
import { type Revealing, withoutValues } from './reveal.ts';

/** Milliseconds until the engine, which asks the registry first, says anything at all. */
const firstWord = 120_000;
/** Milliseconds without any progress after which a pull is given up. */
const silence = 300_000;

export interface Pull {
  readonly docker: Docker;
  readonly image: string;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
  readonly login?: RegistryLogin | undefined;
  readonly secrets: Revealing;
  /** The engine can ask a registry for a digest alone; Podman cannot. */
  readonly knowsDigests: boolean;
}

/** As the engine passes it on to the registry. */
interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

/**
 * Pulls one image by reference; ends when it is there, when `signal` says so, or when nothing moves any more. What is
 * there already, with the digest that the registry has under this reference, is not downloaded again.
 */
export async function pullImage(pull: Pull): Promise<void> {
  const { image, signal } = pull;
  const call = { operation: 'pull', object: image };
  const reference = imageReference(image);
  if (!reference) {
    throw new EdgeError('terminal', 'InvalidConfig', sentence(call, 'it is not an image reference'));
  }
  const credentials = await reveal(pull);
  try {
    if (await isUnmoved(pull, reference, credentials)) return pull.tell('Status: Image is up to date');
    await download(pull, reference, credentials);
  } catch (error) {
    if (signal.aborted) throw new EdgeError('transient', 'Cancelled', sentence(call, 'cancelled'), error);
    // An error inside the stream is an answer, though its status was 200 before anything was known.
    const refused = engineError(call, isInStream(error) ? Object.assign(error, { statusCode: 200 }) : error);
    throw await withPause(
      redacted(refused, (text) => withoutValues(text, secretsIn(credentials))),
      image,
      credentials,
    );
  }
}

async function reveal({ image, login, secrets }: Pull): Promise<Credentials | undefined> {
  if (login === undefined) return undefined;
  const { username, password } = login;
  const registry = parseImage(image)?.registry ?? '';
  return {
    username,
    password: isSecretValue(password) ? await secrets.reveal(password) : password,
    serveraddress: registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry,
  };
}

/**
 * The digest of a tag is asked for only when there is one here to compare it with. The engine fetches the manifest and
 * the image's configuration for that, and no layer.
 */
async function isUnmoved(
  pull: Pull,
  reference: string,
  authconfig: Credentials | undefined,
): Promise<boolean> {
  const { docker, image, knowsDigests, signal } = pull;
  if (!knowsDigests) return false;
  const found = await read({ operation: 'inspect image', object: image }, () =>
    docker.getImage(reference).inspect(),
  );
  const digest = found && repoDigest(reference, found.RepoDigests ?? []);
  if (digest === undefined) return false;
  if (reference.endsWith(`@${digest}`)) return true;
  const call = { operation: 'pull', object: image };
  const ofRegistry = await until(signal, () =>
    ask(call, () => docker.getImage(reference).distribution(authconfig ? { authconfig } : {}), {
      timeout: readTimeout * 3,
    }),
  );
  return ofRegistry?.Descriptor.digest === digest;
}

async function download(
  { docker, signal, tell }: Pull,
  reference: string,
  authconfig: Credentials | undefined,
): Promise<void> {
  const call = { operation: 'pull', object: reference };
  const open = (late: AbortSignal): Promise<unknown> =>
    docker.pull(reference, {
      abortSignal: AbortSignal.any([signal, late]),
      ...(authconfig ? { authconfig } : {}),
    });
  await follow((await ask(call, open, { timeout: firstWord })) as Readable, signal, tell);
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
    progress.end();
  } finally {
    clearTimeout(stalled);
    signal.removeEventListener('abort', stop);
  }
}

/** For a call that takes no signal: it goes on in the dark, and nobody waits for it. */
async function until<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new Error('cancelled'));
    signal.addEventListener('abort', stop);
  });
  const work = run();
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function withPause(
  error: EdgeError,
  image: string,
  login: Credentials | undefined,
): Promise<EdgeError> {
  const { kind, reason, message, cause } = error;
  if (reason !== 'RegistryRateLimited' || error.retryAfter !== undefined) return error;
  const retryAfter = await askPause(image, login);
  return retryAfter === undefined ? error : new EdgeError(kind, reason, message, cause, { retryAfter });
}

function secretsIn(credentials: Credentials | undefined): string[] {
  return credentials === undefined ? [] : [credentials.password];
}

/** The engine's own words, or our giving up; a broken connection has a `code`. */
function isInStream(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof EdgeError) && !('code' in error);
}
