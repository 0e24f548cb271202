import type { App } from '../desired/app.ts';
import { isSameValue } from '../desired/canonical.ts';
import type { Container, RouteTable } from '../observed/observed.ts';
import { addressOf, type Occupied, Slots } from './address.ts';
import { type Planned, planAtRest, rememberRest } from './at-rest.ts';
import { routesDueAt } from './batch-routes.ts';
import { createLookup, type Lookup } from './lookup.ts';
import type { AppPlan, Plan, ProbeTarget, Step, World } from './plan.ts';
import { planApp } from './plan-app.ts';
import { judgeRemovals, type PruneVerdict, planRemoval } from './plan-removal.ts';
import { mergeRoutes } from './plan-routes.ts';
import { planUnread } from './plan-unread.ts';
import { isSameRelease } from './release.ts';
import { retryAt } from './restart.ts';
import { createScene, formerName, type Scene } from './scene.ts';

/**
 * The next acts and the moment to look again, from the world alone. Nothing remembers where a rollout was: a
 * crash, a newer commit or a hand on the host are just another world to decide about.
 */
export function decide(world: World): Plan {
  const lookup = createLookup(world);
  const { apps } = lookup;
  const verdict = judgeRemovals(world, lookup);
  const names = namesOf(world, lookup);
  const slots = new Slots(world.settings.subnet, () => occupiedIn(world));
  const planned = new Map<string, Planned>();
  const scenes = new Map<string, Scene>();
  for (const name of names) {
    const app = apps.get(name);
    const rest = app && planAtRest(world, lookup, app);
    if (rest) planned.set(name, rest);
    else scenes.set(name, createScene(world, lookup, name, app, slots));
  }
  for (const scene of inDependencyOrder(scenes)) {
    const one = { ...planOne(scene, verdict, planned), probes: probesOf(scene) };
    planned.set(scene.name, one);
    if (scene.wanted) rememberRest(world, lookup, scene.wanted.app, one);
  }
  const all = names.flatMap((name) => planned.get(name) ?? []);
  const routes = mergeRoutes(
    all.map((one) => one.routes),
    world.observed.proxy.routes,
  );
  const host = planHost(world, lookup, routes, planned);
  const wakeAt = earliest([...all.map(({ plan }) => plan.wakeAt), host.wakeAt, retryOfHost(world)]);
  return {
    revision: world.desired.revision,
    apps: all.map(({ plan }) => plan),
    host: host.steps,
    probes: all.flatMap(({ probes }) => probes),
    ...(wakeAt === undefined ? {} : { wakeAt }),
    ...(verdict.held ? { pruneHeld: verdict.held } : {}),
  };
}

/** Every app that git names, that runs, or that is remembered, sorted. */
function namesOf(world: World, { apps, containers, unread }: Lookup): string[] {
  const declared = [...apps.keys(), ...world.desired.invalid];
  const former = new Set(declared.map((name) => formerName(world, name, apps.get(name))));
  const there = [...containers.keys(), ...unread.keys()];
  const names = new Set([...apps.keys(), ...there, ...Object.keys(world.memory.apps)]);
  return [...names].filter((name) => name !== '' && !(former.has(name) && !apps.has(name))).sort();
}

function occupiedIn({ observed }: World): Occupied {
  const own = observed.containers.map((container) => container.live.address);
  // Nor may what is being loaded find somebody else where it dials.
  const routes = [...observed.proxy.routes, ...(observed.underway['']?.routes ?? [])];
  const spoken = routes.flatMap(({ app, upstreams }) =>
    upstreams.flatMap(({ plain, flagged }) =>
      [plain, flagged].map((dial) => [addressOf(dial), app] as const),
    ),
  );
  return { taken: [...observed.takenAddresses, ...own], spoken };
}

/** Dependencies first, so that what waits for them sees their plan; validation has refused cycles. */
function inDependencyOrder(scenes: ReadonlyMap<string, Scene>): Scene[] {
  const ordered = new Set<Scene>();
  const visiting = new Set<string>();
  const visit = (name: string) => {
    const scene = scenes.get(name);
    if (!scene || ordered.has(scene) || visiting.has(name)) return;
    visiting.add(name);
    for (const dependency of scene.wanted?.app.dependsOn ?? []) visit(dependency.app);
    ordered.add(scene);
  };
  for (const name of scenes.keys()) visit(name);
  return [...ordered];
}

