import type { App } from '../desired/app.ts';
import { isOwnName } from '../observed/container-name.ts';
import type { AppMemory } from '../observed/memory.ts';
import type { Container, Health, Image, Underway, Unread } from '../observed/observed.ts';
import type { Slots } from './address.ts';
import { compareSpec, type FieldChange } from './compare-spec.ts';
import { expectedSpec, volumeName } from './expected.ts';
import type { Lookup } from './lookup.ts';
import type { World } from './plan.ts';
import {
  hashOf,
  isPublished,
  isQuarantined,
  isSameRelease,
  resolveImage,
  type Target,
  toTarget,
} from './release.ts';
import { type Standing, standingOf } from './standing.ts';
import { isAwaited, isMeant, onFlag } from './traffic.ts';

/** One app, seen whole: what git wants, what it is being brought to, and what stands where. */
export interface Scene {
  readonly world: World;
  readonly lookup: Lookup;
  readonly name: string;
  /** The name it had before, for as long as that matters. */
  readonly former: string | undefined;
  readonly memory: AppMemory<App>;
  /** What git wants; absent when the app was removed or its manifest is invalid. */
  readonly wanted: Target | undefined;
  /** What to converge to: git's wish, a pinned release, or the last healthy one; absent when there is none. */
  readonly target: Target | undefined;
  /** The release that was tried and failed is kept from being tried again. */
  readonly quarantined: boolean;
  /** The target has served before: its failures are mended, not rolled back. */
  readonly proven: boolean;
  /** Sorted by replica and name; hook containers are apart. */
  readonly containers: readonly Container[];
  readonly hooks: readonly Container[];
  /** Those that cannot be read: as long as there are any, what else is known of the app may not be so. */
  readonly unread: readonly Unread[];
  readonly replicas: readonly Replica[];
  /** Containers that no replica of the target has a place for. */
  readonly surplus: readonly Container[];
  readonly slots: Slots;
}

/** One wanted replica: the target's container for it, and the others that hold its place. */
export interface Replica {
  readonly index: number;
  readonly current: Member | undefined;
  readonly olds: readonly Container[];
}

export interface Member {
  readonly container: Container;
  readonly standing: Standing;
  readonly reason: string;
  readonly health: Health | undefined;
  readonly changes: readonly FieldChange[];
}

export function createScene(
  world: World,
  lookup: Lookup,
  name: string,
  app: App | undefined,
  slots: Slots,
): Scene {
  const former = formerName(world, name, app);
  const names = former === undefined ? [name] : [name, former];
  const mine = names.flatMap((one) => lookup.containers.get(one) ?? []);
  const containers = mine.filter((container) => container.hook === undefined);
  const remembered = inherited(world, name, former);
  const memory = remembered ? underName(remembered, name) : { restarts: {} };
  const wanted = app && toWanted(world, app, containers, memory);
  const { target, quarantined } = isHeld(world, wanted, memory)
    ? looked(wanted, memory)
    : chooseTarget(wanted, memory);
  const bare = { world, lookup, name, former, memory, wanted, target, quarantined, containers, slots };
  const replicas = target ? lineUp(bare, target) : [];
  const placed = new Set(replicas.flatMap((replica) => [replica.current?.container, ...replica.olds]));
  return {
    ...bare,
    hooks: mine.filter((container) => container.hook !== undefined),
    unread: names.flatMap((one) => lookup.unread.get(one) ?? []),
    replicas,
    surplus: target ? containers.filter((container) => !placed.has(container)) : [],
    proven: target !== undefined && isProven(memory, target, replicas),
  };
}

/** By its manifest or, while that cannot be read, by the release that was healthy last. */
export function formerName(world: World, name: string, app: App | undefined): string | undefined {
  if (app) return app.renamedFrom;
  if (!world.desired.invalid.includes(name)) return undefined;
  const before = world.memory.apps[name]?.lastHealthy?.app.name;
  return before === name ? undefined : before;
}

/**
 * What is remembered of an app, with what was remembered under its former name: somebody may have held it by the new
 * one before anything else was known of that.
 */
function inherited({ memory }: World, name: string, former: string | undefined): AppMemory<App> | undefined {
  const own = memory.apps[name];
  const before = former === undefined ? undefined : memory.apps[former];
  return own && before && isBare(own) ? { ...before, ...own } : (own ?? before);
}

/** Nothing of what ran is in it. */
export function isBare({ lastHealthy, deployment, quarantine }: AppMemory<App>): boolean {
  return [lastHealthy, deployment, quarantine].every((one) => one === undefined);
}

