import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../caddy/real-caddy.ts';
import { type GitServer, startGitServer } from '../git/git-server.ts';
import { faultTest, isLong, say } from './fault-test.ts';
import { nextRelease } from './operations.ts';
import { beginWith, expectHolds } from './oracle.ts';
import { sample, seed, seeded } from './seeded.ts';
import { type Stage, whole } from './stage.ts';

const base = { api: { release: '0' }, web: { release: '0' }, three: { release: '0' } };
const shop = () => ({ shop: { release: nextRelease(), spec: whole } });

const root = mkdtempSync(join(tmpdir(), 'plimsoll-git-'));
const served = join(root, 'config.git');
let server: GitServer;

test.before(async () => {
  server = await startGitServer(root);
});
test.after(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const config = () => ({ source: { url: `${server.url}/config.git`, interval: '1s' } });

/** A host that serves what a real git server, which may lie, has. */
async function begin(stage: Stage): Promise<void> {
  rmSync(served, { force: true });
  symlinkSync(join(stage.host.repo, '.git'), served);
  server.fault = { kind: 'none' };
  await beginWith(stage, { ...base, ...shop() });
  stage.follow('shop', /^shop \d+$/);
  stage.follow('api', /^api 0$/);
  // What a hand kills is unsaid until an event tells of it.
  stage.sampler.grace = 5_000;
}

function git({ host }: Stage, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', host.repo, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Ways in which a repository cannot be read, after a new commit; each answers how it ends. */
const outages: Readonly<Record<string, (stage: Stage) => () => unknown>> = {
  'refuses everybody': () => faulty({ kind: 'status', status: 500 }),
  'is nowhere to be found': () => faulty({ kind: 'status', status: 404 }),
  'cuts the pack': () => faulty({ kind: 'truncate' }),
  'garbles the pack': () => faulty({ kind: 'garble' }),
  'says nothing': () => faulty({ kind: 'stall' }),
  'has a broken object': (stage) => {
    const id = git(stage, 'rev-parse', 'HEAD^{tree}');
    const file = join(stage.host.repo, '.git', 'objects', id.slice(0, 2), id.slice(2));
    const bytes = readFileSync(file);
    chmodSync(file, 0o644);
    writeFileSync(file, Buffer.alloc(bytes.length, 0x55));
    return () => writeFileSync(file, bytes);
  },
  'lost the branch': (stage) => {
    const id = git(stage, 'rev-parse', 'HEAD');
    git(stage, 'update-ref', '-d', 'refs/heads/main');
    return () => git(stage, 'update-ref', 'refs/heads/main', id);
  },
};

function faulty(fault: GitServer['fault']): () => void {
  server.fault = fault;
  return () => {
    server.fault = { kind: 'none' };
  };
}

faultTest(
  {
    kind: 'git unreadable',
    name: 'while git cannot be read the last good commit is enforced, also by a controller that starts anew',
    config,
  },
  async (stage) => {
    const { host } = stage;
    await begin(stage);
    const all = Object.keys(outages);
    const quick = all.filter((name) => name !== 'says nothing');
    const chosen = isLong ? all : sample(quick, 1, seeded('git'));
    say(`a git server that ${chosen.join(', ')}; ${chosen.length} of ${all.length}, seed ${seed}`);
    for (const what of chosen) {
      // At once: the server is in this process, and answers nobody in between.
      const revision = stage.commit(shop());
      const end = outages[what]?.(stage);
      stage.injected += 1;
      await until(`it is said that git ${what}`, async () => {
        const { body } = await host.ask('GET', '/api/v1/status');
        return (body as { sourceError: object | null }).sourceError !== null;
      });
      const [one = ''] = (await host.ids('web')).filter((id) => !stage.planted.ids.has(id));
      if (isLong) {
        await stage.controller.end('SIGKILL');
        stage.start();
      }
      // Removed and not killed: who is killed again and again is waited with.
      await host.docker.getContainer(one).remove({ force: true });
      await until(`web is mended while git ${what}`, async () => (await host.marker('web')) === 'web 0');
      await host.untilReason('web', 'Reconciled');
      end?.();
      await expectHolds(stage, { revision }).catch((error: Error) => {
        error.message = `git ${what}: ${error.message}`;
        throw error;
      });
    }
  },
);

faultTest(
  {
    kind: 'git rewritten',
    name: 'a branch that is forced elsewhere, emptied or moves every second ends as its last commit says',
    config,
    long: true,
  },
  async (stage) => {
    const { host } = stage;
    await begin(stage);
    await expectHolds(stage, { revision: stage.commit(shop()) });
    stage.injected += 1;
    git(stage, 'reset', '--quiet', '--hard', 'HEAD~1');
    await expectHolds(stage, { revision: stage.commit(shop()) });

    stage.injected += 1;
    let revision = '';
    for (let commit = 0; commit < 10; commit += 1) {
      revision = stage.commit(shop());
      await delay(1_000);
    }
    await expectHolds(stage, { revision });

    stage.injected += 1;
    const ids = await host.ids();
    const before = git(stage, 'rev-parse', 'HEAD');
    git(stage, 'rm', '--quiet', '-r', '.');
    host.commit({ 'README.md': 'nothing is left\n' });
    await until('the removal of all is held', async () => {
      const { body } = await host.ask('GET', '/api/v1/status');
      return (body as { pruneHeld: object | null }).pruneHeld !== null;
    });
    assert.equal(await host.ids(), ids, 'nobody approved it');
    git(stage, 'checkout', '--quiet', before, '--', '.');
    revision = host.commit({ 'README.md': undefined });
    stage.commits.set(revision, stage.wanted);
    await expectHolds(stage, { revision });
    assert.equal(await host.ids(), ids, 'nothing restarts');
  },
);

test.run();
