import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../src/api/create-api.ts';
import { Metrics } from '../../src/api/metrics.ts';
import { plainHealth } from '../../src/api/plain-health.ts';
import { serveSocket, serveTcp } from '../../src/api/serve.ts';
import { EdgeError } from '../../src/apply/ports.ts';
import type { AController } from './a-controller.ts';
import { aShop } from './a-shop.ts';
import { ask } from './over-tcp.ts';

/** The paths that came to the API, as it is served with the plain answers before it. */
async function served(
  controller: AController,
  work: (port: number, asked: string[], metrics: Metrics) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const metrics = new Metrics(controller);
  const api = createApi(controller, { metrics });
  const app = {
    fetch: (one: Request, env: object) => {
      asked.push(`${one.method} ${new URL(one.url).pathname}`);
      return api.fetch(one, env);
    },
  };
  const serving = await serveTcp(app, '127.0.0.1', 0, plainHealth(controller, metrics));
  try {
    await work(serving.port, asked, metrics);
  } finally {
    await serving.close();
  }
}

test('a monitor is answered without the API, with what the API answers', () =>
  served(aShop(), async (port, asked) => {
    for (const path of ['/healthz', '/readyz']) {
      const plain = await ask(port, path);
      assert.equal(asked, [], path);
      // Who names his request is answered by the API.
      const judged = await ask(port, path, { headers: { 'x-request-id': 'of-the-test' } });
      assert.equal(asked.splice(0), [`GET ${path}`]);
      assert.equal([plain.status, plain.body], [judged.status, judged.body]);
      const told = (headers: Readonly<Record<string, string>>) =>
        Object.entries(headers).filter(([name]) => name !== 'x-request-id' && name !== 'date');
      assert.equal(told(plain.headers).sort(), told(judged.headers).sort());
      assert.match(plain.headers['x-request-id'] ?? '', /^[\w-]{36}$/);
    }
  }));

test('what fails is told with 503', () => {
  const controller = aShop();
  controller.look({ engineError: new EdgeError('unreachable', 'EngineUnreachable', 'refused') });
  return served(controller, async (port, asked) => {
    const { status, body } = await ask(port, '/readyz');
    assert.equal([status, body.checks.engine.message, asked], [503, 'refused', []]);
  });
});

test('every other request is for the API', () =>
  served(aShop(), async (port, asked) => {
    await ask(port, '/readyz', { method: 'HEAD' });
    await ask(port, '/readyz?verbose');
    await ask(port, '/readyz/');
    await ask(port, '/healthz', { method: 'POST' });
    await ask(port, '/healthz', { headers: { host: 'evil.example.com' } });
    const expected = ['HEAD /readyz', 'GET /readyz', 'GET /readyz/', 'POST /healthz', 'GET /healthz'];
    assert.equal(asked, expected);
  }));

test('answers are counted with the others', () =>
  served(aShop(), async (port, _asked, metrics) => {
    await ask(port, '/readyz');
    const { text: told } = await metrics.read();
    assert.match(told, /^\S+\{[^}]*route="\/readyz"[^}]*status="200"[^}]*\} 1$/m);
  }));

test('on the socket the name by which we are called says nothing', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'plimsoll-health-'));
  const controller = aShop();
  const path = join(dir, 'plimsoll.sock');
  const refuse = { fetch: () => new Response('the API', { status: 500 }) };
  const serving = await serveSocket(refuse, path, plainHealth(controller, new Metrics(controller)));
  try {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    request({ socketPath: path, path: '/healthz', headers: { host: 'any' } }, (answer) => {
      text(answer).then(resolve, reject);
    })
      .on('error', reject)
      .end();
    assert.is(await promise, '{"status":"ok"}');
  } finally {
    await serving.close();
    await rm(dir, { recursive: true });
  }
});

test.run();
