import { type Operation, tags } from './operation.ts';
import { type OperationId, operationList, schemas } from './operations.ts';
import type { Schema } from './schema.ts';

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly [part: string]: unknown;
  };
  readonly [part: string]: unknown;
}

export interface DocumentOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters: readonly DocumentParameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example: unknown }>>;
  };
  readonly responses: Readonly<Record<string, DocumentResponse>>;
  readonly [part: string]: unknown;
}

export interface DocumentParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description: string;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface DocumentResponse {
  readonly description?: string;
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

const about = `What a plimsoll controller says of itself, and the few verbs that it takes.

Desired state is in git alone: no call writes what should run. On the controller's own Unix socket everything is open to the owner of the state directory; over TCP a bearer token says who asks, and its scopes what they may (\`admin\` includes all but \`exec\`). Lists are pages: give \`next\` as \`cursor\`. Answers that are no streams bear an \`ETag\`; \`If-None-Match\` answers 304. Every answer bears \`x-request-id\`, and every error is a problem document (RFC 9457).`;

/** OpenAPI 3.1, made of the same values that routes and validation are made of. */
export function openApiDocument(version: string): OpenApiDocument {
  const paths: Record<string, Record<string, DocumentOperation>> = {};
  for (const [id, operation] of operationList) {
    const item = paths[operation.path] ?? {};
    paths[operation.path] = { ...item, [operation.method.toLowerCase()]: documentOperation(id, operation) };
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'plimsoll',
      version,
      description: about,
    },
    servers: [
      { url: '/', description: 'This controller.' },
      { url: 'http://127.0.0.1:7320', description: 'As configured when nothing is said.' },
    ],
    security: [{ bearer: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'plt_ and 43 characters',
          description: '`plimsoll token create NAME --scope read` makes one.',
        },
      },
      responses: Object.fromEntries(
        Object.entries(commonProblems).map(([status, description]) => [
          `Problem${status}`,
          problemResponse(Number(status), description),
        ]),
      ),
    },
  };
}

const commonProblems: Readonly<Record<number, string>> = {
  400: 'A parameter or the body is not as this document says.',
  401: 'No token, or none that is good.',
  403: 'The token lacks the scope.',
  404: 'There is no such thing, or the token may not see it.',
  413: 'The body is larger than allowed.',
  415: 'The body is no JSON.',
  421: 'The Host header names another server.',
  429: 'Too many requests from this address.',
  500: 'A bug of ours; its id is in the log.',
  503: 'The engine, git or the first look is not there.',
};

/** Which problems an operation can answer with. */
function problemsOf({ method, scope, query, params, body, rate, tag, also }: Operation): number[] {
  const may: readonly (readonly [number, boolean])[] = [
    [400, query !== undefined || body !== undefined],
    [401, scope !== 'open'],
    [403, scope !== 'open' && scope !== 'any'],
    [404, params !== undefined],
    [413, method === 'POST'],
    [415, method === 'POST'],
    [421, true],
    [429, rate !== 'open'],
    [500, true],
    [503, tag !== 'server' && also?.[503] === undefined],
  ];
  return may.filter(([, holds]) => holds).map(([status]) => status);
}

function documentOperation(id: OperationId, operation: Operation): DocumentOperation {
  const { tag, summary, description, scope, params, query, headers, body, socketOnly, elsewhere } = operation;
  const needs =
    scope === 'open'
      ? 'Open to everybody.'
      : scope === 'any'
        ? 'Needs a token.'
        : `Needs the scope \`${scope}\`.`;
  const where = socketOnly ? " Only on the controller's own Unix socket." : '';
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: [description, `${needs}${where}`].filter(Boolean).join('\n\n'),
    parameters: [
      ...parametersOf('path', params, true),
      ...parametersOf('query', query, false),
      ...parametersOf('header', headers, false),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: Array.isArray(body.required) && body.required.length > 0,
            content: { 'application/json': { schema: body, example: exampleOf(body) } },
          },
        }),
    responses: responsesOf(operation),
    ...(scope === 'open' ? { security: [] } : {}),
    ...(scope === 'open' || scope === 'any' ? {} : { 'x-scope': scope }),
    ...(socketOnly ? { 'x-socket-only': true } : {}),
    ...(elsewhere ? { 'x-elsewhere': true } : {}),
  };
}

function parametersOf(
  place: DocumentParameter['in'],
  schemas: Readonly<Record<string, Schema>> | undefined,
  required: boolean,
): DocumentParameter[] {
  return Object.entries(schemas ?? {}).map(([name, { description, examples, ...schema }]) => ({
    name,
    in: place,
    required,
    description: String(description ?? ''),
    schema,
    ...(Array.isArray(examples) ? { example: examples[0] } : {}),
  }));
}

function responsesOf(operation: Operation): Record<string, DocumentResponse> {
  const content = Object.fromEntries(
    Object.entries(operation.answer).map(([type, schema]) => [type, { schema }]),
  );
  const problems = problemsOf(operation).map((status): [string, DocumentResponse] => [
    String(status),
    { $ref: `#/components/responses/Problem${status}` },
  ]);
  const own = Object.entries(operation.problems ?? {}).map(
    ([status, description]): [string, DocumentResponse] => [
      status,
      problemResponse(Number(status), description),
    ],
  );
  const also = Object.entries(operation.also ?? {}).map(
    ([status, description]): [string, DocumentResponse] => [status, { description, content }],
  );
  const ok = operation.elsewhere
    ? { 202: { description: 'Taken; the answer says what comes of it.', content } }
    : { 200: { description: operation.summary, content } };
  const unchanged: Record<string, DocumentResponse> =
    operation.method === 'GET' && operation.rate === 'read' && 'application/json' in operation.answer
      ? { 304: { description: 'As `If-None-Match` says.' } }
      : {};
  return { ...ok, ...unchanged, ...Object.fromEntries([...problems, ...own, ...also]) };
}

function problemResponse(status: number, description: string): DocumentResponse & Schema {
  const headers: Readonly<Record<number, object>> = {
    401: { 'WWW-Authenticate': { schema: { type: 'string' }, description: 'Bearer, and why.' } },
    429: { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds.' } },
  };
  return {
    description,
    ...(headers[status] === undefined ? {} : { headers: headers[status] }),
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

/** The first example of each field that has one. */
function exampleOf({ properties }: Schema): unknown {
  const fields = (properties ?? {}) as Readonly<Record<string, Schema>>;
  const told = Object.entries(fields).filter(([, { examples }]) => Array.isArray(examples));
  return Object.fromEntries(told.map(([name, { examples }]) => [name, (examples as unknown[])[0]]));
}
