import type { App } from '../desired/app.ts';
import type { Container, Route, Upstream } from '../observed/observed.ts';
import { addressOf, isFlagged } from './address.ts';
import type { Lookup } from './lookup.ts';
import type { World } from './plan.ts';
import { isPublished } from './release.ts';

/** One app in the world, as far as its traffic goes. */
export interface Place {
  readonly world: World;
  readonly lookup: Lookup;
  readonly name: string;
  /** The name it had before, for as long as that matters. */
  readonly former: string | undefined;
}

/** The flag of its replica, under the name that its app had when it was made, stands for the slot it is in. */
export function onFlag(scene: Place, { app, replica, live }: Container): boolean {
  if (!usesFlags(scene) || live.address === '') return true;
  return flagOf(scene, replica, app) === isFlagged(live.address);
}

/** Requests are meant for it: by the routes where they have its replica or Caddy does not see the flags, else by its flag. */
export function isMeant(scene: Place, container: Container): boolean {
  const routes = routesNear(scene, container);
  const isByRoutes = usesFlags(scene)
    ? routes.some(({ upstreams }) => upstreams.some(({ replica }) => replica === container.replica))
    : routes.length > 0;
  return isByRoutes ? isRouted(scene, container) : onFlag(scene, container);
}

/** Switching by flag files needs a file system that Caddy and we share. */
export function usesFlags({ world }: Pick<Place, 'world'>): boolean {
  return world.observed.proxy.sharesFlags !== false;
}

/** By people, through Caddy: a job that ends serves nobody. */
export function isAsked({ lookup, name }: Place, app: App | undefined): boolean {
  return (app?.domains.length ?? 0) > 0 || lookup.routes.has(name);
}

/** People are to reach its app by it, and do not yet: it never passed its gate, or another one serves in its place. */
export function isAwaited(
  scene: Place & { readonly containers: readonly Container[] },
  app: App,
  container: Container,
): boolean {
  if (!isAsked(scene, app)) return false;
  const inItsPlace = (other: Container) => other.replica === container.replica && other !== container;
  return !isPublished(container) || scene.containers.some((one) => inItsPlace(one) && isServing(scene, one));
}

/** Of the app itself, or of the name that is given. */
export function flagOf(scene: Place, replica: number, name = scene.name): boolean {
  return usesFlags(scene) && scene.lookup.flags.has(`${name}.${replica}`);
}

/** Caddy may send this container a request right now, as far as is known. */
export function isRouted(scene: Place, container: Container): boolean {
  if (scene.world.observed.proxy.state !== 'running') return onFlag(scene, container);
  const { replica, live } = container;
  return routesNear(scene, container).some(({ app, upstreams }) =>
    upstreams.some((one) => one.replica === replica && dialledBy(scene, one, app) === live.address),
  );
}

/** Routes that may name a container: its app's, and in a rename those of the other name too. */
export function routesNear({ lookup, name, former }: Place, { app }: Container): readonly Route[] {
  const own = lookup.routes.get(app) ?? [];
  const other = name === app ? former : name;
  return other === undefined ? own : [...own, ...(lookup.routes.get(other) ?? [])];
}

/** The address that an upstream of routes under a name comes to, by its flag as it stands. */
export function dialledBy(scene: Place, { replica, plain, flagged }: Upstream, name = scene.name): string {
  return addressOf(flagOf(scene, replica, name) ? flagged : plain);
}

/** Traffic reaches it: by the routes where the app has any, else it is the one that its replica's flag names. */
export function isServing(scene: Place, container: Container): boolean {
  if (container.state !== 'running' || !isPublished(container)) return false;
  return routesNear(scene, container).length > 0 ? isRouted(scene, container) : onFlag(scene, container);
}

/** The address that the routes name for a replica, under its flag as it stands. */
export function routedAddress(scene: Place, replica: number): string | undefined {
  const upstreams = scene.lookup.routes.get(scene.name)?.flatMap((route) => route.upstreams) ?? [];
  const upstream = upstreams.find((one) => one.replica === replica);
  return upstream && dialledBy(scene, upstream);
}
