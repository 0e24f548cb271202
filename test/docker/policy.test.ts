import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError } from '../../src/apply/ports.ts';
import type { HostPolicy } from '../../src/desired/desired.ts';
import { checkPolicy } from '../../src/docker/check-policy.ts';
import { createEngine } from '../../src/docker/engine.ts';
import type { ContainerSpec } from '../../src/observed/observed.ts';
import { type Corner, openCorner } from './test-engine.ts';

let corner: Corner;
let dir: string;
let server: Server;
/** Stands for the engine's socket, where no list of names would look for it. */
let socket: string;

test.before(async () => {
  corner = await openCorner();
  dir = mkdtempSync(join(tmpdir(), 'plimsoll-policy-'));
  for (const name of ['data', 'other', 'state', 'run']) mkdirSync(join(dir, name));
  symlinkSync('/etc', join(dir, 'data', 'innocent'));
  symlinkSync(join(dir, 'other'), join(dir, 'data', 'elsewhere'));
  symlinkSync(join(dir, 'data'), join(dir, 'shortcut'));
  symlinkSync(join(dir, 'state'), join(dir, 'data', 'ours'));
  socket = join(dir, 'run', 'engine.sock');
  server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  symlinkSync(socket, join(dir, 'data', 'by-link'));
  linkSync(socket, join(dir, 'data', 'by-hard-link'));
});
test.after(async () => {
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  rmSync(dir, { recursive: true, force: true });
  await corner?.clear();
});

function policy(change: Partial<HostPolicy> = {}): HostPolicy {
  return {
    allowPrivileged: false,
    allowCapabilities: [],
    allowHostPaths: [],
    apps: {},
    allowedRegistries: [],
    instance: corner.instance,
    ...change,
  };
}

/** The rule that refuses, or nothing. */
function refusal(change: Partial<ContainerSpec>, given: HostPolicy): string | undefined {
  try {
    checkPolicy(corner.spec('shop', change), { policy: given, socket, closedPaths: [join(dir, 'state')] });
    return undefined;
  } catch (error) {
    assert.instance(error, EdgeError);
    const { kind, reason, message } = error as EdgeError;
    assert.equal([kind, reason], ['terminal', 'PolicyRefused'], message);
    return /\((E\d+)\)/.exec(message)?.[1];
  }
}

function bind(source: string): Partial<ContainerSpec> {
  return { mounts: [{ kind: 'bind', source, target: '/x', readOnly: true }] };
}

