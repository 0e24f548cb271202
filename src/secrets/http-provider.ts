import { EdgeError } from '../apply/ports.ts';
import { decodeUtf8 } from '../desired/decode-text.ts';
import { showValue } from '../desired/shown-text.ts';
import type { ValueProvider } from './value-provider.ts';

const deadline = 5_000;
const largestValue = 64 * 1024;

/** A server that answers `GET url + reference` with the value as text. */
export function createHttpProvider({
  url,
  token,
}: {
  readonly url: string;
  readonly token?: string;
}): ValueProvider {
  return {
    async read(reference) {
      const address = addressOf(url, reference);
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const signal = AbortSignal.timeout(deadline);
      try {
        const response = await fetch(address, { headers, redirect: 'manual', signal });
        try {
          checkStatus(response, reference);
          return await readBounded(response, reference);
        } finally {
          await response.body?.cancel().catch(() => undefined);
        }
      } catch (error) {
        throw error instanceof EdgeError ? error : unreachable(reference, signal.aborted, error);
      }
    },
  };
}

export const safeAddress = 'https:// (http:// on the loopback), without a password';

/** The token and the value go over the network: in clear only where nobody can listen. */
export function isSafeAddress(base: string): boolean {
  const parsed = URL.canParse(base) ? new URL(base) : undefined;
  const isSafe =
    parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLoopback(parsed.hostname));
  return isSafe && parsed.username === '' && parsed.password === '';
}

function addressOf(base: string, reference: string): string {
  if (!isSafeAddress(base)) throw notAllowed(`secrets.providers.http.url must be ${safeAddress}`);
  const segments = reference.split('/');
  if (segments.some((part) => ['', '.', '..'].includes(part)) || !reference.isWellFormed())
    throw notAllowed(`${showValue(reference)} is no reference: names with "/" between them`);
  return `${base}${segments.map(encodeURIComponent).join('/')}`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function checkStatus({ status }: Response, reference: string): void {
  const shown = showValue(reference);
  if (status === 200) return;
  if (status === 404) throw new EdgeError('transient', 'Missing', `${shown} is not there (404)`);
  if (status === 401 || status === 403)
    throw new EdgeError('transient', 'NotAllowed', `${shown} is refused to us (${status})`);
  if (status >= 300 && status < 400)
    throw notAllowed(`${shown} is redirected (${status}), and redirects are not followed`);
  throw new EdgeError('unreachable', 'Unreachable', `${shown} was answered by ${status}`);
}

async function readBounded(response: Response, reference: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > largestValue) throw notAllowed(`${showValue(reference)} is larger than 64 KiB`);
    chunks.push(chunk);
  }
  const text = decodeUtf8(Buffer.concat(chunks));
  if (text === undefined)
    throw new EdgeError('terminal', 'Corrupt', `${showValue(reference)} is no text (UTF-8)`);
  if (text === '') throw new EdgeError('transient', 'Missing', `${showValue(reference)} is empty`);
  return text;
}

function notAllowed(why: string): EdgeError {
  return new EdgeError('terminal', 'NotAllowed', why);
}

function unreachable(reference: string, isLate: boolean, error: unknown): EdgeError {
  const { cause } = error as { cause?: { code?: string } };
  const why = isLate ? `no answer in ${deadline / 1000} s` : (cause?.code ?? 'the connection failed');
  return new EdgeError(
    'unreachable',
    'Unreachable',
    `${showValue(reference)} cannot be asked for: ${why}`,
    error,
  );
}
