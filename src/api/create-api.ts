import { createHash, randomUUID } from 'node:crypto';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { escapeText, shorten, showValue } from '../desired/shown-text.ts';
import { accessRoutes } from './access-routes.ts';
import { AuditBook } from './audit-book.ts';
import { Answer, type ApiEnv, type Call, type Handler, type Handlers } from './call.ts';
import { allScopes, type Caller } from './caller.ts';
import type { ControllerPort } from './controller-port.ts';
import { deploymentLogRoutes } from './deployment-log-routes.ts';
import { docsPage, docsStyleHash } from './docs-page.ts';
import { eventRoutes } from './event-routes.ts';
import { type Guard, type Origin, RefusedError } from './guard.ts';
import { healthRoutes } from './health-routes.ts';
import { hostRoutes } from './host-routes.ts';
import { logRoutes } from './log-routes.ts';
import { Metrics } from './metrics.ts';
import { OpenStreams } from './open-streams.ts';
import { type OpenApiDocument, openApiDocument } from './openapi-document.ts';
import type { Operation } from './operation.ts';
import { type OperationId, operationList } from './operations.ts';
import { operatorRoutes } from './operator-routes.ts';
import { ProblemError, problemOf } from './problem.ts';
import { readBody, readParams, readQuery } from './read-request.ts';
import { readRoutes } from './read-routes.ts';
import { redactedJson } from './redacted-json.ts';
import { securityHeaders } from './security-headers.ts';
import { sourceRoutes } from './source-routes.ts';
import { TokenBook } from './token-book.ts';
import { usageRoutes } from './usage-routes.ts';

const longestBody = 64 * 1024;

/** What the servers of one controller share; each is made when it is not given. */
export interface ApiOptions {
  /** Who may come in; without one everybody may do everything: for the controller's own socket. */
  readonly guard?: Guard;
  readonly streams?: OpenStreams;
  readonly tokens?: TokenBook;
  readonly audit?: AuditBook;
  readonly metrics?: Metrics;
  /** Answer the operations that are marked `elsewhere`; the frame admits and counts, they do the rest. */
  readonly parts?: readonly Hono[];
}

/** The API of a controller: every operation of the table is mounted, and nothing else but the parts. */
export function createApi(port: ControllerPort, options: ApiOptions = {}): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  const frame = new Frame(port, options);
  api.use((c, next) => frame.receive(c, next));
  for (const [id, operation] of operationList) {
    if (operation.socketOnly && options.guard) continue;
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1');
    if (operation.elsewhere) api.on(operation.method, path, (c, next) => frame.pass(c, operation, next));
    else if (operation.method === 'GET') api.get(path, (c) => frame.answer(c, id, operation));
    else api.on(operation.method, path, frame.limitBody, (c) => frame.answer(c, id, operation));
  }
  for (const part of options.parts ?? []) api.route('/', part);
  api.notFound((c) => frame.refuse(c, () => frame.unknownPath(c)));
  api.onError((error, c) => frame.fail(c, error));
  return api;
}

/** What every request goes through, whatever it asks for. */
class Frame {
  readonly #port: ControllerPort;
  readonly #guard: Guard | undefined;
  readonly #audit: AuditBook;
  readonly #metrics: Metrics;
  readonly #handlers: Handlers;

