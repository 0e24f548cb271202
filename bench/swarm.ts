import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../.ci/run-program.ts';
import { askPage } from './ask-page.ts';
import { releases } from './images.ts';
import { until } from './until.ts';
import type { Workbench } from './workbench.ts';

/** A stack of as many services, on a swarm of this engine alone. */
export interface Swarm {
  /** Brings the stack to this release of the first service, and answers when that serves. */
  deploy(release: number): Promise<void>;
  /** The stack as it is, once more, with nothing to do. */
  again(): Promise<void>;
  /** The container of the first service. */
  first(): Promise<string>;
  /** Every service has a container that answers. */
  allServe(): Promise<void>;
  /** A page of the first service came from another container than this one. */
  servesAnew(container: string): Promise<void>;
  /** Removes everything, the swarm too. */
  leave(): Promise<void>;
}

const stack = 'plimsoll-bench';

/** Undefined when the engine belongs to a swarm already: that one is somebody's. */
export async function createSwarm(bench: Workbench, count: number): Promise<Swarm | undefined> {
  const { docker, folder, signal } = bench;
  const { Swarm: found } = (await docker.info()) as { readonly Swarm?: { readonly LocalNodeState?: string } };
  if (found?.LocalNodeState !== 'inactive') return undefined;
  const networks = await docker.listNetworks();
  const hadBridge = networks.some(({ Name }) => Name === 'docker_gwbridge');
  const file = join(folder, 'stack.json');
  await mkdir(folder, { recursive: true });
  await run('swarm', 'init', '--advertise-addr', '127.0.0.1');
  let current = 1;
  return { deploy, again, first, allServe, servesAnew, leave };

  async function deploy(release: number): Promise<void> {
    current = release;
    await writeFile(file, JSON.stringify(stackOf(count, release)));
    await again();
    await waitFor(`the stack serves release ${release}`, async () =>
      (await pages(0)).includes(pageOf(release)),
    );
  }

  function again(): Promise<void> {
    return run('stack', 'deploy', '--resolve-image', 'never', '--prune', '--compose-file', file, stack);
  }

  async function first(): Promise<string> {
    let found = '';
    await waitFor('the first service has one container', async () => {
      const here = await containers(0);
      found = here[0]?.Id ?? '';
      return here.length === 1;
    });
    return found;
  }

  async function allServe(): Promise<void> {
    for (let index = 0; index < count; index += 1)
      await waitFor(`service ${index} answers`, async () =>
        (await pages(index)).includes(pageOf(index === 0 ? current : 1)),
      );
  }

  async function servesAnew(container: string): Promise<void> {
    await waitFor('another container serves', async () => (await pages(0, container)).length > 0);
  }

  async function leave(): Promise<void> {
    const options = { timeout: 60_000 };
    await runProgram('docker', ['stack', 'rm', stack], options);
    await runProgram('docker', ['swarm', 'leave', '--force'], options);
    if (!hadBridge) await runProgram('docker', ['network', 'rm', 'docker_gwbridge'], options);
  }

  function containers(index: number) {
    const label = [`com.docker.swarm.service.name=${stack}_app-${index}`];
    return docker.listContainers({ filters: { label } });
  }

  /** What the running containers of a service answer now, but for one of them. */
  async function pages(index: number, except = ''): Promise<readonly string[]> {
    const here = (await containers(index)).filter(({ Id }) => Id !== except);
    const answers = await Promise.all(
      here.map(({ NetworkSettings: { Networks: networks } }) =>
        askPage({ host: networks.bridge?.IPAddress || '0.0.0.0', port: 8080, name: 'swarm' }),
      ),
    );
    return answers.filter((page) => page !== undefined);
  }

  async function waitFor(what: string, ask: () => Promise<boolean>): Promise<void> {
    await until({ what, deadline: 120_000, pause: 10, signal }, async () => (await ask()) || undefined);
  }

  async function run(...args: readonly string[]): Promise<void> {
    const { code, output } = await runProgram('docker', args, { timeout: 120_000, signal });
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${output.trim()}`);
  }
}

function pageOf(release: number): string {
  return releases[release - 1]?.page ?? '';
}

/** On the bridge: the swarm's own networks need kernel modules for their load balancer that not every machine has. */
function stackOf(count: number, release: number): object {
  const service = (index: number): object => ({
    image: releases[index === 0 ? release - 1 : 0]?.image,
    networks: ['near'],
    deploy: { update_config: { order: 'start-first', parallelism: 1 } },
    stop_grace_period: '1s',
  });
  const services = Array.from({ length: count }, (_, index) => [`app-${index}`, service(index)]);
  return {
    version: '3.8',
    networks: { near: { external: true, name: 'bridge' } },
    services: Object.fromEntries(services),
  };
}
