import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const scene = join(import.meta.dirname, 'reload-scene.ts');
const settings = readFileSync(join(import.meta.dirname, '../../docker/sysctl-plimsoll.conf'), 'utf8');

test('with the setting that we install, a change of routes resets no connection that is being made', async () => {
  const [, name = '', value = ''] = /^-(\S+) = (\d+)$/m.exec(settings) ?? [];
  // In a network of its own: this machine's setting stays as it is.
  const script = `ip link set lo up; echo ${value} > "/proc/sys/${name.replaceAll('.', '/')}"; exec "$0" "$1"`;
  const { stdout } = await promisify(execFile)('unshare', [
    '--net',
    'sh',
    '-ec',
    script,
    process.execPath,
    scene,
  ]);
  const { requests, loads, errors } = JSON.parse(stdout) as {
    requests: number;
    loads: number;
    errors: string[];
  };
  assert.is(loads, 20);
  assert.ok(requests > 1_000, `${requests} requests`);
  assert.equal(errors, []);
});

test.run();
