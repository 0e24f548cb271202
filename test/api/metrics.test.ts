import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../src/api/create-api.ts';
import { Metrics } from '../../src/api/metrics.ts';
import { anApp } from '../plan/worlds.ts';
import type { AController } from './a-controller.ts';
import { aShop, first, second, unreadOf } from './a-shop.ts';
import { overTcp } from './over-tcp.ts';

/** What Prometheus would read: a value for each series. */
async function series(metrics: Metrics): Promise<Map<string, number>> {
  const { text, type } = await metrics.read();
  assert.match(type, /^text\/plain; version=0\.0\.4/);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const match = /^(plimsoll_[a-z_]+(?:\{[^{}]*\})?) (\S+)$/.exec(line);
      assert.ok(match, line);
      return [match?.[1] ?? '', Number(match?.[2])];
    }),
  );
}

function has(found: ReadonlyMap<string, number>, wanted: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(wanted)) assert.equal([name, found.get(name)], [name, value]);
}

test('apps are told by their release, sync and health, with short commits', async () => {
  const controller = aShop();
  const found = await series(new Metrics(controller));
  has(found, {
    'plimsoll_app_info{app="shop",project="outer",environment="production",revision="bbbbbbbbbbbb",live_revision="bbbbbbbbbbbb"}': 1,
    'plimsoll_app_sync{app="shop",status="Synced"}': 1,
    'plimsoll_app_sync{app="shop",status="OutOfSync"}': 0,
    'plimsoll_app_health{app="cart",status="Healthy"}': 1,
    'plimsoll_app_health{app="cart",status="Degraded"}': 0,
  });
  const text = [...found.keys()].join('\n');
  assert.not.match(text, first);
  assert.not.match(text, second);
});

test('containers are measured by place', async () => {
  has(await series(new Metrics(aShop())), {
    'plimsoll_container_cpu_seconds_total{app="shop",replica="1"}': 12.5,
    'plimsoll_container_memory_bytes{app="shop",replica="0"}': 50 * 1024 * 1024,
    'plimsoll_container_network_bytes_total{app="cart",replica="0",direction="received"}': 2048,
    'plimsoll_container_network_bytes_total{app="cart",replica="0",direction="sent"}': 1024,
    'plimsoll_container_restarts_total{app="cart",replica="0"}': 0,
  });
});

test('a container that cannot be measured has no series, the others have theirs', async () => {
  const controller = aShop();
  const { stats } = controller.machine;
  const broken = controller.host.world.observed.containers.find(({ app }) => app === 'cart')?.id;
  controller.machine.stats = async (id) => {
    if (id === broken) throw new Error('it is gone');
    return stats.call(controller.machine, id);
  };
  const found = await series(new Metrics(controller));
  assert.is(found.get('plimsoll_container_cpu_seconds_total{app="cart",replica="0"}'), undefined);
  assert.is(found.get('plimsoll_container_restarts_total{app="cart",replica="0"}'), 0);
  assert.is(found.get('plimsoll_container_cpu_seconds_total{app="shop",replica="0"}'), 12.5);
});

test('a container that the engine does not tell about keeps nobody who wants metrics waiting', async () => {
  const controller = aShop();
  const untold = unreadOf(controller, 'cart');
  const { stats } = controller.machine;
  controller.machine.stats = (id) =>
    id === untold ? new Promise(() => undefined) : stats.call(controller.machine, id);
  const found = await series(new Metrics(controller));
  assert.is(found.get('plimsoll_container_cpu_seconds_total{app="cart",replica="0"}'), undefined);
  assert.is(found.get('plimsoll_container_cpu_seconds_total{app="shop",replica="0"}'), 12.5);
});

test('deployments are counted with their result and the time they took', async () => {
  const controller = aShop();
  const metrics = new Metrics(controller);
  controller.release('c'.repeat(40), [anApp({ name: 'cart', image: 'cart:2' })]);
  const [last] = controller.history.deployments('cart', 1);
  const took = ((last?.finishedAt ?? 0) - (last?.startedAt ?? 0)) / 1000;
  assert.ok(took > 0, String(took));
  has(await series(metrics), {
    'plimsoll_deployments_total{app="cart",result="Succeeded"}': 1,
    'plimsoll_deployment_duration_seconds_count{app="cart"}': 1,
    'plimsoll_deployment_duration_seconds_sum{app="cart"}': took,
    'plimsoll_deployment_duration_seconds_bucket{app="cart",le="+Inf"}': 1,
    'plimsoll_deployment_duration_seconds_bucket{app="cart",le="1"}': took <= 1 ? 1 : 0,
  });
});

