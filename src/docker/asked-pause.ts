import { parseImage } from '../desired/image-reference.ts';

/** Milliseconds. */
const patience = 5_000;
const longest = 6 * 3_600_000;

interface Login {
  readonly username: string;
  readonly password: string;
}

/**
 * How long a registry that refuses for too many requests wants to be left alone, in milliseconds: the engine hides
 * the header that says it, so the registry is asked once more, for the header alone.
 */
export async function askPause(image: string, login: Login | undefined): Promise<number | undefined> {
  const url = manifestUrl(image);
  if (url === undefined) return undefined;
  const credentials = login && Buffer.from(`${login.username}:${login.password}`).toString('base64');
  const headers = credentials === undefined ? {} : { authorization: `Basic ${credentials}` };
  try {
    const answer = await fetch(url, {
      method: 'HEAD',
      redirect: 'manual',
      headers,
      signal: AbortSignal.timeout(patience),
    });
    return answer.status === 429 || answer.status === 503
      ? readPause(answer.headers.get('retry-after'), Date.now())
      : undefined;
  } catch {
    // It is a favour: whoever cannot be asked is tried again like everybody else.
    return undefined;
  }
}

/** Seconds, or a date. */
export function readPause(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  const said = text.trim();
  const date = /^[A-Za-z]{3,9},/.test(said) ? Date.parse(said) : Number.NaN;
  const pause = /^\d+$/.test(said) ? Number(said) * 1000 : date - now;
  return Number.isFinite(pause) && pause > 0 ? Math.min(pause, longest) : undefined;
}

/** Without TLS only on loopback, as engines do it too. */
function manifestUrl(image: string): string | undefined {
  const parsed = parseImage(image);
  if (parsed === undefined) return undefined;
  const { registry, repository, tag = 'latest', digest = tag } = parsed;
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const isLoopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host);
  return `${isLoopback ? 'http' : 'https'}://${host}/v2/${repository}/manifests/${digest}`;
}
