import type { App } from '../desired/app.ts';
import type { Container, Route, Underway, Unread } from '../observed/observed.ts';
import type { World } from './plan.ts';

/** The world by app, so that planning stays linear in the number of apps. */
export interface Lookup {
  /** What git names. */
  readonly apps: ReadonlyMap<string, App>;
  readonly containers: ReadonlyMap<string, readonly Container[]>;
  readonly unread: ReadonlyMap<string, readonly Unread[]>;
  readonly routes: ReadonlyMap<string, readonly Route[]>;
  readonly flags: ReadonlySet<string>;
  /** A map, because most apps are not in it: what a record does not have is what it is slowest to tell. */
  readonly underway: ReadonlyMap<string, Underway>;
  /** Our network is there. */
  readonly hasNetwork: boolean;
}

export function createLookup({ desired, observed, settings }: World): Lookup {
  return {
    apps: new Map(desired.apps.map((app) => [app.name, app])),
    containers: Map.groupBy(observed.containers, (container) => container.app),
    unread: Map.groupBy(observed.unread, (container) => container.app),
    routes: Map.groupBy(observed.proxy.routes, (route) => route.app),
    flags: new Set(observed.proxy.flags),
    underway: new Map(Object.entries(observed.underway)),
    hasNetwork: observed.networks.some(({ ours, name }) => ours && name === settings.network),
  };
}
