import type { App } from '../desired/app.ts';
import type { Container, Route, Upstream } from '../observed/observed.ts';
import { addressOf, isFlagged, plainOf, sibling } from './address.ts';
import type { Scene } from './scene.ts';
import { isExposed } from './take-over.ts';
import { flagOf, isRouted, usesFlags } from './traffic.ts';

/** A replica that may be sent traffic, with the container that is to get it. */
export interface Serving {
  readonly index: number;
  readonly container: Container;
}

/** The routes of an app as Caddy runs them, under its own name or the one before. */
export function runningRoutes({ lookup, name, former }: Scene): readonly Route[] {
  const own = lookup.routes.get(name);
  return own ?? (former === undefined ? [] : (lookup.routes.get(former) ?? []));
}

/** A route to be, as far as it decides what is dialled. */
export interface Dialling {
  /** The name that it stands under, whose flags Caddy looks at. */
  readonly owner: string;
  readonly app: App;
  /** The name of the port. */
  readonly port: string;
}

/** Both slots of the pair; the port of each is that of the release that lives there, or will. */
export function toUpstream(
  scene: Scene,
  { owner, app, port }: Dialling,
  { index, container }: Serving,
): Upstream {
  const own = container.live.address;
  const plain = plainOf(own);
  const dial = (address: string) => `${address}:${portAt(scene, app, port, address)}`;
  const isOnFlag = flagOf(scene, index, owner) === isFlagged(own);
  // Who serves whatever its flag says, or is to, is dialled by both until it says so.
  const isAlone = !isOnFlag && (isRouted(scene, container) || !isInDialledPair(scene, container));
  if (!usesFlags(scene) || isAlone) return { replica: index, plain: dial(own), flagged: dial(own) };
  return { replica: index, plain: dial(plain), flagged: dial(sibling(plain)) };
}

function portAt(scene: Scene, app: App, name: string, address: string): number {
  const tenant = scene.containers.find((container) => container.live.address === address);
  const release =
    tenant && [scene.target, scene.memory.lastHealthy].find((one) => one?.specHash === tenant.specHash);
  const running = runningPort(scene, address);
  // Of a release that never was the last healthy one, only Caddy knows the port.
  if (tenant && !release && running !== undefined) return running;
  return portNamed(release?.app ?? app, name) ?? running ?? app.container.ports[0]?.container ?? 80;
}

/**
 * The routes that Caddy runs, where they have this replica, dial the container as it listens. A release that listens
 * on another port than the one before needs its dial loaded before its flag is set.
 */
export function isDialled(scene: Scene, container: Container): boolean {
  const { replica, live } = container;
  const { target } = scene;
  // Changed by hand: nobody knows what a flag would do.
  if (scene.world.observed.proxy.state === 'edited') return !isExposed(scene);
  return (scene.lookup.routes.get(scene.name) ?? []).every(({ host, path, upstreams }) => {
    const there = upstreams.find((one) => one.replica === replica);
    const domain = target?.app.domains.find((one) => one.host === host && one.path === path);
    if (!target || !there || !domain) return true;
    const dial = isFlagged(live.address) ? there.flagged : there.plain;
    return dial === `${live.address}:${portAt(scene, target.app, domain.port, live.address)}`;
  });
}

/** One of the two slots that the routes dial for its replica is its own. */
export function isInDialledPair(scene: Scene, { replica, live }: Container): boolean {
  const upstreams = runningRoutes(scene).flatMap((route) => route.upstreams);
  return upstreams.some(
    (one) => one.replica === replica && [one.plain, one.flagged].map(addressOf).includes(live.address),
  );
}

function portNamed(app: App, name: string): number | undefined {
  return app.container.ports.find((port) => port.name === name)?.container;
}

function runningPort(scene: Scene, address: string): number | undefined {
  for (const { upstreams } of runningRoutes(scene))
    for (const { plain, flagged } of upstreams) {
      const dial = [plain, flagged].find((one) => addressOf(one) === address);
      if (dial !== undefined) return Number(dial.slice(address.length + 1));
    }
  return undefined;
}
