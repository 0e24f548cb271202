import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git';
import { EdgeError } from '../apply/ports.ts';
import { withHead } from './advertised-head.ts';
import { checkPack, packOf } from './check-pack.ts';
import {
  limitExceeded,
  packTooLarge,
  plainReason,
  sourceInvalid,
  sourceUnreachable,
} from './source-error.ts';

interface ClientOptions {
  /** For messages: *read source URL*. */
  readonly act: string;
  /** Milliseconds without a byte after which a request is given up. */
  readonly timeout: number;
  /** A slow but living server may take so many milliseconds for one answer. */
  readonly wholeTime: number;
  /** Bytes of one answer. */
  readonly answerLimit: number;
  /** Ends every request. */
  readonly signal: AbortSignal;
}

const redirectLimit = 3;

/** Follows redirects only within the host, so that credentials never reach another one. */
export function createHttpClient(options: ClientOptions): HttpClient {
  return { request: (request) => send(request, options) };
}

async function send(request: GitHttpRequest, options: ClientOptions): Promise<GitHttpResponse> {
  const body = request.body === undefined ? null : await joined(request.body);
  const watch = createWatch(options);
  try {
    let url = new URL(request.url);
    for (let hops = 0; ; hops += 1) {
      const response = await fetch(url.href, {
        method: request.method ?? 'GET',
        headers: request.headers ?? {},
        redirect: 'manual',
        signal: watch.signal,
        body,
      });
      const location = response.status >= 300 && response.status < 400 && response.headers.get('location');
      if (response.ok) {
        // Read here and not by the library, which takes an error in the middle for the end.
        const whole = Buffer.concat(await collected(bytes(response, watch, options)));
        if (request.method !== 'POST') return answer(response, url, once(withHead(whole)));
        await checkAnswer(whole, options);
        return answer(response, url, once(whole));
      }
      // Nobody reads what comes with a refusal, and an answer that is not read keeps its connection.
      await response.body?.cancel();
      if (!location) {
        watch.end();
        return answer(response, url, none());
      }
      if (hops === redirectLimit) throw sourceInvalid(options.act, 'too many redirects');
      url = redirected(url, location, options.act);
    }
  } catch (error) {
    watch.end();
    throw failed(error, watch, options);
  }
}

function redirected(from: URL, location: string, act: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const upgrade =
    to?.protocol === 'https:' && from.protocol === 'http:' && from.port === '' && to.port === '';
  const allowed = to !== undefined && to.hostname === from.hostname && (to.origin === from.origin || upgrade);
  if (!allowed || to.username !== '' || to.password !== '') {
    throw sourceInvalid(act, `the server redirects to another host${to ? ` (${to.host})` : ''}: refused`);
  }
  return to;
}

type Body = AsyncGenerator<Uint8Array, void>;

function answer(response: Response, url: URL, body: Body): GitHttpResponse {
  return {
    url: url.href,
    statusCode: response.status,
    statusMessage: response.statusText,
    headers: Object.fromEntries(response.headers),
    body,
  };
}

async function* none(): Body {}

async function* once(whole: Buffer): Body {
  yield whole;
}

async function collected(body: Body): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks;
}

/** The pack in it, if there is one, can be unpacked. */
async function checkAnswer(whole: Buffer, { act, answerLimit }: ClientOptions): Promise<void> {
  const pack = packOf(whole);
  if (pack === undefined) return;
  try {
    await checkPack(pack, answerLimit, (what) => packTooLarge(act, what, answerLimit));
  } catch (error) {
    if (error instanceof EdgeError) throw error;
    throw sourceUnreachable(act, `what the server sends is damaged: ${plainReason(error)}`);
  }
}

async function* bytes(
  response: Response,
  watch: Watch,
  options: ClientOptions,
): AsyncGenerator<Uint8Array, void> {
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      watch.alive();
      size += chunk.length;
      if (size > options.answerLimit) throw packTooLarge(options.act, 'it', options.answerLimit);
      yield chunk;
    }
  } catch (error) {
    throw failed(error, watch, options);
  } finally {
    watch.end();
  }
}

function failed(error: unknown, watch: Watch, options: ClientOptions): EdgeError {
  if (error instanceof EdgeError) return error;
  if (options.signal.aborted) return sourceUnreachable(options.act, 'the source was closed');
  if (watch.isOver()) {
    return limitExceeded(options.act, `no whole answer within ${options.wholeTime / 1_000} s`, 'timeout');
  }
  if (watch.signal.aborted) return sourceUnreachable(options.act, 'the server did not answer in time');
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return sourceUnreachable(options.act, plainReason(cause), error);
}

interface Watch {
  readonly signal: AbortSignal;
  /** It was given up because it took too long as a whole. */
  isOver(): boolean;
  alive(): void;
  end(): void;
}

/** Gives a request up when nothing was heard for `timeout`, when it takes too long as a whole, or on close. */
function createWatch({ timeout, wholeTime, signal }: ClientOptions): Watch {
  const controller = new AbortController();
  let over = false;
  const give = () => controller.abort();
  let idle = setTimeout(give, timeout).unref();
  const whole = setTimeout(() => {
    over = !controller.signal.aborted;
    give();
  }, wholeTime).unref();
  signal.addEventListener('abort', give);
  if (signal.aborted) give();
  return {
    signal: controller.signal,
    isOver: () => over,
    alive() {
      clearTimeout(idle);
      idle = setTimeout(give, timeout).unref();
    },
    end() {
      clearTimeout(idle);
      clearTimeout(whole);
      signal.removeEventListener('abort', give);
    },
  };
}

/** In one piece, so that it has a length: some servers refuse a request without. */
async function joined(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Blob> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of body) chunks.push(new Uint8Array(chunk));
  return new Blob(chunks);
}
