import type { App } from '../../src/desired/app.ts';
import type { AppPlan, Plan } from '../../src/plan/plan.ts';
import { isPublished } from '../../src/plan/release.ts';
import { stepsOf } from '../../src/plan/simulate.ts';
import type { Model } from './model.ts';
import { Random } from './random.ts';
import { behaviourOf } from './sketches.ts';

const hour = 3_600_000;
/** What starts slowly has started, and tags were looked up. */
const slowest = 90_000;

/** Why an app may rest without being what git says: somebody holds it, or its release failed and nothing asks for it. */
const heldReasons: ReadonlySet<string> = new Set([
  'Quarantined',
  'Paused',
  'Pinned',
  'Suspended',
  'ApprovalNeeded',
  'DependencyNotReady',
  'InvalidManifest',
  'ImageGone',
  'WouldChangeTwice',
  'PruneHeld',
  'PruneNever',
  'PruneConfirm',
  'WaitsForDependant',
]);

/**
 * Looks that a host may need until it rests. A replica of one app is pulled, created, started, published, routed,
 * drained and removed, each at most once in a look of its own with a look for the record and one for the time, and
 * that twice: once forward, once back. Apps that need each other go one after the other.
 */
export function mostLooks(model: Model): number {
  const { engine } = model.host;
  const replicas = model.controller.desired.apps.reduce((sum, app) => sum + app.replicas, 0);
  return 40 + 30 * model.controller.desired.apps.length + 20 * (replicas + engine.containers.length);
}

/** Looks and waits until nothing is left to do; how many looks it took. */
export async function rest(model: Model, what: string): Promise<number> {
  const { controller, host, oracle } = model;
  const random = new Random(7);
  const limit = mostLooks(model);
  const before = controller.looks;
  await controller.work(random);
  for (let quiet = 0; quiet < 4; ) {
    const count = controller.looks - before;
    if (count > limit) oracle.fail(`${what}: after ${count} looks it is not at rest`);
    const plan = withoutHopeless(model, controller.look());
    if (!plan) return oracle.fail(`${what}: the engine is not seen`);
    await controller.work(random);
    // A verdict that changes asks for another look, at once or when something that starts slowly has started.
    quiet = isActing(plan) ? 0 : quiet + 1;
    const { wakeAt } = plan;
    if (quiet < 2) continue;
    if (wakeAt === undefined || isResting(model, plan)) {
      if (quiet === 2) wait(model, what, wakeAt);
      continue;
    }
    if (wakeAt <= host.now) oracle.fail(`${what}: it wants to look again at once, and does nothing`);
    host.tick(wakeAt - host.now);
    quiet = 0;
  }
  const looks = controller.looks - before;
  await stays(model, what);
  return looks;
}

/** Time passes that nobody asked to be woken in: what a look does then must come from what happened meanwhile. */
function wait(model: Model, what: string, wakeAt: number | undefined): void {
  const { host, oracle, controller } = model;
  const before = host.news();
  host.tick(slowest);
  const isSilent = host.news() === before && wakeAt === undefined;
  const plan = isSilent ? withoutHopeless(model, controller.preview()) : undefined;
  if (plan && isActing(plan))
    oracle.fail(`${what}: it acts by time alone and did not ask for it: ${describe(plan)}`);
}

/** Nothing is done now or later, but for the tags that are looked up again and again. */
async function stays(model: Model, what: string): Promise<void> {
  const { controller, host, oracle } = model;
  for (const ms of [1, 1_000, hour, hour]) {
    host.tick(ms);
    const plan = withoutHopeless(model, controller.look());
    if (plan && isActing(plan)) oracle.fail(`${what}: it was at rest, and acts again: ${describe(plan)}`);
    await controller.work(new Random(7));
  }
}

const underWay: ReadonlySet<string> = new Set(['Pulling', 'Starting', 'Verifying', 'Routing', 'Draining']);

