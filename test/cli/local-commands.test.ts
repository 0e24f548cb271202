import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Host } from '../../src/cli/host.ts';
import { checkReloads } from '../../src/cli/host-checks.ts';
import { createLoader } from '../../src/desired/load-desired.ts';
import { openHistory } from '../../src/history/history.ts';
import { AController } from '../api/a-controller.ts';
import { schemas, strictPolicy } from '../desired/corpus.ts';
import { aDomain, anApp, aWorld } from '../plan/worlds.ts';
import { atTerminal } from './a-terminal.ts';

const run = promisify(execFile);

/** A host where all is well but for what the test says. */
function aHost(over: { readonly caddy?: string | undefined; readonly flags?: boolean } = {}): Host {
  const { caddy, flags } = { caddy: '2.11.2', flags: true, ...over };
  let isStopped = false;
  const { desired, observed } = aWorld([anApp({ domains: [aDomain('shop.example.com')] })]);
  const proxy = {
    version: async () => caddy,
    seesFlags: async () => flags,
    observe: async () => (caddy === undefined ? { ...observed.proxy, state: 'unreachable' } : observed.proxy),
  };
  return {
    snapshot: async () => ({ revision: desired.revision, files: [] }),
    desired: async () => desired,
    engineVersion: async () => ({ name: 'Docker', version: '20.10.24', apiVersion: '1.41' }),
    proxy,
    loop: {
      stop: async () => {
        isStopped = true;
      },
    },
    removeAll: async (_options: object, progress: (line: string) => void) => {
      assert.ok(isStopped, 'the loop would make anew what is removed');
      progress('remove container plimsoll-shop');
      return 1;
    },
    close: async () => undefined,
  } as unknown as Host;
}

test('doctor finds a good host good', () =>
  atTerminal(new AController(aWorld([])), async (terminal) => {
    terminal.host = aHost();
    openHistory({ path: join(terminal.stateDir, 'plimsoll.db'), now: Date.now }).close();
    const { code, out } = await terminal.run('doctor', '-o', 'json');
    const items = (JSON.parse(out) as { items: { name: string; status: string; message: string }[] }).items;
    assert.equal(
      // These two are this machine's.
      items.filter(({ status, name }) => status !== 'ok' && !['disk', 'reloads'].includes(name)),
      [],
    );
    assert.equal(
      items.map(({ name }) => name),
      [
        'config',
        'state directory',
        'disk',
        'database',
        'clock',
        'controller',
        'engine',
        'source',
        'caddy',
        'slots',
        'reloads',
        'caddy admin',
      ],
    );
    assert.is(code, 0);
  }));

test('doctor says how to mend what it finds', () =>
  atTerminal(undefined, async (terminal) => {
    terminal.host = aHost({ flags: false });
    await writeFile(join(terminal.stateDir, 'plimsoll.db'), 'this was a database once '.repeat(100));
    const { code, out } = await terminal.run('doctor');
    assert.is(code, 1);
    assert.match(out, /fail +database +.*not a database/);
    assert.match(out, /warn +controller +no controller answers/);
    assert.match(out, /warn +slots +Caddy does not see the slot flags/);
    assert.match(out, 'To mend:\n');
    assert.match(out, '  database: restart the controller');
  }));

test('doctor tells whether a change of routes may reset a connection', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'plimsoll-doctor-'));
  try {
    const setting = join(dir, 'tcp_migrate_req');
    const older = await checkReloads(setting);
    assert.is(older.status, 'warn');
    assert.match(older.hint ?? '', /Linux 5\.14/);
    await writeFile(setting, '0\n');
    const off = await checkReloads(setting);
    assert.is(off.status, 'warn');
    assert.match(off.hint ?? '', /^sysctl -w net\.ipv4\.tcp_migrate_req=1/);
    await writeFile(setting, '1\n');
    assert.is((await checkReloads(setting)).status, 'ok');
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('doctor ends with 3 when the engine or a needed Caddy does not answer', () =>
  atTerminal(undefined, async (terminal) => {
    const engine = await terminal.run('doctor');
    assert.is(engine.code, 3);
    assert.match(engine.out, /fail +host +list containers: connection refused/);
    terminal.host = aHost({ caddy: undefined });
    const caddy = await terminal.run('doctor');
    assert.is(caddy.code, 3);
    assert.match(caddy.out, /fail +caddy +it does not answer/);
  }));

test('down does nothing without --yes', () =>
  atTerminal(undefined, async (terminal) => {
    terminal.host = aHost();
    const asked = await terminal.run('down', '--volumes');
    assert.equal([asked.code, asked.out], [4, '']);
    assert.match(asked.err, 'every container of instance default, and volumes with all that is in them');
    const done = await terminal.run('down', '--yes');
    assert.equal(done, { code: 0, out: 'removed 1\n', err: 'remove container plimsoll-shop\n' });
  }));

test('init makes a config repo that validates, and leaves a folder with something in it alone', () =>
  atTerminal(undefined, async (terminal) => {
    const dir = join(terminal.stateDir, 'my-host');
    await mkdir(join(dir, '.git'), { recursive: true });
    const { code, out } = await terminal.run('init', dir);
    assert.is(code, 0);
    assert.equal(
      out
        .trim()
        .split('\n')
        .map((line) => line.slice(dir.length + 1)),
      ['README.md', 'plimsoll.yaml', 'apps/hello/app.yaml', '.plimsoll/app.schema.json'],
    );
    const content = await readFile(join(dir, 'apps/hello/app.yaml'));
    const snapshot = { revision: 'r1', files: [{ path: 'apps/hello/app.yaml', id: '1', content }] };
    const policy = { ...strictPolicy, allowedRegistries: [] };
    const desired = createLoader(schemas).load(snapshot, { policy, incumbents: new Map() });
    assert.equal(desired.problems, []);
    assert.equal(
      desired.apps.map(({ name }) => name),
      ['hello'],
    );
    const again = await terminal.run('init', dir);
    assert.equal(
      [again.code, again.err],
      [4, `error: init ${dir}: the folder is not empty\nhelp: name a new one\n`],
    );
  }));

test('the bash completion completes commands, subcommands and options', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-completion-'));
  try {
    await atTerminal(undefined, async (terminal) => {
      const { out } = await terminal.run('completion', 'bash');
      const script = join(folder, 'completion.bash');
      await writeFile(
        script,
        `${out}\ncomplete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _plimsoll; echo "\${COMPREPLY[@]}"; }\ncomplete_words "$@"\n`,
      );
      const completions = async (...words: string[]) =>
        (await run('bash', [script, 'plimsoll', ...words])).stdout.trim();
      assert.is(await completions('rec'), 'reconcile');
      assert.is(await completions('get', 'con'), 'containers');
      assert.is(await completions('status', 'shop', '--out'), '--output');
      assert.match((await terminal.run('completion', 'zsh')).out, /^#compdef plimsoll\n/);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('output that is not read to its end is no error', async () => {
  const entry = join(import.meta.dirname, '..', '..', 'src', 'plimsoll.js');
  const child = spawn(process.execPath, [entry, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [[code], said] = await Promise.all([once(child, 'close'), text(child.stderr)]);
  assert.equal([code, said], [0, '']);
});

test.run();
