// `npm run demo`: a whole plimsoll on this machine, from nothing. `npm run demo -- --down` removes it again.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DemoError,
  plimsoll,
  quietPlimsoll,
  say,
  show,
  startController,
  stopPrograms,
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
import {
  fingerprint,
  forgeAnswers,
  hookUp,
  pushBranch,
  pushFirstCommit,
  pushToMain,
  sealPassword,
  showSealed,
  startForge,
} from './demo-repo.ts';
import { engineProblem, stopEngine } from './engine.ts';
import { findLeftovers, removeLeftovers } from './leftovers.ts';
import { ensureMachine, MachineError } from './machine.ts';
import { type RequestLoop, startRequestLoop, type Tally } from './request-loop.ts';

const curl = ['--silent', '--show-error', '--max-time', '10'];
const statusOnly = ['--output', '/dev/null', '--write-out', '%{http_code}\n'];

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
  const before = await rememberedEngine();
  // Ended without us, as by a restart of the machine: what it left goes.
  if (machine.startedEngine && before?.kind === 'process') await stopEngine(before);
  const engine = machine.startedEngine ?? before;
  await removeAll();
  const ports = await writeSettings();
  await rememberEngine(engine);
  await buildDemoImages(place.images);
  say(
    `   A Docker engine, Caddy, git and curl are here; ${demoImages.map(({ tag }) => tag).join(' and ')} are built.`,
  );

  title(2, 'A git server, and a config repo with three apps and a secret');
  await plimsoll(['secret', 'keygen', '--out', relative(place.project, place.identity)], { bare: true });
  say('   (`plimsoll` stands for `npx plimsoll --config .demo/plimsoll.yaml` from here on.)');
  await startForge(ports);
  await until(20_000, 'the git server answers', () => forgeAnswers(ports));
  const first = await sealPassword();
  await showSealed();
  await pushFirstCommit();

  title(3, 'The controller makes the machine as git says');
  await startController();
  await until(30_000, 'the controller answers', () => controllerAnswers(ports));
  hookUp(ports, (await readFile(place.hookSecret, 'utf8')).trim());
  await plimsoll(['wait', 'shop', '--for', 'healthy', '--timeout', '2m']);
  await plimsoll(['wait', 'report', '--for', 'synced', '--timeout', '1m']);
  await plimsoll(['status']);

  title(4, 'The apps answer through Caddy');
  await showApps(ports, first);

  title(5, 'A change, on a branch: what would it do?');
  const second = await pushBranch();
  say('   (The forge told the controller, which follows another branch.)');
  const diff = await plimsoll(['diff', '--rev', 'release-2'], { accepts: [1] });
  mustHide('the diff', diff.output, [first, second]);

  title(6, 'A push to main, under traffic: four clients keep asking for the shop');
  const { failures } = await updateUnderTraffic(ports, second);
  await plimsoll(['history', 'shop']);

  title(7, 'What came of the webhooks; git and machine agree again: an empty diff');
  await plimsoll(['get', 'deliveries']);
  const { code } = await plimsoll(['diff']);
  say(`   (exit code ${code}: no differences)`);
  mustHide('the log', await readFile(place.controllerLog, 'utf8'), [first, second]);

  farewell(ports, (performance.now() - startedAt) / 1000);
  return failures.length > 0 ? 1 : 0;
}

function mustHide(what: string, text: string, passwords: readonly string[]): void {
  if (passwords.some((password) => text.includes(password))) throw new DemoError(`${what} shows a password`);
}

async function showApps({ http }: DemoPorts, password: string): Promise<void> {
  const [shop, api] = [`http://shop.localhost:${http}/`, `http://api.localhost:${http}/`];
  const { output } = await show('curl', [...curl, shop]);
  if (!output.includes(`password ${fingerprint(password)}`))
    throw new DemoError('the shop has another password');
  say('   (These are the first digits of the SHA-256 of the password that git holds encrypted.)');
  await show('curl', [...curl, shop]);
  await show('curl', [...curl, api]);
  say('   A host that no app claims is not found:');
  await show('curl', [...curl, ...statusOnly, `http://nobody.localhost:${http}/`]);
}

async function updateUnderTraffic({ http, api }: DemoPorts, password: string): Promise<Tally> {
  const server = `http://127.0.0.1:${api}`;
  say('   Whoever has a token may follow it from anywhere; nobody else may:');
  const created = await quietPlimsoll(['token', 'create', 'demo', '--scope', 'read', '-o', 'json']);
  if (created.code !== 0) throw new DemoError(`plimsoll token create: ${created.output}`);
  const { token } = JSON.parse(created.output) as { readonly token: string };
  await show('curl', [...curl, ...statusOnly, `${server}/api/v1/apps/shop`]);
  const loop = startRequestLoop({
    port: http,
    host: 'shop.localhost',
    clients: 4,
    marker: /^shop release \d+, password \w+/,
  });
  const watch = new AbortController();
  let isWatching = false;
  const watching = plimsoll(['events', '-w', '--limit', '1', '--server', server], {
    bare: true,
    token,
    signal: watch.signal,
    onShown: () => {
      isWatching = true;
    },
  });
  try {
    await until(20_000, 'the shop answers', async () => isWatching && loop.tally().requests > 200);
    const pushedAt = performance.now();
    await pushToMain();
    const release2 = `shop release 2, password ${fingerprint(password)}`;
    await until(60_000, 'release 2 answers', async () => loop.tally().answers[release2] !== undefined);
    const seconds = (performance.now() - pushedAt) / 1000;
    say(`   Release 2 and its password answer ${seconds.toFixed(1)} s after the push began.`);
    await until(90_000, 'release 2 has taken over', async () => onlyRelease2(loop));
  } finally {
    const tally = await loop.stop();
    watch.abort();
    await watching;
    sayTally(tally);
  }
  return loop.tally();
}

/** Nothing is left to do, and for a second no other release has answered. */
async function onlyRelease2(loop: RequestLoop): Promise<boolean> {
  if ((await quietPlimsoll(['diff'])).code !== 0) return false;
  const before = answersOfRelease1(loop);
  await delay(1000);
  return answersOfRelease1(loop) === before;
}

function answersOfRelease1(loop: RequestLoop): number {
  const ofIt = Object.entries(loop.tally().answers).filter(([page]) => page.startsWith('shop release 1,'));
  return ofIt.reduce((sum, [, count]) => sum + count, 0);
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
  say('   edit .demo/config/shop/app.yaml, commit, push, and look again');
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
  say('The demo is gone: its controller, git server, Caddy, containers, network, images and .demo/.');
  return 0;
}

/** Everything of an earlier demo but the engine that it started. */
async function removeAll(): Promise<void> {
  await stopPrograms();
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