  constructor(port: ControllerPort, options: ApiOptions) {
    const { guard, streams = new OpenStreams() } = options;
    const tokens = options.tokens ?? new TokenBook(port.history.tokens, [], () => port.now());
    this.#port = port;
    this.#guard = guard;
    this.#audit = options.audit ?? createAudit(port);
    this.#metrics = options.metrics ?? new Metrics(port);
    this.#handlers = {
      ...readRoutes(port),
      ...hostRoutes(port),
      ...sourceRoutes(port),
      ...usageRoutes(port, this.#metrics),
      ...deploymentLogRoutes(port, streams),
      ...operatorRoutes(port),
      ...eventRoutes(port, streams),
      ...logRoutes(port, streams),
      ...healthRoutes(port),
      ...accessRoutes(port, tokens, this.#audit),
      ...documentRoutes(port.version),
    };
  }

  /** A request gets its id, its address, and is called by a name of ours. */
  async receive(c: Context<ApiEnv>, next: () => Promise<void>): Promise<Response | undefined> {
    const begun = performance.now();
    const origin = originOf(c);
    const requestId = this.#requestId(c, origin);
    c.set('facts', { requestId, address: this.#guard?.addressOf(origin) ?? '' });
    for (const [name, value] of Object.entries(securityHeaders)) c.header(name, value);
    c.header('x-request-id', requestId);
    const refusal = await this.refuse(c, async () => {
      this.#guard?.checkHost(origin);
      await next();
      return undefined;
    });
    this.#metrics.requested({
      method: c.req.method,
      route: c.get('facts').operation?.path ?? '',
      status: (refusal ?? c.res).status,
      milliseconds: performance.now() - begun,
    });
    return refusal;
  }

  /** For a part of the server that answers by itself. */
  async pass(c: Context<ApiEnv>, operation: Operation, next: () => Promise<void>): Promise<void> {
    this.#admit(c, operation);
    await next();
    const { status } = c.res;
    if (status === 401 || status === 403) this.#countRefusal(c, status, `Status${status}`);
  }

  async answer(c: Context<ApiEnv>, id: OperationId, operation: Operation): Promise<Response> {
    const caller = this.#admit(c, operation);
    const { requestId } = c.get('facts');
    const params = readParams(c, operation);
    const query = readQuery(c, operation);
    const body = await readBody(c, operation);
    const call = { c, caller, requestId, params, query, body } as unknown as Call<OperationId>;
    // One of the union's members, called with its own kind of call: the table says that they belong together.
    const handle = this.#handlers[id as keyof Handlers] as Handler<OperationId>;
    const result = await handle(call);
    if (operation.verb !== undefined) this.#recordWrite(c, operation, 'done', '');
    return result instanceof Response ? result : this.#send(c, operation, result);
  }

  /** 405 where another method is known, else 404. */
  unknownPath(c: Context<ApiEnv>): never {
    const { method, path } = c.req;
    const isRead = method === 'GET' || method === 'HEAD';
    this.#guard?.limit(isRead ? 'read' : 'write', c.get('facts').address);
    const allowed = operationList
      .filter(([, one]) => matches(one.path, path) && !(one.socketOnly && this.#guard))
      .flatMap(([, one]) => (one.method === 'GET' ? ['GET', 'HEAD'] : [one.method]));
    const [use] = allowed;
    throw use === undefined || allowed.includes(method)
      ? new ProblemError(404, 'UnknownPath', `nothing is at ${showValue(path)}`)
      : new ProblemError(405, 'MethodNotAllowed', `${method} ${showValue(path)}: use ${use}`, undefined, {
          allow: allowed.join(', '),
        });
  }

  /** What is thrown becomes a problem document; also before any route is known. */
  async refuse<T>(c: Context<ApiEnv>, work: () => T | Promise<T>): Promise<T | Response> {
    try {
      return await work();
    } catch (error) {
      return this.fail(c, error);
    }
  }

  fail(c: Context<ApiEnv>, error: unknown): Response {
    const { requestId, operation } = c.get('facts');
    const problem = this.#toProblem(error, requestId);
    if ([401, 403, 421, 429].includes(problem.status))
      this.#countRefusal(
        c,
        problem.status,
        problem.code,
        error instanceof RefusedError ? error.caller : undefined,
      );
    else if (operation?.verb !== undefined)
      this.#recordWrite(c, operation, 'failed', `${problem.code}: ${problem.message}`);
    for (const [name, value] of Object.entries(problem.headers)) c.header(name, value);
    c.header('content-type', 'application/problem+json');
    return c.body(redactedJson(this.#port, problemOf(problem, requestId)), problem.status);
  }

  readonly limitBody: MiddlewareHandler<ApiEnv> = bodyLimit({
    maxSize: longestBody,
    onError: (c) => this.fail(c, new ProblemError(413, 'BodyTooLarge', 'the body is larger than 64 KiB')),
  });

  #admit(c: Context<ApiEnv>, operation: Operation): Caller {
    const facts = c.get('facts');
    c.set('facts', { ...facts, operation });
    this.#guard?.limit(operation.rate, facts.address);
    const caller = this.#guard
      ? this.#guard.admit(operation, c.req.header('authorization'), facts.address)
      : onSocket(c);
    c.set('facts', { ...facts, operation, caller });
    return caller;
  }

  #send(c: Context<ApiEnv>, { method, rate }: Operation, result: unknown): Response {
    const [status, value] = result instanceof Answer ? [result.status, result.value] : [200 as const, result];
    const text = redactedJson(this.#port, value);
    c.header('content-type', 'application/json');
    if (method !== 'GET' || rate !== 'read') return c.body(text, status);
    const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    c.header('etag', tag);
    return isKnown(c.req.header('if-none-match'), tag) ? c.body(null, 304) : c.body(text, status);
  }

  #toProblem(error: unknown, requestId: string): ProblemError {
    if (error instanceof ProblemError) return error;
    // An edge's error tells itself: its message holds no credentials.
    if (error instanceof Error && error.name === 'EdgeError') {
      const reason = 'reason' in error && typeof error.reason === 'string' ? error.reason : 'EdgeError';
      return new ProblemError(503, reason, error.message, 'plimsoll doctor says how to mend it');
    }
    this.#port.log?.error({ err: error, requestId }, 'a request failed, which is a bug');
    return new ProblemError(
      500,
      'InternalError',
      'a bug of ours; see the log of the controller',
      `it bears the id ${requestId}`,
    );
  }

  #recordWrite(c: Context<ApiEnv>, operation: Operation, outcome: 'done' | 'failed', detail: string): void {
    const { requestId, caller } = c.get('facts');
    if (!caller) return;
    const { actor, via, address } = caller;
    const verb = operation.verb ?? '';
    const object = objectOf(c);
    const entry = { at: this.#port.now(), actor, via, address, verb, object, outcome, request: requestId };
    // Before it is shortened: a secret that was cut in two would not be known any more.
    const told = this.#port.redact?.(detail) ?? detail;
    this.#audit.add({ ...entry, detail: shorten(escapeText(told), 500) });
    const app = operation.tag === 'apps' ? { app: object } : { object };
    this.#port.log?.info({ requestId, actor, verb, ...app, outcome }, `${actor} asked: ${verb}`);
  }

  /** Only what is bounded is told apart: a flood of refusals is a few lines with high counts. */
  #countRefusal(c: Context<ApiEnv>, status: number, code: string, known?: Caller): void {
    const { requestId, address, operation, caller = known } = c.get('facts');
    this.#audit.refused({
      at: this.#port.now(),
      actor: caller?.actor ?? '',
      via: this.#guard ? 'tcp' : 'socket',
      address,
      verb: operation?.verb ?? 'read',
      object: operation?.path ?? '',
      outcome: 'refused',
      detail: `${status} ${code}`,
      request: requestId,
    });
  }

  /** A proxy of ours and a client on the socket may name a request, so that it is found in all logs. */
  #requestId(c: Context<ApiEnv>, { peer }: Origin): string {
    const given = c.req.header('x-request-id') ?? '';
    const isTrusted = this.#guard === undefined || this.#guard.isTrusted(peer);
    return isTrusted && /^[\w-]{8,64}$/.test(given) ? given : randomUUID();
  }
}

