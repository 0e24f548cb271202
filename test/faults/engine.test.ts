import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { image } from '../e2e/host.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { illnesses } from './illnesses.ts';
import { nextRelease, type OperationName, operations } from './operations.ts';
import { beginWith, expectHolds, lastSteps } from './oracle.ts';
import { seed, seeded } from './seeded.ts';
import { plain, type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' } };
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });

for (const [illness, judge] of Object.entries(illnesses))
  faultTest(
    {
      kind: `engine ${illness}`,
      name: `with an engine that ${illness} everything is done all the same, and nothing twice`,
      ...(illness === 'answers 500 to one call in ten' ? {} : { long: true as const }),
    },
    async (stage) => {
      await beginWith(stage, base);
      stage.follow('api', /^api 0$/);
      const random = seeded(illness);
      say(`engine ${illness}: seed ${seed}`);
      const all: readonly OperationName[] = ['create', 'update', 'rollback', 'removal'];
      for (const name of isLong ? all : all.slice(0, 1)) {
        stage.ledger.rule = (call) => {
          const fault = call.to === 'engine' ? judge(random) : undefined;
          if (fault) stage.injected += 1;
          return fault;
        };
        const expected = operations[name].begin(stage);
        // A commit that fares badly is tried again with growing pauses; health comes and goes meanwhile.
        await delay(isLong ? 12_000 : 6_000);
        stage.ledger.calm();
        await expectHolds(stage, expected);
        if (name === 'create') stage.follow('shop', /^shop \d+$/);
        if (name === 'rollback') await stage.clients.at(-1)?.end();
      }
    },
  );

faultTest(
  {
    kind: 'engine hangs',
    name: 'while the engine hangs nothing is claimed, and what serves goes on; then all goes on',
    long: true,
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.ledger.rule = ({ to }) => (to === 'engine' ? { kind: 'hang' } : undefined);
    const expected = { revision: stage.commit(shop()) };
    stage.injected += 1;
    await until('it is noticed', () => isUnseen(stage));
    const noticed = Date.now();
    await delay(3_000);
    for (const { sync, health } of stage.sampler.since(noticed, 'shop'))
      assert.equal([sync, health], ['Unknown', 'Unknown']);
    stage.ledger.calm();
    stage.engine.cut();
    await expectHolds(stage, expected);
  },
);

async function isUnseen({ host }: Stage): Promise<boolean> {
  const { body } = await host.ask('GET', '/api/v1/status');
  return (body as { engineError: unknown }).engineError !== null;
}

faultTest(
  {
    kind: 'events lost',
    name: 'without a single event an update is made and a container removed by hand comes back',
    long: true,
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.engine.events = () => [];
    stage.injected += 1;
    await expectHolds(stage, { revision: stage.commit(shop()) });
    // Nobody tells: its probe finds out.
    stage.sampler.grace = 10_000;
    const [one] = await stage.host.ids('web');
    await stage.host.docker.getContainer(one ?? '').remove({ force: true });
    stage.injected += 1;
    await expectHolds(stage, { revision: [...stage.commits.keys()].at(-1) ?? '' });
  },
);

faultTest(
  { kind: 'events cut', name: 'event streams that break off again and again hold up nothing', long: true },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    const cutting = setInterval(() => {
      stage.engine.cutStreams();
      stage.injected += 1;
    }, 300);
    stage.host.endsWith(() => clearInterval(cutting));
    for (let update = 0; update < 3; update += 1)
      await expectHolds(stage, { revision: stage.commit(shop()) });
    clearInterval(cutting);
    await expectHolds(stage, { revision: stage.commit(shop()) });
  },
);

faultTest(
  {
    kind: 'events disordered',
    name: 'events that come late, twice, garbled, in another order or never hold up nothing, and nothing is done twice',
    long: true,
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api 0$/);
    stage.engine.events = disorder(stage);
    say(`events disordered: seed ${seed}`);
    for (let update = 0; update < 3; update += 1)
      await expectHolds(stage, { revision: stage.commit({ ...shop(), late: { release: nextRelease() } }) });
    // Whether somebody tells of it or its probe finds out.
    stage.sampler.grace = 10_000;
    for (const app of ['web', 'late']) {
      const [one = ''] = await stage.host.ids(app);
      await stage.host.docker.getContainer(one).remove({ force: true });
      await expectHolds(stage, { revision: stage.commit({ late: { release: nextRelease() } }) });
    }
    await expectHolds(stage, { revision: stage.commit({ late: undefined }) });
  },
);

