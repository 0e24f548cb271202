import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { loadConfig } from '../src/config.ts';
import { RealCaddy } from './caddy/real-caddy.ts';

const folder = fileURLToPath(new URL('../docker/', import.meta.url));
const config = loadConfig({ file: join(folder, 'plimsoll.yaml'), env: {} });

interface Service {
  readonly volumes: readonly string[];
  readonly network_mode: string;
  readonly cap_drop: readonly string[];
  readonly cap_add: readonly string[];
}

function services(): Record<string, Service> {
  return (parse(text('compose.yaml')) as { services: Record<string, Service> }).services;
}

test('the configuration is one that the controller takes', () => {
  assert.is(config.stateDir, '/var/lib/plimsoll');
  assert.is(config.docker.subnet, '10.217.0.0/16');
  assert.is(config.caddy.manage, 'none');
});

test('the slots lie beside the state directory, which is closed to Caddy', () => {
  assert.is(config.caddy.slots, `${config.stateDir}-slots`);
});

test('both containers see the slots under the path of the configuration, and only one may write', () => {
  const { controller, caddy } = services();
  const { slots } = config.caddy;
  assert.ok(controller?.volumes.includes(`slots:${slots}`));
  assert.ok(controller?.volumes.includes(`state:${config.stateDir}`));
  assert.ok(caddy?.volumes.includes(`slots:${slots}:ro`));
  assert.equal(
    [controller, caddy].map((service) => service?.network_mode),
    ['host', 'host'],
  );
});

test('image, unit and install script prepare the same folders', () => {
  const { stateDir, caddy } = config;
  assert.match(text('Dockerfile'), `-m 0700 ${stateDir} `);
  assert.match(text('Dockerfile'), `-m 0755 ${caddy.slots}\n`);
  assert.match(text('plimsoll.service'), `ReadWritePaths=${caddy.slots}\n`);
  assert.match(text('plimsoll.service'), 'StateDirectory=plimsoll\nStateDirectoryMode=0700\n');
  assert.match(text('install.sh'), `state=${stateDir}\nslots=${caddy.slots}\n`);
  assert.match(text('install.sh'), '-m 0755 "$slots"\n');
});

test('image and unit use memory in the same way', () => {
  for (const file of ['Dockerfile', 'plimsoll.service']) {
    assert.match(text(file), /\bMALLOC_ARENA_MAX=1\b/);
    assert.match(text(file), /\bMALLOC_MMAP_THRESHOLD_=8192\b/);
    assert.match(text(file), /\bMALLOC_TRIM_THRESHOLD_=16384\b/);
    assert.match(text(file), /\bMALLOC_TOP_PAD_=16384\b/);
  }
});