/** One for all servers of a controller. */
export function createAudit({ history, log }: ControllerPort): AuditBook {
  return new AuditBook(history.audit, (error) =>
    log?.error({ err: error }, 'the audit log cannot be written'),
  );
}

function documentRoutes(version: string) {
  let document: OpenApiDocument | undefined;
  const made = (): OpenApiDocument => {
    document ??= openApiDocument(version);
    return document;
  };
  return {
    getDocument: () => made(),
    getDocs: ({ c }) => {
      const style = `style-src '${docsStyleHash}'`;
      c.header('content-security-policy', `${securityHeaders['content-security-policy']}; ${style}`);
      return c.html(docsPage(made()));
    },
  } satisfies Partial<Handlers>;
}

/** Who can open the socket may do everything; who it is, the client says. */
function onSocket(c: Context<ApiEnv>): Caller {
  const actor = shorten(escapeText(c.req.header('plimsoll-actor')?.trim() || 'unknown'), 64);
  return { actor, via: 'socket', address: '', scopes: allScopes };
}

function originOf(c: Context<ApiEnv>): Origin {
  // What the server of node gives; without a server, in tests, nothing is known.
  const env = c.env as { readonly incoming?: { readonly socket?: Ends } } | undefined;
  const { remoteAddress = '', localAddress = '' } = env?.incoming?.socket ?? {};
  return {
    peer: remoteAddress,
    local: localAddress,
    host: c.req.header('host'),
    forwardedFor: c.req.header('x-forwarded-for'),
  };
}

interface Ends {
  readonly remoteAddress?: string;
  readonly localAddress?: string;
}

/** What a write was of: the app, token or whatever the path names. */
function objectOf(c: Context<ApiEnv>): string {
  return shorten(escapeText(c.req.param('name') ?? ''), 64);
}

function matches(pattern: string, path: string): boolean {
  const [want, have] = [pattern.split('/'), path.split('/')];
  return (
    want.length === have.length &&
    want.every((part, index) => (part.startsWith('{') ? have[index] !== '' : part === have[index]))
  );
}

/** `If-None-Match` compares weakly (https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2). */
function isKnown(header: string | undefined, tag: string): boolean {
  const tags = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return tags.includes(tag) || tags.includes('*');
}