function planOne(
  scene: Scene,
  verdict: PruneVerdict,
  planned: ReadonlyMap<string, Planned>,
): { readonly plan: AppPlan; readonly routes: RouteTable } {
  const { world, name } = scene;
  if (scene.unread.length > 0) return planUnread(scene);
  const isInvalid = world.desired.invalid.includes(name);
  if (!scene.wanted && !isInvalid) return planRemoval(scene, verdict);
  return planApp(scene, planned);
}

function planHost(
  world: World,
  lookup: Lookup,
  routes: RouteTable,
  planned: ReadonlyMap<string, Planned>,
): { readonly steps: readonly Step[]; readonly wakeAt?: number } {
  const { observed, settings } = world;
  if (observed.underway['']) return { steps: [] };
  const steps: Step[] = [];
  if (!lookup.hasNetwork)
    steps.push({
      kind: 'create-network',
      network: settings.network,
      subnet: settings.subnet,
      reason: 'apps join it',
      traffic: 'none',
    });
  steps.push(...staleFlags(world, lookup, planned));
  const needsLoad = isLoadNeeded(world, routes);
  const dueAt = needsLoad ? routesDueAt(world, lookup, routes, planned) : world.now;
  if (needsLoad && dueAt <= world.now)
    steps.push({
      kind: 'load-routes',
      routes,
      reason: whyLoad(world),
      traffic: 'Caddy takes over the new configuration',
    });
  return { steps: heldBack(world, steps), ...(dueAt > world.now ? { wakeAt: dueAt } : {}) };
}

/** What failed waits for its retry, however often somebody looks, and so does what comes after it. */
function heldBack(world: World, steps: Step[]): Step[] {
  if (retryOfHost(world) === undefined) return steps;
  const failed = steps.findIndex(({ kind }) => kind === world.memory.apps['']?.failure?.step);
  return failed < 0 ? steps : steps.slice(0, failed);
}

function isLoadNeeded({ observed: { proxy } }: World, routes: RouteTable): boolean {
  if (proxy.state === 'unreachable') return false;
  return proxy.state === 'edited' || !isSameValue(proxy.routes, routes);
}

function whyLoad({ observed: { proxy } }: World): string {
  return proxy.state === 'edited' ? (proxy.message ?? 'Caddy runs something else') : 'the routes changed';
}

function retryOfHost(world: World): number | undefined {
  const failure = world.memory.apps['']?.failure;
  return failure && world.now < retryAt(failure, world) ? failure.nextRetry : undefined;
}

/** Flags of replicas that neither run nor stand in the routes would point a later release to the wrong slot. */
function staleFlags({ observed }: World, lookup: Lookup, planned: ReadonlyMap<string, Planned>): Step[] {
  return observed.proxy.flags.flatMap((flag) => {
    const [app = '', replica = ''] = flag.split('.');
    if (isUsed(lookup, app, replica) || observed.underway[app]) return [];
    const reason = planned.has(app) ? 'the replica is gone' : 'the app is gone';
    return [{ kind: 'switch', app, replica: Number(replica), flagged: false, reason, traffic: 'none' }];
  });
}

function isUsed({ containers, routes, unread }: Lookup, app: string, replica: string): boolean {
  if (unread.has(app)) return true;
  const isIt = (one: { readonly replica: number }) => String(one.replica) === replica;
  const dialled = routes.get(app)?.some(({ upstreams }) => upstreams.some(isIt)) ?? false;
  return dialled || (containers.get(app)?.some(isIt) ?? false);
}

/** Probes go on for the life of an app, of every container that serves or is to serve. */
function probesOf(scene: Scene): ProbeTarget[] {
  return scene.containers.flatMap((container) => {
    const release = [scene.target, scene.memory.lastHealthy, scene.wanted].find(
      (one) => one && isSameRelease(container, one),
    );
    if (!release || container.state !== 'running') return [];
    return [toProbe(container, release.app)];
  });
}

function toProbe(container: Container, app: App): ProbeTarget {
  const check = app.healthCheck;
  const image = check.kind === 'none' && container.imageHealth !== 'none';
  const { id, live, startedAt } = container;
  return { container: id, app: app.name, address: live.address, startedAt, check, image };
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : known.reduce((a, b) => Math.min(a, b));
}
