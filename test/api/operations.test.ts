import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../src/api/create-api.ts';
import type { DocumentOperation, DocumentParameter } from '../../src/api/openapi-document.ts';
import type { Schema } from '../../src/api/schema.ts';
import { EdgeError } from '../../src/apply/ports.ts';
import { runs } from '../property-runs.ts';
import type { AController } from './a-controller.ts';
import { aShop } from './a-shop.ts';
import { type Answered, checkAnswer, document, faultsIn } from './check-answer.ts';

interface Told {
  readonly path: string;
  readonly method: string;
  readonly operation: DocumentOperation;
}

const told: readonly Told[] = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);
/** Those that the frame itself answers. */
const own = told.filter(({ operation }) => operation['x-elsewhere'] === undefined);

interface Asked {
  readonly query?: string;
  readonly body?: string | undefined;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
}

async function ask(
  controller: AController,
  { path, method, operation }: Told,
  asked: Asked,
): Promise<Answered> {
  const { query = '', body, type = 'application/json', headers = {} } = asked;
  const params = { ...(await paramsOf(controller, operation)), ...asked.params };
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const response = await createApi(controller).request(`${filled}${query}`, {
    method,
    headers: {
      'plimsoll-actor': 'ann',
      ...(body === undefined ? {} : { 'content-type': type, 'content-length': String(body.length) }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const answered = { status: response.status, type: response.headers.get('content-type') ?? '' };
  assert.match(response.headers.get('x-request-id') ?? '', /^[\w-]{8,64}$/, operation.operationId);
  return { ...answered, text: await response.text() };
}

/** The examples of the document, but for what only this controller knows. */
async function paramsOf(controller: AController, { operationId, parameters }: DocumentOperation) {
  const own = Object.fromEntries(
    parameters.filter((one) => one.in === 'path').map(({ name, example }) => [name, String(example)]),
  );
  if (operationId.startsWith('getDeployment'))
    return { id: controller.history.deployments('shop', 1)[0]?.id ?? '' };
  if (operationId !== 'revokeToken') return own;
  const { name = 'ci' } = own;
  controller.history.tokens.create({
    name,
    hash: 'f'.repeat(64),
    scopes: ['read'],
    createdBy: 'ann',
    createdAt: 1,
  });
  return own;
}

function queryOf({ parameters }: DocumentOperation): string {
  const given = parameters.filter((one) => one.in === 'query' && one.example !== undefined);
  return given.length === 0
    ? ''
    : `?${new URLSearchParams(Object.fromEntries(given.map(({ name, example }) => [name, String(example)])))}`;
}

function bodyOf({ requestBody }: DocumentOperation): string | undefined {
  const content = requestBody?.content['application/json'];
  return content && JSON.stringify(content.example);
}

test('what is mounted is what the document says, and nothing else', () => {
  const mounted = createApi(aShop()).routes.filter(({ method }) => method !== 'ALL');
  assert.equal(
    [...new Set(mounted.map(({ method, path }) => `${method} ${path}`))].sort(),
    told.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`).sort(),
  );
});

test('the document is whole: ids are unique, references lead somewhere, schemas and examples hold', () => {
  const ids = told.map(({ operation }) => operation.operationId);
  assert.is(new Set(ids).size, ids.length);
  for (const [name, schema] of Object.entries(document.components.schemas)) faultsIn(schema, name);
  for (const { path, operation } of told) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const named = operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name);
    assert.equal(inPath, named, operation.operationId);
    for (const { name, schema, example, description } of operation.parameters) {
      assert.ok(description.length > 3, `${operation.operationId} ${name}`);
      if (example !== undefined)
        assert.equal(faultsIn(schema, example), [], `${operation.operationId} ${name}`);
    }
    const body = operation.requestBody?.content['application/json'];
    if (body) assert.equal(faultsIn(body.schema, body.example), [], operation.operationId);
    assert.ok(operation.tags.every((tag) => document.tags.some(({ name }) => name === tag)));
  }
});

for (const one of own) {
  const { operationId, parameters, requestBody } = one.operation;

  test(`${operationId} answers good input as the document says`, async () => {
    const plain = await ask(aShop(), one, {
      body: requestBody?.required ? bodyOf(one.operation) : undefined,
    });
    checkAnswer(one.operation, plain);
    assert.ok(
      plain.status === 200 || plain.status === 501 || plain.status === 409,
      `${plain.status} ${plain.text}`,
    );
    const full = await ask(aShop(), one, { query: queryOf(one.operation), body: bodyOf(one.operation) });
    checkAnswer(one.operation, full);
    assert.ok(full.status < 500 || full.status === 501, `${full.status} ${full.text}`);
  });

  test(`${operationId} answers without an engine as the document says`, async () => {
    const controller = aShop();
    controller.look({
      engineError: new EdgeError('unreachable', 'EngineUnreachable', 'list containers: refused'),
    });
    checkAnswer(one.operation, await ask(controller, one, { body: bodyOf(one.operation) }));
  });

  test(`${operationId} refuses what the document does not allow, and says which part it was`, async () => {
    const controller = aShop();
    const refuse = async (asked: Asked, ...words: readonly string[]) => {
      const answer = await ask(controller, one, asked);
      checkAnswer({ ...one.operation, responses: { ...one.operation.responses, ...anyBadRequest } }, answer);
      assert.is(answer.status, 400, `${JSON.stringify(asked)} ${answer.status} ${answer.text}`);
      const { detail } = JSON.parse(answer.text) as { detail: string };
      for (const word of words) assert.ok(detail.includes(word), `${detail} lacks ${word}`);
    };
    const body = bodyOf(one.operation);
    await refuse({ query: '?nope=1', body }, '"nope"');
    await refuse({ query: '?__proto__=1', body }, '__proto__');
    for (const parameter of parameters.filter(({ in: place }) => place === 'query')) {
      const { name } = parameter;
      for (const text of badTexts(parameter))
        await refuse({ query: `?${name}=${encodeURIComponent(text)}`, body }, name);
      await refuse({ query: `?${name}=1&${name}=2`, body }, name);
    }
    for (const text of badBodies(requestBody?.content['application/json']?.schema ?? {}))
      if (requestBody) await refuse({ body: text });
  });
}

const anyBadRequest = { 400: { $ref: '#/components/responses/Problem400' } };

/** Texts that are no value of a parameter. */
function badTexts({ schema }: DocumentParameter): string[] {
  const types = [schema.type].flat();
  if (types.includes('boolean')) return ['maybe', '2'];
  if (types.includes('integer')) {
    const high = typeof schema.maximum === 'number' ? [String(schema.maximum + 1)] : [];
    return [
      'x',
      '-1',
      '1.5',
      '1e3',
      ' 1',
      '9'.repeat(20),
      ...high,
      ...(types.includes('string') ? [] : ['']),
    ];
  }
  if (Array.isArray(schema.enum)) return ['Nope', '', 'synced'];
  return ['', 'x'.repeat(Number(schema.maxLength) + 1)];
}

/** Texts that are no body of this schema. */
function badBodies(schema: Schema): string[] {
  const fields = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>);
  const good = Object.fromEntries(fields.map(([name, { examples }]) => [name, [examples].flat()[0]]));
  const wrong = fields.flatMap(([name]) =>
    [null, {}, [[]], -1, 1.5].map((value) => JSON.stringify({ ...good, [name]: value })),
  );
  const missing = ((schema.required ?? []) as readonly string[]).map((name) =>
    JSON.stringify({ ...good, [name]: undefined }),
  );
  return ['{', '[]', 'null', '"text"', '7', '{"nope":1}', '{"__proto__":{}}', ...wrong, ...missing];
}

test('a body is JSON of at most 64 KiB', async () => {
  const suspend = own.find(({ operation }) => operation.operationId === 'suspendApp');
  assert.ok(suspend);
  if (!suspend) return;
  const body = '{"reason":"a sale"}';
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
    const answer = await ask(aShop(), suspend, { body, type });
    checkAnswer(suspend.operation, answer);
    assert.is(answer.status, 415, type);
  }
  assert.is((await ask(aShop(), suspend, { body, type: 'application/json; charset=utf-8' })).status, 200);
  const large = await ask(aShop(), suspend, { body: JSON.stringify({ reason: 'x'.repeat(70_000) }) });
  checkAnswer(suspend.operation, large);
  assert.is(large.status, 413);
});

test('no input that is made up makes a bug of ours or an answer that the document does not know', async () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('1', '0', '-1', 'true', '__proto__', '%', '../..'),
  );
  const names = [...new Set(told.flatMap(({ operation }) => operation.parameters.map(({ name }) => name)))];
  const field = fc.oneof(fc.constantFrom(...names, 'reason', 'for', 'to', 'scopes', 'name'), fc.string());
  const controller = aShop();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...own),
      fc.dictionary(field, text, { maxKeys: 4 }),
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.dictionary(field, fc.jsonValue(), { maxKeys: 4 }).map((value) => JSON.stringify(value)),
      ),
      text,
      async (one, query, body, name) => {
        // What goes on, or ends another's work, is for other tests.
        if (JSON.stringify(query).includes('follow')) return;
        const answer = await ask(controller, one, {
          query: `?${new URLSearchParams(query)}`,
          body: one.method === 'POST' ? body : undefined,
          params: { name: name === '' || name === '.' || name === '..' ? 'x' : name.toWellFormed() },
        });
        const { responses } = one.operation;
        checkAnswer({ ...one.operation, responses: { ...responses, ...anyBadRequest } }, answer);
        assert.ok(answer.status !== 500, answer.text);
      },
    ),
    { numRuns: runs(400) },
  );
});

test('what streams is as the document says', async () => {
  const logs = own.find(({ operation }) => operation.operationId === 'getAppLogs');
  if (!logs) throw new Error('no getAppLogs');
  const answer = await ask(aShop(), logs, { query: '?follow=1' });
  checkAnswer(logs.operation, answer);
  assert.is(answer.text.match(/^event: line$/gm)?.length, 2);
  const events = own.find(({ operation }) => operation.operationId === 'listEvents');
  const response = await createApi(aShop()).request('/api/v1/events?after=0', {
    headers: { accept: 'text/event-stream' },
  });
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  await reader?.cancel();
  const text = Buffer.from(value ?? []).toString();
  assert.match(text, /^id: 1\nevent: event\n/);
  const type = response.headers.get('content-type') ?? '';
  checkAnswer(events?.operation as DocumentOperation, { status: 200, type, text });
});

test('an answer that is known already is not sent again', async () => {
  const api = createApi(aShop());
  for (const { path, operation } of own.filter(({ operation }) => operation.responses['304'] !== undefined)) {
    const { operationId } = operation;
    if (['getStatus', 'getAppLogs', 'getDocs'].includes(operationId)) continue;
    const filled = path.replace('{name}', 'shop').replace('{id}', 'x');
    const one = await api.request(filled);
    if (one.status === 404) continue;
    const tag = one.headers.get('etag') ?? '';
    assert.match(tag, /^"[\w-]{22}"$/, operationId);
    for (const header of [tag, `"x", W/${tag}`, '*']) {
      const again = await api.request(filled, { headers: { 'if-none-match': header } });
      assert.equal([again.status, await again.text()], [304, ''], operationId);
    }
    assert.is((await api.request(filled, { headers: { 'if-none-match': '"other"' } })).status, 200);
  }
});

test('the page for people has every operation, its own style and no script', async () => {
  const response = await createApi(aShop()).request('/docs');
  const html = await response.text();
  for (const { operation } of told)
    assert.ok(html.includes(`id="${operation.operationId}"`), operation.operationId);
  assert.not.match(html, /<script|javascript:|src=|https?:\/\/(?!127)/);
  const policy = response.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'.*style-src 'sha256-[\w+/=]{44}'/);
  assert.not.match(policy, 'unsafe');
});

test('what must not be seen is taken out of every free text, and names stay as they are', async () => {
  const words = ['hello', 'shop', '8080', 'mouse', 'Healthy', 'Reconciled'];
  const redact = (text: string) => words.reduce((one, word) => one.replaceAll(word, '***'), text);
  const controller = Object.assign(aShop(), { redact });
  controller.history.suspend('shop', { actor: 'ann', reason: 'the mouse ate shop' });
  controller.look();
  const api = createApi(controller);
  const read = async (path: string, init?: RequestInit) =>
    (await api.request(`/api/v1/${path}`, init)).text();
  const shop = JSON.parse(await read('apps/shop'));
  assert.equal([shop.name, shop.health, shop.domains[0].host], ['shop', 'Healthy', 'shop.example.com']);
  assert.is(shop.suspended.reason, 'the *** ate ***');
  assert.is(shop.conditions[0].reason, 'Suspended');
  const routes = JSON.parse(await read('routes'));
  assert.match(routes.items[0].upstreams[0].dials, ':8080');
  assert.is(JSON.parse(await read('apps/hello')).detail, 'no app "***" in git or on this host');
  assert.not.match(await read('apps/shop/logs'), 'hello');
  const stream = await read('apps/shop/logs?follow=1');
  assert.not.match(stream, 'hello');
  assert.match(stream, /"container":"plimsoll-shop-/);
  const events = JSON.parse(await read('events?app=shop'));
  const last = events.items.at(-1);
  assert.equal([last.app, last.message], ['shop', 'suspended by ann: the *** ate ***']);
  const id = controller.history.deployments('shop', 1)[0]?.id;
  assert.not.match(await read(`deployments/${id}/logs`), /mouse|hello|8080/);
});

test.run();
