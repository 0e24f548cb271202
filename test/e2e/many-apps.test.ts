import { join } from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { manifest, onHost } from './host.ts';

const names = Array.from({ length: 12 }, (_, index) => `app-${index}`);

test(
  'of many new apps one is served while others have not begun, and their routes share loads',
  onHost(
    async (host) => {
      const files = names.map((name) => [`${name}/app.yaml`, manifest(name, '1')]);
      const revision = host.commit(Object.fromEntries(files));
      const begun = performance.now();
      await host.controller();
      await until('one is served', async () => {
        const pages = await Promise.all(names.map((name) => host.marker(name).catch(() => '')));
        return pages.some((page, index) => page === `${names[index]} 1`);
      });
      const made = (await host.ids()).length;
      assert.ok(made < names.length, `${made} containers are there when the first one is served`);
      await host.untilConverged(revision);
      const took = performance.now() - begun;
      for (const name of names) assert.is(await host.marker(name), `${name} 1`);
      const loads = loadsIn(join(host.stateDir, 'plimsoll.db'));
      // One at once, one for the last of them, and in between one every two seconds.
      assert.ok(loads >= 1 && loads <= 2 + took / 2_000, `${loads} loads in ${Math.round(took)} ms`);
    },
    { concurrency: 2 },
  ),
);

function loadsIn(path: string): number {
  const database = new Database(path, { readonly: true });
  try {
    const row = database.prepare("SELECT count(*) AS loads FROM steps WHERE kind = 'load-routes'").get();
    return (row as { loads: number }).loads;
  } finally {
    database.close();
  }
}

test.run();