/** A release from before a rename is returned to under the new name, with the volumes of the old one. */
function underName(memory: AppMemory<App>, name: string): AppMemory<App> {
  const { lastHealthy, pin } = memory;
  if ([lastHealthy, pin].every((release) => release === undefined || release.app.name === name))
    return memory;
  return {
    ...memory,
    ...(lastHealthy && { lastHealthy: { ...lastHealthy, app: renamed(lastHealthy.app, name) } }),
    ...(pin && { pin: { ...pin, app: renamed(pin.app, name) } }),
  };
}

function renamed(app: App, name: string): App {
  return app.name === name ? app : { ...app, name, renamedFrom: app.name };
}

/** What is being done to its containers right now, under its own name or the one before. */
export function underwayOf({ world, name, former }: Scene): Underway | undefined {
  const { underway } = world.observed;
  return underway[name] ?? (former === undefined ? undefined : underway[former]);
}

/** The commit that an app is read at: with several sources that of its own. */
export function revisionOf({ desired }: World, app: string): string {
  return desired.revisions?.[app] ?? desired.revision;
}

function toWanted(world: World, app: App, containers: readonly Container[], memory: AppMemory<App>): Target {
  const specHash = hashOf(app);
  const imageId = resolveImage(app, specHash, containers, memory, world.observed.images);
  return { app, specHash, imageId, revision: revisionOf(world, app.name), from: 'git' };
}

/**
 * A pin goes before git for as long as git wants what it was set against. A quarantined release gives way to
 * the last healthy one, whole; where there is none, to nothing. An invalid manifest leaves the last healthy
 * release looked after.
 */
function chooseTarget(
  wanted: Target | undefined,
  memory: AppMemory<App>,
): { readonly target: Target | undefined; readonly quarantined: boolean } {
  const lastHealthy = memory.lastHealthy && toTarget(memory.lastHealthy, wanted ? 'rollback' : 'memory');
  if (!wanted) return { target: lastHealthy, quarantined: false };
  const pinned = memory.pin?.against === wanted.specHash ? toTarget(memory.pin, 'pin') : undefined;
  const candidate = pinned ?? wanted;
  if (!isQuarantined(memory.quarantine, candidate)) return { target: candidate, quarantined: false };
  const fallback = isSameRelease(lastHealthy, candidate) ? undefined : lastHealthy;
  return { target: fallback, quarantined: true };
}

/** Suspended by the manifest, or by a person for a while: looked at, and left alone. */
export function isHeld({ now }: World, wanted: Target | undefined, { suspended }: AppMemory<App>): boolean {
  const byHand = suspended !== undefined && (suspended.until === undefined || now < suspended.until);
  return byHand || wanted?.app.suspend === true;
}

/** What is looked at while nothing may change is what serves, not what git wants next. */
function looked(
  wanted: Target | undefined,
  { lastHealthy }: AppMemory<App>,
): ReturnType<typeof chooseTarget> {
  const kept =
    lastHealthy && !(wanted && isSameRelease(lastHealthy, wanted)) ? toTarget(lastHealthy, 'memory') : wanted;
  return { target: kept, quarantined: false };
}

type Bare = Pick<Scene, 'world' | 'lookup' | 'name' | 'former' | 'memory' | 'containers'>;

function lineUp(scene: Bare, target: Target): Replica[] {
  return Array.from({ length: target.app.replicas }, (_, index) => {
    const here = scene.containers.filter((container) => container.replica === index);
    const members = here.map((container) => toMember(scene, target, container));
    const fit = members.filter((member) => member.standing !== 'stale' && member.standing !== 'gone');
    const current = fit.toSorted((a, b) => preference(scene, b) - preference(scene, a))[0];
    return {
      index,
      current,
      olds: here.filter((container) => container !== current?.container && container.state !== 'removing'),
    };
  });
}

function toMember(scene: Bare, target: Target, container: Container): Member {
  const ofTarget = container.app === target.app.name && isSameRelease(container, target);
  const changes = ofTarget ? changesOf(scene, target, container) : [];
  const health = healthOf(scene.world, target, container);
  const drifted =
    changes.some((change) => change.heal === 'replace') &&
    target.app.policy.selfHeal &&
    !isStalled(scene, changes, container);
  const asked = scene.memory.restart?.containers.includes(container.id) ?? false;
  const { restart } = target.app;
  const place = { awaited: isAwaited(scene, target.app, container), isMeant: isMeant(scene, container) };
  const subject = { container, ofTarget, drifted, asked, chosen: true, health, restart, ...place };
  return { container, ...standingOf(subject), health, changes };
}

