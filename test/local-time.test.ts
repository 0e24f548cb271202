import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { localTime } from '../.ci/bundle.ts';

const test = suite('local time in the bundle');
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-local-time-'));
const library = import.meta.resolve('node-cron');
const bundled = join(folder, 'node-cron.js');

test.before(async () => {
  await build({
    entryPoints: [new URL(library).pathname],
    outfile: bundled,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [localTime],
  });
  assert.match(readFileSync(bundled, 'utf8'), 'function localParts(date)');
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** In summer and winter, whole hours or not, half an hour of summer time, none, and across the date line. */
const zones = [
  ...['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe'],
  ...['Asia/Kolkata', 'Pacific/Apia', 'America/New_York'],
];

for (const zone of zones)
  test(`node-cron's next runs are the library's own: ${zone}`, async () => {
    // More than a year, so that both changes of the clock are in it; at an hour that one of them leaves out.
    const script = (module: string) => `
      import { schedule } from ${JSON.stringify(module)};
      const runs = ['17 3 * * *', '30 2 * * *', '15 1 * * 0', '0 12 L * *'].map((expression) => {
        const task = schedule(expression, () => {});
        const found = task.getNextRuns(expression.includes('L') ? 14 : 380).map((date) => date.toISOString());
        task.destroy();
        return found;
      });
      process.stdout.write(JSON.stringify(runs));`;
    const runsBy = async (module: string): Promise<string[][]> => {
      const file = join(folder, `${zone.replace('/', '-')}-${module === library ? 'library' : 'bundle'}.mjs`);
      writeFileSync(file, script(module));
      const { stdout } = await promisify(execFile)(process.execPath, [file], {
        env: { ...process.env, TZ: zone },
        maxBuffer: 1 << 22,
      });
      return JSON.parse(stdout) as string[][];
    };
    const [ours, theirs] = await Promise.all([runsBy(pathToFileURL(bundled).href), runsBy(library)]);
    assert.equal(ours, theirs);
    assert.is(ours[0]?.length, 380);
  });

test.run();