/** What is left to wait for is the next look-up of a tag. */
function isResting({ controller, host }: Model, plan: Plan): boolean {
  // A retry of the host's own may be due later than that.
  if ((controller.memory.apps['']?.failure?.nextRetry ?? 0) > host.now) return false;
  const lookUps = plan.apps.flatMap(({ wakeAt }) => wakeAt ?? []);
  if (plan.wakeAt !== undefined && !lookUps.includes(plan.wakeAt)) return false;
  return plan.apps.every((one) => {
    const { app, wakeAt, operation } = one;
    const checkedAt = controller.memory.apps[app]?.checkedAt;
    if (wakeAt === undefined) return true;
    if (underWay.has(operation) || isMending(controller, one)) return false;
    return checkedAt !== undefined && wakeAt === checkedAt + host.settings.interval;
  });
}

/** A start or restart is due later than the tag is looked up. */
function isMending(controller: Model['controller'], { app, health, conditions }: AppPlan): boolean {
  const wanted = controller.desired.apps.find(({ name }) => name === app);
  const isDown = health === 'Degraded' && ['NotHealthy', 'CrashLoop'].includes(conditions[0]?.reason ?? '');
  return isDown && wanted?.policy.selfHeal === true;
}

function isActing(plan: Plan): boolean {
  const isLookUp = ({ reason }: { reason: string }) => reason === 'pull: always looks the tag up';
  return (
    stepsOf(plan).some(({ step }) => !isLookUp(step)) ||
    plan.apps.some(({ records }) => records.some(({ kind }) => kind !== 'checked'))
  );
}

/**
 * A release that once counted as healthy and never answers again, whatever is done, is started again every five
 * minutes, for ever: that is how it rests.
 */
function isHopeless({ controller, host }: Model, plan: AppPlan): boolean {
  const { app, steps, replicas, health, conditions, wakeAt } = plan;
  const { lastHealthy, deployment, failure } = controller.memory.apps[app] ?? {};
  const release = lastHealthy?.app;
  const isStart = (kind: string) => kind === 'start' || kind === 'restart';
  // Another one that is being brought in comes to its end, and a step that failed is tried again.
  if (
    !release ||
    deployment ||
    (failure && !isStart(failure.step)) ||
    !['bad', 'mute', 'exit', 'oom'].includes(behaviourOf(release.container.image))
  )
    return false;
  return (
    health !== 'Healthy' &&
    // What was recorded has more to follow.
    (wakeAt === undefined || wakeAt > host.now) &&
    // When that is over by itself, other things come first.
    conditions[0]?.reason !== 'Suspended' &&
    release.replicas > 0 &&
    (replicas.desired > 0 || isKept(conditions[0]?.reason ?? '')) &&
    steps.every(({ kind }) => isStart(kind))
  );
}

function withoutHopeless(model: Model, plan: Plan | undefined): Plan | undefined {
  const apps = plan?.apps.filter((app) => !isHopeless(model, app)) ?? [];
  if (!plan || apps.length === plan.apps.length) return plan;
  const { wakeAt: _theirs, ...rest } = plan;
  const { nextRetry } = model.controller.memory.apps['']?.failure ?? {};
  const retry = nextRetry !== undefined && nextRetry > model.host.now ? [nextRetry] : [];
  const times = [...apps.flatMap(({ wakeAt }) => wakeAt ?? []), ...retry];
  return { ...rest, apps, ...(times.length === 0 ? {} : { wakeAt: Math.min(...times) }) };
}

function describe(plan: Plan): string {
  const steps = stepsOf(plan).map(({ app, step }) => `${app} ${step.kind} (${step.reason})`);
  const records = plan.apps.flatMap(({ app, records }) => records.map(({ kind }) => `${app} +${kind}`));
  return [...steps, ...records].join(', ');
}

/** At rest every app is what git says, or what holds it is said. */
export function judgeRest(model: Model, what: string, everything: boolean): void {
  const plan = model.controller.look();
  for (const app of plan?.apps ?? []) {
    const reason = app.conditions.find(({ type }) => type === 'Ready')?.reason ?? '';
    const wanted = model.controller.desired.apps.find(({ name }) => name === app.app);
    if (!everything && wanted && (mayWait(wanted) || isClaimed(model, wanted))) continue;
    if (wanted?.policy.selfHeal === false && hasDrift(app)) continue;
    if (isHopeless(model, app)) continue;
    // It is left as it stands, with hooks and with old ones beside the new.
    if (reason === 'Suspended') continue;
    if (app.sync === 'Synced' && isWell(app)) {
      if (reason !== 'Reconciled' && !heldReasons.has(reason)) fail(model, what, app, reason);
      judgeApp(model, wanted, what);
    } else if (everything && wanted) fail(model, what, app, reason);
    else if (!heldReasons.has(reason) && wanted) fail(model, what, app, reason);
    else if (everything && !isKept(reason)) fail(model, what, app, reason);
  }
}

