// `npm run demo`: a whole plimsoll on this machine, from nothing. `npm run demo -- --down` removes it again.

import { existsSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DemoError,
  git,
  plimsoll,
  quietPlimsoll,
  say,
  show,
  startController,
  stopController,
} from './demo-commands.ts';
import { buildDemoImages, demoImages, removeDemoImages } from './demo-images.ts';
import {
  type DemoPorts,
  instance,
  place,
  rememberEngine,
  rememberedEngine,
  rememberedPid,
  removePlace,
  writeSettings,
} from './demo-place.ts';
import { engineProblem, stopEngine } from './engine.ts';
import { findLeftovers, removeLeftovers } from './leftovers.ts';
import { ensureMachine, MachineError } from './machine.ts';
import { type RequestLoop, startRequestLoop, type Tally } from './request-loop.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== '--down')) {
    say(
      'usage: npm run demo            shows plimsoll at work\n       npm run demo -- --down  removes all that it made',
    );
    return 64;
  }
  try {
    return await (args.includes('--down') ? down() : demo());
  } catch (error) {
    return await explain(error);
  }
}

/** 1 when a request was lost. */
async function demo(): Promise<number> {
  const startedAt = performance.now();
  say('plimsoll, shown on this machine. All it makes is in .demo/ and bears the instance "demo".');

  title(1, 'What it needs');
  const machine = await ensureMachine(
    { engine: true, caddy: true, git: true, busybox: true, curl: true },
    (line) => say(`   ${line}`),
  );
  // Of two demos on one another nobody would learn anything.
  const engine = machine.startedEngine ?? (await rememberedEngine());
  await removeAll();
  const ports = await writeSettings();
  await rememberEngine(engine);
  await buildDemoImages(place.images);
  say(
    `   A Docker engine, Caddy, git and curl are here; ${demoImages.map(({ tag }) => tag).join(' and ')} are built.`,
  );

  title(2, 'A config repo with three apps');
  await makeConfigRepo();
  await show('git', ['-C', '.demo/config', 'log', '--oneline', '--stat', '--format=%h %s']);

  title(3, 'The controller makes the machine as git says');
  say('   (`plimsoll` stands for `npx plimsoll --config .demo/plimsoll.yaml` from here on.)');
  await startController();
  await until(30_000, 'the controller answers', () => controllerAnswers(ports));
  await plimsoll(['wait', 'shop', '--for', 'healthy', '--timeout', '2m']);
  await plimsoll(['wait', 'report', '--for', 'synced', '--timeout', '1m']);
  await plimsoll(['status']);

  title(4, 'The apps answer through Caddy');
  await showApps(ports);

  title(5, 'A change, on a branch: what would it do?');
  await commitRelease2();
  await show('git', ['-C', '.demo/config', 'diff', '--unified=1', 'main', 'release-2']);
  await plimsoll(['diff', '--rev', 'release-2'], [1]);

  title(6, 'The update, under traffic: four clients keep asking for the shop');
  const { failures } = await updateUnderTraffic(ports);
  await plimsoll(['history', 'shop']);

  title(7, 'Git and machine agree again: an empty diff');
  const { code } = await plimsoll(['diff'], [0]);
  say(`   (exit code ${code}: no differences)`);

  farewell(ports, (performance.now() - startedAt) / 1000);
  return failures.length > 0 ? 1 : 0;
}

async function makeConfigRepo(): Promise<void> {
  await cp(join(place.project, 'examples', 'demo'), place.config, { recursive: true });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'three apps: shop, api, and report, which is stopped');
}

async function showApps({ http }: DemoPorts): Promise<void> {
  const curl = ['--silent', '--show-error', '--max-time', '10'];
  for (const url of [
    `http://shop.localhost:${http}/`,
    `http://shop.localhost:${http}/`,
    `http://api.localhost:${http}/`,
  ]) {
    await show('curl', [...curl, url]);
  }
  say('   A host that no app claims is not found:');
  await show('curl', [
    ...curl,
    '--output',
    '/dev/null',
    '--write-out',
    '%{http_code}\n',
    `http://nobody.localhost:${http}/`,
  ]);
}

