import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultLimits } from '../../src/git/transport.ts';
import { closeScene, open, openScene, type SshScene, state } from './ssh-scene.ts';
import { startSshServer } from './ssh-server.ts';
import { refusal, throwsReason, until } from './workshop.ts';

const test = suite<SshScene>('a source over SSH that stalls or sends too much');

test.before.each(openScene);
test.after.each(closeScene);

test('a pack beyond its limit is refused, named by its key, and nothing of it stays', async (scene) => {
  scene.shop.commit(scene.dir, {
    'noise.bin': Array.from({ length: 40_000 }, () => Math.random()).join(' '),
  });
  const limits = { ...defaultLimits, pack: 64 * 1024 };
  await throwsReason(() => open(scene, { limits }).read(), 'LimitExceeded', /larger than .*limits\.pack/);
  // A small pack that unpacks to something huge.
  scene.shop.git(scene.dir, 'rm', '-q', 'noise.bin');
  scene.shop.commit(scene.dir, { 'zeros.bin': '0'.repeat(4 * 1024 * 1024) });
  await throwsReason(() => open(scene, { limits }).read(), 'LimitExceeded', /limits\.pack/);
  assert.equal(packsIn(scene), []);
});

test('a pack that is in place when its fetch is given up does not stay: nobody has checked it', async (scene) => {
  await scene.server.close();
  const folder = scene.shop.path('stalling');
  // The list ends; what was fetched is whole, and then the server does not let go.
  const serve = `git shell -c "$SSH_ORIGINAL_COMMAND"; test "$(wc -l < '${folder}/commands')" -lt 2 || exec sleep 60`;
  scene.server = await startSshServer(folder, scene.shop.path('served'), scene.key, serve);
  const source = open(scene, { limits: { ...defaultLimits, timeout: 2_000 } });
  const read = refusal(() => source.read());
  await until(() => packsIn(scene).length === 1);
  assert.is((await read).reason, 'LimitExceeded');
  assert.equal(packsIn(scene), []);
});

test('a server that takes the connection and is silent is given up', async (scene) => {
  const silent: Server = createServer(() => undefined);
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
  try {
    const { port } = silent.address() as AddressInfo;
    const url = `ssh://git@127.0.0.1:${port}/x`;
    const source = open(scene, { url }, { timeout: 1_000 });
    await throwsReason(() => source.read(), 'SourceUnreachable');
  } finally {
    silent.close();
  }
});

test('a repository that stalls is given up after its time, with all that was started for it', async (scene) => {
  await scene.server.close();
  scene.server = await startSshServer(
    scene.shop.path('stalling'),
    scene.shop.path('served'),
    scene.key,
    'exec sleep 60',
  );
  const limits = { ...defaultLimits, timeout: 1_500 };
  const source = open(scene, { limits });
  await throwsReason(() => source.read(), 'LimitExceeded', /1\.5 s.*limits\.timeout/);
  await until(() => processesIn(state(scene, 'ssh')).length === 0);
  assert.equal(readdirSync(state(scene, 'ssh')), []);
});

test('close ends a fetch that hangs', async (scene) => {
  await scene.server.close();
  scene.server = await startSshServer(
    scene.shop.path('stalling'),
    scene.shop.path('served'),
    scene.key,
    'exec sleep 60',
  );
  const source = open(scene);
  const read = refusal(() => source.read());
  await until(() => scene.server.commands().length > 0);
  await source.close();
  assert.is((await read).reason, 'SourceUnreachable');
  await until(() => processesIn(state(scene, 'ssh')).length === 0);
});

/** Packs of all mirrors. */
function packsIn(scene: SshScene): string[] {
  const mirrors = state(scene, 'sources');
  if (!existsSync(mirrors)) return [];
  return readdirSync(mirrors, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.pack'));
}

/** Arguments and environment of the processes that work in a folder. */
function processesIn(folder: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const text = ['cmdline', 'environ']
        .map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'))
        .join('\0');
      if (text.includes(`${folder}/`)) found.push(text);
    } catch {
      // It has ended, or is somebody else's.
    }
  }
  return found;
}

test.run();
