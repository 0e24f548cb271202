import { isSameValue } from '../desired/canonical.ts';
import type { Container, RouteTable, Upstream } from '../observed/observed.ts';
import { addressOf, isFlagged, noSlots } from './address.ts';
import { createLookup } from './lookup.ts';
import type { AppPlan, Plan, Step, World } from './plan.ts';
import { isSuspended } from './plan-app.ts';
import { judgeRemovals, mending, type PruneVerdict } from './plan-removal.ts';
import { hashOf, isPublished, isSameRelease } from './release.ts';
import { createScene, formerName, type Scene } from './scene.ts';
import { isRouted, routesNear } from './traffic.ts';

/** Something that must never be in a plan, whatever the world; the plan is not applied. */
export interface Violation {
  readonly app: string;
  readonly rule: string;
  readonly message: string;
}

interface Case {
  readonly world: World;
  readonly scene: Scene;
  readonly plan: AppPlan;
  readonly verdict: PruneVerdict;
}

type Rule = readonly [rule: string, find: (subject: Case) => string[]];

/** A second opinion on what `decide` says, made of other parts than its own wherever that is possible. */
const rules: readonly Rule[] = [
  ['only our own containers are touched', touchesForeign],
  ['what serves is stopped only when something else does its work', stopsServing],
  ['traffic goes only to a container that passed its gate', switchesToUnverified],
  ['a name means only a release that passed its gate', namesUnverified],
  ['a name and an address have one container', takesWhatIsTaken],
  ['volumes outlive their app unless its manifest gave them up', removesVolumes],
  ['who is suspended, held or cannot be read is left alone', touchesHeld],
];

export function checkPlan(world: World, plan: Plan): Violation[] {
  return [...breaches(world, plan), ...routesToStrangers(world, plan), ...routesOfUnread(world, plan)];
}

/** Every rule of one app is about its steps. */
function breaches(world: World, { apps }: Plan): Violation[] {
  const acting = apps.filter(({ steps }) => steps.length > 0);
  if (acting.length === 0) return [];
  const lookup = createLookup(world);
  const verdict = judgeRemovals(world, lookup);
  const slots = noSlots(world.settings.subnet);
  return acting.flatMap((plan) => {
    const scene = createScene(world, lookup, plan.app, lookup.apps.get(plan.app), slots);
    const subject = { world, scene, plan, verdict };
    return rules.flatMap(([rule, find]) =>
      find(subject).map((message) => ({ app: plan.app, rule, message })),
    );
  });
}

function objectOf(step: Step): string | undefined {
  return 'container' in step ? step.container : undefined;
}

function touchesForeign({ world, scene, plan }: Case): string[] {
  const own = new Set([...scene.containers, ...scene.hooks].flatMap(({ id, name }) => [id, name]));
  const foreign = new Set(world.observed.foreign.flatMap(({ id, name }) => [id, name]));
  const made = new Set(plan.steps.flatMap((step) => (step.kind === 'create' ? [step.spec.name] : [])));
  const objects = plan.steps.flatMap((step) => objectOf(step) ?? []);
  return objects
    .filter((object) => foreign.has(object) || !(own.has(object) || made.has(object)))
    .map((object) => `${object} is not a container of this app`);
}

function stopsServing(subject: Case): string[] {
  const { scene, plan } = subject;
  const stopped = plan.steps.flatMap((step) =>
    step.kind === 'stop' || step.kind === 'remove' ? [step.container] : [],
  );
  const serving = scene.containers
    .filter(({ id, name }) => stopped.includes(id) || stopped.includes(name))
    .filter((one) => serves(scene, one));
  return serving
    .filter((one) => !mayStop(subject, one))
    .map((one) => `${one.name} serves and nothing stands in for it`);
}

function serves(scene: Scene, container: Container): boolean {
  const routed = routesNear(scene, container).length > 0;
  return container.state === 'running' && isPublished(container) && (!routed || isRouted(scene, container));
}

/** Removed, stopped or scaled away by git; made way for stop-first; or relieved by a published neighbour. */
function mayStop({ scene, world, plan }: Case, container: Container): boolean {
  const { target, wanted } = scene;
  const isGone = !wanted && !world.desired.invalid.includes(plan.app);
  if (isGone || target?.app.state === 'stopped' || container.replica >= (target?.app.replicas ?? 0))
    return true;
  if (target?.app.deploy.order === 'stop-first') return true;
  return scene.containers.some(
    (other) =>
      other !== container &&
      other.replica === container.replica &&
      ((other.state === 'running' && isPublished(other)) || hasDoneItsWork(scene, other)),
  );
}

/** A job that ends, of the release that is being brought in. What is asked over the network stands in while it runs. */
function hasDoneItsWork({ target, lookup, name }: Scene, { specHash, state, exitCode }: Container): boolean {
  const ends = target?.app.restart === 'never' || (target?.app.restart === 'on-failure' && exitCode === 0);
  return ends && state === 'exited' && specHash === target.specHash && !lookup.routes.has(name);
}

function switchesToUnverified({ scene, plan }: Case): string[] {
  const switches = plan.steps.filter((step) => step.kind === 'switch');
  return switches
    .filter((step) => !scene.containers.some((one) => isVerifiedSlot(scene, one, step)))
    .map((step) => `replica ${step.replica} has no verified container in that slot`);
}

