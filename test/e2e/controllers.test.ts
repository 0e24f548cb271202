import { rmSync, statSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost } from './host.ts';

test(
  'a second controller on the same state, or on the same instance, is refused with the process of the first',
  onHost(async (host) => {
    host.commit({ 'shop/app.yaml': manifest('shop', '1') });
    const first = await host.controller();
    const other = await host.configure(
      { file: join(host.dir, 'other.yaml') },
      { stateDir: join(host.dir, 'other') },
    );
    for (const args of [
      ['controller', '--config', host.config],
      ['apply', '--config', host.config],
      ['controller', '--config', other],
      ['apply', '--config', other],
    ]) {
      const { code, stderr } = await host.run(args);
      assert.is(code, 4, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, `process ${first.pid}`);
    }
    assert.ok(first.isRunning);

    // However the first one ends, the other takes over what it finds.
    await until('the first release serves', async () => (await host.marker('shop')) === 'shop 1');
    const ids = await host.ids();
    await first.end('SIGKILL');
    const { code, stderr } = await host.run(['apply', '--config', other]);
    assert.is(code, 0, stderr);
    assert.equal(await host.ids(), ids);
  }),
);

test(
  'SIGTERM ends a controller gracefully, and nobody else may read its state',
  onHost(async (host) => {
    const revision = host.commit({ 'shop/app.yaml': manifest('shop', '1') });
    const controller = await host.controller();
    await host.untilConverged(revision);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    assert.is(mode(host.stateDir), '700');
    for (const entry of await readdir(host.stateDir, { recursive: true, withFileTypes: true }))
      assert.match(
        mode(join(entry.parentPath, entry.name)),
        entry.isDirectory() ? /^7[0-7]0$/ : /^6[04]0$|^600$/,
        entry.name,
      );
    // In the middle of a rollout too.
    host.commit({ 'shop/app.yaml': manifest('shop', '2') });
    await until('the rollout has begun', async () => (await host.ids()).length === 2);
    const before = performance.now();
    assert.is(await controller.end('SIGTERM'), 0);
    assert.ok(performance.now() - before < 10_000);
    assert.not(host.hasSocket);
    assert.match(await host.marker('shop'), /^shop [12]$/);
  }),
);

test(
  'a start without the source keeps to what was read last, and without state nothing restarts',
  onHost(async (host) => {
    const revision = host.commit({ 'shop/app.yaml': manifest('shop', '1') });
    const first = await host.controller();
    await host.untilConverged(revision);
    const ids = await host.ids();
    await first.end();

    await rename(host.repo, `${host.repo}-away`);
    await (await host.only('shop')).kill();
    const second = await host.controller();
    await until('it is brought back', async () => (await host.marker('shop')) === 'shop 1');
    assert.equal(await host.ids(), ids);
    const { body } = await host.ask('GET', '/api/v1/status');
    assert.ok((body as { sourceError: unknown }).sourceError, 'the status says that the source is gone');
    assert.is((body as { revision: string }).revision, revision);
    await second.end();
    await rename(`${host.repo}-away`, host.repo);

    rmSync(host.stateDir, { recursive: true });
    const { StartedAt: startedAt } = (await (await host.only('shop')).inspect()).State;
    const third = await host.controller();
    await host.untilConverged(revision);
    assert.equal(await host.ids(), ids);
    assert.is((await (await host.only('shop')).inspect()).State.StartedAt, startedAt);
    await host.expectDiff(0);
    await third.end();
  }),
);

test.run();
