import type { Container, Route } from '../observed/observed.ts';
import type { World } from './plan.ts';

/** The world by app, so that planning stays linear in the number of apps. */
export interface Lookup {
  readonly containers: ReadonlyMap<string, readonly Container[]>;
  readonly routes: ReadonlyMap<string, readonly Route[]>;
  readonly flags: ReadonlySet<string>;
}

export function createLookup({ observed }: World): Lookup {
  return {
    containers: Map.groupBy(observed.containers, (container) => container.app),
    routes: Map.groupBy(observed.proxy.routes, (route) => route.app),
    flags: new Set(observed.proxy.flags),
  };
}