async function commitRelease2(): Promise<void> {
  const manifest = join(place.config, 'shop', 'app.yaml');
  await git('switch', '--quiet', '--create', 'release-2');
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replace('plimsoll-demo/web:1', 'plimsoll-demo/web:2'));
  await git('commit', '--quiet', '--all', '--message', 'shop: release 2');
  await git('switch', '--quiet', 'main');
}

async function updateUnderTraffic({ http }: DemoPorts): Promise<Tally> {
  const loop = startRequestLoop({
    port: http,
    host: 'shop.localhost',
    clients: 4,
    marker: /^shop release \d+/,
  });
  try {
    await until(20_000, 'the shop answers', async () => loop.tally().requests > 200);
    await show('git', ['-C', '.demo/config', 'merge', '--quiet', '--ff-only', 'release-2']);
    // Converged may take several looks: 1 says "not yet".
    await plimsoll(['reconcile'], [0, 1]);
    await until(90_000, 'release 2 has taken over', async () => onlyRelease2(loop));
  } finally {
    sayTally(await loop.stop());
  }
  return loop.tally();
}

/** Nothing is left to do, and for a second no other release has answered. */
async function onlyRelease2(loop: RequestLoop): Promise<boolean> {
  if ((await quietPlimsoll(['diff'])).code !== 0) return false;
  const before = loop.tally().answers['shop release 1'];
  await delay(1000);
  return loop.tally().answers['shop release 1'] === before;
}

function sayTally({ requests, failures, answers }: Tally): void {
  say(`   ${requests} requests while it happened, ${failures.length} failed:`);
  for (const [answer, count] of Object.entries(answers).sort()) say(`     ${answer}: ${count}`);
  for (const failure of new Set(failures)) say(`     failed: ${failure}`);
}

function farewell({ http, api }: DemoPorts, seconds: number): void {
  say(`\nDone in ${Math.round(seconds)} s. The controller goes on. To look further:`);
  say(`   http://shop.localhost:${http}/            the shop, through Caddy`);
  say(`   http://127.0.0.1:${api}/healthz           the controller`);
  say('   npx plimsoll status --config .demo/plimsoll.yaml');
  say('   edit .demo/config/shop/app.yaml, commit, and look again');
  say('   tail -f .demo/controller.log');
  say('To stop and remove everything: npm run demo -- --down');
}

async function down(): Promise<number> {
  const engine = await rememberedEngine();
  const problem = await engineProblem();
  if (problem !== undefined && existsSync(place.root) && engine === undefined) {
    throw new MachineError(
      `no engine answers (${problem}). Start it, then say \`npm run demo -- --down\` again.`,
    );
  }
  if (problem === undefined) await removeAll();
  if (engine) await stopEngine(engine);
  await removePlace();
  say('The demo is gone: its controller, Caddy, containers, network, images and .demo/.');
  return 0;
}

/** Everything of an earlier demo but the engine that it started. */
async function removeAll(): Promise<void> {
  await stopController();
  // The product's own way first; what a broken one left is removed by its label.
  if (existsSync(place.settings)) await quietPlimsoll(['down', '--volumes', '--yes']);
  await removeLeftovers(await findLeftovers((name) => name === instance));
  await removeDemoImages();
  await removePlace();
}

async function explain(error: unknown): Promise<number> {
  if (error instanceof MachineError) {
    say(error.message);
    return 3;
  }
  if (!(error instanceof DemoError)) throw error;
  const log = await readFile(place.controllerLog, 'utf8').catch(() => '');
  say(`\nThe demo stopped here: ${error.message}`);
  if (log !== '') say(`The end of .demo/controller.log:\n${log.trimEnd().split('\n').slice(-20).join('\n')}`);
  say('To remove what it made: npm run demo -- --down');
  return 1;
}

async function controllerAnswers({ api }: DemoPorts): Promise<boolean> {
  if ((await rememberedPid('controller')) === undefined) throw new DemoError('the controller ended');
  const answer = await fetch(`http://127.0.0.1:${api}/healthz`, { signal: AbortSignal.timeout(3000) }).catch(
    () => undefined,
  );
  return answer?.ok === true;
}

async function until(deadlineMs: number, what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new DemoError(`waited ${deadlineMs / 1000} s, but not until ${what}`);
    await delay(200);
  }
}

function title(step: number, text: string): void {
  say(`\n${step}. ${text}`);
}