function fail(
  model: Model,
  what: string,
  { app, sync, health, operation, differences }: AppPlan,
  reason: string,
): never {
  const found = differences.map(({ path, live, desired }) => `${path}: ${live} → ${desired}`).join(', ');
  return model.oracle.fail(`${what}: ${app} rests ${sync} ${health} ${operation} (${reason}) ${found}`);
}

/** Not wanted by git, and not to be removed: by its manifest, or by that of one that needs it. */
function isKept(reason: string): boolean {
  return reason.startsWith('Prune') || reason === 'WaitsForDependant';
}

/** For a person or another app; a step that failed before is what its status tells then. */
function mayWait({ deploy, dependsOn }: App): boolean {
  return deploy.approval === 'manual' || dependsOn.length > 0;
}

/** Its host is answered by an app that git does not name any more, and whose removal is held. */
function isClaimed({ controller, host }: Model, { name, renamedFrom, domains }: App): boolean {
  const isNamed = (app: string) => controller.desired.apps.some((one) => one.name === app);
  return host.serves.some(
    (route) =>
      ![name, renamedFrom].includes(route.app) &&
      !isNamed(route.app) &&
      domains.some((domain) => domain.host === route.host),
  );
}

/** What somebody changed by hand is left so where the manifest asks for it, with what would come after it. */
function hasDrift({ differences }: AppPlan): boolean {
  return differences.some(({ cause }) => cause === 'drift');
}

function isWell({ health }: AppPlan): boolean {
  return health === 'Healthy' || health === 'Suspended';
}

/** What an app that calls itself well really is. */
function judgeApp({ host, oracle, controller }: Model, app: App | undefined, what: string): void {
  if (!app) return;
  const own = host.engine.containers.filter(
    (one) => one.app === app.name && host.isOurs(one, controller.memory.containers),
  );
  const running = own.filter(({ state }) => state === 'running');
  if (app.state === 'stopped') {
    if (running.length > 0) oracle.fail(`${what}: ${app.name} is stopped, and ${running[0]?.name} runs`);
    return;
  }
  const places = own.map(({ replica }) => replica).sort((a, b) => a - b);
  const wanted = Array.from({ length: app.replicas }, (_, index) => index);
  if (places.join() !== wanted.join()) oracle.fail(`${what}: ${app.name} has the replicas ${places.join()}`);
  const isDone = app.restart !== 'always' && own.some(({ state }) => state === 'exited');
  if (isDone) return;
  const odd = own.find((one) => one.state !== 'running' || !isPublished(one) || !host.verified.has(one.id));
  if (odd)
    oracle.fail(`${what}: ${odd.name} is ${odd.state}, and ${isPublished(odd) ? '' : 'not '}published`);
  judgeRoutes({ host, oracle }, app, what);
}

function judgeRoutes({ host, oracle }: Pick<Model, 'host' | 'oracle'>, app: App, what: string): void {
  const routes = host.serves.filter((route) => route.app === app.name);
  if (routes.length !== (app.replicas > 0 ? app.domains.length : 0))
    oracle.fail(`${what}: ${app.name} has ${routes.length} routes`);
  const own = host.engine.containers.filter((one) => one.app === app.name);
  const { flags, sharesFlags } = host.engine.proxy;
  for (const { upstreams } of routes) {
    if (upstreams.length !== app.replicas)
      oracle.fail(`${what}: ${app.name} is routed to ${upstreams.length} of ${app.replicas} replicas`);
    for (const { replica, plain, flagged } of upstreams) {
      const dial = sharesFlags !== false && flags.includes(`${app.name}.${replica}`) ? flagged : plain;
      const port = app.container.ports[0]?.container;
      if (!own.some((one) => `${one.live.address}:${port}` === dial && one.replica === replica))
        oracle.fail(`${what}: replica ${replica} of ${app.name} is dialled at ${dial}, where it is not`);
    }
  }
}
