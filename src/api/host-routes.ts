import type { Handlers } from './call.ts';
import { certificateItem } from './certificate-item.ts';
import { containerItems } from './container-item.ts';
import type { ControllerPort } from './controller-port.ts';
import { edgeFault } from './edge-fault.ts';
import { seenWorld } from './known-app.ts';
import type { HostFacts, ImageFacts, NetworkFacts, VolumeFacts } from './machine-port.ts';
import { pageOf } from './page.ts';
import { chosenApps } from './visible-apps.ts';

type Chosen = ReadonlySet<string> | undefined;

/** What stands on the host: as the last look saw it, or as the engine says now. */
export function hostRoutes(port: ControllerPort) {
  return {
    listContainers: ({ caller, query }) => {
      const chosen = chosenApps(port, caller, query);
      const items = containerItems(seenWorld(port)).filter(({ app }) => chosen?.has(app) ?? true);
      return pageOf(query, byName(items), ({ name }) => name);
    },
    listHosts: async ({ caller, query }) =>
      pageOf(query, [await hostItem(port, chosenApps(port, caller))], ({ name }) => name),
    listRoutes: async ({ caller, query }) => {
      const chosen = chosenApps(port, caller, query);
      const routes = routeItems(port).filter(({ app }) => chosen?.has(app) ?? true);
      const { items, next } = pageOf(query, routes, ({ host, path }) => `${host} ${path}`);
      return { items: await Promise.all(items.map((item) => withCertificate(port, item))), next };
    },
    listNetworks: async ({ caller, query }) => {
      const items = ofApps(await port.machine.networks(), chosenApps(port, caller, query)).map(networkItem);
      return pageOf(query, byName(items), ({ name }) => name);
    },
    listVolumes: async ({ caller, query }) => {
      const items = ofApps(await port.machine.volumes(), chosenApps(port, caller, query)).map(volumeItem);
      return pageOf(query, byName(items), ({ name }) => name);
    },
    listImages: async ({ caller, query }) => {
      const items = ofApps(await port.machine.images(), chosenApps(port, caller, query)).map(imageItem);
      return pageOf(query, byName(items), ({ name, id }) => `${name} ${id}`);
    },
  } satisfies Partial<Handlers>;
}

function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return items.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Those that a chosen app uses, and of their apps only the chosen ones. */
function ofApps<T extends { readonly apps: readonly string[] }>(items: readonly T[], chosen: Chosen): T[] {
  if (chosen === undefined) return [...items];
  return items
    .map((item) => ({ ...item, apps: item.apps.filter((app) => chosen.has(app)) }))
    .filter(({ apps }) => apps.length > 0);
}

function networkItem({ name, id, ours, subnet, created, apps }: NetworkFacts) {
  return { name, id, ours, subnet, created: created === '' ? null : created, apps };
}

export type NetworkItem = ReturnType<typeof networkItem>;

function volumeItem({ name, ours, driver, bytes, created, apps }: VolumeFacts) {
  return { name, ours, driver, bytes: bytes ?? null, created: created === '' ? null : created, apps };
}

export type VolumeItem = ReturnType<typeof volumeItem>;

function imageItem({ id, tags, digests, bytes, created, apps }: ImageFacts) {
  const name = tags[0] ?? digests[0] ?? id;
  return { name, id, tags, digests, bytes, created: created === '' ? null : created, apps };
}

export type ImageItem = ReturnType<typeof imageItem>;

function routeItems(port: ControllerPort) {
  const { proxy } = seenWorld(port).observed;
  const flags = new Set(proxy.flags);
  const items = proxy.routes.map(({ app, host, path, tls, redirectFrom, basicAuth, upstreams }) => ({
    host,
    path,
    app,
    tls,
    redirectFrom,
    basicAuth: basicAuth?.map(({ user }) => user) ?? null,
    upstreams: upstreams.map(({ replica, plain, flagged }) => ({
      replica,
      dials: flags.has(`${app}.${replica}`) ? flagged : plain,
    })),
  }));
  return items.sort((a, b) => (`${a.host} ${a.path}` < `${b.host} ${b.path}` ? -1 : 1));
}

async function withCertificate(port: ControllerPort, item: ReturnType<typeof routeItems>[number]) {
  return { ...item, certificate: await certificateItem(port, item) };
}

export type RouteItem = Awaited<ReturnType<typeof withCertificate>>;

async function hostItem(port: ControllerPort, chosen: Chosen) {
  const { world } = port.loop.status;
  const containers = (world?.observed.containers ?? []).filter(({ app }) => chosen?.has(app) ?? true);
  const [engine, version] = await Promise.all([
    port.machine.info().then(engineFacts, unreachable),
    port.machine.caddyVersion(),
  ]);
  const instance = world?.settings.instance ?? null;
  return {
    ...engine,
    name: engine.name || (instance ?? 'host'),
    instance,
    apps: new Set(containers.map(({ app }) => app)).size,
    containers: containers.length,
    caddy: {
      state: world?.observed.proxy.state ?? 'unknown',
      version: version === 'unknown' ? null : (version ?? null),
    },
  };
}

export type HostItem = Awaited<ReturnType<typeof hostItem>>;

function engineFacts({ name, version, apiVersion, hostname, disk, ...facts }: HostFacts) {
  const { os, architecture, kernel, cpus, memoryBytes, labels } = facts;
  return {
    name: hostname,
    status: 'ready' as const,
    error: null,
    engine: { name, version, apiVersion },
    os,
    architecture,
    kernel,
    cpus,
    memoryBytes,
    disk: disk ?? null,
    labels,
  };
}

function unreachable(error: unknown) {
  return {
    name: '',
    status: 'unreachable' as const,
    error: edgeFault(error).message,
    engine: null,
    os: null,
    architecture: null,
    kernel: null,
    cpus: null,
    memoryBytes: null,
    disk: null,
    labels: {},
  };
}