test('what was counted before anybody asked is there, in the right buckets', async () => {
  const metrics = new Metrics(aShop());
  for (const milliseconds of [1, 5, 6, 30_000])
    metrics.requested({ method: 'GET', route: '/api/v1/apps/{name}', status: 200, milliseconds });
  metrics.requested({ method: 'BREW', route: '', status: 404, milliseconds: 1 });
  metrics.attempted({ app: 'shop', ok: true, milliseconds: 2 });
  metrics.attempted({ app: 'shop', ok: false, milliseconds: 3_000 });
  metrics.webhook('github', 'accepted');
  metrics.webhook('github', 'accepted');
  const labels = 'method="GET",route="/api/v1/apps/{name}",status="200"';
  const found = (await metrics.read()).text;
  for (const line of [
    `plimsoll_http_request_duration_seconds_bucket{${labels},le="0.005"} 2`,
    `plimsoll_http_request_duration_seconds_bucket{${labels},le="0.01"} 3`,
    `plimsoll_http_request_duration_seconds_bucket{${labels},le="10"} 3`,
    `plimsoll_http_request_duration_seconds_bucket{${labels},le="+Inf"} 4`,
    `plimsoll_http_request_duration_seconds_count{${labels}} 4`,
    'plimsoll_http_request_duration_seconds_count{method="other",route="",status="404"} 1',
    'plimsoll_probe_attempts_total{app="shop",result="ok"} 1',
    'plimsoll_probe_attempts_total{app="shop",result="failed"} 1',
    'plimsoll_probe_duration_seconds_bucket{app="shop",result="failed",le="2.5"} 0',
    'plimsoll_webhooks_total{provider="github",outcome="accepted"} 2',
    '# TYPE plimsoll_http_request_duration_seconds histogram',
    '# TYPE plimsoll_deployments_total counter',
  ])
    assert.ok(found.split('\n').includes(line), `${line}\n${found}`);
});

test('looks and the process itself are counted', async () => {
  const controller = aShop();
  const metrics = new Metrics(controller);
  controller.look();
  controller.look();
  const found = await series(metrics);
  assert.is(found.get('plimsoll_look_duration_seconds_count'), 2);
  assert.is(found.get(`plimsoll_build_info{version="1.2.3",node="${process.version}"}`), 1);
  for (const name of ['resident_memory_bytes', 'cpu_seconds_total', 'heap_bytes', 'open_fds'])
    assert.ok((found.get(`plimsoll_process_${name}`) ?? 0) > 0, name);
});

test('series of an app that is gone go with it, and counting twice counts once', async () => {
  const controller = aShop();
  const metrics = new Metrics(controller);
  metrics.attempted({ app: 'shop', ok: true, milliseconds: 2 });
  assert.is((await series(metrics)).get('plimsoll_probe_attempts_total{app="shop",result="ok"}'), 1);
  assert.is((await series(metrics)).get('plimsoll_probe_attempts_total{app="shop",result="ok"}'), 1);
  controller.host.commit('c'.repeat(40), [anApp({ name: 'cart', image: 'cart:1' })]);
  controller.settle();
  assert.equal(
    controller.loop.status.plan?.apps.map(({ app }) => app),
    ['cart'],
  );
  controller.host.tick(3_000);
  const left = [...(await series(metrics)).keys()].filter((name) => name.includes('app="shop"'));
  assert.equal(left, []);
});

test('requests are counted by the pattern of their path, also refused ones, and nobody makes up series', () =>
  overTcp(aShop(), async (server) => {
    const token = server.token(['read']);
    for (let index = 0; index < 20; index += 1) {
      await server.ask(`/api/v1/apps/app-${index}`, { token });
      await server.ask(`/nothing/${index}`, { token });
    }
    await server.ask('/api/v1/apps/shop');
    const { text, headers } = await server.ask('/metrics', { token });
    assert.match(headers['content-type'] ?? '', 'text/plain; version=0.0.4');
    const counts = text.split('\n').filter((line) => line.includes('request_duration_seconds_count'));
    assert.equal(counts.sort(), [
      'plimsoll_http_request_duration_seconds_count{method="GET",route="",status="404"} 20',
      'plimsoll_http_request_duration_seconds_count{method="GET",route="/api/v1/apps/{name}",status="401"} 1',
      'plimsoll_http_request_duration_seconds_count{method="GET",route="/api/v1/apps/{name}",status="404"} 20',
    ]);
  }));

test('metrics need the scope read, and a token that is limited to some apps may not', () =>
  overTcp(aShop(), async (server) => {
    const codeOf = async (token?: string) =>
      (await server.ask('/metrics', token === undefined ? {} : { token })).body?.code;
    assert.is(await codeOf(), 'NoToken');
    assert.is(await codeOf(server.token(['logs'])), 'InsufficientScope');
    assert.is(await codeOf(server.token(['read'], { project: 'outer' })), 'LimitedToken');
    assert.is(await codeOf(server.token(['read'])), undefined);
  }));

test('the library is not loaded before somebody asks', async () => {
  const { execFileSync } = await import('node:child_process');
  const script = `
    const { aShop } = await import('./test/api/a-shop.ts');
    const { Metrics } = await import('./src/api/metrics.ts');
    const { createRequire } = await import('node:module');
    const cached = () => Object.keys(createRequire(import.meta.url).cache).some((name) => name.includes('/prom-client/'));
    const controller = aShop();
    const metrics = new Metrics(controller);
    metrics.webhook('github', 'accepted');
    controller.look();
    const before = cached();
    await metrics.read();
    console.log(JSON.stringify([before, cached()]));`;
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  assert.equal(JSON.parse(out), [false, true]);
});

test('without an engine apps are still told, as unknown', async () => {
  const controller: AController = aShop();
  const { EdgeError } = await import('../../src/apply/ports.ts');
  controller.look({ engineError: new EdgeError('unreachable', 'EngineUnreachable', 'refused') });
  const response = await createApi(controller).request('/metrics');
  assert.is(response.status, 200);
  assert.match(await response.text(), 'plimsoll_app_health{app="shop",status="Unknown"} 1');
});

test.run();
