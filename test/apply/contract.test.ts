import { mkdtempSync, rmSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EdgeError, type JournalPort } from '../../src/apply/ports.ts';
import { runSteps } from '../../src/apply/run-steps.ts';
import { fileDigest } from '../../src/desired/file-digest.ts';
import { createEngineReader } from '../../src/docker/engine-reader.ts';
import type { Container, Image, Observed } from '../../src/observed/observed.ts';
import { applyStep, Refusal } from '../../src/plan/apply-step.ts';
import type { Step } from '../../src/plan/plan.ts';
import { type AVault, aVault } from '../docker/a-vault.ts';
import { type Corner, hashB, openCorner, patrolAll } from '../docker/test-engine.ts';
import { aWorld } from '../plan/worlds.ts';

/** Two hosts that must not be told apart: the simulated one of the planning tests, and a real engine. */
interface TestHost {
  /** Undefined when the step was done, else the reason of the refusal. */
  act(step: Step): Promise<string | undefined>;
  /** What both must agree on. */
  look(): Promise<string>;
}

const silent: JournalPort = { begin: () => 0, end: () => {} };

type Sketch = Step extends infer One ? (One extends Step ? Omit<One, 'reason' | 'traffic'> : never) : never;

test('the simulated host does and refuses what the real engine does and refuses', async () => {
  const vault = aVault();
  const runtimeDir = mkdtempSync('/dev/shm/plimsoll-contract-');
  const corner = await openCorner({ secrets: vault, runtimeDir });
  const real = realHost(corner, vault, runtimeDir);
  try {
    const simulated = simulatedHost(corner);
    for (const sketch of [...story(corner), ...storyOfSecrets(corner, vault)]) {
      const step = { ...sketch, reason: 'contract', traffic: 'none' } as Step;
      const [done, refused] = [await simulated.act(step), await real.act(step)];
      assert.is(done, refused, `${step.kind}: the simulated host says ${done}, the engine ${refused}`);
      assert.is(await simulated.look(), await real.look(), `after ${step.kind}`);
    }
  } finally {
    real.close();
    await corner.clear();
    rmSync(runtimeDir, { recursive: true, force: true });
  }
});

/** Every kind of step about containers and volumes, and what each engine refuses. */
function story(corner: Corner): Sketch[] {
  const volume = `plimsoll-${corner.instance}-shop-data`;
  const mounts = [{ kind: 'volume' as const, name: volume, target: '/data', readOnly: false }];
  const ports = [{ container: 80, protocol: 'tcp' as const, host: 18_999, hostIp: '' }];
  const first = corner.spec('shop', { address: corner.address(10), mounts, ports });
  const second = corner.spec('shop', { address: corner.address(11), ports }, { specHash: hashB });
  const third = corner.spec('web', { address: corner.address(10) });
  const create = (spec: typeof first) => ({
    kind: 'create' as const,
    spec,
    files: [],
    imageHealthCheck: false,
  });
  return [
    { kind: 'create-volume', volume, app: 'shop' },
    create(first),
    { kind: 'start', container: first.name },
    { kind: 'start', container: first.name },
    { kind: 'publish', container: first.name, address: first.address, aliases: ['shop'] },
    create(second),
    { kind: 'start', container: second.name },
    create(third),
    { kind: 'start', container: third.name },
    { kind: 'update', container: first.name, memory: 64 * 1024 * 1024, nanoCpus: 500_000_000, pids: 100 },
    { kind: 'rename', container: third.name, name: `${third.name}-1` },
    { kind: 'remove', container: `${third.name}-1` },
    { kind: 'disconnect', container: first.name, network: corner.network },
    {
      kind: 'connect',
      container: first.name,
      network: corner.network,
      address: first.address,
      aliases: ['shop'],
    },
    { kind: 'restart', container: first.name, grace: 0 },
    { kind: 'stop', container: first.name, grace: 0 },
    { kind: 'stop', container: first.name, grace: 0 },
    { kind: 'start', container: second.name },
    { kind: 'start', container: 'plimsoll-nobody-0' },
    { kind: 'stop', container: second.name, grace: 0 },
    { kind: 'remove', container: second.name },
    { kind: 'remove', container: second.name },
    { kind: 'remove', container: first.name },
    { kind: 'remove-volume', volume },
    { kind: 'remove-volume', volume },
  ];
}

