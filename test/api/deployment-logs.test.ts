import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../src/api/create-api.ts';
import { deploymentLines } from '../../src/api/deployment-lines.ts';
import type { DeploymentDetail } from '../../src/history/deployment-log.ts';
import { anApp, aWorld } from '../plan/worlds.ts';
import { AController } from './a-controller.ts';
import { aShop } from './a-shop.ts';

const at = Date.UTC(2026, 0, 31, 12);
const id = 'f'.repeat(64);

const failed: DeploymentDetail = {
  id: 'shop-1',
  app: 'shop',
  specHash: 'a'.repeat(64),
  revision: 'b'.repeat(40),
  cause: 'commit',
  phase: 'RolledBack',
  startedAt: at,
  finishedAt: at + 9_000,
  result: 'RolledBack',
  reason: 'NotHealthy',
  message: 'not healthy in 5s',
  steps: [
    {
      id: 1,
      app: 'shop',
      kind: 'create',
      object: 'plimsoll-shop-aaaa-0',
      reason: 'a new release',
      startedAt: at + 1_000,
      endedAt: at + 1_500,
      outcome: 'ok',
    },
    {
      id: 2,
      app: 'shop',
      kind: 'start',
      object: id,
      reason: 'it is made',
      startedAt: at + 2_000,
      endedAt: at + 3_000,
      outcome: 'transient',
      error: 'start container: \u001b[31mport taken',
    },
  ],
  evidence: [
    {
      container: id,
      exitCode: 137,
      oomKilled: true,
      attempts: [{ at: at + 4_000, ok: false, detail: 'status 500' }],
      log: ['it broke'],
    },
  ],
};

test('a deployment is told as lines, in the order of what happened', () => {
  const text = deploymentLines(failed).map(({ time, line }) => `${time?.slice(11, 23) ?? '-'} ${line}`);
  assert.equal(text, [
    `12:00:00.000 deployment of aaaaaaaaaaaa at ${'b'.repeat(40)}: commit`,
    '12:00:01.000 create plimsoll-shop-aaaa-0: a new release',
    '12:00:01.500   ok after 0.5 s',
    '12:00:02.000 start ffffffffffff: it is made',
    '12:00:03.000   transient after 1.0 s: start container: \\u001b[31mport taken',
    '- container ffffffffffff was given up: exit code 137, out of memory',
    '12:00:04.000   probe failed: status 500',
    '-   | it broke',
    '12:00:09.000 RolledBack: NotHealthy: not healthy in 5s',
  ]);
});

test('lines are only ever added at the end', () => {
  const { result: _r, finishedAt: _f, reason: _o, message: _m, ...open } = failed;
  const [create, start] = failed.steps;
  const { endedAt: _e, outcome: _c, ...begun } = create as NonNullable<typeof create>;
  const states: DeploymentDetail[] = [
    { ...open, steps: [], evidence: [] },
    { ...open, steps: [begun], evidence: [] },
    { ...open, steps: [create as NonNullable<typeof create>], evidence: [] },
    { ...open, steps: [create, start] as DeploymentDetail['steps'], evidence: [] },
    { ...open, steps: failed.steps, evidence: failed.evidence },
    failed,
  ];
  const told = states.map(deploymentLines);
  for (const [index, lines] of told.entries())
    assert.equal(lines.slice(0, told[index - 1]?.length ?? 0), told[index - 1] ?? [], String(index));
});

test('the lines of a deployment that is over are text, and a stream of them ends', async () => {
  const controller = aShop();
  const deployment = controller.history.deployments('shop', 1)[0]?.id;
  const api = createApi(controller);
  const path = `/api/v1/deployments/${deployment}/logs`;
  const text = await (await api.request(path)).text();
  assert.match(text, /^2023-\S+Z deployment of \w{12} at b{40}: commit\n/);
  assert.match(text, /Z Succeeded: Healthy: .*\n$/);
  const stream = await (await api.request(`${path}?follow=1`)).text();
  const count = text.trimEnd().split('\n').length;
  assert.is(stream.match(/^event: line$/gm)?.length, count);
  assert.match(stream, /event: end\ndata: \{\}\n\n$/);
  const rest = await (
    await api.request(`${path}?follow=1`, { headers: { 'last-event-id': String(count - 1) } })
  ).text();
  assert.is(rest.match(/^event: line$/gm)?.length, 1);
  assert.match(rest, `id: ${count}\n`);
  assert.is((await api.request('/api/v1/deployments/nope/logs?follow=1')).status, 404);
});

test('a stream goes on with each step, and ends with the deployment', async () => {
  const controller = new AController(aWorld([]));
  controller.release('a'.repeat(40), [anApp({ image: 'shop:1' })]);
  const { history } = controller;
  const now = controller.now();
  const deployment = {
    id: 'shop-x',
    specHash: 'c'.repeat(64),
    revision: 'c'.repeat(40),
    cause: 'commit' as const,
    startedAt: now,
    phase: 'Pending' as const,
  };
  history.record('shop', [{ kind: 'open', deployment }], now);
  const response = await createApi(controller).request('/api/v1/deployments/shop-x/logs?follow=1');
  const reader = response.body?.getReader();
  assert.ok(reader);
  if (!reader) return;
  let text = '';
  const until = async (what: string) => {
    const late = setTimeout(() => void reader.cancel(), 10_000);
    while (!text.includes(what)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the stream ended without ${what}: ${text}`);
      text += Buffer.from(value).toString();
    }
    clearTimeout(late);
  };
  await until('deployment of cccccccccccc');
  const step = { kind: 'start', container: 'x', reason: 'it is made', traffic: 'none' } as const;
  const row = history.begin('shop', step as never, 'shop-x');
  controller.progress('shop', 'start x');
  await until('start x: it is made');
  history.end(row, { kind: 'ok' }, now + 500);
  controller.look();
  await until('ok after ');
  history.record(
    'shop',
    [
      {
        kind: 'close',
        deployment: 'shop-x',
        result: 'Failed',
        reason: 'Broke',
        message: 'it broke',
        evidence: [],
      },
    ],
    now + 1_000,
  );
  controller.look();
  await until('event: end');
  assert.match(text, 'Failed: Broke: it broke');
  assert.is((await reader.read()).done, true);
});

test.run();
