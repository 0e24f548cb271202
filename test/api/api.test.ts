import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../src/api/create-api.ts';
import { EdgeError } from '../../src/apply/ports.ts';
import { aDomain, anApp, aWorld } from '../plan/worlds.ts';
import { AController } from './a-controller.ts';
import type { Said } from './said.ts';

const first = 'a'.repeat(40);
const second = 'b'.repeat(40);

/** `shop` at its second release, one domain, two replicas. */
function aShop(): AController {
  const controller = new AController(aWorld([]));
  const shop = { domains: [aDomain('shop.example.com')], replicas: 2, labels: { team: 'web' } };
  controller.release(first, [anApp({ ...shop, image: 'shop:1' })]);
  controller.release(second, [anApp({ ...shop, image: 'shop:2' })]);
  return controller;
}

type Answer = { status: number; type: string; body: Said; text: string };

async function ask(controller: AController, path: string, init?: RequestInit): Promise<Answer> {
  const response = await createApi(controller).request(path, init);
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, text, body: type.includes('json') ? JSON.parse(text) : undefined };
}

function post(controller: AController, path: string, body: unknown = {}): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'plimsoll-actor': 'ann' };
  return ask(controller, path, { method: 'POST', headers, body: JSON.stringify(body) });
}

test('the status tells of the host and says that it has converged', async () => {
  const { status, body } = await ask(aShop(), '/api/v1/status');
  assert.is(status, 200);
  assert.is(body.version, '1.2.3');
  assert.is(body.revision, second);
  assert.is(body.converged, true);
  assert.equal(body.counts, {
    apps: 1,
    ready: 1,
    sync: { Synced: 1 },
    health: { Healthy: 1 },
    containers: 2,
    foreign: 0,
  });
  assert.is(body.engineError, null);
  assert.equal(body.proxy, { state: 'running', message: null });
});

test('a list of apps has the three axes, revisions, conditions with times and no error', async () => {
  const { body } = await ask(aShop(), '/api/v1/apps');
  assert.is(body.next, null);
  const [shop] = body.items;
  assert.is(shop.name, 'shop');
  assert.equal([shop.sync, shop.health, shop.operation], ['Synced', 'Healthy', 'Succeeded']);
  assert.equal([shop.revision, shop.liveRevision, shop.error], [second, second, null]);
  assert.equal(shop.replicas, { desired: 2, ready: 2 });
  const ready = shop.conditions.find(({ type }: { type: string }) => type === 'Ready');
  assert.is(ready.status, 'True');
  assert.ok(Date.parse(ready.lastTransitionTime) > 0);
});

test('lists page by cursor', async () => {
  const controller = new AController(aWorld([]));
  controller.release(first, [anApp({ name: 'cart' }), anApp({ name: 'shop' }), anApp({ name: 'web' })]);
  const page = await ask(controller, '/api/v1/apps?limit=2');
  assert.equal(
    page.body.items.map(({ name }: { name: string }) => name),
    ['cart', 'shop'],
  );
  const rest = await ask(controller, `/api/v1/apps?limit=2&cursor=${page.body.next}`);
  assert.equal(
    rest.body.items.map(({ name }: { name: string }) => name),
    ['web'],
  );
  assert.is(rest.body.next, null);
});

test('an app has its containers with their standing, and its domains', async () => {
  const { body } = await ask(aShop(), '/api/v1/apps/shop');
  assert.equal(
    body.containers.map(({ replica, image, standing, state, health, restarts }: Record<string, unknown>) => ({
      replica,
      image,
      standing,
      state,
      health,
      restarts,
    })),
    [0, 1].map((replica) => ({
      replica,
      image: 'shop:2',
      standing: 'current',
      state: 'running',
      health: 'healthy',
      restarts: 0,
    })),
  );
  assert.equal(body.domains, [{ host: 'shop.example.com', path: '/', tls: 'off', redirectFrom: [] }]);
});

test('an unknown app is a problem that says which one was probably meant', async () => {
  const { status, type, body } = await ask(aShop(), '/api/v1/apps/shpo');
  assert.is(status, 404);
  assert.is(type, 'application/problem+json');
  const { requestId, ...problem } = body;
  assert.match(requestId, /^[\w-]{36}$/);
  assert.equal(problem, {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'no app "shpo" in git or on this host',
    code: 'UnknownApp',
    hint: 'did you mean shop?',
  });
});

