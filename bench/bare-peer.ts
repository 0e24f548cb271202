import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { freeSubnet } from '../.ci/free-places.ts';
import { toAddress, toNumber } from '../src/plan/address.ts';
import type { Address } from './ask-page.ts';
import { releases } from './images.ts';
import { serving } from './serving.ts';
import { bareLabel, type Workbench } from './workbench.ts';

/**
 * When neighbours may find it by its name: never, or once it answers. The engine gives a name to one that runs only by
 * taking it off the network and putting it back.
 */
export type Naming = 'nameless' | 'named';

/** Who asks again and again, until told to stop; then, how many requests got no page. */
export interface Clients {
  stop(): Promise<number>;
}

/** Who waits for one asks only once it has started, or all the time as people do. */
export type Waits = 'once started' | 'always';

/** What a careful person does by hand, by the engine's API alone: on a network of their own, with addresses of their own. */
export interface BarePeer {
  /** Milliseconds from nothing until one answers. */
  repair(naming: Naming, waits?: Waits): Promise<number>;
  /** Milliseconds from nothing until all answer, `wide` at a time; nothing is left. */
  bringUp(count: number, wide: number, naming: Naming): Promise<number>;
  /**
   * Milliseconds of a gapless change of one: the new one answers, then the old one is stopped and removed. `clients`
   * ask a container beside it meanwhile.
   */
  change(naming: Naming, clients?: (address: Address) => Clients): Promise<number>;
}

export async function createBarePeer({ docker, signal }: Workbench): Promise<BarePeer> {
  const wanted = ['10.213.0.0/20', '10.212.0.0/20', '10.211.0.0/20', '172.30.240.0/20'];
  const subnet = await freeSubnet(wanted);
  const name = `plimsoll-bench-bare-${randomUUID().slice(0, 8)}`;
  const IPAM = { Driver: 'default', Config: [{ Subnet: subnet }] };
  const network = await docker.createNetwork({ Name: name, IPAM, Labels: { [bareLabel]: '' } });
  const base = toNumber(subnet.split('/')[0] ?? '') + 16;
  let beside: Promise<unknown> | undefined;
  return { repair, bringUp, change };

  function addressOf(place: number): Address {
    return { host: toAddress(base + place), port: 8080, name: 'bare' };
  }

  async function run(
    place: number,
    release: number,
    naming: Naming,
    waits: Waits = 'once started',
  ): Promise<Docker.Container> {
    const { image = '', page = '' } = releases[release - 1] ?? {};
    const address = addressOf(place);
    const endpoint = { IPAMConfig: { IPv4Address: address.host } };
    const answers = () => serving(address, page, { deadline: 60_000, signal });
    const making = make(image, endpoint, place);
    const first = waits === 'always' ? answers() : making.then(answers);
    const [container] = await Promise.all([making, first]);
    if (naming === 'nameless') return container;
    await network.disconnect({ Container: container.id, Force: true });
    const named = { ...endpoint, Aliases: [`app-${place}`] };
    await network.connect({ Container: container.id, EndpointConfig: named });
    await answers();
    return container;
  }

  async function make(image: string, endpoint: object, place: number): Promise<Docker.Container> {
    const container = await docker.createContainer({
      name: `${name}-${place}-${randomUUID().slice(0, 8)}`,
      Image: image,
      Labels: { [bareLabel]: '' },
      HostConfig: { NetworkMode: name },
      NetworkingConfig: { EndpointsConfig: { [name]: endpoint } },
    });
    await container.start();
    return container;
  }

  async function bringUp(count: number, wide: number, naming: Naming): Promise<number> {
    const waiting = Array.from({ length: count }, (_, place) => place);
    const made: Docker.Container[] = [];
    const begun = performance.now();
    await inTurns(wide, waiting, async (place) => void made.push(await run(place, 1, naming)));
    const took = performance.now() - begun;
    await inTurns(wide, made, (container) => container.remove({ force: true }));
    return took;
  }

  async function repair(naming: Naming, waits?: Waits): Promise<number> {
    const begun = performance.now();
    const container = await run(1_000, 1, naming, waits);
    const took = performance.now() - begun;
    await container.remove({ force: true });
    return took;
  }

  async function change(naming: Naming, clients?: (address: Address) => Clients): Promise<number> {
    if (clients) beside ??= run(1_002, 1, 'nameless');
    await beside;
    const old = await run(1_000, 1, naming);
    const asking = clients?.(addressOf(1_002));
    const begun = performance.now();
    const fresh = await run(1_001, 2, naming, asking ? 'always' : 'once started');
    await old.stop({ t: 10 });
    await old.remove();
    const took = performance.now() - begun;
    await asking?.stop();
    await fresh.remove({ force: true });
    return took;
  }
}

export async function inTurns<T>(wide: number, items: readonly T[], task: (item: T) => Promise<unknown>) {
  const waiting = [...items];
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await task(item);
  };
  await Promise.all(Array.from({ length: wide }, work));
}
