import type { Container, Upstream } from '../observed/observed.ts';
import { isFlagged } from './address.ts';
import type { Lookup } from './lookup.ts';
import type { World } from './plan.ts';
import { isPublished } from './release.ts';

/** One app in the world, as far as its traffic goes. */
export interface Place {
  readonly world: World;
  readonly lookup: Lookup;
  readonly name: string;
}

/** The replica's flag stands for the slot this container is in. */
export function onFlag(scene: Place, container: Container): boolean {
  if (!usesFlags(scene) || container.live.address === '') return true;
  return flagOf(scene, container.replica) === isFlagged(container.live.address);
}

/** Switching by flag files needs a file system that Caddy and we share. */
export function usesFlags({ world }: Pick<Place, 'world'>): boolean {
  return world.observed.proxy.sharesFlags !== false;
}

export function flagOf(scene: Place, replica: number): boolean {
  return usesFlags(scene) && scene.lookup.flags.has(`${scene.name}.${replica}`);
}

/** Caddy may send this container a request right now, as far as is known. */
export function isRouted(scene: Place, container: Container): boolean {
  if (scene.world.observed.proxy.state !== 'running') return onFlag(scene, container);
  const flagged = flagOf({ ...scene, name: container.app }, container.replica);
  const routes = scene.lookup.routes.get(container.app) ?? [];
  return routes.some((route) => route.upstreams.some((upstream) => dials(upstream, container, flagged)));
}

function dials(upstream: Upstream, container: Container, flagged: boolean): boolean {
  return (
    upstream.replica === container.replica &&
    addressOf(flagged ? upstream.flagged : upstream.plain) === container.live.address
  );
}

/** Traffic reaches it: by the routes where the app has any, else it is the one that its replica's flag names. */
export function isServing(scene: Place, container: Container): boolean {
  if (container.state !== 'running' || !isPublished(container)) return false;
  return scene.lookup.routes.has(container.app) ? isRouted(scene, container) : onFlag(scene, container);
}

/** The host part of `address:port`. */
export function addressOf(dial: string): string {
  return dial.slice(0, dial.lastIndexOf(':'));
}

/** The address that the routes name for a replica, under its flag as it stands. */
export function routedAddress(scene: Place, replica: number): string | undefined {
  const upstreams = scene.lookup.routes.get(scene.name)?.flatMap((route) => route.upstreams) ?? [];
  const upstream = upstreams.find((one) => one.replica === replica);
  return upstream && addressOf(flagOf(scene, replica) ? upstream.flagged : upstream.plain);
}