test('control characters in a name come back escaped', async () => {
  const { body } = await ask(aShop(), `/api/v1/apps/${encodeURIComponent('\u001b[31mshop\u202e')}`);
  assert.is(body.detail, 'no app "\\u001b[31mshop\\u202e" in git or on this host');
});

test('an unknown path and a wrong method are problems', async () => {
  const controller = aShop();
  assert.is((await ask(controller, '/api/v1/nothing')).status, 404);
  assert.is((await ask(controller, '/nothing')).body.code, 'UnknownPath');
  assert.is((await post(controller, '/api/v1/apps')).status, 405);
  assert.is((await ask(controller, '/api/v1/apps/shop/suspend')).status, 405);
});

test('a diff lists fields and steps', async () => {
  const controller = aShop();
  controller.host.commit('c'.repeat(40), [anApp({ image: 'shop:3', replicas: 2 })]);
  controller.look();
  const { body } = await ask(controller, '/api/v1/apps/shop/diff');
  assert.is(body.sync, 'OutOfSync');
  assert.is(body.cause, 'commit');
  assert.ok(body.differences.some(({ path }: { path: string }) => path === 'spec.image'));
  assert.ok(body.steps.length > 0);
});

test('deployments are listed newest first, and one has its steps', async () => {
  const controller = aShop();
  const { body } = await ask(controller, '/api/v1/apps/shop/deployments');
  assert.equal(
    body.items.map(({ revision, result }: Record<string, unknown>) => [revision, result]),
    [
      [second, 'Succeeded'],
      [first, 'Succeeded'],
    ],
  );
  const one = await ask(controller, `/api/v1/deployments/${encodeURIComponent(body.items[0].id)}`);
  assert.is(one.body.id, body.items[0].id);
  assert.ok(Array.isArray(one.body.steps));
  assert.is((await ask(controller, '/api/v1/deployments/none')).status, 404);
});

test('routes say which address each replica is dialled at', async () => {
  const { body } = await ask(aShop(), '/api/v1/routes');
  assert.is(body.items[0].host, 'shop.example.com');
  assert.is(body.items[0].upstreams.length, 2);
  assert.match(body.items[0].upstreams[0].dials, /^10\.210\.\d+\.\d+:8080$/);
});

test('containers, networks, volumes, images and revisions are lists', async () => {
  const controller = aShop();
  controller.history.revision(second, 0, controller.now());
  for (const list of ['containers', 'networks', 'images', 'revisions']) {
    const { status, body } = await ask(controller, `/api/v1/${list}`);
    assert.is(status, 200, list);
    assert.ok(body.items.length > 0, list);
  }
  assert.equal((await ask(controller, '/api/v1/volumes')).body, { items: [], next: null });
});

test('without an engine the apps are Unknown, not gone, and lists of the host are unavailable', async () => {
  const controller = aShop();
  controller.look({
    engineError: new EdgeError('unreachable', 'EngineUnreachable', 'list containers: refused'),
  });
  const { body } = await ask(controller, '/api/v1/apps');
  assert.equal(
    [body.items[0].name, body.items[0].sync, body.items[0].health, body.items[0].error],
    ['shop', 'Unknown', 'Unknown', 'list containers: refused'],
  );
  const list = await ask(controller, '/api/v1/containers');
  assert.equal([list.status, list.body.code], [503, 'EngineUnreachable']);
});

test('healthz lives without an engine, readyz does not', async () => {
  const controller = aShop();
  const health = createApi(controller);
  assert.is((await health.request('/readyz')).status, 200);
  controller.look({ engineError: new EdgeError('unreachable', 'EngineUnreachable', 'refused') });
  assert.is((await health.request('/healthz')).status, 200);
  const ready = await health.request('/readyz');
  assert.is(ready.status, 503);
  const { status, checks } = (await ready.json()) as { status: string; checks: Record<string, unknown> };
  assert.is(status, 'failing');
  assert.equal(checks.engine, { status: 'failing', message: 'refused' });
});

test('reconcile looks first and then answers', async () => {
  const controller = aShop();
  const before = controller.loop.status.look;
  const { body } = await post(controller, '/api/v1/reconcile', { app: 'shop' });
  assert.is(body.converged, true);
  assert.ok(body.look > before);
  assert.equal(
    body.apps.map(({ name }: { name: string }) => name),
    ['shop'],
  );
});

