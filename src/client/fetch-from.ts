import { type IncomingMessage, request as startRequest } from 'node:http';
import { request as startSecureRequest } from 'node:https';
import { Readable } from 'node:stream';

export interface Place {
  /** A Unix socket in place of the URL's host. */
  readonly socketPath: string | undefined;
  /** Milliseconds of silence. */
  readonly timeout: number;
}

/** `fetch` for one server, also behind a Unix socket, which the built-in one cannot reach; follows no redirect. */
export async function fetchFrom({ socketPath, timeout }: Place, request: Request): Promise<Response> {
  const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
  const { method, signal, url } = request;
  const headers = {
    ...Object.fromEntries(request.headers),
    ...(body ? { 'content-length': String(body.length) } : {}),
  };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const start = url.startsWith('https:') ? startSecureRequest : startRequest;
    const place = socketPath === undefined ? {} : { socketPath };
    const asked = start(url, { ...place, method, headers, signal, agent: false }, resolve);
    asked.setTimeout(timeout, () => asked.destroy(new Error(`no answer for ${timeout / 1000} s`)));
    asked.once('error', reject);
    asked.end(body);
  });
  const { statusCode: status = 0, rawHeaders } = answer;
  const pairs = rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : [],
  );
  const isEmpty = method === 'HEAD' || status === 204 || status === 304;
  if (isEmpty) answer.resume();
  return new Response(isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>), {
    status,
    headers: pairs,
  });
}
