import type { Health, Image, Observed } from '../observed/observed.ts';
import { applyDecisions } from './apply-decisions.ts';
import { applyStep } from './apply-step.ts';
import { decide } from './decide.ts';
import type { Plan, Step, World } from './plan.ts';

/** One look of the whole way. */
export interface Look {
  readonly at: number;
  readonly world: World;
  readonly plan: Plan;
  /** The steps of all apps and the host, each with whose it is (`''` for the host). */
  readonly steps: readonly { readonly app: string; readonly step: Step }[];
}

/** A plan is only the next steps; the whole way ends by itself in far fewer looks than this. */
const maxLooks = 500;

/**
 * The whole way from here: `decide`, run on against a world in which every act succeeds, every container turns
 * healthy and time passes, until it is still.
 */
export function simulate(world: World): { readonly looks: readonly Look[]; readonly end: World } {
  const registry = givenImages(world);
  const looks: Look[] = [];
  let current = world;
  for (let turn = 0; turn < maxLooks; turn += 1) {
    const plan = decide(current);
    const steps = stepsOf(plan);
    const records = plan.apps.some((app) => app.records.length > 0);
    if (steps.length > 0) looks.push({ at: current.now, world: current, plan, steps });
    if (steps.length === 0 && !records && plan.wakeAt === undefined) break;
    if (steps.length === 0 && !records && isFar(plan, current)) break;
    current = afterLook(current, plan, registry);
  }
  return { looks, end: current };
}

/** What is left to wait for lies outside: a window, an approval, the next look-up of a tag, an engine that does not tell. */
function isFar(plan: Plan, world: World): boolean {
  const unread = new Set(world.observed.unread.map(({ app }) => app));
  return (
    plan.wakeAt === undefined ||
    plan.wakeAt - world.now >= world.settings.interval ||
    plan.apps.every(({ app, sync }) => sync === 'Synced' || unread.has(app))
  );
}

export function stepsOf(plan: Plan): { readonly app: string; readonly step: Step }[] {
  const host = plan.host.map((step) => ({ app: '', step }));
  return [...host, ...plan.apps.flatMap(({ app, steps }) => steps.map((step) => ({ app, step })))];
}

function afterLook(world: World, plan: Plan, registry: Readonly<Record<string, Image>>): World {
  const steps = stepsOf(plan);
  const moment = { now: world.now, settings: world.settings, registry };
  const observed = steps.reduce((state, { step }) => applyStep(state, step, moment), world.observed);
  const memory = plan.apps.reduce(
    (state, { app, records }) => applyDecisions(state, app, records),
    world.memory,
  );
  const now = steps.length > 0 ? world.now : Math.max(world.now, plan.wakeAt ?? world.now);
  return { ...world, now, memory, observed: withHealth(observed, now) };
}

function withHealth(observed: Observed, now: number): Observed {
  const running = observed.containers.filter((container) => container.state === 'running');
  const answers = running.map(({ id, startedAt }): [string, Health] => [
    id,
    { startedAt, verdict: 'healthy', since: now, attempts: [] },
  ]);
  const kept = answers.map(([id, answer]): [string, Health] => {
    const before = observed.health[id];
    return [id, before?.startedAt === answer.startedAt && before.verdict === 'healthy' ? before : answer];
  });
  const containers = observed.containers.map((one) =>
    one.hook && one.state === 'running' ? { ...one, state: 'exited' as const } : one,
  );
  return { ...observed, containers, health: Object.fromEntries(kept) };
}

/** An image that is not here yet stands in under its reference: what it holds is not known before it is pulled. */
function givenImages({ desired }: World): Record<string, Image> {
  const references = desired.apps.map((app) => app.container.image);
  return Object.fromEntries(
    references.map((reference): [string, Image] => [
      reference,
      {
        id: `image of ${reference}`,
        env: {},
        entrypoint: [],
        command: [],
        workingDir: '',
        user: '',
        hasHealthCheck: false,
        volumes: [],
      },
    ]),
  );
}