test('reconcile with retry lifts a quarantine', async () => {
  const controller = new AController(aWorld([]), (image) =>
    image === 'shop:2' ? 'never healthy' : 'healthy',
  );
  controller.release(first, [anApp({ image: 'shop:1' })]);
  controller.release(second, [anApp({ image: 'shop:2' })]);
  assert.ok(controller.history.memory().apps.shop?.quarantine);
  const { body } = await post(controller, '/api/v1/reconcile', { retry: true });
  assert.is(body.converged, false);
  assert.is(controller.history.memory().apps.shop?.quarantine, undefined);
});

test('suspend needs a reason, keeps its actor and ends by itself; resume lifts it', async () => {
  const controller = aShop();
  const refused = await post(controller, '/api/v1/apps/shop/suspend');
  assert.equal([refused.status, refused.body.detail], [400, 'field reason is missing']);
  await post(controller, '/api/v1/apps/shop/suspend', { reason: 'a sale', for: '2h' });
  assert.equal(controller.history.memory().apps.shop?.suspended, {
    actor: 'ann',
    reason: 'a sale',
    until: controller.now() + 7_200_000,
  });
  assert.equal((await post(controller, '/api/v1/apps/shop/resume')).body, {
    app: 'shop',
    resumed: true,
    unpinned: false,
    manifestSuspends: false,
  });
  assert.is(controller.history.memory().apps.shop?.suspended, undefined);
  assert.equal(controller.triggers, ['suspend', 'resume']);
});

test('a rollback pins the release before and says how to make it permanent; the loop goes there', async () => {
  const controller = aShop();
  const { status, body } = await post(controller, '/api/v1/apps/shop/rollback');
  assert.is(status, 200);
  assert.is(body.release.revision, first);
  assert.match(body.hint, `git revert ${second}`);
  controller.settle();
  const { body: shop } = await ask(controller, '/api/v1/apps/shop');
  assert.equal(
    shop.containers.map(({ image }: { image: string }) => image),
    ['shop:1', 'shop:1'],
  );
  assert.equal(shop.pinned, { actor: 'ann', revision: first });
  await post(controller, '/api/v1/apps/shop/resume');
  controller.settle();
  assert.is((await ask(controller, '/api/v1/apps/shop')).body.containers[0].image, 'shop:2');
});

test('a rollback finds a release by the beginning of its revision, and refuses what is not there', async () => {
  const controller = aShop();
  const refusal = async (to: string) => {
    const { status, body } = await post(controller, '/api/v1/apps/shop/rollback', { to });
    return [status, body.code];
  };
  assert.equal(await refusal('ffff'), [404, 'UnknownRelease']);
  assert.equal(await refusal(second.slice(0, 8)), [409, 'AlreadyServing']);
  assert.is(controller.history.memory().apps.shop?.pin, undefined);
  const { body } = await post(controller, '/api/v1/apps/shop/rollback', { to: first.slice(0, 8) });
  assert.is(body.release.revision, first);
});

test('an app with one release has none to go back to', async () => {
  const controller = new AController(aWorld([]));
  controller.release(first, [anApp()]);
  const { status, body } = await post(controller, '/api/v1/apps/shop/rollback');
  assert.equal([status, body.code], [409, 'NoEarlierRelease']);
});

test('approve lets a manual rollout go on', async () => {
  const manual = { ...anApp().deploy, approval: 'manual' as const };
  const controller = new AController(aWorld([]));
  controller.release(first, [anApp({ deploy: manual })]);
  assert.is(controller.host.world.observed.containers.length, 0);
  const { body } = await post(controller, '/api/v1/apps/shop/approve');
  assert.is(body.approved, 'rollout');
  controller.settle();
  assert.is((await ask(controller, '/api/v1/apps/shop')).body.health, 'Healthy');
});

test('approve-prune is refused when nothing is held, and releases what is', async () => {
  const controller = aShop();
  assert.is((await post(controller, '/api/v1/approve-prune')).body.code, 'NothingHeld');
  controller.release('c'.repeat(40), []);
  assert.is(controller.host.world.observed.containers.length, 2);
  const { body } = await post(controller, '/api/v1/approve-prune');
  assert.equal(body, { revision: 'c'.repeat(40), apps: ['shop'] });
  controller.settle();
  assert.is(controller.host.world.observed.containers.length, 0);
});

