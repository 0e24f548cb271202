import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts, until } from '../caddy/real-caddy.ts';
import { ask } from './ask.ts';
import { manifest, onHost } from './host.ts';

test(
  'a rollout converges although Caddy is killed in it and comes back with nothing',
  onHost(async (host) => {
    const spec = { replicas: 2 };
    await host.controller();
    await host.untilConverged(host.commit({ 'shop/app.yaml': manifest('shop', '1', spec) }));
    const revision = host.commit({ 'shop/app.yaml': manifest('shop', '2', spec) });
    await until('the rollout has begun', async () => (await host.ids()).length === 3);
    await host.caddy.kill();
    await until('it is noticed', async () => {
      const { body } = await host.ask('GET', '/api/v1/status');
      return (body as { proxy: { state: string } }).proxy.state === 'unreachable';
    });
    assert.not.equal((await host.app('shop')).sync, 'Synced');
    await host.caddy.run();
    await host.untilConverged(revision);
    assert.is(await host.marker('shop'), 'shop 2');
    assert.is((await host.ids()).length, 2);
    await host.expectDiff(0);
  }),
);

test(
  'a Caddy of our own comes back when it is killed, and outlives a killed controller',
  onHost(async (host) => {
    const [admin = 0, httpPort = 0, httpsPort = 0] = await freePorts(3);
    const caddy = { admin: `http://127.0.0.1:${admin}`, manage: 'process', httpPort, httpsPort };
    await host.configure({}, { caddy });
    const processes = () => processesIn(`${host.stateDir}/caddy`);
    host.endsWith(() => {
      for (const pid of processes()) process.kill(pid, 'SIGKILL');
    });
    const marker = () => ask(httpPort, 'shop.test').catch(() => 'nothing');

    const first = await host.controller();
    await host.untilConverged(host.commit({ 'shop/app.yaml': manifest('shop', '1') }));
    const [caddyPid = 0] = processes();
    assert.equal(processes(), [caddyPid]);
    const revision = host.commit({ 'shop/app.yaml': manifest('shop', '2') });
    await until('the rollout has begun', async () => (await host.ids()).length === 2);
    process.kill(caddyPid, 'SIGKILL');
    await until('the second release serves', async () => (await marker()) === 'shop 2');
    await host.untilConverged(revision);

    const [again = 0] = processes();
    await first.end('SIGKILL');
    assert.equal(processes(), [again]);
    assert.is(await marker(), 'shop 2');
    const second = await host.controller();
    await host.untilConverged(revision);
    assert.equal(processes(), [again]);
    assert.is(await second.end(), 0);
    assert.equal(processes(), [], 'who ends gracefully leaves no Caddy behind');
  }),
);

/** Caddy processes that were started with a configuration in this folder. */
function processesIn(folder: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      const command = commandOf(pid);
      return /^\S*caddy run /.test(command) && command.includes(`${folder}/`);
    });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

test.run();