const cases: [
  what: string,
  change: () => Partial<ContainerSpec>,
  given: () => HostPolicy,
  rule: string | undefined,
][] = [
  ['nothing special', () => ({}), () => policy(), undefined],
  ['privileged mode', () => ({ privileged: true }), () => policy(), 'E1501'],
  ['new privileges', () => ({ noNewPrivileges: false }), () => policy(), 'E1501'],
  ['a capability', () => ({ capAdd: ['NET_ADMIN'] }), () => policy(), 'E1502'],
  [
    'one of two capabilities',
    () => ({ capAdd: ['NET_ADMIN', 'SYS_ADMIN'] }),
    () => policy({ allowCapabilities: ['CAP_net_admin'] }),
    'E1502',
  ],
  [
    'an allowed capability',
    () => ({ capAdd: ['NET_ADMIN'] }),
    () => policy({ allowCapabilities: ['NET_ADMIN'] }),
    undefined,
  ],
  [
    'all of it, allowed for all',
    () => ({ privileged: true, capAdd: ['ALL'], noNewPrivileges: false }),
    () => policy({ allowPrivileged: true }),
    undefined,
  ],
  [
    'all of it, allowed for this app',
    () => ({ privileged: true }),
    () => policy({ apps: { shop: { allowPrivileged: true } } }),
    undefined,
  ],
  [
    'what is allowed for another app',
    () => ({ privileged: true }),
    () => policy({ apps: { other: { allowPrivileged: true } } }),
    'E1501',
  ],
  ['a host path', () => bind(join(dir, 'data')), () => policy(), 'E1503'],
  [
    'a host path of a privileged app',
    () => bind(join(dir, 'data')),
    () => policy({ allowPrivileged: true }),
    'E1503',
  ],
  [
    'an allowed host path',
    () => bind(join(dir, 'data')),
    () => policy({ allowHostPaths: [`${dir}/data/`] }),
    undefined,
  ],
  [
    'a folder below an allowed one',
    () => bind(join(dir, 'data', 'new')),
    () => policy({ allowHostPaths: [join(dir, 'data')] }),
    undefined,
  ],
  [
    'an allowed path that is a link',
    () => bind(join(dir, 'shortcut')),
    () => policy({ allowHostPaths: [join(dir, 'shortcut')] }),
    undefined,
  ],
  [
    'a link out of an allowed folder',
    () => bind(join(dir, 'data', 'elsewhere')),
    () => policy({ allowHostPaths: [join(dir, 'data')] }),
    'E1503',
  ],
  [
    'a link to what is closed',
    () => bind(join(dir, 'data', 'innocent')),
    () => policy({ allowHostPaths: [join(dir, 'data'), '/etc'] }),
    'E1503',
  ],
  [
    'a path through a link to what is closed',
    () => bind(join(dir, 'data', 'innocent', 'ssl')),
    () => policy({ allowHostPaths: [join(dir, 'data')] }),
    'E1503',
  ],
  [
    'a way back up',
    () => bind(join(dir, 'data').concat('/../../../etc')),
    () => policy({ allowHostPaths: [join(dir, 'data')] }),
    'E1503',
  ],
  ['our own data', () => bind(join(dir, 'data', 'ours')), () => policy({ allowHostPaths: [dir] }), 'E1503'],
  ['a folder above our own data', () => bind(dir), () => policy({ allowHostPaths: [dir] }), 'E1503'],
  ['the engine’s socket', () => bind(socket), () => policy({ allowHostPaths: [dir] }), 'E1503'],
  [
    'the engine’s socket by a link',
    () => bind(join(dir, 'data', 'by-link')),
    () => policy({ allowHostPaths: [dir] }),
    'E1503',
  ],
  [
    'the engine’s socket by a hard link',
    () => bind(join(dir, 'data', 'by-hard-link')),
    () => policy({ allowHostPaths: [dir] }),
    'E1503',
  ],
  [
    'the folder of the engine’s socket',
    () => bind(join(dir, 'run')),
    () => policy({ allowHostPaths: [dir] }),
    'E1503',
  ],
  ['everything', () => bind('/'), () => policy({ allowHostPaths: ['/'] }), 'E1503'],
];
for (const [what, change, given, rule] of cases) {
  test(`${what} is ${rule === undefined ? 'given' : `refused by ${rule}`}`, () =>
    assert.is(refusal(change(), given()), rule));
}

test('the engine is not even asked for what the policy refuses, whatever was validated before', async () => {
  const given = policy({ allowHostPaths: [join(dir, 'data')] });
  const engine = createEngine({ ...corner, policy: given });
  const path = join(dir, 'data', 'later');
  mkdirSync(path);
  const wanted = corner.spec('checked', bind(path));
  await engine.createContainer(wanted, [], true);
  await engine.remove(wanted.name);
  rmSync(path, { recursive: true });
  symlinkSync('/etc', path);
  const error = await engine.createContainer(wanted, [], true).catch((caught: unknown) => caught);
  unlinkSync(path);
  assert.instance(error, EdgeError);
  assert.is((error as EdgeError).reason, 'PolicyRefused');
  assert.match((error as EdgeError).message, /later, which is \/etc, is never mounted/);
  const filters = { label: [`plimsoll.instance=${corner.instance}`] };
  assert.equal(await corner.docker.listContainers({ all: true, filters }), []);
});

test.run();