/** Of six lines one is lost, one comes twice, one has an old one before it, one is kept back, and one in sixty is no JSON. */
function disorder(stage: Stage): (line: string) => readonly string[] {
  const random = seeded('events');
  const old: string[] = [];
  const kept: string[] = [];
  const oneOf = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)];
  const fates: readonly ((line: string) => readonly string[])[] = [
    (line) => [line],
    () => [],
    (line) => [line, line],
    (line) => [oneOf(old) ?? line, line],
    (line) => {
      kept.push(line);
      return [];
    },
    // Whoever was kept back comes after the others, the last one first.
    (line) => [line, ...kept.splice(0).reverse()],
  ];
  return (line) => {
    stage.injected += 1;
    const sent = random() < 1 / 60 ? [line.slice(0, line.length >> 1)] : (oneOf(fates)?.(line) ?? [line]);
    old.push(line);
    return sent;
  };
}

faultTest(
  {
    kind: 'one app fails',
    name: 'an app whose every call fails is said to fail, and the others go on',
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api \d+$/);
    const ids = new Set(await stage.host.ids('shop'));
    stage.ledger.rule = ({ mutating, path }) => {
      const isShops = path.includes('-shop-') || [...ids].some((id) => path.includes(id));
      if (!mutating || !isShops) return undefined;
      stage.injected += 1;
      return { kind: 'fail', status: 500 };
    };
    const revision = stage.commit({ ...shop(), api: { release: '9' } });
    await until('the other one is there', async () => (await stage.host.marker('api')) === 'api 9');
    await until('the failure is said', async () => {
      const { sync, conditions } = await stage.host.app('shop');
      return (
        sync === 'OutOfSync' && conditions.some(({ type, status }) => type === 'Ready' && status === 'False')
      );
    });
    stage.ledger.calm();
    await expectHolds(stage, { revision });
  },
);

faultTest(
  {
    kind: 'one container unreadable',
    name: 'an app of which the engine does not tell one container is left alone, and the others go on',
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api \d+$/);
    const ids = await stage.host.ids('shop');
    const [ill = ''] = ids;
    stage.ledger.rule = ({ to, method, path }) => {
      if (to !== 'engine' || method !== 'GET' || !path.includes(`/containers/${ill}/json`)) return undefined;
      stage.injected += 1;
      return { kind: 'fail', status: 500 };
    };
    // Who was never read by this process, its row alone tells of.
    await stage.controller.end();
    stage.start();
    await stage.host.untilReason('shop', 'ContainerUnreadable');
    const { code, stdout, stderr } = await stage.host.run(['diff', '--config', stage.host.config], stage.env);
    assert.is(code, 3, stderr);
    assert.match(stdout, /# ContainerUnreadable: .* cannot be read: inspect /);
    const begun = Date.now();
    const before = stage.ledger.mutations.length;
    const revision = stage.commit({ ...shop(), api: { release: '9' }, web: undefined });
    await until('the other one is there', async () => (await stage.host.marker('api')) === 'api 9');
    await until('the third one is gone', async () => (await stage.host.ids('web')).length === 0);
    for (const { sync, health } of stage.sampler.since(begun, 'shop'))
      assert.equal([sync, health], ['Unknown', 'Unknown']);
    const isShops = (path: string) => path.includes('-shop-') || ids.some((id) => path.includes(id));
    assert.not.ok(stage.ledger.mutations.slice(before).some(({ path }) => isShops(path)));
    stage.ledger.calm();
    await expectHolds(stage, { revision });
  },
);

faultTest(
  {
    kind: 'one container silent',
    name: 'a container that keeps who asks for it waiting holds up its app alone, and goes on when it answers',
  },
  async (stage) => {
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    stage.follow('api', /^api \d+$/);
    const [ill = ''] = await stage.host.ids('shop');
    const answering = Promise.withResolvers<void>();
    stage.ledger.rule = ({ to, method, path }) => {
      if (to !== 'engine' || method !== 'GET' || !path.includes(`/containers/${ill}/json`)) return undefined;
      stage.injected += 1;
      return { kind: 'hang', until: answering.promise };
    };
    // It is asked for because something happens to it, and nothing that matters.
    await stage.host.docker.getContainer(ill).update({ CpuShares: 512 });
    await stage.host.untilReason('shop', 'ContainerUnreadable');
    const [begun, asked, calls] = [Date.now(), stage.injected, stage.ledger.mutations.length];
    await stage.host.docker.getContainer(ill).update({ CpuShares: 1024 });
    const revision = stage.commit({ ...shop(), api: { release: '9' }, web: undefined });
    await until('the other one is there', async () => (await stage.host.marker('api')) === 'api 9');
    await until('the third one is gone', async () => (await stage.host.ids('web')).length === 0);
    for (const { sync, health } of stage.sampler.since(begun, 'shop'))
      assert.equal([sync, health], ['Unknown', 'Unknown']);
    assert.not.ok(await isUnseen(stage));
    assert.not.ok(stage.ledger.mutations.slice(calls).some(({ path }) => path.includes(ill)));
    assert.ok(stage.injected - asked <= 1, `${stage.injected - asked} more questions that wait`);
    stage.ledger.calm();
    answering.resolve();
    await expectHolds(stage, { revision });
  },
);