test('what the configuration has behind a # is right when the # is gone', () => {
  const dir = mkdtempSync('/tmp/plimsoll-docker-');
  try {
    const file = join(dir, 'plimsoll.yaml');
    // A line is a setting when it has a colon and is no sentence.
    writeFileSync(
      file,
      text('plimsoll.yaml').replace(/^( *)# ((?: *[a-zA-Z]+: ?(?:$|[^A-Z ].*)))$/gm, '$1$2'),
    );
    const whole = loadConfig({ file, env: {} });
    assert.is(whole.secrets.identity, join(dir, 'age.key'));
    assert.equal(whole.sources[0]?.auth?.sshKey, { file: join(dir, 'deploy-key') });
    assert.equal(whole.webhooks.github?.secrets, [{ file: 'webhook-secret' }]);
    assert.equal(whole.api.trustedProxies, ['127.0.0.1']);
    assert.equal(whole.policy.apps.backup?.allowHostPaths, ['/srv/data']);
    assert.is(whole.caddy.acme?.email, 'ops@example.com');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('secret files lie where the engine finds them, in memory that outlives the controller', () => {
  assert.ok(services().controller?.volumes.includes('/run/plimsoll:/run/plimsoll'));
  assert.match(
    text('plimsoll.service'),
    'RuntimeDirectory=plimsoll\nRuntimeDirectoryMode=0700\nRuntimeDirectoryPreserve=yes\n',
  );
});

for (const [name, capabilities, user] of [
  ['the compose file', services().controller?.cap_add ?? [], []],
  ['the unit', capabilitiesOfUnit(), ['--reuid', '65534', '--regid', '65534', '--clear-groups']],
] as const)
  test(`the capabilities of ${name} are enough to give secret files away and to change them`, () => {
    assert.equal(services().controller?.cap_drop, ['ALL']);
    if (process.getuid?.() !== 0) return;
    const dir = mkdtempSync('/dev/shm/plimsoll-docker-');
    try {
      chmodSync(dir, 0o777);
      const set = `-all,${capabilities.map((capability) => `+${capability.toLowerCase()}`).join(',')}`;
      const ambient = user.length === 0 ? [] : ['--inh-caps', set, '--ambient-caps', set];
      const folder = JSON.stringify(new URL('../src/docker/secret-folder.ts', import.meta.url).href);
      const script = `
        import { lstatSync } from 'node:fs';
        import { createSecretFolder } from ${folder};
        const folder = createSecretFolder(${JSON.stringify(join(dir, 'files'))}, 'default');
        const path = folder.pathOf('plimsoll-shop-1-0', 0);
        const content = (version) => ({ value: { secret: 'shop/KEY', version }, plain: version, mode: 0o400 });
        folder.write(path, content('first'), { uid: 0, gid: 0 });
        folder.give(path, { uid: 1234, gid: 1234 });
        folder.overwrite(path, content('second'));
        const { uid, mode } = lstatSync(path);
        process.stdout.write([folder.read(path).plain, uid, (mode & 0o777).toString(8)].join(' '));
      `;
      const out = execFileSync(
        'setpriv',
        [
          ...user,
          ...['--no-new-privs', '--bounding-set', set, ...ambient, '--', process.execPath],
          ...['--input-type=module', '--eval', script],
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
      );
      assert.is(out, 'second 1234 400');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

test('systemd has nothing to say against the unit, and finds it little exposed', () => {
  const dir = mkdtempSync('/tmp/plimsoll-docker-');
  const analyze = (...args: readonly string[]) =>
    spawnSync('systemd-analyze', args, { encoding: 'utf8', env: { ...process.env, SYSTEMD_COLORS: '0' } });
  try {
    const unit = join(dir, 'plimsoll.service');
    // The program that it starts has to be there.
    writeFileSync(unit, text('plimsoll.service').replace('/usr/local/bin/plimsoll', '/bin/true'));
    const verified = analyze('verify', '--', unit);
    // Of other units of this machine it may complain.
    assert.not.match(`${verified.stdout}${verified.stderr}`, 'plimsoll.service');
    assert.is(verified.status, 0, verified.stderr);
    const most = 25;
    const judged = analyze('security', '--offline=true', `--threshold=${most}`, '--', unit);
    assert.match(judged.stdout, 'Overall exposure level');
    assert.is(judged.status, 0, judged.stdout.trim().split('\n').at(-1));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('the context of the image is what the Dockerfile copies, and nothing else', () => {
  const copied = [...text('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files = '']) =>
    files.split(' '),
  );
  const [everything, ...kept] = readFileSync(join(folder, '../.dockerignore'), 'utf8').trim().split('\n');
  assert.is(everything, '**');
  const tops = kept.map((line) => line.replace(/^!/, '').replace(/\/\*.*$/, ''));
  assert.equal([...new Set(tops)].sort(), copied.sort());
});

test('compose of every age finds the name of the project', () => {
  // 1.29 refuses a file that has it, and reads .env; so does its successor.
  assert.is((parse(text('compose.yaml')) as { name?: string }).name, undefined);
  assert.is(text('.env'), 'COMPOSE_PROJECT_NAME=plimsoll\n');
});

test('the example site of the template passes webhooks on, and nothing else', async () => {
  const caddy = await RealCaddy.start();
  try {
    const asked: string[] = [];
    const controller = await caddy.upstream((request, response) => {
      asked.push(request.url ?? '');
      response.end('the controller');
    });
    const example = readFileSync(caddy.template, 'utf8')
      .replace(/^# ?(hooks\.example\.com \{\n(?:# .*\n)+# \}$)/m, (site) => site.replace(/^# ?/gm, ''))
      .replace('\nhooks.example.com {', `\nhttp://hooks.example.com:${caddy.httpPort} {`)
      .replace('127.0.0.1:7320\n', `${controller}\n`);
    assert.match(example, `reverse_proxy ${controller}`);
    writeFileSync(caddy.template, example);
    await caddy.proxy().load([]);
    const status = async (path: string) =>
      (await caddy.http({ host: 'hooks.example.com', method: 'POST', path })).status;
    assert.is(await status('/webhooks/github'), 200);
    for (const path of [
      '/metrics',
      '/webhooks/../metrics',
      '/webhooks/%2e%2e/metrics',
      '/webhooks/..%2fmetrics',
    ])
      assert.is(await status(path), 404, path);
    assert.equal(asked, ['/webhooks/github']);
  } finally {
    await caddy.close();
  }
});

function capabilitiesOfUnit(): readonly string[] {
  const [, ambient = ''] = /^AmbientCapabilities=(.*)$/m.exec(text('plimsoll.service')) ?? [];
  const [, bounding] = /^CapabilityBoundingSet=(.*)$/m.exec(text('plimsoll.service')) ?? [];
  assert.is(ambient, bounding);
  return ambient.split(' ').map((name) => name.replace(/^CAP_/, ''));
}

function text(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

test.run();
