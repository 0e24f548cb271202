// `npm run image`: the image is built, and run by docker/compose.yaml beside Caddy, as a person does.

import { deepStrictEqual, match, notDeepStrictEqual, ok, strictEqual } from 'node:assert';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { parse, stringify } from 'yaml';
import { findCompose } from '../bench/compose.ts';
import { freePorts, until } from '../test/caddy/real-caddy.ts';
import { ensureTestImage } from '../test/docker/test-image.ts';
import { ask } from '../test/e2e/ask.ts';
import { Clients } from '../test/e2e/clients.ts';
import { Forge } from '../test/e2e/forge.ts';
import { image as appImage, imageLines, manifest } from '../test/e2e/host.ts';
import { type BaseImages, ensureBaseImages } from './base-images.ts';
import { freeSubnet } from './free-places.ts';
import { findLeftovers, removeLeftovers } from './leftovers.ts';
import { ensureMachine, MachineError } from './machine.ts';

/** What `IMAGE_REPORT` holds; also of a run that failed, as far as it came. */
interface Report {
  passed: number;
  failed: number;
  seconds: number;
  compose: string;
  /** Base images that are not what their name promises, because none of that name was here. */
  standIns: readonly string[];
  imageBytes: number;
  requests: number;
  /** The controller's container with two replicas, after a rollout. */
  memory: { limitBytes: number; anonymousBytes: number; outOfMemory: boolean };
  readonly steps: { readonly what: string; readonly seconds: number }[];
}

const needs = {
  engine: true,
  compose: true,
  caddy: true,
  busybox: true,
  git: true,
  sshd: true,
  debootstrap: true,
} as const;
// Not `test-…`: what bears such a name is cleared away by a test run beside this one.
const name = `image-proof-${randomBytes(3).toString('hex')}`;
const tag = `plimsoll-test/controller:${name}`;
const limit = 64 * 2 ** 20;
/** A command that is typed in the container counts to the container, with a Node of its own. */
const limitWithCommands = 96 * 2 ** 20;
const docker = new Docker();
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-image-'));
/** In memory, and mounted under the same path, as /run/plimsoll is by the compose file itself. */
const runtimeDir = join('/dev/shm', name);
/** The compose file mounts it: the engine makes it where it is not. */
const mountedByFile = '/run/plimsoll';
const hadMounted = existsSync(mountedByFile);
const report: Report = {
  passed: 0,
  failed: 0,
  seconds: 0,
  compose: '',
  standIns: [],
  imageBytes: 0,
  requests: 0,
  memory: { limitBytes: limit, anonymousBytes: 0, outOfMemory: false },
  steps: [],
};
const ends: (() => unknown)[] = [];

process.exitCode = await main();

async function main(): Promise<number> {
  const begun = performance.now();
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => void clear().finally(() => process.exit(code)));
  try {
    const machine = await ensureMachine(needs, say);
    ends.push(() => machine.stop());
    ends.push(async () => removeLeftovers(await findLeftovers((instance) => instance === name)));
    await prove();
  } catch (error) {
    report.failed = 1;
    say(`✗ ${error instanceof Error ? (error.stack ?? error.message) : error}`);
    if (error instanceof MachineError) return 3;
  } finally {
    await clear();
    report.seconds = Math.round((performance.now() - begun) / 1000);
    const file = process.env.IMAGE_REPORT;
    if (file) writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  }
  say(`${report.passed} passed, ${report.failed} failed`);
  return report.failed;
}