test('a restart replaces the running containers, or the one of a replica', async () => {
  const shop = aShop();
  const all = await post(shop, '/api/v1/apps/shop/restart');
  assert.equal([all.status, all.body.replicas], [200, [0, 1]]);
  const { actor, containers } = shop.history.memory().apps.shop?.restart ?? {};
  assert.equal([actor, containers?.length], ['ann', 2]);
  const none = await post(shop, '/api/v1/apps/shop/restart', { replica: 7 });
  assert.equal([none.status, none.body.code], [409, 'NothingRuns']);
});

const badBodies: readonly (readonly [string, number, string])[] = [
  ['{', 400, 'the body is no JSON'],
  ['[]', 400, 'the body is a list, not a JSON object'],
  ['{"resaon": "x"}', 400, 'unknown field "resaon"'],
  ['{"__proto__": {"reason": "x"}}', 400, 'unknown field "__proto__"'],
  ['{"reason": 7}', 400, 'field reason is 7, expected text of 1 to 500 characters'],
  ['{"reason": "x", "for": "soon"}', 400, 'field for is "soon", expected a duration such as "2h"'],
  [JSON.stringify({ reason: 'x'.repeat(70_000) }), 413, 'the body is larger than 64 KiB'],
];
for (const [body, status, detail] of badBodies)
  test(`the body ${body.slice(0, 40)} is refused`, async () => {
    const controller = aShop();
    const answer = await ask(controller, '/api/v1/apps/shop/suspend', {
      method: 'POST',
      headers: { 'content-length': String(body.length), 'content-type': 'application/json' },
      body,
    });
    assert.equal([answer.status, answer.body.detail], [status, detail]);
    assert.is(controller.history.memory().apps.shop?.suspended, undefined);
  });

test('logs of several replicas are sorted into one by their times', async () => {
  const controller = aShop();
  const [one, two] = controller.host.world.observed.containers;
  controller.written.set(one?.id ?? '', ['2026-01-01T00:00:01Z a', '2026-01-01T00:00:03Z c \u001b[2J']);
  controller.written.set(two?.id ?? '', ['2026-01-01T00:00:02Z b']);
  const { text, type } = await ask(controller, '/api/v1/apps/shop/logs');
  assert.match(type, 'text/plain');
  assert.is(text, '0 | a\n1 | b\n0 | c \\u001b[2J\n');
  assert.is(
    (await ask(controller, '/api/v1/apps/shop/logs?replica=1&timestamps=1')).text,
    '2026-01-01T00:00:02Z b\n',
  );
  assert.is((await ask(controller, '/api/v1/apps/shop/logs?replica=0&tail=1')).text, 'c \\u001b[2J\n');
  assert.is((await ask(controller, '/api/v1/apps/shop/logs?previous=1')).body.code, 'NoContainer');
  assert.is((await ask(controller, '/api/v1/apps/shop/logs?tail=x')).status, 400);
  assert.is((await ask(controller, '/api/v1/apps/shop/logs?since=soon')).status, 400);
});

test('followed logs are events, and say when they end', async () => {
  const controller = aShop();
  const [one] = controller.host.world.observed.containers;
  controller.written.set(one?.id ?? '', ['2026-01-01T00:00:01Z hello']);
  const { text, type } = await ask(controller, '/api/v1/apps/shop/logs?follow=1');
  assert.match(type, 'text/event-stream');
  assert.match(text, /event: line\ndata: \{.*"line":"hello".*"replica":0/);
  assert.match(text, 'event: end');
});

test('events are a list, and a stream that goes on where it was left', async () => {
  const controller = aShop();
  const { body } = await ask(controller, '/api/v1/events?app=shop');
  assert.ok(body.items.some(({ type }: { type: string }) => type === 'Deployed'));
  const last = body.items.at(-1).id;
  const response = await createApi(controller).request('/api/v1/events', {
    headers: { accept: 'text/event-stream', 'last-event-id': String(last) },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  try {
    controller.history.suspend('shop', { actor: 'ann', reason: 'a sale' });
    const { value } = (await reader?.read()) ?? {};
    assert.match(value ?? '', new RegExp(`id: ${last + 1}\n`));
    assert.match(value ?? '', 'suspended by ann: a sale');
  } finally {
    await reader?.cancel();
  }
});

test.run();