/** What is known by its version alone, and files that change while the container runs. */
function storyOfSecrets(corner: Corner, vault: AVault): Sketch[] {
  const config = { mount: '/etc/app.conf', content: 'a: 1', mode: 0o644 };
  const key = { mount: '/run/key', content: vault.put('app/key', 'first'), mode: 0o400 };
  const fixed = { mount: '/run/fixed', content: vault.put('app/fixed', 'for good'), mode: 0o440 };
  const spec = corner.spec('sealed', {
    env: { PATH: '/bin', FROM_IMAGE: 'yes', PASSWORD: vault.put('app/password', 'plain'), OTHER: 'x' },
    mounts: [
      { kind: 'secret', target: fixed.mount },
      { kind: 'secret', target: key.mount },
    ],
    liveFiles: { [config.mount]: fileDigest(config), [key.mount]: fileDigest(key) },
  });
  const container = spec.name;
  const newKey = { ...key, content: vault.put('app/key', 'second') };
  return [
    { kind: 'create', spec, files: [fixed, config, key], imageHealthCheck: false },
    { kind: 'start', container },
    { kind: 'deliver', container, file: { ...config, content: 'a: 2' } },
    { kind: 'deliver', container, file: newKey, signal: 'SIGWINCH' },
    { kind: 'deliver', container, file: newKey },
    { kind: 'restart', container, grace: 0 },
    { kind: 'stop', container, grace: 0 },
    { kind: 'deliver', container, file: { ...config, mode: 0o600 } },
    { kind: 'deliver', container, file: { ...key, mode: 0o440 }, signal: 'SIGHUP' },
    { kind: 'start', container },
    { kind: 'deliver', container: 'plimsoll-nobody-0', file: config },
    { kind: 'stop', container, grace: 0 },
    { kind: 'remove', container },
  ];
}

function simulatedHost({ instance, network, subnet, image }: Corner): TestHost {
  const base = aWorld([]);
  const settings = { ...base.settings, instance, network, subnet };
  const known: Image = {
    id: image,
    env: {},
    entrypoint: [],
    command: [],
    workingDir: '',
    user: '',
    hasHealthCheck: false,
    volumes: [],
  };
  let observed: Observed = { ...base.observed, images: { [image]: known } };
  let now = 1;
  return {
    async act(step) {
      now += 1;
      try {
        observed = applyStep(observed, step, { now, settings, registry: {} });
        return undefined;
      } catch (error) {
        if (error instanceof Refusal) return error.reason;
        throw error;
      }
    },
    look: async () =>
      describe(
        observed.containers,
        observed.volumes.map(({ name }) => name),
      ),
  };
}

function realHost(
  { docker, instance, network, engine }: Corner,
  secrets: AVault,
  runtimeDir: string,
): TestHost & { close(): void } {
  const reader = createEngineReader({ docker, instance, network, secrets, runtimeDir });
  const proxy = {
    observe: () => Promise.reject(new Error('no proxy here')),
    load: async () => {},
    switch: async () => {},
    onChange: () => () => {},
    close: async () => {},
  };
  return {
    async act(step) {
      const turn = {
        app: 'shop',
        steps: [step],
        deployment: undefined,
        signal: new AbortController().signal,
        progress: () => {},
      };
      const { outcome } = await runSteps({ engine, proxy, journal: silent }, turn);
      if (outcome.kind === 'ok') return undefined;
      if (outcome.kind === 'cancelled') throw new EdgeError('transient', 'Cancelled', 'nobody cancelled');
      return outcome.reason;
    },
    async look() {
      patrolAll(reader);
      const ids = await docker.listContainers({
        all: true,
        filters: { label: [`plimsoll.instance=${instance}`] },
      });
      const { containers, volumes } = await reader.observe(new Set(ids.map(({ Id }) => Id)));
      return describe(
        containers,
        volumes.filter(({ app }) => app !== undefined).map(({ name }) => name),
      );
    },
    close: () => reader.close(),
  };
}

/** Ids, times and exit codes are the engine's own; the rest is what plans are made from. */
function describe(containers: readonly Container[], volumes: readonly string[]): string {
  const lines = containers.map(({ name, app, specHash, replica, state, live }) => {
    const { address, aliases, env, liveFiles, mounts, ports, memory, nanoCpus, pids, networks } = live;
    return JSON.stringify({
      name,
      app,
      specHash,
      replica,
      state,
      address,
      aliases,
      env: Object.entries(env).sort(),
      liveFiles,
      mounts,
      ports,
      memory,
      nanoCpus,
      pids,
      networks,
    });
  });
  return [...lines.sort(), ...[...volumes].sort()].join('\n');
}

test.run();
