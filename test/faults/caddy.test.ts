import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Pebble, pebbleProblem } from '../caddy/pebble.ts';
import { until } from '../caddy/real-caddy.ts';
import { damages } from './damages.ts';
import type { Fault } from './fault-socket.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { nextRelease, operations, strikeAt } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { plain, type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });

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
    // A look without news does not ask Caddy: it is watched, every two seconds.
    stage.sampler.grace = 5_000;
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
      await expectHolds(stage, { revision });
    },
  );

let pebble: Pebble | undefined;

faultTest(
  {
    kind: 'ACME fails',
    name: 'while no certificate can be had that is said of its app alone, everything serves, and it comes when it can',
    long: true,
    unless: pebbleProblem(),
    config: async (stage) => {
      const ca = await Pebble.prepare(stage.host.caddy);
      stage.host.endsWith(() => ca.close());
      pebble = ca;
      return { caddy: { ...stage.caddySettings, acme: ca.acme } };
    },
  },
  async (stage) => {
    const { host } = stage;
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api 0$/);
    const ids = await host.ids('api');
    /** What a certificate authority does, in turn; the last one only lacks the names. */
    const illnesses: Readonly<Record<string, () => unknown>> = {
      'is not there': () => undefined,
      'answers 500': () => pebble?.runIll(),
      'refuses everybody': () => pebble?.runCa(),
    };
    const secured: string[] = [];
    for (const [illness, fall] of Object.entries(illnesses)) {
      await fall();
      stage.injected += 1;
      const app = `secure${secured.length}`;
      secured.push(app);
      const revision = stage.commit({ [app]: { release: '1', spec: secure(app) } });
      await expectHolds(stage, { revision }).catch((error: Error) => {
        error.message = `the CA ${illness}: ${error.message}`;
        throw error;
      });
      const isSaid = async () => (await certificateOf(stage, app)) === 'False Missing';
      await until(`it is said that the CA ${illness}`, isSaid);
      assert.is((await host.caddy.http({ host: tlsHost(app) })).status, 308, 'it waits for its certificate');
    }
    const updated = stage.commit(shop());
    await expectHolds(stage, { revision: updated });
    assert.equal(await host.ids('api'), ids, 'nobody else restarts');
    await pebble?.runNames();
    for (const app of secured) {
      // Caddy tries again after one minute, two, and two more.
      await until(
        `${app} has its certificate`,
        async () => (await certificateOf(stage, app)) === 'True Valid',
        8 * 60_000,
      );
      assert.is((await host.caddy.https({ host: tlsHost(app) })).body.trim(), `${app} 1`);
    }
    await expectHolds(stage, { revision: updated });
  },
);

const tlsHost = (app: string) => `${app}-tls.test`;

/** With one name that needs no certificate, and one that does. */
function secure(app: string): object {
  const domains = [
    { host: `${app}.test`, tls: 'off' },
    { host: tlsHost(app), tls: 'auto' },
  ];
  return { ...plain, domains };
}

async function certificateOf({ host }: Stage, app: string): Promise<string> {
  const { conditions } = await host.app(app);
  const found = conditions.find(({ type }) => type === 'CertificateReady');
  return `${found?.status} ${found?.reason}`;
}

test.run();