async function prove(): Promise<void> {
  const compose = await composeProject();
  const bases = await step('the base images are here', () => baseImages());
  ends.push(() => bases.remove());
  report.standIns = bases.standIns;

  await step('the image builds from the project, and holds what runs and nothing else', async () => {
    await compose('build', 'controller');
    ends.push(() => docker.getImage(tag).remove());
    report.imageBytes = (await docker.getImage(tag).inspect()).Size;
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    strictEqual(await inImage('version'), `plimsoll ${version}\n`);
    const shipped = await dockerSays('run', '--rm', '--entrypoint', 'cat', tag, '/app/dist/sbom.cdx.json');
    ok((JSON.parse(shipped) as { components: readonly object[] }).components.length > 50);
    const list = await dockerSays(
      'run',
      '--rm',
      '--entrypoint',
      'ls',
      tag,
      '/app',
      '/app/node_modules',
      '/app/src',
    );
    const expected = ['Caddyfile.tmpl', 'dist', 'node_modules', 'package.json', 'schemas', 'src'];
    deepStrictEqual(list.trim().split('\n'), [
      '/app:',
      ...expected,
      '',
      '/app/node_modules:',
      'better-sqlite3',
      '',
      '/app/src:',
      'plimsoll.js',
    ]);
  });

  const ports = await freePorts(4);
  const [httpPort = 0, httpsPort = 0, admin = 0, api = 0] = ports;
  const forge = await Forge.open('token');
  ends.push(() => forge.close());
  await step('the image makes the identity, and seals a secret for it', async () => {
    await forge.openSsh();
    writeFileSync(join(folder, 'age.key'), await inImage('secret', 'keygen'), { mode: 0o600 });
    copyFileSync(forge.sshKey, join(folder, 'deploy-key'));
    writeConfig(forge, { httpPort, httpsPort, admin, api, subnet: await subnet() });
    await ensureTestImage(docker, appImage, imageLines);
    await forge.push({ 'shop/app.yaml': app('1'), 'secrets/app.yaml': await seal('the-private-key') });
  });

  const marker = () => ask(httpPort, 'shop.test').catch((error: Error) => error.message);
  const first = await step(
    `controller and Caddy come up, and follow the config repo by SSH (in ${mebibytes(limit)})`,
    async () => {
      ends.push(() => compose('down', '--volumes', '--timeout', '30'));
      await compose('up', '--detach');
      await until('the controller answers', async () => (await status(compose)) !== undefined, 60_000);
      await untilConverged(compose, await forge.push({ 'README.md': 'text\n' }));
      strictEqual(await marker(), 'shop 1');
      match(await ask(httpPort, 'nobody.test'), /^404 /);
      match(await inside('ls -ln /run/key.pem; cat /run/key.pem'), /^-r-{8} .* 1234 .*\nthe-private-key$/s);
      // Caddy's sites are what an app reaches of the host, and neither of the two APIs.
      const gateway = await inside("ip route | sed -n 's/^default via \\([0-9.]*\\) .*/\\1/p'");
      const asked = String.raw`GET /healthz HTTP/1.0\r\n\r\n`;
      const fromApp = (port: number) => inside(`printf '${asked}' | nc -w 3 ${gateway} ${port} 2>&1 || true`);
      match(await fromApp(httpPort), /^HTTP\/1\.\d 404 /);
      for (const port of [admin, api]) match(await fromApp(port), /refused/);
      return containers();
    },
  );

  await step('a second release is rolled out: no request fails, and Caddy is not reloaded', async () => {
    const clients = new Clients(httpPort, 'shop.test', /^shop [12]$/);
    const loads = await caddyLoads(compose);
    try {
      await untilConverged(compose, await forge.push({ 'shop/app.yaml': app('2') }));
      await until('the clients saw both', () => clients.seen.length === 2);
    } finally {
      await clients.end();
    }
    report.requests = clients.count;
    deepStrictEqual(clients.wrong, []);
    strictEqual(await caddyLoads(compose), loads, 'Caddy was reloaded');
    notDeepStrictEqual(await containers(), first);
    deepStrictEqual(await flags(compose), ['shop.0', 'shop.1']);
  });

  await step(`it is healthy, and nothing in it ran out of ${mebibytes(limit)}`, async () => {
    const id = await controllerId(compose);
    await until('it is healthy', async () => (await state(id)).Health?.Status === 'healthy', 60_000);
    const { memory_stats: memory } = await docker.getContainer(id).stats({ stream: false });
    // cgroups of the first and of the second version.
    const { rss, anon } = memory.stats as unknown as { rss?: number; anon?: number };
    report.memory.anonymousBytes = rss ?? anon ?? 0;
    report.memory.outOfMemory = (await state(id)).OOMKilled;
    strictEqual(memory.limit, limit);
    strictEqual(report.memory.outOfMemory, false);
    strictEqual((await docker.getContainer(id).inspect()).RestartCount, 0);
  });

  await step(`what a person types beside it is answered (in ${mebibytes(limitWithCommands)})`, async () => {
    const memory = { Memory: limitWithCommands, MemorySwap: limitWithCommands };
    await docker.getContainer(await controllerId(compose)).update(memory);
    match(await compose('exec', '-T', 'controller', 'plimsoll', 'status'), /shop/);
    match(await compose('exec', '-T', 'controller', 'plimsoll', 'doctor'), /caddy/i);
  });

  await step(
    'without controller and Caddy the apps run on; when they come back nothing is replaced',
    async () => {
      const before = await containers();
      await compose('down', '--timeout', '45');
      deepStrictEqual(await containers(), before);
      await compose('up', '--detach', 'caddy');
      await until('Caddy serves what it served', async () => (await marker()) === 'shop 2', 30_000);
      await compose('up', '--detach');
      await untilConverged(compose, await forge.push({ 'README.md': 'another text\n' }));
      deepStrictEqual(await containers(), before);
    },
  );

  await step('`down --yes` removes all', async () => {
    await compose('stop', 'controller');
    await compose('run', '--rm', '-T', 'controller', 'down', '--yes');
    deepStrictEqual(await findLeftovers((instance) => instance === name), []);
    deepStrictEqual(existsSync(runtimeDir) ? readdirSync(runtimeDir, { recursive: true }) : [], []);
    await compose('down', '--volumes');
  });
}

