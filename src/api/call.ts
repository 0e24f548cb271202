import type { Context } from 'hono';
import type { Paths } from '../client/paths.ts';
import type { Caller } from './caller.ts';
import type { Operation } from './operation.ts';
import type { OperationId, Operations } from './operations.ts';

/** What the frame keeps with a request. */
export interface RequestFacts {
  readonly requestId: string;
  /** Empty on the socket. */
  readonly address: string;
  /** Known when a path matched. */
  readonly operation?: Operation;
  /** Known when the request was admitted. */
  readonly caller?: Caller;
}

export type ApiEnv = { Variables: { facts: RequestFacts } };

/** One request that was admitted and whose every part is as its operation says. */
export interface Call<K extends OperationId> {
  readonly c: Context<ApiEnv>;
  readonly caller: Caller;
  readonly requestId: string;
  readonly params: Given<ParametersOf<K>, 'path'>;
  readonly query: Given<ParametersOf<K>, 'query'>;
  readonly body: BodyOf<K>;
}

/** The value of the operation's JSON, or an `Answer` with another status, or a whole response of its own. */
export type Handler<K extends OperationId> = (call: Call<K>) => Result<K> | Promise<Result<K>>;

export type Handlers = {
  readonly [K in OperationId as Operations[K] extends { elsewhere: true } ? never : K]: Handler<K>;
};

/** The value of an answer whose status is not 200. */
export class Answer<T> {
  readonly status: 200 | 503;
  readonly value: T;

  constructor(status: 200 | 503, value: T) {
    this.status = status;
    this.value = value;
  }
}

type Result<K extends OperationId> = Response | Answer<ValueOf<K>> | ValueOf<K>;

type At<K extends OperationId> =
  Paths[Operations[K]['path']] extends Record<Lowercase<Operations[K]['method']>, infer T> ? T : never;
type ParametersOf<K extends OperationId> = At<K> extends { parameters: infer T } ? T : never;
type Given<T, Place extends string> = T extends { [P in Place]?: infer V }
  ? [V] extends [never]
    ? Readonly<Record<never, never>>
    : Readonly<NonNullable<V>>
  : never;
type BodyOf<K extends OperationId> =
  At<K> extends { requestBody?: { content: { 'application/json': infer T } } }
    ? Readonly<T>
    : Readonly<Record<never, never>>;
type ValueOf<K extends OperationId> =
  At<K> extends {
    responses: { 200: { content: { 'application/json': infer T } } };
  }
    ? Sent<T>
    : never;

/** What becomes a `T` as JSON: read-only, and undefined for what is left out. */
type Sent<T> = T extends readonly (infer I)[]
  ? readonly Sent<I>[]
  : T extends object
    ? { readonly [P in keyof T as Record<never, never> extends Pick<T, P> ? never : P]: Sent<T[P]> } & {
        readonly [P in keyof T as Record<never, never> extends Pick<T, P> ? P : never]?:
          | Sent<T[P]>
          | undefined;
      }
    : T;
