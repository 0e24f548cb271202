import { fileDigest } from '../desired/file-digest.ts';
import { isOwnName } from '../observed/container-name.ts';
import type { Container, Image, Observed } from '../observed/observed.ts';
import type { Settings, Step } from './plan.ts';

/** A step that the real engine would refuse; the same words in the simulator and in the tests' world. */
export class Refusal extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'Refusal';
    this.reason = reason;
  }
}

interface Moment {
  readonly now: number;
  readonly settings: Settings;
  /** Images that a registry would give. */
  readonly registry: Readonly<Record<string, Image>>;
}

/**
 * The world after one step, as Docker and Caddy would leave it, or a `Refusal`. This is the world that `plan`
 * runs `decide` on, and the one that the property tests put faults into.
 */
export function applyStep(observed: Observed, step: Step, moment: Moment): Observed {
  switch (step.kind) {
    case 'create-network':
      return {
        ...observed,
        networks: [
          ...observed.networks,
          { id: step.network, name: step.network, ours: true, subnet: step.subnet, gateway: '' },
        ],
      };
    case 'load-routes':
      return {
        ...observed,
        proxy: { ...observed.proxy, state: 'running', routes: step.routes, loadedAt: moment.now },
      };
    case 'switch':
      return {
        ...observed,
        proxy: {
          ...observed.proxy,
          flags: switched(observed.proxy.flags, `${step.app}.${step.replica}`, step.flagged),
        },
      };
    case 'pull':
      return pull(observed, step.image, moment);
    case 'create-volume':
      return {
        ...observed,
        volumes: [
          ...observed.volumes.filter(({ name }) => name !== step.volume),
          { name: step.volume, app: step.app },
        ],
      };
    case 'remove-volume':
      return { ...observed, volumes: observed.volumes.filter(({ name }) => name !== step.volume) };
    case 'create':
      return create(observed, step, moment);
    case 'remove':
      return {
        ...observed,
        containers: observed.containers.filter((one) => one !== find(observed, step.container)),
      };
    default:
      return change(observed, step, moment);
  }
}

function switched(flags: readonly string[], flag: string, flagged: boolean): string[] {
  const others = flags.filter((one) => one !== flag);
  return flagged ? [...others, flag].sort() : others;
}

function pull(observed: Observed, reference: string, { registry }: Moment): Observed {
  const image = registry[reference];
  if (!image) throw new Refusal('ImageNotFound', `pull ${reference}: not found`);
  return { ...observed, images: { ...observed.images, [reference]: image, [image.id]: image } };
}

/** One that was renamed by hand keeps its id, and a clock that was set back comes by the same moment again. */
function freeId({ containers }: Pick<Observed, 'containers'>, id: string): string {
  return containers.some((one) => one.id === id) ? freeId({ containers }, `${id}+`) : id;
}

function create(
  observed: Observed,
  step: Extract<Step, { kind: 'create' }>,
  { now, settings }: Moment,
): Observed {
  const { spec } = step;
  if (observed.containers.some(({ name }) => name === spec.name))
    throw new Refusal('NameTaken', `create ${spec.name}: name in use`);
  const labels = spec.labels;
  const hook = labels['plimsoll.hook'];
  const container: Container = {
    id: freeId(observed, `${spec.name}@${now}`),
    name: spec.name,
    app: labels['plimsoll.app'] ?? '',
    specHash: labels['plimsoll.spec-hash'] ?? '',
    deployment: labels['plimsoll.deployment'] ?? '',
    replica: Number(labels['plimsoll.replica']),
    ...(hook === 'preDeploy' || hook === 'postDeploy' ? { hook } : {}),
    imageId: spec.image,
    state: 'created',
    exitCode: 0,
    oomKilled: false,
    createdAt: now,
    startedAt: 0,
    finishedAt: 0,
    live: spec,
    imageHealth: 'none',
  };
  if (!isOwnName(container.name, { instance: settings.instance, ...container }))
    throw new Error(`a name that is not its own: ${spec.name}`);
  return {
    ...observed,
    containers: [...observed.containers, container].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** Engines take a name wherever they take an id. */
function find(observed: Observed, container: string): Container | undefined {
  return observed.containers.find(({ id, name }) => id === container || name === container);
}

type Changing = Exclude<
  Step,
  {
    kind:
      | 'create-network'
      | 'load-routes'
      | 'switch'
      | 'pull'
      | 'create-volume'
      | 'remove-volume'
      | 'create'
      | 'remove';
  }
>;

function change(observed: Observed, step: Changing, moment: Moment): Observed {
  const container = find(observed, step.container);
  if (!container) throw new Refusal('NoSuchContainer', `${step.kind} ${step.container}: no such container`);
  const changed = afterChange(observed, container, step, moment);
  return { ...observed, containers: observed.containers.map((one) => (one === container ? changed : one)) };
}

function afterChange(
  observed: Observed,
  container: Container,
  step: Changing,
  { now, settings }: Moment,
): Container {
  switch (step.kind) {
    case 'start':
      return container.state === 'running' ? container : start(observed, container, now);
    case 'restart':
      return { ...container, state: 'running', startedAt: now };
    case 'stop':
      return container.state === 'running' || container.state === 'paused'
        ? { ...container, state: 'exited', exitCode: 143, finishedAt: now }
        : container;
    case 'unpause':
      return { ...container, state: 'running' };
    case 'rename':
      return { ...container, name: step.name, live: { ...container.live, name: step.name } };
    case 'publish':
      if (container.state === 'running') refuseTaken(observed, container, step.address);
      return { ...container, live: { ...container.live, address: step.address, aliases: step.aliases } };
    case 'deliver':
      return {
        ...container,
        live: {
          ...container.live,
          liveFiles: { ...container.live.liveFiles, [step.file.mount]: fileDigest(step.file) },
        },
      };
    case 'update':
      return {
        ...container,
        live: { ...container.live, memory: step.memory, nanoCpus: step.nanoCpus, pids: step.pids },
      };
    case 'connect':
      if (step.address === undefined)
        return {
          ...container,
          live: { ...container.live, networks: [...container.live.networks, step.network].sort() },
        };
      if (container.state === 'running') refuseTaken(observed, container, step.address);
      return { ...container, live: { ...container.live, address: step.address, aliases: step.aliases } };
    case 'disconnect':
      if (step.network === settings.network)
        return { ...container, live: { ...container.live, address: '', aliases: [] } };
      return {
        ...container,
        live: { ...container.live, networks: container.live.networks.filter((one) => one !== step.network) },
      };
    default:
      return step satisfies never;
  }
}

/** Addresses and host ports are claimed at start, and refused there. */
function start(observed: Observed, container: Container, now: number): Container {
  refuseTaken(observed, container, container.live.address);
  const ports = container.live.ports.map(({ host, protocol }) => `${host}/${protocol}`);
  const others = holders(observed, container);
  if (
    others.some((one) => one.live.ports.some(({ host, protocol }) => ports.includes(`${host}/${protocol}`)))
  )
    throw new Refusal('PortTaken', `start ${container.name}: port in use`);
  return { ...container, state: 'running', startedAt: now, exitCode: 0 };
}

function refuseTaken(observed: Observed, container: Container, address: string): void {
  if (address !== '' && holders(observed, container).some((one) => one.live.address === address))
    throw new Refusal('AddressTaken', `${container.name}: address in use`);
}

/** What is paused keeps its address and its ports too. */
function holders({ containers }: Observed, container: Container): Container[] {
  return containers.filter((one) => one !== container && (one.state === 'running' || one.state === 'paused'));
}