function isVerifiedSlot(
  { world }: Scene,
  container: Container,
  step: Extract<Step, { kind: 'switch' }>,
): boolean {
  const { address } = container.live;
  if (
    container.replica !== step.replica ||
    container.state !== 'running' ||
    !isPublished(container) ||
    address === ''
  )
    return false;
  return isFlagged(address) === step.flagged && world.observed.health[container.id]?.verdict !== 'unhealthy';
}

/** One that is made may bear its app's name from the beginning only as one more of the last healthy release. */
function namesUnverified({ scene, plan }: Case): string[] {
  const { lastHealthy } = scene.memory;
  return plan.steps
    .flatMap((step) => (step.kind === 'create' && step.spec.aliases.length > 0 ? [step.spec] : []))
    .filter(
      ({ labels, image }) =>
        !isSameRelease(lastHealthy, { specHash: labels['plimsoll.spec-hash'] ?? '', imageId: image }),
    )
    .map(({ name }) => `${name} is not of a release that passed`);
}

function takesWhatIsTaken({ world, plan }: Case): string[] {
  const removed = new Set(plan.steps.flatMap((step) => (step.kind === 'remove' ? [step.container] : [])));
  const left = world.observed.containers.filter(({ id, name }) => !removed.has(id) && !removed.has(name));
  const names = new Set(left.map(({ name }) => name));
  const addresses = new Set(left.map(({ live }) => live.address));
  const creates = plan.steps.flatMap((step) => (step.kind === 'create' ? [step.spec] : []));
  return creates
    .filter((spec) => names.has(spec.name) || addresses.has(spec.address))
    .map((spec) => `${spec.name} at ${spec.address} is taken`);
}

function removesVolumes({ world, scene, plan }: Case): string[] {
  const removed = plan.steps.flatMap((step) => (step.kind === 'remove-volume' ? [step.volume] : []));
  const mine = world.observed.volumes.filter((volume) => volume.app === plan.app).map(({ name }) => name);
  return removed
    .filter((volume) => scene.wanted !== undefined || !mine.includes(volume))
    .map((volume) => `${volume} is not this app's to remove`);
}

function touchesHeld({ scene, plan, verdict }: Case): string[] {
  const held = verdict.held !== undefined && verdict.orphans.has(plan.app);
  const suspended = scene.wanted !== undefined && isSuspended(scene);
  const unread = scene.unread.length > 0;
  const how = unread ? 'unread' : suspended ? 'suspended' : 'held';
  return plan.steps
    .filter(({ kind }) => unread || suspended || (held && !mending.includes(kind)))
    .map((step) => `${step.kind} although it is ${how}`);
}

/** The slot of each pair that is dialled, as the flags stand, is one of the app's own, or was in the routes before. */
function routesToStrangers(world: World, plan: Plan): Violation[] {
  const load = plan.host.find((step) => step.kind === 'load-routes');
  if (!load) return [];
  const { observed } = world;
  const lookup = createLookup(world);
  const formerOf = (name: string) => formerName(world, name, lookup.apps.get(name));
  const before = new Set(
    observed.proxy.routes.flatMap((route) =>
      route.upstreams.flatMap(({ plain, flagged }) => [plain, flagged].map(addressOf)),
    ),
  );
  return load.routes.flatMap((route) => {
    const own = observed.containers
      .filter(({ app }) => app === route.app || app === formerOf(route.app) || formerOf(app) === route.app)
      .filter(isPublished);
    const addresses = new Set(own.map(({ live }) => live.address));
    const flag = ({ replica }: Upstream) => lookup.flags.has(`${route.app}.${replica}`);
    const dialled = route.upstreams.map((one) => addressOf(flag(one) ? one.flagged : one.plain));
    const strange = dialled.filter((address) => !before.has(address) && !addresses.has(address));
    return strange.map((address) => ({
      app: route.app,
      rule: 'traffic goes only to the app that owns the route',
      message: `${route.host} would go to ${address}`,
    }));
  });
}

/** The host's steps leave alone, too, whose containers are not all known. */
function routesOfUnread({ observed: { proxy, unread } }: World, { host }: Plan): Violation[] {
  const apps = [...new Set(unread.map(({ app }) => app))];
  const of = (app: string, routes: RouteTable) => routes.filter((route) => route.app === app);
  const changes = (step: Step, app: string): boolean => {
    if (step.kind === 'switch') return step.app === app;
    if (step.kind !== 'load-routes' || proxy.state !== 'running') return false;
    return !isSameValue(of(app, step.routes), of(app, proxy.routes));
  };
  return apps
    .filter((app) => host.some((step) => changes(step, app)))
    .map((app) => ({
      app: '',
      rule: 'who cannot be read keeps its routes and flags',
      message: `${app} would have others`,
    }));
}

/** Equal for two worlds exactly when a plan made for one may be applied to the other. */
export function fingerprintOf(world: World): unknown {
  const { containers, unread, networks, volumes, proxy } = world.observed;
  return {
    revision: world.desired.revision,
    apps: world.desired.apps.map((app) => [app.name, hashOf(app)]),
    containers: containers.map(({ id, name, state, live }) => [id, name, state, live]),
    unread: unread.map(({ id }) => id),
    networks: networks.map(({ name, ours }) => [name, ours]),
    volumes: volumes.map(({ name }) => name),
    proxy: [proxy.state, proxy.routes, proxy.flags],
  };
}
