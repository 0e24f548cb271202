import createFetchClient, { type Client } from 'openapi-fetch';
import { fetchFrom, type Place } from './fetch-from.ts';
import type { Paths } from './paths.ts';
import { readEvents, readLines } from './read-events.ts';

// The entry `plimsoll/client` is this one file.
export type * from './paths.ts';
export { readEvents, readLines };

/** A controller elsewhere with a token of it, or the socket of the one on this host. */
export type ClientOptions = (
  | {
      /** `https://host:port`, with a path when a proxy has it below one. */
      readonly server: string;
      readonly token?: string | undefined;
    }
  | { readonly socket: string }
) & {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds of silence after which an answer is given up; streams are never silent for long. */
  readonly timeout?: number;
};

/**
 * The API of a controller, typed by its own document:
 * `const { data, error } = await client.GET('/api/v1/apps/{name}', { params: { path: { name: 'shop' } } })`.
 * `error` is a problem document; what keeps an answer from coming is thrown.
 */
export type ApiClient = Client<Paths>;

export function createClient(options: ClientOptions): ApiClient {
  const { headers = {}, timeout = 120_000 } = options;
  const place: Place =
    'socket' in options ? { socketPath: options.socket, timeout } : { socketPath: undefined, timeout };
  const token = 'socket' in options ? undefined : options.token;
  return createFetchClient<Paths>({
    baseUrl: 'socket' in options ? 'http://localhost' : options.server,
    fetch: (request) => fetchFrom(place, request),
    headers: { ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
  });
}
