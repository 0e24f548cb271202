import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type CliContext, CliError, exitCodes } from './context.ts';
import { explainProblem } from './explain-problem.ts';
import type { ClientOptions } from './global-options.ts';

type Query = Readonly<Record<string, string | undefined>>;

/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

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

const answerWithin = 120_000;

/** The controller's own socket as the configuration names it, or `--server URL` with `PLIMSOLL_TOKEN`. */
export function connectApi(context: CliContext, options: ClientOptions): ApiClient {
  const place = placeOf(context, options);
  const ask = async (path: string, query: Query, sent: Sent = {}): Promise<IncomingMessage> => {
    const response = await send(place, `/api/v1/${path}${queryText(query)}`, sent);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    throw explainProblem(statusCode, await text(response), place.name);
  };
  const get = async <T>(path: string, query: Query = {}): Promise<T> => json(await ask(path, query), place);
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
    post: async (path, body) => json(await ask(path, {}, { method: 'POST', body }), place),
    async *lines(path, query = {}) {
      yield* createInterface({ input: await ask(path, query), crlfDelay: Number.POSITIVE_INFINITY });
    },
    async *events(path, query = {}, lastId) {
      const headers = {
        accept: 'text/event-stream',
        ...(lastId === undefined ? {} : { 'last-event-id': String(lastId) }),
      };
      yield* parseEvents(await ask(path, query, { headers, endless: true }));
    },
  };
}

interface Place {
  /** For messages. */
  readonly name: string;
  readonly options: RequestOptions;
  readonly base: string;
  readonly secure: boolean;
}

function placeOf(context: CliContext, options: ClientOptions): Place {
  const actor = actorOf(context.env);
  if (options.server === undefined) {
    const socketPath = `${context.config(options).stateDir}/plimsoll.sock`;
    const headers = { host: 'localhost', 'plimsoll-actor': actor };
    return { name: socketPath, options: { socketPath, headers }, base: '', secure: false };
  }
  const url = URL.parse(options.server);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password)
    throw new CliError(
      exitCodes.usage,
      `--server ${JSON.stringify(options.server)} is no http or https URL without credentials`,
      'give the token as PLIMSOLL_TOKEN',
    );
  const token = context.env.PLIMSOLL_TOKEN;
  return {
    name: url.origin,
    options: {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      headers: {
        host: url.host,
        'plimsoll-actor': actor,
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
    },
    base: url.pathname.replace(/\/$/, ''),
    secure: url.protocol === 'https:',
  };
}

interface Sent {
  readonly method?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream: silence is no failure. */
  readonly endless?: boolean;
}

function send({ name, options, base, secure }: Place, path: string, sent: Sent): Promise<IncomingMessage> {
  const body = sent.body === undefined ? undefined : JSON.stringify(sent.body);
  const headers = {
    ...options.headers,
    accept: 'application/json',
    ...sent.headers,
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
  };
  return new Promise((resolve, reject) => {
    const start = secure ? secureRequest : request;
    const asked = start(
      { ...options, path: base + path, method: sent.method ?? 'GET', headers, agent: false },
      resolve,
    );
    if (!sent.endless)
      asked.setTimeout(answerWithin, () => asked.destroy(new Error('no answer within two minutes')));
    asked.once('error', (error: NodeJS.ErrnoException) => reject(unanswered(name, error)));
    asked.end(body);
  });
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

async function json<T>(response: IncomingMessage, { name }: Place): Promise<T> {
  const body = await text(response);
  try {
    return JSON.parse(body) as T;
  } catch {
    throw new CliError(exitCodes.unobservable, `${name} does not answer as a controller does`);
  }
}

async function* parseEvents(response: IncomingMessage): AsyncGenerator<ServerEvent> {
  let event = 'message';
  let data: string[] = [];
  for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') {
      if (data.length > 0) yield { event, data: data.join('\n') };
      event = 'message';
      data = [];
    } else if (line.startsWith('event:')) event = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
  }
}

function queryText(query: Query): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
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
