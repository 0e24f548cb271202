import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { programs } from '../e2e/host.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { plain, type Stage } from './stage.ts';

/** An app whose every answer to anybody is what `answer` prints. */
const answers = (answer: string) => [
  '/bin/sh',
  '-c',
  `printf '#!/bin/sh\\nread line\\n${answer}\\n' > /answer; chmod +x /answer; while true; do nc -l -p 8080 -e /answer; done`,
];

const check = (more: object) => ({ healthCheck: { http: more, interval: '1s', timeout: '1s', retries: 2 } });
const deadline = { ...plain.deploy, deadline: '6s' };

/** New releases that are no good, each in its own way, and why they are taken back. */
const broken: Readonly<Record<string, { readonly spec: object; readonly reason: RegExp }>> = {
  'never-healthy': { spec: { command: programs.neverHealthy }, reason: /^DeadlineExceeded$/ },
  exits: { spec: { command: programs.exits }, reason: /^ContainerExited$/ },
  'exits-zero': { spec: { command: programs.ends }, reason: /^ContainerExited$/ },
  'restart-loop': { spec: { command: ['/bin/sh', '-c', 'sleep 1; exit 1'] }, reason: /^ContainerExited$/ },
  // Healthy for a moment and no longer, which is what baking is for.
  flapping: {
    spec: {
      command: [
        '/bin/sh',
        '-c',
        'mkdir -p /www; httpd -f -p 8080 -h /www & while true; do echo ok > /www/index.html; sleep 2; rm /www/index.html; sleep 4; done',
      ],
      deploy: { ...deadline, deadline: '15s', bake: '8s' },
    },
    reason: /^(Unhealthy|DeadlineExceeded)/,
  },
  'endless-health': {
    spec: { command: answers('printf "HTTP/1.0 500 No\\\\r\\\\n\\\\r\\\\n"; yes'), ...check({}) },
    reason: /^DeadlineExceeded$/,
  },
  'huge-header': {
    spec: { command: answers('printf "HTTP/1.0 200 OK\\\\r\\\\nX: "; yes | tr -d "\\\\n"'), ...check({}) },
    reason: /^DeadlineExceeded$/,
  },
  'silent-health': { spec: { command: answers('sleep 60'), ...check({}) }, reason: /^DeadlineExceeded$/ },
  'redirecting-health': {
    spec: {
      command: answers('printf "HTTP/1.0 302 Found\\\\r\\\\nLocation: http://api.test/\\\\r\\\\n\\\\r\\\\n"'),
      ...check({ status: '200' }),
    },
    reason: /^DeadlineExceeded$/,
  },
};

faultTest(
  {
    kind: 'broken release',
    name: 'a release that is no good in any way is taken back once, and the one before serves without a gap',
  },
  async (stage) => {
    const all = Object.keys(broken);
    const names = isLong ? all : sample(all, 4, seeded('apps'));
    say(`broken releases: ${names.length} of ${all.length}, seed ${seed}`);
    const apps = Object.fromEntries(names.map((name) => [name, { release: '1' }]));
    await beginWith(stage, { api: { release: '0' }, ...apps });
    // What passes its gate and breaks while it bakes has had its share of the requests.
    for (const name of names.filter((one) => one !== 'flapping'))
      stage.follow(name, new RegExp(`^${name} 1$`));
    const changed = Object.fromEntries(
      names.map((name) => [
        name,
        { release: '2', spec: { ...plain, deploy: deadline, ...broken[name]?.spec } },
      ]),
    );
    const revision = stage.commit(changed);
    stage.injected += names.length;
    const rolledBack = Object.fromEntries(names.map((name) => [name, '1']));
    await expectHolds(stage, { revision, rolledBack });
    for (const name of names) {
      const { quarantine } = await stage.host.app(name);
      assert.match(quarantine?.reason ?? '', broken[name]?.reason ?? /^$/, name);
      const { body } = await stage.host.ask('GET', `/api/v1/apps/${name}/deployments`);
      const { items } = body as { items: { revision: string; result: string }[] };
      assert.equal(
        items.filter((one) => one.revision === revision).map(({ result }) => result),
        ['RolledBack'],
        `${name} was tried once`,
      );
    }
  },
);

faultTest(
  {
    kind: 'difficult release',
    name: 'a slow start is waited for, and who ignores SIGTERM is ended',
    long: true,
  },
  async (stage) => {
    const deaf = { ...plain, command: programs.deaf };
    const slow = { ...plain, command: programs.slow };
    await beginWith(stage, {
      api: { release: '0' },
      deaf: { release: '1', spec: deaf },
      slow: { release: '1' },
    });
    stage.follow('deaf', /^deaf [12]$/);
    stage.follow('slow', /^slow [12]$/);
    stage.injected += 2;
    const revision = stage.commit({ deaf: { release: '2', spec: deaf }, slow: { release: '2', spec: slow } });
    await expectHolds(stage, { revision });
  },
);

/** Serves as long as there is a file that somebody else may take away. */
const moody = [
  '/bin/sh',
  '-c',
  'trap "exit 0" TERM; mkdir -p /www; httpd -f -p 8080 -h /www & while true; do if test -e /data/ok; then echo "$APP $RELEASE" > /www/index.html; else rm -f /www/index.html; fi; sleep 0.2; done',
];

faultTest(
  {
    kind: 'rollback target broken',
    name: 'when the release to return to is no good either, that is said, and it is tended until it is',
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    const volumes = [{ name: 'data', mount: '/data' }];
    const spec = { ...plain, command: moody, volumes, deploy: { ...deadline, order: 'start-first' } };
    stage.start();
    const first = stage.commit({ api: { release: '0' }, shop: { release: '1', spec } });
    const ok = async () =>
      join((await host.docker.getVolume(`plimsoll-${host.instance}-shop-data`).inspect()).Mountpoint, 'ok');
    await until('the volume is there', async () => (await ok()) !== '');
    writeFileSync(await ok(), '');
    await expectHolds(stage, { revision: first });
    const revision = stage.commit({
      shop: { release: '2', spec: { ...spec, command: programs.neverHealthy } },
    });
    await until('the new one is there', async () => (await host.ids('shop')).length === 2);
    rmSync(await ok());
    stage.injected += 1;
    await until('it is said', async () => (await host.app('shop')).health === 'Degraded');
    await until('the new one is given up', async () => (await host.app('shop')).quarantine !== null);
    await isNeverHealthy(stage);
    writeFileSync(await ok(), '');
    await expectHolds(stage, { revision, rolledBack: { shop: '1' }, gaps: true });
  },
);

async function isNeverHealthy(stage: Stage): Promise<void> {
  const since = Date.now();
  await until('it was asked often', () => stage.sampler.since(since, 'shop').length > 15);
  for (const { health } of stage.sampler.since(since, 'shop')) assert.is.not(health, 'Healthy');
}

test.run();
