import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type ApiOptions, createApi, createAudit } from '../../src/api/create-api.ts';
import { Guard, type GuardSettings } from '../../src/api/guard.ts';
import { Metrics } from '../../src/api/metrics.ts';
import type { Scope } from '../../src/api/operation.ts';
import { plainHealth } from '../../src/api/plain-health.ts';
import { serveTcp } from '../../src/api/serve.ts';
import { type DeclaredToken, type NewToken, TokenBook } from '../../src/api/token-book.ts';
import type { AController } from './a-controller.ts';
import type { Said } from './said.ts';

export interface TcpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly body: Said;
}

export interface TcpAsked {
  readonly method?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface OverTcp {
  readonly port: number;
  readonly tokens: TokenBook;
  readonly audit: ReturnType<typeof createAudit>;
  ask(path: string, asked?: TcpAsked): Promise<TcpAnswer>;
  /** A new token with these scopes. */
  token(scopes: readonly Scope[], more?: Partial<NewToken>): string;
}

export interface Served extends Omit<ApiOptions, 'guard' | 'tokens' | 'audit'> {
  readonly settings?: Partial<Omit<GuardSettings, 'rateLimit'>>;
  readonly rateLimit?: Partial<GuardSettings['rateLimit']>;
  readonly declared?: readonly DeclaredToken[];
}

const plenty = { read: 10_000, write: 10_000, webhook: 10_000, failedAuth: 10_000 };

/** The controller's API on a TCP port of the loopback, for the time of the work. */
export async function overTcp(
  controller: AController,
  work: (server: OverTcp) => Promise<void>,
  { settings, rateLimit, declared = [], ...options }: Served = {},
): Promise<void> {
  const now = () => controller.now();
  const tokens = new TokenBook(controller.history.tokens, declared, now);
  const audit = createAudit(controller);
  const guard = new Guard(
    {
      listen: '127.0.0.1:0',
      hosts: [],
      trustedProxies: [],
      ...settings,
      rateLimit: { ...plenty, ...rateLimit },
    },
    tokens,
    now,
  );
  const { metrics = new Metrics(controller) } = options;
  const api = createApi(controller, { ...options, metrics, guard, tokens, audit });
  const serving = await serveTcp(api, '127.0.0.1', 0, plainHealth(controller, metrics));
  let made = 0;
  try {
    await work({
      port: serving.port,
      tokens,
      audit,
      ask: (path, asked) => ask(serving.port, path, asked),
      token(scopes, more = {}) {
        made += 1;
        const token = tokens.create({ name: `t${made}`, scopes, createdBy: 'ann', ...more })?.token;
        if (token === undefined) throw new Error('the name is taken');
        return token;
      },
    });
  } finally {
    await serving.close();
  }
}

export function ask(port: number, path: string, asked: TcpAsked = {}): Promise<TcpAnswer> {
  const { method = 'GET', token, headers = {}, body } = asked;
  const { promise, resolve, reject } = Promise.withResolvers<TcpAnswer>();
  const sent = request(
    {
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: false,
      timeout: 10_000,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    },
    (answer) => {
      text(answer).then((told) => {
        const isJson = answer.headers['content-type']?.includes('json') === true && told !== '';
        resolve({
          status: answer.statusCode ?? 0,
          headers: Object.fromEntries(
            Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
          ),
          text: told,
          body: isJson ? JSON.parse(told) : undefined,
        });
      }, reject);
    },
  );
  sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in 10 s`)));
  sent.once('error', reject);
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