/** Of two containers for one place: the one that serves, else one that passed its gate, else one that runs. */
function preference(scene: Bare, { container, standing }: Member): number {
  const serving = isPublished(container) && container.state === 'running' && onFlag(scene, container);
  return (
    (serving ? 8 : 0) +
    (isPublished(container) ? 4 : 0) +
    (container.state === 'running' ? 2 : 0) +
    (standing === 'current' ? 1 : 0)
  );
}

interface Compared {
  readonly app: App;
  readonly imageId: string | undefined;
  readonly image: Image | undefined;
  readonly changes: readonly FieldChange[];
}

/** The last comparison of each container: readings of what did not change are the same objects, look after look. */
const compared = new WeakMap<Container, Compared>();

/** The field changes between a container of the target and what the target says it should be. */
export function changesOf(scene: Bare, target: Target, container: Container): readonly FieldChange[] {
  const { app, imageId } = target;
  const image = imageId === undefined ? undefined : scene.world.observed.images[imageId];
  const known = compared.get(container);
  const holds = known?.app === app && known.imageId === imageId && known.image === image && !app.renamedFrom;
  if (holds) return known.changes;
  const changes = compareFields(scene, target, container);
  compared.set(container, { app, imageId, image, changes });
  return changes;
}

function compareFields(scene: Bare, target: Target, container: Container): FieldChange[] {
  const image = target.imageId === undefined ? undefined : scene.world.observed.images[target.imageId];
  const expected = expectedSpec(target.app, image, {
    name: container.name,
    imageId: target.imageId ?? target.app.container.image,
    labels: container.live.labels,
    address: container.live.address,
    aliases: container.live.aliases,
    instance: scene.world.settings.instance,
    volumeNames: keptVolumes(scene, target),
  });
  return compareSpec(container.live, expected, image !== undefined);
}

/** Volumes of the name an app was renamed from go with it: a volume cannot be renamed, so its name stays. */
export function keptVolumes(scene: Bare, target: Target): Record<string, string> {
  const former = target.app.renamedFrom;
  if (!former) return {};
  const { volumes } = scene.world.observed;
  const { instance } = scene.world.settings;
  const named = target.app.container.volumes.filter((volume) => volume.kind === 'named');
  return Object.fromEntries(
    named
      .map((volume) => [volume.name, volumeName(instance, former, volume.name)] as const)
      .filter(([, name]) => volumes.some((volume) => volume.name === name && volume.app === former)),
  );
}

/**
 * The health of this start of the container; an image's own HEALTHCHECK counts when the manifest has none. That it did
 * not answer where it is not any more says nothing: by hand it may have been off our network meanwhile.
 */
export function healthOf(world: World, target: Target, container: Container): Health | undefined {
  if (target.app.healthCheck.kind === 'none' && container.imageHealth !== 'none') {
    const verdict = container.imageHealth === 'starting' ? 'unknown' : container.imageHealth;
    return { startedAt: container.startedAt, verdict, since: container.startedAt, attempts: [] };
  }
  const health = world.observed.health[container.id];
  if (health?.startedAt !== container.startedAt) return undefined;
  const { verdict, address = container.live.address } = health;
  return verdict === 'healthy' || address === container.live.address ? health : undefined;
}

/**
 * A drift that was healed by replacing, and that the new container shows again at once, is no drift: replacing
 * would go on for ever.
 */
export function isStalled(
  scene: Pick<Scene, 'memory'>,
  changes: readonly FieldChange[],
  container: Container,
): boolean {
  const { healed } = scene.memory;
  const fields = changes.filter((change) => change.heal === 'replace').map((change) => change.path);
  return (
    healed?.specHash === container.specHash &&
    fields.length > 0 &&
    // Fewer are no news either: of two that were to be mended one was.
    fields.every((field) => healed.fields.includes(field)) &&
    !healed.containers.includes(container.id)
  );
}

/**
 * A release is proven when it is the last healthy one, unless it was so without any replica, or when history is lost and every replica of it bears
 * the mark of having passed the gate.
 */
function isProven(memory: AppMemory<App>, target: Target, replicas: readonly Replica[]): boolean {
  const { lastHealthy } = memory;
  if (lastHealthy && isSameRelease(lastHealthy, target))
    return lastHealthy.app.replicas > 0 || target.app.replicas === 0;
  if (memory.deployment || memory.lastHealthy) return false;
  return replicas.every(
    ({ current, olds }) => current !== undefined && isPublished(current.container) && olds.length === 0,
  );
}

/** The instance whose name a container bears. */
const named = new WeakMap<Container, string>();

/** The name agrees with what the container is. */
export function isRightlyNamed({ settings: { instance } }: World, container: Container): boolean {
  if (named.get(container) === instance) return true;
  const isNamed = isOwnName(container.name, { instance, ...container });
  if (isNamed) named.set(container, instance);
  return isNamed;
}
