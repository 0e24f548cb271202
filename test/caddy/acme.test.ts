import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fixed, freePorts, RealCaddy, route, until } from './real-caddy.ts';

const missing = pebbleProblem();
const run = missing === undefined ? test : test.skip;
if (missing !== undefined) process.stdout.write(`SKIPPED: no real ACME server: ${missing}\n`);

run('gets a certificate from an ACME server and serves with it', async () => {
  const caddy = await RealCaddy.start();
  let pebble: Awaited<ReturnType<typeof startPebble>> | undefined;
  try {
    pebble = await startPebble(caddy);
    const acme = {
      ca: `https://localhost:${pebble.port}/dir`,
      caRoot: pebble.root,
      email: 'ops@example.com',
    };
    const proxy = caddy.proxy({ acme });
    await proxy.load([route({ host: 'shop.test', tls: 'auto', upstreams: fixed(await caddy.app('shop')) })]);
    await until(
      'Caddy has the certificate',
      async () => (await caddy.https({ host: 'shop.test' })).status === 200,
      60_000,
    );
    const answer = await caddy.https({ host: 'shop.test' });
    assert.is(answer.body, 'shop /');
    assert.match(String(answer.issuer), /^Pebble Intermediate CA/);
    assert.is((await caddy.http({ host: 'shop.test' })).headers.location, 'https://shop.test/');
    assert.is((await proxy.observe()).state, 'running');
  } finally {
    await pebble?.stop();
    await caddy.close();
  }
});

/** Debian's test ACME server, which validates at Caddy's ports and finds every name on loopback. */
async function startPebble(
  caddy: RealCaddy,
): Promise<{ port: number; root: string; stop: () => Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'plimsoll-pebble-'));
  const [port = 0, dns = 0, management = 0, other = 0] = await freePorts(4);
  const { certificate, privateKey } = makeCertificate(dir);
  const config = join(dir, 'pebble.json');
  const listen = { listenAddress: `127.0.0.1:${port}`, managementListenAddress: `127.0.0.1:${management}` };
  const validation = { httpPort: caddy.httpPort, tlsPort: caddy.httpsPort };
  writeFileSync(config, JSON.stringify({ pebble: { ...listen, certificate, privateKey, ...validation } }));
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-management', `127.0.0.1:${other}`];
  const processes = [
    spawn(
      'pebble-challtestsrv',
      [...off, '-dns01', `127.0.0.1:${dns}`, '-defaultIPv6', '', '-defaultIPv4', '127.0.0.1'],
      {
        stdio: 'ignore',
      },
    ),
    spawn('pebble', ['-config', config, '-dnsserver', `127.0.0.1:${dns}`], {
      env: { PATH: process.env.PATH, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
      stdio: 'ignore',
    }),
  ];
  const stop = async (): Promise<void> => {
    for (const child of processes) {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      if (child.exitCode === null) await closed;
    }
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await until('the name server listens', () => listens(dns));
    await until('the ACME server listens', () => listens(port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, root: certificate, stop };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

/** Its own certificate, which Caddy is to trust by `acme.caRoot`. */
function makeCertificate(dir: string): { certificate: string; privateKey: string } {
  const [certificate, privateKey] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', privateKey, '-out', certificate];
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject,
    ...files,
  ]);
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
  return { certificate, privateKey };
}

/** Installs what is missing where we may; else says why not. */
function pebbleProblem(): string | undefined {
  const programs = ['pebble', 'pebble-challtestsrv', 'openssl'];
  if (programs.every(inPath)) return undefined;
  if (process.getuid?.() !== 0 || !inPath('apt-get')) return `install ${programs.join(', ')} as root`;
  const args = ['install', '-y', '--no-install-recommends', '--', 'pebble', 'openssl'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' });
  return status === 0 && programs.every(inPath) ? undefined : `apt-get install pebble: ${stderr.trim()}`;
}

function inPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

test.run();
