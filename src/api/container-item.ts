import type { Container } from '../observed/observed.ts';
import { noSlots } from '../plan/address.ts';
import { createLookup, type Lookup } from '../plan/lookup.ts';
import type { World } from '../plan/plan.ts';
import { createScene } from '../plan/scene.ts';
import { timeText } from './time-text.ts';

export interface ContainerItem {
  readonly id: string;
  readonly name: string;
  readonly app: string;
  readonly replica: number;
  /** The reference it was declared with when that still means this image, else any that does, else the id. */
  readonly image: string;
  /** Image id. */
  readonly digest: string;
  /** Spec hash. */
  readonly release: string;
  /** What it is to us: `current`, `settling`, `stale`, `hook` … */
  readonly standing: string;
  /** As the engine says it. */
  readonly state: Container['state'];
  readonly health: 'healthy' | 'unhealthy' | 'unknown';
  readonly address: string;
  readonly ports: readonly string[];
  readonly createdAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** By us, since it was deployed. */
  readonly restarts: number;
}

/** Containers of one app, or of all, sorted by app, replica and name. */
export function containerItems(world: World, app?: string): ContainerItem[] {
  const mine = world.observed.containers.filter((one) => app === undefined || one.app === app);
  const lookup = createLookup(world);
  const standings = new Map(
    [...new Set(mine.map((one) => one.app))].flatMap((name) => [...standingsOf(world, lookup, name)]),
  );
  const items = mine.map((one) => toItem(world, one, standings.get(one.id) ?? 'stale'));
  return items.sort((a, b) => compare(a.app, b.app) || a.replica - b.replica || compare(a.name, b.name));
}

function standingsOf(world: World, lookup: Lookup, name: string): Map<string, string> {
  const scene = createScene(world, lookup, name, lookup.apps.get(name), noSlots(world.settings.subnet));
  const current = scene.replicas.flatMap((replica) => replica.current ?? []);
  return new Map([
    ...current.map(({ container, standing }) => [container.id, standing] as const),
    ...scene.surplus.map(({ id }) => [id, 'surplus'] as const),
    ...scene.hooks.map(({ id }) => [id, 'hook'] as const),
  ]);
}

function toItem(world: World, container: Container, standing: string): ContainerItem {
  const { observed, memory } = world;
  const health = observed.health[container.id];
  return {
    id: container.id,
    name: container.name,
    app: container.app,
    replica: container.replica,
    image: imageName(world, container),
    digest: container.imageId,
    release: container.specHash,
    standing,
    state: container.state,
    health: health?.startedAt === container.startedAt ? health.verdict : 'unknown',
    address: container.live.address,
    ports: container.live.ports.map(
      ({ hostIp, host, container: inside, protocol }) =>
        `${hostIp === '' ? '' : `${hostIp}:`}${host}->${inside}/${protocol}`,
    ),
    createdAt: timeText(container.createdAt),
    startedAt: timeText(container.startedAt),
    finishedAt: timeText(container.finishedAt),
    exitCode: container.state === 'exited' || container.state === 'dead' ? container.exitCode : null,
    oomKilled: container.oomKilled,
    restarts: memory.apps[container.app]?.restarts[container.replica]?.length ?? 0,
  };
}

function imageName({ desired, observed }: World, { app, imageId }: Container): string {
  const declared = desired.apps.find(({ name }) => name === app)?.container.image;
  if (declared !== undefined && observed.images[declared]?.id === imageId) return declared;
  const names = Object.keys(observed.images).filter(
    (name) => name !== imageId && observed.images[name]?.id === imageId,
  );
  return names.sort()[0] ?? imageId;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
