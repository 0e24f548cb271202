import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../src/api/create-api.ts';
import { Guard } from '../../src/api/guard.ts';
import { TokenBook } from '../../src/api/token-book.ts';
import { createWebhooks, type WebhookAudit } from '../../src/webhooks/create-webhooks.ts';
import { AController } from '../api/a-controller.ts';
import { anApp, aWorld } from '../plan/worlds.ts';
import { sources, webhooks } from './a-room.ts';
import { signed } from './signing.ts';

const settings = {
  listen: '127.0.0.1:7320',
  hosts: ['hooks.example.com'],
  trustedProxies: ['192.0.2.1'],
  rateLimit: { read: 100, write: 10, webhook: 5, failedAuth: 3 },
};

/** The endpoints as a part of the API that listens for everybody. */
function createServer() {
  const port = new AController(aWorld([anApp()]));
  const tokens = new TokenBook(port.history.tokens, [], () => port.now());
  const guard = new Guard(settings, tokens, () => port.now());
  const audited: WebhookAudit[] = [];
  const hooks = createWebhooks({
    webhooks,
    deliveries: port.history.deliveries,
    sources: () => sources,
    trigger: async () => ({ look: 1, revision: 'abc' }),
    now: () => port.now(),
    address: (c) => c.get('facts').address,
    requestId: (c) => c.get('facts').requestId,
    audit: (entry) => void audited.push(entry),
  });
  const api = createApi(port, { guard, tokens, parts: [hooks] });
  const send = (body: string, headers: Readonly<Record<string, string>>) =>
    api.request(
      '/webhooks/github',
      { method: 'POST', body, headers: { host: 'hooks.example.com', ...headers } },
      { incoming: { socket: { remoteAddress: '192.0.2.1', localAddress: '192.0.2.9' } } },
    );
  return { port, send, audited };
}

const push = JSON.stringify({
  ref: 'refs/heads/main',
  repository: { clone_url: 'https://git.example.com/acme/config' },
  // More than any other body of the API may have.
  commits: 'x'.repeat(300_000),
});

test('a webhook needs no token, may be larger than other requests, and bears the address of its sender', async () => {
  const { port, send, audited } = createServer();
  const response = await send(push, { ...signed.github(push), 'x-forwarded-for': '198.51.100.7' });
  assert.is(response.status, 202);
  assert.equal(await response.json(), { id: 'd-1', status: 'accepted' });
  const [row] = port.history.deliveries.list({ limit: 1 });
  assert.is(row?.address, '198.51.100.7');
  assert.is(audited[0]?.request, response.headers.get('x-request-id'));
});

test('a refusal is a problem document with the id of its request', async () => {
  const { send } = createServer();
  const response = await send(push, {});
  assert.is(response.status, 401);
  assert.match(response.headers.get('content-type') ?? '', 'application/problem+json');
  const problem = (await response.json()) as Record<string, unknown>;
  assert.is(problem.requestId, response.headers.get('x-request-id'));
  assert.is(problem.code, 'InvalidSignature');
});

test('the rate of webhooks is limited by address, before anything is verified', async () => {
  const { port, send } = createServer();
  const statuses: number[] = [];
  for (let n = 0; n < 7; n += 1)
    statuses.push((await send(push, { 'x-forwarded-for': '198.51.100.7' })).status);
  assert.equal(statuses, [401, 401, 401, 401, 401, 429, 429]);
  const other = await send(push, { ...signed.github(push), 'x-forwarded-for': '198.51.100.8' });
  assert.is(other.status, 202);
  assert.is(port.history.deliveries.list({ limit: 1, outcome: 'refused' })[0]?.count, 5);
});

test.run();
