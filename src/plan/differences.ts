import { canonicalJson } from '../desired/canonical.ts';
import type { Container, Route, RouteTable } from '../observed/observed.ts';
import type { Cause, Difference } from './plan.ts';
import type { Target } from './release.ts';
import { changesOf, type Scene } from './scene.ts';
import { standingDifferences } from './standing-differences.ts';

/** What git wants against what is there, field by field; independent of why it is not so yet. */
export function findDifferences(scene: Scene, routes: RouteTable): Difference[] {
  const { wanted } = scene;
  if (!wanted) return [];
  if (wanted.app.state === 'stopped') return [...stateDifferences(scene), ...routeDifferences(scene, [])];
  return unique([
    ...countDifference(scene, wanted),
    ...scene.containers.flatMap((container) => containerDifferences(scene, wanted, container)),
    ...routeDifferences(scene, scene.target === wanted ? routes : wantedRoutes(scene, wanted, routes)),
  ]);
}

function stateDifferences(scene: Scene): Difference[] {
  const running = scene.containers.filter((container) => container.state === 'running');
  if (running.length === 0) return [];
  return [{ path: 'spec.state', live: 'running', desired: 'stopped', cause: 'commit' }];
}

function countDifference({ containers, memory }: Scene, { app }: Target): Difference[] {
  const places = new Set(
    containers.filter(({ state }) => state !== 'removing').map(({ replica }) => replica),
  );
  if (places.size === app.replicas) return [];
  const asked = memory.lastHealthy?.app.replicas;
  const cause = asked === app.replicas ? 'drift' : 'commit';
  return [{ path: 'spec.replicas', live: String(places.size), desired: String(app.replicas), cause }];
}

/** An old release differs by what git changed; one of the wanted release by what somebody changed on the host. */
function containerDifferences(scene: Scene, wanted: Target, container: Container): Difference[] {
  const sameSpec = container.specHash === wanted.specHash;
  const cause = causeOf(scene, wanted, container);
  const fields = changesOf(scene, wanted, container).map(({ path, live, desired }) => ({
    path,
    live,
    desired,
    cause,
  }));
  if (!sameSpec) return [...named(scene, wanted, fields, cause), ...unseen(container, wanted, fields, cause)];
  return [...named(scene, wanted, fields, cause), ...standingDifferences(scene, container)];
}

function causeOf({ memory }: Scene, wanted: Target, container: Container): Cause {
  if (container.specHash === wanted.specHash)
    return container.imageId === wanted.imageId ? 'drift' : 'digest';
  const before = memory.lastHealthy?.app.container;
  const restarted =
    before &&
    canonicalJson({ ...before, restartedAt: undefined }) ===
      canonicalJson({ ...wanted.app.container, restartedAt: undefined });
  return restarted ? 'restart' : 'commit';
}

/** People know images by their reference; the id is shown only where the reference did not change. */
function named({ memory }: Scene, wanted: Target, fields: readonly Difference[], cause: Cause): Difference[] {
  const before = memory.lastHealthy?.app.container.image;
  const after = wanted.app.container.image;
  if (cause === 'digest' || before === undefined || before === after) return [...fields];
  return fields.map((field) =>
    field.path === 'spec.image' ? { ...field, live: before, desired: after } : field,
  );
}

/** Files and times are in the hash but cannot be read back from a container. */
function unseen(
  container: Container,
  wanted: Target,
  fields: readonly Difference[],
  cause: Cause,
): Difference[] {
  if (fields.length > 0) return [];
  return [
    {
      path: 'spec',
      live: `hash ${container.specHash.slice(0, 12)}`,
      desired: `hash ${wanted.specHash.slice(0, 12)}`,
      cause,
    },
  ];
}

/** While another release than git's is the target, git's routes are those it would have with the same upstreams. */
function wantedRoutes({ name }: Scene, { app }: Target, routes: RouteTable): RouteTable {
  const upstreams = routes[0]?.upstreams ?? [];
  return app.domains.map(({ origin: _origin, port: _port, maxBody = 0, ...domain }) => ({
    app: name,
    ...domain,
    maxBody,
    upstreams,
  }));
}

function routeDifferences({ lookup, name, world, memory }: Scene, wanted: RouteTable): Difference[] {
  if (world.observed.proxy.state === 'unreachable') return [];
  const running = lookup.routes.get(name) ?? [];
  const keys = [...new Set([...running, ...wanted].map(keyOf))].sort();
  return keys.flatMap((key) => {
    const live = running.find((route) => keyOf(route) === key);
    const desired = wanted.find((route) => keyOf(route) === key);
    if (textOf(live) === textOf(desired)) return [];
    const known = memory.lastHealthy?.app.domains.some((domain) => `${domain.host}${domain.path}` === key);
    const cause = world.observed.proxy.state === 'edited' || (known && !live) ? 'drift' : 'commit';
    return [{ path: `route ${key}`, live: textOf(live), desired: textOf(desired), cause }];
  });
}

function keyOf(route: Route): string {
  return `${route.host}${route.path}`;
}

/** What a person wrote; which slot serves is not a difference. */
function textOf(route: Route | undefined): string | undefined {
  if (!route) return undefined;
  const { app: _app, host: _host, path: _path, upstreams, ...settings } = route;
  return canonicalJson({ ...settings, replicas: upstreams.map((upstream) => upstream.replica) });
}

function unique(differences: readonly Difference[]): Difference[] {
  const seen = new Map(differences.map((one) => [`${one.path}\n${one.live}\n${one.desired}`, one]));
  return [...seen.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
