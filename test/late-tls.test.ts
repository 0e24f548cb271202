import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leaveOut, requireBuiltins } from '../.ci/bundle.ts';
import { lateTls } from '../.ci/late-tls.ts';
import { selfSigned } from './self-signed.ts';

const test = suite('TLS when it is used');
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-late-tls-'));
const bundled = join(folder, 'libraries.js');
const certificate = selfSigned(folder);
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ path: request.url }));
});

test.before(async () => {
  server.setSecureContext(certificate);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await build({
    // What meets others by TLS: an engine, a git server, and Caddy's own answer for a host.
    stdin: {
      contents: `
        export { default as Docker } from 'dockerode';
        export { default as git } from 'isomorphic-git/http/node';
        export { createCertificates } from './src/caddy/certificate.ts';
        export { pino } from 'pino';`,
      resolveDir: dirname(import.meta.dirname),
    },
    outfile: bundled,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [lateTls, requireBuiltins, leaveOut],
    banner: {
      js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);",
    },
    define: { __dirname: 'import.meta.dirname' },
    logLevel: 'error',
  });
});
test.after(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs it in a process of its own, and answers what it says. `isLoaded` tells whether Node's TLS is there. */
async function say(script: string): Promise<unknown> {
  const { port } = server.address() as AddressInfo;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    `import * as libraries from ${JSON.stringify(pathToFileURL(bundled).href)};
    import { readFileSync } from 'node:fs';
    const isLoaded = () => process.moduleLoadList.includes('NativeModule tls');
    const [port, ca] = [${port}, readFileSync(${JSON.stringify(certificate.file)})];
    const before = isLoaded();
    const said = await (async () => { ${script} })();
    console.log(JSON.stringify({ before, said, after: isLoaded() }));
    process.exit();`,
  ]);
  return JSON.parse(stdout) as unknown;
}

test('an engine is asked by TLS', async () => {
  const asked = await say(`
    const docker = new libraries.Docker({ protocol: 'https', host: '127.0.0.1', port, ca });
    return docker.version();`);
  assert.equal(asked, { before: false, said: { path: '/version' }, after: true });
});

test('an engine whose certificate nobody vouches for is refused', async () => {
  const asked = await say(`
    const docker = new libraries.Docker({ protocol: 'https', host: '127.0.0.1', port });
    return docker.version().then(() => 'trusted', ({ code }) => code);`);
  assert.equal(asked, { before: false, said: 'DEPTH_ZERO_SELF_SIGNED_CERT', after: true });
});

test('a git server is asked by TLS, and refused when nobody vouches for it', async () => {
  const asked = await say(`
    return libraries.git
      .request({ url: 'https://127.0.0.1:' + port + '/repo/info/refs', method: 'GET', headers: {} })
      .then(({ statusCode }) => statusCode, ({ code }) => code);`);
  assert.equal(asked, { before: false, said: 'DEPTH_ZERO_SELF_SIGNED_CERT', after: true });
});

test('the certificate that is shown for a host is read', async () => {
  const asked = await say(`
    const { status, error } = await libraries.createCertificates({ address: '127.0.0.1', port }).of('127.0.0.1');
    return { status, error };`);
  assert.equal(asked, { before: false, said: { status: 'valid' }, after: true });
});

test.run();
