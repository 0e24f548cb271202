import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { removeNetwork } from '../../.ci/leftovers.ts';
import type { EnginePort, EngineReader } from '../../src/apply/ports.ts';
import { createEngine } from '../../src/docker/engine.ts';
import { patrolShares } from '../../src/docker/engine-cache.ts';
import { connectEngine, findEngine } from '../../src/docker/find-engine.ts';
import { containerName } from '../../src/observed/container-name.ts';
import type { ContainerSpec } from '../../src/observed/observed.ts';
import { testInstance } from '../test-instance.ts';
import { ensureTestImage } from './test-image.ts';

/** A corner of the real engine for one test file: an instance, its network, and a way to clear it all. */
export interface Corner {
  readonly docker: Docker;
  readonly instance: string;
  readonly network: string;
  readonly subnet: string;
  /** Id of an image with busybox that sleeps. */
  readonly image: string;
  readonly engine: EnginePort;
  address(last: number): string;
  /** A spec that runs, with its labels and its name. */
  spec(
    app: string,
    change?: Partial<ContainerSpec>,
    parts?: { specHash?: string; replica?: number },
  ): ContainerSpec;
  clear(): Promise<void>;
}

/** A whole round: the next reading asks for everything again. */
export function patrolAll(reader: Pick<EngineReader, 'invalidate' | 'patrol'>): void {
  reader.invalidate();
  for (let share = 0; share < patrolShares; share += 1) reader.patrol();
}

export const hashA = 'a'.repeat(64);
export const hashB = 'b'.repeat(64);

/** `more` is what its engine is given besides. */
export async function openCorner(more: Partial<Parameters<typeof createEngine>[0]> = {}): Promise<Corner> {
  const docker = connectEngine(findEngine(process.env));
  const instance = testInstance('docker');
  const network = `plimsoll-${instance}`;
  const image = await ensureTestImage(docker, 'plimsoll-test/docker:1', [
    'ENV FROM_IMAGE=yes',
    'CMD ["/bin/sleep", "3600"]',
  ]);
  const engine = createEngine({ docker, instance, network, ...more });
  const clear = (): Promise<void> => clearCorner(docker, instance);
  const subnet = await createSomeNetwork(engine, network);
  const address = (last: number): string => subnet.replace(/0\/24$/, String(last));

  const spec: Corner['spec'] = (app, change = {}, { specHash = hashA, replica = 0 } = {}) => ({
    name: containerName({ instance, app, specHash, imageId: change.image ?? image, replica }),
    image,
    entrypoint: [],
    command: ['/bin/sleep', '3600'],
    workingDir: '',
    user: '',
    env: { PATH: '/bin', FROM_IMAGE: 'yes' },
    labels: {
      'plimsoll.app': app,
      'plimsoll.deployment': 'd1',
      'plimsoll.instance': instance,
      'plimsoll.replica': String(replica),
      'plimsoll.spec-hash': specHash,
    },
    address: '',
    aliases: [],
    networks: [],
    mounts: [],
    ports: [],
    memory: 0,
    nanoCpus: 0,
    pids: 512,
    readOnlyRootfs: false,
    capAdd: [],
    capDrop: [],
    noNewPrivileges: true,
    privileged: false,
    logging: { maxSize: 10_485_760, maxFile: 3 },
    ...change,
  });
  return { docker, instance, network, subnet, image, engine, address, spec, clear };
}

/** Waits until `check` gives something; a test that waits in vain says for what. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline) {
    const found = await check();
    if (found) return found;
    await delay(25);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Subnets of other tests and of the machine are in the way: any free one will do. */
async function createSomeNetwork(engine: EnginePort, network: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    const subnet = `10.${randomInt(100, 250)}.${randomInt(0, 255)}.0/24`;
    try {
      await engine.createNetwork(network, subnet);
      return subnet;
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

async function clearCorner(docker: Docker, instance: string): Promise<void> {
  const filters = { label: [`plimsoll.instance=${instance}`] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) {
    await docker
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch(() => undefined);
  }
  for (const { Id } of await docker.listNetworks({ filters })) await removeNetwork(docker, Id);
  const { Volumes } = await docker.listVolumes({ filters });
  for (const { Name } of Volumes ?? []) await docker.getVolume(Name).remove();
}