faultTest(
  {
    kind: 'image missing',
    name: 'an image that is not there fails its app alone, and is used when it comes',
    long: true,
  },
  async (stage) => {
    const { docker, instance } = stage.host;
    await beginWith(stage, { ...base, ...shop() });
    stage.follow('shop', /^shop \d+$/);
    const [repo, tag] = ['plimsoll-test/e2e', instance];
    const gone = `${repo}:${tag}`;
    const revision = stage.commit({
      shop: { release: nextRelease(), spec: { ...whole, image: gone } },
      api: { release: '9' },
    });
    await until('the other one is there', async () => (await stage.host.marker('api')) === 'api 9');
    await stage.host.untilReason('shop', 'ImageMissing');
    stage.injected += 1;
    await docker.getImage(image).tag({ repo, tag });
    stage.host.endsWith(() => docker.getImage(gone).remove());
    await expectHolds(stage, { revision });
    // The tag goes, and the image stays under its other one: nothing is to be done.
    await docker.getImage(gone).remove();
    stage.injected += 1;
    const ids = await stage.host.ids('shop');
    await stage.host.ask('POST', '/api/v1/reconcile', {});
    assert.equal(await stage.host.ids('shop'), ids);
    await docker.getImage(image).tag({ repo, tag });
    await expectHolds(stage, { revision });
  },
);

/** Something of others that stands where ours is to come; answers how it goes away. */
const obstacles: Readonly<Record<string, (stage: Stage) => Promise<() => Promise<unknown>>>> = {
  'the name of our network': async ({ host }) => {
    const network = await host.docker.createNetwork({ Name: `plimsoll-${host.instance}`, Driver: 'bridge' });
    return () => network.remove();
  },
  'a port of the host': async ({ host }) => {
    const taker = await host.docker.createContainer({
      name: `${host.instance}-taker`,
      Image: image,
      Cmd: ['/bin/sleep', '3600'],
      ExposedPorts: { '8080/tcp': {} },
      HostConfig: { PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: String(hostPort) }] } },
    });
    await taker.start();
    return () => taker.remove({ force: true });
  },
};

const hostPort = 20_000 + Math.floor(seeded('host port')() * 10_000);

for (const [what, take] of Object.entries(obstacles))
  faultTest(
    {
      kind: 'taken by others',
      name: `${what} that others have is left to them, said, and taken when it is free`,
      long: true,
    },
    async (stage) => {
      const free = await take(stage);
      stage.host.endsWith(() => free().catch(() => undefined));
      stage.injected += 1;
      stage.start();
      const ports = [{ name: 'http', container: 8080, host: hostPort, hostIp: '127.0.0.1' }];
      const spec = {
        ...plain,
        port: undefined,
        ports,
        domains: [{ host: 'shop.test', port: 'http', tls: 'off' }],
      };
      const revision = stage.commit({ shop: { release: '1', spec }, api: { release: '0' } });
      await until('it is said', async () => {
        const { body } = await stage.host.ask('GET', '/api/v1/events');
        const { items } = body as { items: readonly { reason: string }[] };
        return (
          items.some(({ reason }) => /Conflict|Taken|Port|Address/.test(reason)) &&
          !(await isHealthy(stage, 'shop'))
        );
      });
      // What fails is tried again after a pause, whatever triggers looks meanwhile.
      for (let look = 0; look < 10; look += 1) await stage.host.ask('POST', '/api/v1/reconcile', {});
      assert.ok(stepsFailed(stage) < 8, lastSteps(stage));
      await free();
      await expectHolds(stage, { revision });
    },
  );

async function isHealthy({ host }: Stage, app: string): Promise<boolean> {
  return (await host.app(app)).health === 'Healthy';
}

function stepsFailed(stage: Stage): number {
  return lastSteps(stage)
    .split('\n')
    .filter((line) => / \| (transient|unreachable|terminal) \| /.test(line)).length;
}

test.run();
