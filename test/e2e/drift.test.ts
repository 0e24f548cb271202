import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost, type TestHost } from './host.ts';

interface Found {
  readonly name: string;
  readonly differences: readonly { readonly path: string; readonly cause: string }[];
}

/** What one hand did to its app, and the field that shows it. */
interface Hand {
  readonly path: string;
  /** The container is mended as it is, not replaced. */
  readonly kept: boolean;
  readonly spec?: object;
  readonly act: (host: TestHost, app: string) => Promise<unknown>;
}

const hands: Readonly<Record<string, Hand>> = {
  stopped: {
    path: 'replica 0 state',
    kept: true,
    act: async (host, app) => (await host.only(app)).stop({ t: 1 }),
  },
  killed: { path: 'replica 0 state', kept: true, act: async (host, app) => (await host.only(app)).kill() },
  removed: {
    path: 'spec.replicas',
    kept: false,
    act: async (host, app) => (await host.only(app)).remove({ force: true }),
  },
  renamed: {
    path: 'replica 0 name',
    kept: true,
    act: async (host, app) => (await host.only(app)).rename({ name: `${host.instance}-by-hand` }),
  },
  paused: { path: 'replica 0 state', kept: true, act: async (host, app) => (await host.only(app)).pause() },
  memory: {
    path: 'spec.resources.memory',
    kept: true,
    spec: { resources: { memory: '64Mi' } },
    act: async (host, app) => (await host.only(app)).update({ Memory: 96 << 20, MemorySwap: 96 << 20 }),
  },
  cpus: {
    path: 'spec.resources.cpus',
    kept: true,
    spec: { resources: { cpus: 1 } },
    act: async (host, app) => (await host.only(app)).update({ NanoCpus: 500_000_000 }),
  },
  // An engine cannot take a limit away from a running container.
  bounded: {
    path: 'spec.resources.memory',
    kept: false,
    act: async (host, app) => (await host.only(app)).update({ Memory: 96 << 20, MemorySwap: 96 << 20 }),
  },
  pids: {
    path: 'spec.resources.pids',
    kept: true,
    act: async (host, app) => (await host.only(app)).update({ PidsLimit: 77 }),
  },
  cut: {
    path: 'replica 0 network',
    kept: true,
    act: async (host, app) => {
      const Container = (await host.only(app)).id;
      await host.docker.getNetwork(`plimsoll-${host.instance}`).disconnect({ Container });
    },
  },
  joined: {
    path: 'spec.networks',
    kept: true,
    act: async (host, app) =>
      host.docker.getNetwork('bridge').connect({ Container: (await host.only(app)).id }),
  },
};

test(
  'whatever a hand did to a container is shown as drift and healed',
  onHost(async (host) => {
    const names = Object.keys(hands);
    const commit = host.commit(
      Object.fromEntries(names.map((app) => [`${app}/app.yaml`, manifest(app, '1', hands[app]?.spec)])),
    );
    const controller = await host.controller();
    await host.untilConverged(commit);
    const before = await host.containers();

    controller.signal('SIGSTOP');
    for (const [app, { act }] of Object.entries(hands)) await act(host, app);
    const shown = JSON.parse((await host.plimsoll('diff', '-o', 'json')).stdout) as { items: Found[] };
    for (const [app, { path }] of Object.entries(hands)) {
      const found = shown.items.find(({ name }) => name === app)?.differences ?? [];
      const causes = found.filter((one) => one.path === path).map(({ cause }) => cause);
      assert.equal(causes, ['drift'], `${app}: ${path} in ${JSON.stringify(found)}`);
    }

    controller.signal('SIGCONT');
    await until('every app answers', async () => {
      for (const app of names) if ((await host.marker(app)) !== `${app} 1`) throw new Error(app);
      return true;
    });
    await host.untilConverged(commit);
    await host.expectDiff(0);
    const after = await host.containers();
    for (const [app, { kept }] of Object.entries(hands)) {
      const was = before.find((one) => one.app === app);
      const is = after.find((one) => one.app === app);
      assert.is(is?.id === was?.id, kept, `${app} kept its container`);
      if (kept) assert.is(is?.name, was?.name);
      assert.is(is?.state, 'running');
    }
    assert.is(after.length, before.length);
  }),
);

interface Server {
  readonly routes: readonly unknown[];
}

test(
  'whatever a hand did to Caddy is shown as drift and put back',
  onHost(async (host) => {
    host.commit({ 'shop/app.yaml': manifest('shop', '1') });
    const controller = await host.controller();
    await until('the first release serves', async () => (await host.marker('shop')) === 'shop 1');
    // Its second release stands in the other slot, so that there is a flag to remove.
    const commit = host.commit({ 'shop/app.yaml': manifest('shop', '2') });
    await host.untilConverged(commit);
    const ids = await host.ids();
    const flags = () => readdirSync(host.caddy.flagDir).filter((name) => name.startsWith('shop.'));
    assert.equal(flags(), ['shop.0']);

    const damages: Readonly<Record<string, () => Promise<unknown> | unknown>> = {
      'a route is deleted': async () => {
        const { body } = await host.caddy.askAdmin('/config/apps/http/servers');
        const servers = Object.entries(JSON.parse(body) as Record<string, Server>);
        const [name] = servers.find(([, { routes }]) => JSON.stringify(routes).includes('shop.test')) ?? [];
        await host.caddy.askAdmin(`/config/apps/http/servers/${name}/routes/0`, undefined, 'DELETE');
      },
      'the configuration is emptied': () =>
        host.caddy.askAdmin('/load', JSON.stringify({ admin: { listen: new URL(host.caddy.admin).host } })),
      'Caddy is killed and starts with nothing': async () => {
        await host.caddy.kill();
        await host.caddy.run();
      },
      'the flag is removed': () => rmSync(join(host.caddy.flagDir, 'shop.0')),
    };
    for (const [what, damage] of Object.entries(damages)) {
      controller.signal('SIGSTOP');
      await damage();
      const { code, stdout } = await host.plimsoll('diff');
      assert.is(code, 1, `${what}: diff exits ${code}`);
      assert.match(stdout, /drift/, what);
      controller.signal('SIGCONT');
      await until(`served again after ${what}`, async () => (await host.marker('shop')) === 'shop 2');
      await host.untilConverged(commit);
    }

    writeFileSync(join(host.caddy.flagDir, 'nobody.3'), '');
    await until('a flag of nobody is removed', () => !readdirSync(host.caddy.flagDir).includes('nobody.3'));
    await host.expectDiff(0);
    assert.equal(await host.ids(), ids);
  }),
);

test.run();