async function step<T>(what: string, body: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await body().catch((error: unknown) => {
    say(`✗ ${what}`);
    throw error;
  });
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  report.steps.push({ what, seconds });
  report.passed += 1;
  say(`✓ ${what} (${seconds} s)`);
  return result;
}

/** The names that the project's own files give. */
function baseImages(): Promise<BaseImages> {
  const [, node = ''] = /^FROM (\S+)$/m.exec(readFileSync('docker/Dockerfile', 'utf8')) ?? [];
  const { services } = parse(readFileSync('docker/compose.yaml', 'utf8')) as {
    services: { caddy: { image: string } };
  };
  return ensureBaseImages({ node, caddy: services.caddy.image }, say);
}

/** The compose file as it is, with what a person changes in it: another image name, the `#` taken from the keys. */
async function composeProject(): Promise<(...args: readonly string[]) => Promise<string>> {
  const { run, version } = await findCompose();
  report.compose = version;
  const over = join(folder, 'over.yaml');
  return async (...args) => {
    const files = ['--file', 'docker/compose.yaml', '--file', over];
    if (!existsSync(over)) writeOverride(over, 0);
    const { code, output } = await run(['--project-name', name, ...files, ...args]);
    if (code !== 0)
      throw new Error(`compose ${args.join(' ')} exits ${code}: ${output.trim().slice(-4_000)}`);
    return output;
  };
}

function writeOverride(file: string, admin: number): void {
  const mounts = ['plimsoll.yaml', 'age.key', 'deploy-key'].map(
    (path) => `${join(folder, path)}:/etc/plimsoll/${path}:ro`,
  );
  const controller = {
    image: tag,
    volumes: [...mounts, `${runtimeDir}:${runtimeDir}`],
    mem_limit: limit,
    memswap_limit: limit,
  };
  // Where it looks for a configuration when there is nothing to resume.
  const caddy = { volumes: [`${join(folder, 'Caddyfile')}:/srv/Caddyfile:ro`] };
  writeFileSync(join(folder, 'Caddyfile'), `{\n  admin 127.0.0.1:${admin}\n}\n`);
  writeFileSync(file, stringify({ services: { controller, caddy } }));
}

interface Places {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly admin: number;
  readonly api: number;
  readonly subnet: string;
}

/** docker/plimsoll.yaml with places of its own, so that it stands beside whatever runs here. */
function writeConfig(forge: Forge, { httpPort, httpsPort, admin, api, subnet }: Places): void {
  const config = parse(readFileSync('docker/plimsoll.yaml', 'utf8')) as Record<string, object>;
  const auth = { sshKey: 'deploy-key', knownHosts: [forge.ssh.hostLine()] };
  const value = {
    ...config,
    instance: name,
    source: { ...config.source, url: `${forge.ssh.url}/config.git`, interval: '1s', auth },
    secrets: { identity: 'age.key', runtimeDir },
    docker: { ...config.docker, subnet },
    caddy: { ...config.caddy, admin: `http://127.0.0.1:${admin}`, httpPort, httpsPort },
    api: { ...config.api, listen: `127.0.0.1:${api}` },
  };
  writeFileSync(join(folder, 'plimsoll.yaml'), stringify(value));
  writeOverride(join(folder, 'over.yaml'), admin);
}

