import { userInfo } from 'node:os';
import { text } from 'node:stream/consumers';
import { createClient, type ApiClient as TypedClient } from '../client/create-client.ts';
import { readEvents, readLines, type ServerEvent } from '../client/read-events.ts';
import { type CliContext, CliError, exitCodes } from './context.ts';
import { explainProblem } from './explain-problem.ts';
import type { ClientOptions } from './global-options.ts';

type Query = Readonly<Record<string, string | undefined>>;

/** The running controller. Every method throws `CliError`: exit 3 when nobody answers, else what the problem says. */
export interface ApiClient {
  get<T>(path: string, query?: Query): Promise<T>;
  /** All pages of a list as one. */
  list<T>(path: string, query?: Query): Promise<{ readonly items: readonly T[]; readonly next: null }>;
  post<T>(path: string, body: object): Promise<T>;
  /** An answer of text, line by line. */
  lines(path: string, query?: Query): AsyncGenerator<string>;
  /** A stream that goes on until it is left; `lastId` is the last event that is already known. */
  events(path: string, query?: Query, lastId?: number): AsyncGenerator<ServerEvent>;
}

/** The controller's own socket as the configuration names it, or `--server URL` with `PLIMSOLL_TOKEN`. */
export function connectApi(context: CliContext, options: ClientOptions): ApiClient {
  const { name, client } = placeOf(context, options);
  const get = async <T>(path: string, query: Query = {}): Promise<T> =>
    parseAnswer(await text(await ask(client, name, 'get', path, { query })), name);
  return {
    get,
    async list<T>(path: string, query: Query = {}) {
      const items: T[] = [];
      let cursor: string | undefined;
      do {
        const page = await get<{ items: T[]; next: string | null }>(path, { ...query, cursor });
        items.push(...page.items);
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      return { items, next: null };
    },
    post: async (path, body) =>
      parseAnswer(await text(await ask(client, name, 'post', path, { body })), name),
    async *lines(path, query = {}) {
      yield* readLines(await ask(client, name, 'get', path, { query }));
    },
    async *events(path, query = {}, lastId) {
      const headers = {
        accept: 'text/event-stream',
        ...(lastId === undefined ? {} : { 'last-event-id': String(lastId) }),
      };
      yield* readEvents(await ask(client, name, 'get', path, { query, headers }));
    },
  };
}

interface Place {
  /** For messages. */
  readonly name: string;
  readonly client: TypedClient;
}

function placeOf(context: CliContext, options: ClientOptions): Place {
  const headers = { accept: 'application/json', 'plimsoll-actor': actorOf(context.env) };
  if (options.server === undefined) {
    const socket = `${context.config(options).stateDir}/plimsoll.sock`;
    return { name: socket, client: createClient({ socket, headers }) };
  }
  const url = URL.parse(options.server);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password)
    throw new CliError(
      exitCodes.usage,
      `--server ${JSON.stringify(options.server)} is no http or https URL without credentials`,
      'give the token as PLIMSOLL_TOKEN',
    );
  const server = url.origin + url.pathname.replace(/\/$/, '');
  return { name: url.origin, client: createClient({ server, token: context.env.PLIMSOLL_TOKEN, headers }) };
}

interface Sent {
  readonly query?: Query;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The body of a good answer. Which path it is, is known only now, so the client's types say nothing of it here. */
async function ask(
  client: TypedClient,
  name: string,
  method: 'get' | 'post',
  path: string,
  { query, body, headers }: Sent,
): Promise<ReadableStream<Uint8Array>> {
  const init = { params: { query }, body, headers, parseAs: 'stream' };
  const request = client.request as unknown as (
    method: string,
    path: string,
    init: object,
  ) => Promise<{ readonly data?: unknown; readonly error?: unknown; readonly response: Response }>;
  const { data, error, response } = await request(method, `/api/v1/${path}`, init).catch((reason: Error) => {
    throw unanswered(name, reason);
  });
  if (response.ok && data instanceof ReadableStream) return data;
  const told = typeof error === 'string' ? error : JSON.stringify(error ?? '');
  throw explainProblem(response.status, told, name);
}

function unanswered(name: string, { code, message }: NodeJS.ErrnoException): CliError {
  if (code === 'EACCES')
    return new CliError(
      exitCodes.unobservable,
      `may not open ${name}`,
      'only the user that runs the controller may: try sudo',
    );
  const why = code === 'ENOENT' || code === 'ECONNREFUSED' ? '' : `: ${message}`;
  return new CliError(
    exitCodes.unobservable,
    `no controller answers on ${name}${why}`,
    'start one with "plimsoll controller", or name its configuration with --config',
  );
}

function parseAnswer<T>(body: string, name: string): T {
  try {
    return JSON.parse(body) as T;
  } catch {
    throw new CliError(exitCodes.unobservable, `${name} does not answer as a controller does`);
  }
}

/** Recorded with what is asked for; header values are plain ASCII. */
function actorOf({ SUDO_USER, USER, LOGNAME }: CliContext['env']): string {
  const name = SUDO_USER || USER || LOGNAME || userName();
  return name.replace(/[^\x21-\x7e]/g, '?');
}

/** Fails for a user id without an entry in the password file, as in containers. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
