import type { App, AppFile, ContainerFields } from '../desired/app.ts';
import { canonicalJson, isSameValue } from '../desired/canonical.ts';
import { fileDigest } from '../desired/file-digest.ts';
import { isSecretValue } from '../desired/secret.ts';
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
  const fields = changesOf(scene, wanted, container).map(({ path, live, desired, heal }) => ({
    path,
    live,
    desired,
    cause: heal === 'deliver' ? fileCause(scene, wanted, path) : cause,
  }));
  if (!sameSpec)
    return [...named(scene, wanted, fields, cause), ...unseen(scene, container, wanted, fields, cause)];
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
  if (restarted) return 'restart';
  return before && isOnlySecrets(before, wanted.app.container) ? 'secret' : 'commit';
}

/** Nothing but the versions of secrets differs. */
export function isOnlySecrets(before: ContainerFields, after: ContainerFields): boolean {
  return withoutVersions(before) === withoutVersions(after);
}

function withoutVersions(fields: unknown): string {
  return canonicalJson(fields, (value) => (isSecretValue(value) ? { ...value, version: '' } : value));
}

/** Why a file that changes without a new container is not what git says. */
function fileCause({ memory }: Scene, wanted: Target, path: string): Cause {
  const find = (app: App | undefined) => app?.liveFiles?.find(({ mount }) => path === `spec.files[${mount}]`);
  const [before, after] = [find(memory.lastHealthy?.app), find(wanted.app)];
  if (before && after && fileDigest(before) === fileDigest(after)) return 'drift';
  return isSecretValue(after?.content) ? 'secret' : 'commit';
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
  { memory }: Scene,
  container: Container,
  wanted: Target,
  fields: readonly Difference[],
  cause: Cause,
): Difference[] {
  if (fields.length > 0) return [];
  const files = fileDifferences(memory.lastHealthy?.app, wanted.app, cause);
  if (files.length > 0) return files;
  return [
    {
      path: 'spec',
      live: `hash ${container.specHash.slice(0, 12)}`,
      desired: `hash ${wanted.specHash.slice(0, 12)}`,
      cause,
    },
  ];
}

/** Files that came with the container, as the last healthy release had them. */
function fileDifferences(before: App | undefined, after: App, cause: Cause): Difference[] {
  if (!before) return [];
  const old = new Map(before.container.files.map((file) => [file.mount, file]));
  const now = new Map(after.container.files.map((file) => [file.mount, file]));
  const show = (file: AppFile | undefined, changed: string) =>
    file && (isSecretValue(file.content) ? `***${changed}` : `content ${fileDigest(file).slice(0, 12)}`);
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((mount) => digest(old.get(mount)) !== digest(now.get(mount)))
    .map((mount) => ({
      path: `spec.files[${mount}]`,
      live: show(old.get(mount), ''),
      desired: show(now.get(mount), old.has(mount) ? ' (changed)' : ''),
      cause,
    }));
}

function digest(file: AppFile | undefined): string | undefined {
  return file && fileDigest(file);
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
  if (running.length === wanted.length && wanted.every((route) => running.includes(route))) return [];
  const keys = [...new Set([...running, ...wanted].map(keyOf))].sort();
  return keys.flatMap((key) => {
    const live = running.find((route) => keyOf(route) === key);
    const desired = wanted.find((route) => keyOf(route) === key);
    if (live === desired || isSameValue(settingsOf(live), settingsOf(desired))) return [];
    const known = memory.lastHealthy?.app.domains.some((domain) => `${domain.host}${domain.path}` === key);
    const cause = world.observed.proxy.state === 'edited' || (known && !live) ? 'drift' : 'commit';
    const onlyPasswords = textOf(live) === textOf(desired) ? ' (passwords changed)' : '';
    const after = desired && `${textOf(desired)}${onlyPasswords}`;
    return [{ path: `route ${key}`, live: textOf(live), desired: after, cause }];
  });
}

function keyOf(route: Route): string {
  return `${route.host}${route.path}`;
}

/** What a person wrote; which slot serves is not a difference. */
function settingsOf(route: Route | undefined) {
  if (!route) return undefined;
  const { app: _app, host: _host, path: _path, upstreams, ...settings } = route;
  return { ...settings, replicas: upstreams.map((upstream) => upstream.replica) };
}

/** The same for people: of accounts only the names. */
function textOf(route: Route | undefined): string | undefined {
  const settings = settingsOf(route);
  if (!settings?.basicAuth) return settings && canonicalJson(settings);
  return canonicalJson({ ...settings, basicAuth: settings.basicAuth.map(({ user }) => user) });
}

function unique(differences: readonly Difference[]): Difference[] {
  if (differences.length === 0) return [];
  const seen = new Map(differences.map((one) => [`${one.path}\n${one.live}\n${one.desired}`, one]));
  return [...seen.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