function subnet(): Promise<string> {
  return freeSubnet(Array.from({ length: 50 }, (_, index) => `10.${100 + index}.77.0/24`));
}

/** Two replicas, with a secret file of a user who is not root. */
function app(release: string): string {
  return manifest('shop', release, {
    replicas: 2,
    user: '1234:1234',
    volumes: [{ tmpfs: true, mount: '/www' }],
    files: [{ mount: '/run/key.pem', secret: 'tls/KEY' }],
  });
}

async function seal(value: string): Promise<string> {
  const plain = {
    apiVersion: 'plimsoll/v1',
    kind: 'Secret',
    metadata: { name: 'tls' },
    data: { KEY: value },
  };
  writeFileSync(join(folder, 'plain.yaml'), stringify(plain), { mode: 0o600 });
  const mount = ['--volume', `${folder}:/etc/plimsoll:ro`];
  return dockerSays('run', '--rm', ...mount, tag, 'secret', 'encrypt', '/etc/plimsoll/plain.yaml');
}

function inImage(...args: readonly string[]): Promise<string> {
  return dockerSays('run', '--rm', tag, ...args);
}

async function dockerSays(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)('docker', args)).stdout;
}

type Compose = Awaited<ReturnType<typeof composeProject>>;

interface Status {
  readonly revision: string;
  readonly converged: boolean;
}

/** Asked by the socket in the volume: a program in the container would be counted to its memory. */
async function status(compose: Compose): Promise<Status | undefined> {
  const { Mounts } = await docker.getContainer(await controllerId(compose)).inspect();
  const { Source = '' } = Mounts.find(({ Destination }) => Destination === '/var/lib/plimsoll') ?? {};
  const { promise, resolve, reject } = Promise.withResolvers<Status | undefined>();
  request({ socketPath: join(Source, 'plimsoll.sock'), path: '/api/v1/status', agent: false })
    .on('error', () => resolve(undefined))
    .on('response', (answer) => {
      text(answer).then(
        (said) => resolve(answer.statusCode === 200 ? (JSON.parse(said) as Status) : undefined),
        reject,
      );
    })
    .end();
  return promise;
}

async function controllerId(compose: Compose): Promise<string> {
  return (await compose('ps', '--quiet', 'controller')).trim();
}

async function untilConverged(compose: Compose, revision: string): Promise<void> {
  const holds = async () => {
    const now = await status(compose);
    if (now?.revision === revision && now.converged) return true;
    throw new Error(JSON.stringify(now));
  };
  try {
    await until(`${revision} is converged`, holds, 90_000);
  } catch (error) {
    const logs = await compose('logs', '--tail=60');
    throw new Error(`${(error as Error).message}\n${String((error as Error).cause)}\n${logs}`, {
      cause: error,
    });
  }
}

async function containers(): Promise<string[]> {
  const filters = { label: [`plimsoll.instance=${name}`] };
  const found = await docker.listContainers({ filters });
  ok(found.every(({ State }) => State === 'running'));
  return found.map(({ Id }) => Id).sort();
}

/** What a command in the first container of the app says. */
async function inside(command: string): Promise<string> {
  const [id = ''] = await containers();
  return (await dockerSays('exec', '--user', '1234', id, '/bin/sh', '-c', command)).trim();
}

async function state(id: string) {
  return (await docker.getContainer(id).inspect()).State;
}

async function caddyLoads(compose: Compose): Promise<number> {
  return (await compose('logs', '--no-color', 'caddy')).split('"uri":"/load"').length - 1;
}

async function flags(compose: Compose): Promise<string[]> {
  const said = await compose('exec', '-T', 'caddy', 'ls', '/var/lib/plimsoll-slots');
  return said
    .trim()
    .split('\n')
    .filter((file) => file.startsWith('shop.'));
}

/** All that was made here goes, and nothing else. */
async function clear(): Promise<void> {
  for (const end of ends.splice(0).toReversed())
    try {
      await end();
    } catch (error) {
      say(`left behind: ${error instanceof Error ? error.message : error}`);
    }
  for (const path of [runtimeDir, folder]) rmSync(path, { recursive: true, force: true });
  if (!hadMounted && existsSync(mountedByFile) && readdirSync(mountedByFile).length === 0)
    rmdirSync(mountedByFile);
}

function mebibytes(bytes: number): string {
  return `${bytes / 2 ** 20} MiB`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
