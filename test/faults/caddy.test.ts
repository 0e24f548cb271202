import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import type { Fault } from './fault-socket.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { nextRelease, operations, strikeAt } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });

/** What can be done to Caddy from outside, whatever the controller is about. */
const damages: Readonly<Record<string, (stage: Stage) => Promise<unknown>>> = {
  'killed and started with nothing': async ({ host: { caddy } }) => {
    await caddy.kill();
    await caddy.run();
  },
  emptied: ({ host: { caddy } }) =>
    caddy.askAdmin('/load', JSON.stringify({ admin: { listen: `127.0.0.1:${caddy.adminPort}` } })),
  edited: async ({ host: { caddy } }) => {
    const name = await serverOf(caddy);
    await caddy.askAdmin(`/config/apps/http/servers/${name}/routes/0`, undefined, 'DELETE');
  },
  'given a foreign route': async ({ host: { caddy } }) => {
    const name = await serverOf(caddy);
    const route = { match: [{ host: ['nobody.test'] }], handle: [{ handler: 'static_response', body: 'x' }] };
    await caddy.askAdmin(`/config/apps/http/servers/${name}/routes/0`, JSON.stringify(route), 'PUT');
  },
};

type Admin = Stage['host']['caddy'];

/** The server that listens for the apps. */
async function serverOf(caddy: Admin): Promise<string> {
  const { body } = await caddy.askAdmin('/config/apps/http/servers');
  const servers = Object.entries(JSON.parse(body) as Record<string, unknown>);
  const [name] = servers.find(([, server]) => JSON.stringify(server).includes('api.test')) ?? [];
  if (name === undefined) throw new Error(`no server of ours: ${body}`);
  return name;
}

faultTest(
  {
    kind: 'Caddy damaged',
    name: 'a Caddy that is killed, emptied or edited in any step of a rollout serves again as it should',
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    const before = stage.ledger.mutations.length;
    await expectHolds(stage, operations.update.begin(stage));
    const calls = stage.ledger.mutations.length - before;
    const all = Object.keys(damages).flatMap((what) =>
      Array.from({ length: calls }, (_, index) => ({ what, at: index + 1 })),
    );
    const chosen = sample(all, isLong ? 20 : 1, seeded('caddy'));
    say(`Caddy damaged in an update: ${chosen.length} of ${all.length} points, seed ${seed}`);
    for (const { what, at } of chosen) {
      let damaged: Promise<unknown> | undefined;
      const { expected } = await strikeAt(stage, { name: 'update', at }, () => {
        damaged = damages[what]?.(stage);
        return undefined;
      });
      await damaged;
      await expectHolds(stage, { ...expected, gaps: true }).catch((error: Error) => {
        error.message = `${what} at call ${at}: ${error.message}`;
        throw error;
      });
    }
  },
);

faultTest(
  {
    kind: 'Caddy gone',
    name: 'while Caddy is away nothing is claimed of what it serves, and no container is touched for it',
  },
  async (stage) => {
    const { host } = stage;
    await beginWith(stage, { ...base, ...shop() });
    const ids = await host.ids();
    await host.caddy.kill();
    stage.injected += 1;
    await until('it is noticed', async () => {
      const { body } = await host.ask('GET', '/api/v1/status');
      return (body as { proxy: { state: string } }).proxy.state === 'unreachable';
    });
    const noticed = Date.now();
    // Another look would be one more chance to say something wrong.
    await host.ask('POST', '/api/v1/reconcile', {});
    await until('it is asked again', () => stage.sampler.since(noticed, 'shop').length > 5);
    for (const { sync } of stage.sampler.since(noticed, 'shop')) assert.is(sync, 'Unknown');
    assert.equal(await host.ids(), ids);
    await host.caddy.run();
    await expectHolds(stage, { revision: [...stage.commits.keys()].at(-1) ?? '', gaps: true });
    assert.equal(await host.ids(), ids);
  },
);

/** How an admin API can be unwell, while Caddy serves. */
const illnesses: Readonly<Record<string, Fault>> = {
  'takes a second for each answer': { kind: 'delay', ms: 1_000 },
  'refuses to talk': { kind: 'refuse' },
  'answers 500': { kind: 'fail', status: 500 },
  'answers 500 and does it': { kind: 'fail', status: 500, carriedOut: true },
  'never answers': { kind: 'hang' },
};

for (const [illness, fault] of Object.entries(illnesses))
  faultTest(
    {
      kind: 'Caddy admin API',
      name: `an admin API that ${illness} loses no request, and what it kept back is made up for`,
      ...(illness === 'refuses to talk' ? {} : { long: true as const }),
    },
    async (stage) => {
      await beginWith(stage, { ...base, ...shop() });
      stage.follow('shop', /^shop \d+$/);
      stage.follow('api', /^api 0$/);
      stage.ledger.rule = ({ to }) => {
        if (to !== 'caddy') return undefined;
        stage.injected += 1;
        return fault;
      };
      // One that needs no load, and one that does.
      const revision = stage.commit({ ...shop(), extra: { release: '1' } });
      await until('it is noticed', () => stage.injected > 3);
      await delay(isLong ? 6_000 : 3_000);
      stage.ledger.calm();
      stage.proxy.cut();
      await expectHolds(stage, { revision, within: 90_000 });
    },
  );

test.run();
