import { EdgeError } from '../../src/apply/ports.ts';
import type { App } from '../../src/desired/app.ts';
import type { Desired } from '../../src/desired/desired.ts';
import { backoff } from '../../src/history/backoff.ts';
import type { Memory } from '../../src/observed/memory.ts';
import { applyDecisions } from '../../src/plan/apply-decisions.ts';
import { checkPlan } from '../../src/plan/check-plan.ts';
import { decide } from '../../src/plan/decide.ts';
import type { Plan, Step, World } from '../../src/plan/plan.ts';
import { hashOf, isPublished } from '../../src/plan/release.ts';
import { stepsOf } from '../../src/plan/simulate.ts';
import { type Meddling, meddle } from '../plan/worlds.ts';
import { nothing } from './controller.ts';
import { ModelHost, type SavedHost } from './model-host.ts';
import { Broken, Oracle, type SavedOracle } from './oracle.ts';
import { type Sketch, toApp } from './sketches.ts';

export interface WalkOptions {
  readonly replicas: number;
  readonly stopFirst?: true;
  /** How many faults, and how many commits, may happen on one way. */
  readonly faults: number;
  readonly commits: number;
}

export interface Walked {
  readonly states: number;
  readonly transitions: number;
  /** Steps that were done on all of them. */
  readonly performed: number;
  readonly looks: number;
  /** The most looks and waits from any state to its rest. */
  readonly longest: number;
  /** The way to what was broken, and what it was. */
  readonly broken?: { readonly rule: string; readonly way: readonly string[] };
}

/** A whole world, with all that the next decision or judgement may depend on. */
interface State {
  readonly host: SavedHost;
  readonly oracle: SavedOracle;
  readonly desired: Desired;
  readonly memory: Memory<App>;
  readonly faults: number;
  readonly commits: number;
}

/** How a look is cut short: the controller dies before step `at`, or that step fails. */
type Cut = { readonly at: number; readonly how: 'dies' | 'fails' | 'unanswered' };

const hands: readonly Meddling[] = ['remove', 'stop', 'pause', 'disconnect', 'rename', 'update'];
const images = ['good:1', 'good:2', 'bad:1', 'exit:1'] as const;

/**
 * Every world that one app can get into: breadth first from a host that serves release 1, by looks that end well or are cut
 * at any step, by every fault and by every commit, each world once. What can be reached without a fault from a
 * world is in the walk too, so that every world can be followed to its rest.
 */
export class Walk {
  readonly #options: WalkOptions;
  readonly #states: State[] = [];
  readonly #cameFrom: { readonly from: number; readonly by: string }[] = [];
  readonly #known = new Map<string, number>();
  /** Where each world goes by itself; undefined is rest. */
  readonly #next: (number | undefined)[] = [];
  #performed = 0;
  #looks = 0;
  #transitions = 0;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  run(most = Number.POSITIVE_INFINITY): Walked {
    let current = 0;
    try {
      this.#add(this.#first(), 0, 'it begins');
      for (; current < this.#states.length && current < most; current += 1) this.#leave(current);
      const longest = most === Number.POSITIVE_INFINITY ? this.#longest() : 0;
      return this.#walked(longest);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const at = error instanceof Livelock ? error.at : current;
      const rule = error instanceof Broken ? error.rule : (error.stack ?? error.message);
      return { ...this.#walked(0), broken: { rule, way: [...this.#wayTo(at), this.#trying] } };
    }
  }

  #trying = '';

  #walked(longest: number): Walked {
    return {
      states: this.#states.length,
      transitions: this.#transitions,
      performed: this.#performed,
      looks: this.#looks,
      longest,
    };
  }

  #wayTo(index: number): string[] {
    const way: string[] = [];
    for (let at = index; at > 0; at = this.#cameFrom[at]?.from ?? 0)
      way.unshift(this.#cameFrom[at]?.by ?? '');
    return way;
  }

  /** Release 1 serves. */
  #first(): State {
    const host = new ModelHost();
    const desired = this.#commit('good:1', 'r1');
    let state: State = {
      host: host.save(),
      oracle: { failed: [], dialled: [] },
      desired,
      memory: nothing,
      faults: 0,
      commits: 0,
    };
    for (;;) {
      const { state: after, plan } = this.#look(state, undefined);
      if (isStill(plan) && plan.wakeAt === undefined && plan.apps[0]?.health === 'Healthy') return after;
      state = isStill(plan)
        ? ticked(after, Math.max(1, (plan.wakeAt ?? after.host.now) - after.host.now))
        : after;
    }
  }

  #commit(image: Sketch['image'], revision: string): Desired {
    const { replicas, stopFirst } = this.#options;
    const sketch = { image, replicas, ...(stopFirst === undefined ? {} : { stopFirst }) };
    return {
      revision,
      apps: [toApp({ slot: 0, name: 'shop' }, sketch)],
      problems: [],
      invalid: [],
      unnamed: false,
    };
  }

  /** All that can happen in one world. */
  #leave(index: number): void {
    const state = this.#states[index];
    if (!state) return;
    this.#trying = 'a look';
    const { state: after, plan } = this.#look(state, undefined);
    this.#next[index] = this.#byItself(index, state, after, plan);
    if (state.commits < this.#options.commits)
      for (const image of images) {
        const desired = this.#commit(image, `r${state.commits + 2}`);
        if (hashOf(desired.apps[0] as App) === hashOf(state.desired.apps[0] as App)) continue;
        this.#add(
          { ...state, desired, oracle: { ...state.oracle, failed: [] }, commits: state.commits + 1 },
          index,
          `commit ${image}`,
        );
      }
    if (state.faults >= this.#options.faults) return;
    const hurt = { ...state, faults: state.faults + 1 };
    for (const cut of cutsOf(plan)) {
      this.#trying = `a look that ${cut.how} at step ${cut.at}`;
      this.#add(this.#look(hurt, cut).state, index, this.#trying);
    }
    for (const [name, fault] of faultsOf(state)) {
      this.#trying = name;
      this.#add(fault(hurt), index, name);
    }
  }

  /** Where it goes when nothing happens to it: by its steps and records, or by the time that it waits for. */
  #byItself(index: number, state: State, after: State, plan: Plan): number | undefined {
    if (!isStill(plan)) return this.#add(after, index, 'a look');
    const key = keyOf(after);
    // A verdict that came with the look may be all that is new.
    if (key !== keyOf(state)) return this.#add(after, index, 'a look at what probes say');
    if (plan.wakeAt === undefined) {
      this.#judgeRest(state, plan);
      return undefined;
    }
    if (plan.wakeAt <= state.host.now) throw new Broken('it wants to look again at once, and does nothing');
    return this.#add(ticked(after, plan.wakeAt - after.host.now), index, 'it waits');
  }

  #add(state: State, from: number, by: string): number {
    this.#transitions += 1;
    const key = `${state.faults} ${state.commits} ${keyOf(state)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.#states.length;
    this.#states.push(state);
    this.#cameFrom.push({ from, by });
    this.#known.set(key, index);
    return index;
  }

  #look(state: State, cut: Cut | undefined): { readonly state: State; readonly plan: Plan } {
    const host = new ModelHost();
    const oracle = new Oracle(host);
    host.restore(state.host);
    oracle.restore(state.oracle);
    host.live();
    this.#looks += 1;
    const observed = host.read({}, state.memory.containers);
    const kept = observed.containers.map(({ id, name }) => [id, state.memory.containers[id] ?? { name }]);
    const before = { ...state.memory, containers: Object.fromEntries(kept) };
    const world: World = {
      now: host.now,
      desired: state.desired,
      observed,
      memory: before,
      settings: host.settings,
    };
    const plan = decide(world);
    for (const { rule, message } of checkPlan(world, plan))
      throw new Broken(`the check of the plan: ${rule}: ${message}`);
    let memory = plan.apps.reduce((sum, { app, records }) => applyDecisions(sum, app, records), before);
    oracle.attach({ desired: state.desired, memory });
    oracle.planned(world, plan);
    const failed = new Set<string>();
    for (const [at, { app, step }] of stepsOf(plan).entries()) {
      if (failed.has(app)) continue;
      if (cut?.at === at && cut.how === 'dies') break;
      const fault =
        cut?.at !== at || cut.how === 'dies' ? undefined : cut.how === 'fails' ? 'transient' : 'unanswered';
      const judge = oracle.begin(step, app);
      this.#performed += 1;
      try {
        host.perform(step, state.desired, fault);
      } catch (error) {
        if (!(error instanceof EdgeError)) throw error;
        failed.add(app);
        memory = failedMemory(memory, app, step, error, host.now, hashOf(state.desired.apps[0] as App));
      }
      judge();
    }
    if (!cut)
      for (const { app, steps } of plan.apps)
        if (steps.length > 0 && !failed.has(app))
          memory = applyDecisions(memory, app, [{ kind: 'lift', what: 'failure' }]);
    host.setTargets(plan.probes);
    return { state: { ...state, host: host.save(), oracle: oracle.save(), memory }, plan };
  }

  /** It is what git says, or its release failed and the one before is whole. */
  #judgeRest({ host, desired, memory }: State, { apps: [app] }: Plan): void {
    const reason = app?.conditions.find(({ type }) => type === 'Ready')?.reason ?? '';
    const isHere = app?.sync === 'Synced' && app.health === 'Healthy';
    if (!isHere && !heldReasons.includes(reason))
      throw new Broken(`it rests ${app?.sync} ${app?.health} (${reason})`);
    // One that was renamed before anybody had seen it cannot be proven to be ours.
    const own = host.engine.containers.filter(
      ({ id, name }) => id in memory.containers || name.startsWith('plimsoll-'),
    );
    const odd = own.find((one) => isHere && (one.state !== 'running' || !isPublished(one)));
    if (odd) throw new Broken(`${odd.name} rests ${odd.state}`);
    const wanted = desired.apps[0]?.container.image;
    if (isHere && own.some(({ imageId }) => imageId !== `sha256:${wanted}`))
      throw new Broken('it rests at another release');
    if (isHere && own.length !== this.#options.replicas)
      throw new Broken(`it rests with ${own.length} replicas`);
  }

  /** Looks and waits from the world that is furthest from its rest; throws when one never comes to it. */
  #longest(): number {
    const distance: number[] = [];
    for (let start = 0; start < this.#states.length; start += 1) {
      const way: number[] = [];
      const seen = new Set<number>();
      let at: number | undefined = start;
      while (at !== undefined && distance[at] === undefined) {
        if (seen.has(at)) throw new Livelock(at);
        seen.add(at);
        way.push(at);
        at = this.#next[at];
      }
      let left = at === undefined ? -1 : (distance[at] ?? 0);
      for (const one of way.reverse()) {
        left += 1;
        distance[one] = left;
      }
    }
    return distance.reduce((a, b) => Math.max(a, b), 0);
  }
}

/** A release that failed, or the same hand twice, which a person is told of. */
const heldReasons: readonly string[] = ['Quarantined', 'WouldChangeTwice'];

class Livelock extends Error {
  readonly at: number;

  constructor(at: number) {
    super('it goes round in a circle for ever');
    this.at = at;
  }
}

function isStill(plan: Plan): boolean {
  return stepsOf(plan).length === 0 && plan.apps.every(({ records }) => records.length === 0);
}

function cutsOf(plan: Plan): Cut[] {
  const hows = ['dies', 'fails', 'unanswered'] as const;
  return stepsOf(plan).flatMap((_step, at) => hows.map((how) => ({ at, how })));
}

type Fault = readonly [name: string, happen: (state: State) => State];

function faultsOf(state: State): Fault[] {
  const { containers } = state.host.engine;
  const byHand = hands.flatMap((hand) =>
    containers.map(
      ({ name }, nth): Fault => [`by hand: ${hand} ${name}`, (from) => touched(from, hand, nth)],
    ),
  );
  const crashes = containers.flatMap((one, nth): Fault[] =>
    one.state === 'running' ? [[`${one.name} crashes`, (from) => crashed(from, nth)]] : [],
  );
  return [
    ...byHand,
    ...crashes,
    ['memory is lost', (from) => ({ ...from, memory: nothing, oracle: { failed: [], dialled: [] } })],
    ['Caddy is emptied', (from) => withProxy(from, { state: 'edited', routes: [] }, [])],
    ['the flags are lost', (from) => withProxy(from, { flags: [] }, from.host.serves)],
    ['a flag is set', (from) => withProxy(from, { flags: ['shop.0'] }, from.host.serves)],
    ['two minutes pass unseen', (from) => ticked(from, 121_000)],
  ];
}

function touched(state: State, hand: Meddling, nth: number): State {
  const { host, desired, memory } = state;
  const box = {
    world: { now: host.now, desired, observed: host.engine, memory, settings: new ModelHost().settings },
  };
  meddle(box, hand, nth);
  return { ...state, host: { ...host, engine: box.world.observed } };
}

function crashed(state: State, nth: number): State {
  const { host } = state;
  const containers = host.engine.containers.map((one, index) =>
    index === nth ? { ...one, state: 'exited' as const, exitCode: 1, finishedAt: host.now } : one,
  );
  return { ...state, host: { ...host, engine: { ...host.engine, containers } } };
}

function withProxy(
  state: State,
  over: Partial<SavedHost['engine']['proxy']>,
  serves: SavedHost['serves'],
): State {
  const { engine } = state.host;
  return {
    ...state,
    host: { ...state.host, serves, engine: { ...engine, proxy: { ...engine.proxy, ...over } } },
  };
}

function ticked(state: State, milliseconds: number): State {
  const { host } = state;
  return { ...state, host: { ...host, now: host.now + milliseconds, elapsed: host.elapsed + milliseconds } };
}

function failedMemory(
  memory: Memory<App>,
  app: string,
  step: Step,
  error: EdgeError,
  now: number,
  specHash: string,
): Memory<App> {
  const before = memory.apps[app] ?? { restarts: {} };
  const count = (before.failure?.count ?? 0) + 1;
  const { reason, message } = error;
  const failure = {
    kind: 'transient' as const,
    ...{ step: step.kind, reason, message, count, at: now, nextRetry: now + backoff(count, 0) },
    ...(app === '' ? {} : { specHash }),
  };
  return { ...memory, apps: { ...memory.apps, [app]: { ...before, failure } } };
}

/** Older than this nothing is told apart: containers start their backoff anew. */
const oldest = 16 * 60_000;

/** Equal for two worlds that decide alike from now on: ages instead of times, names instead of ids. */
function keyOf({ host, oracle, desired, memory }: State): string {
  const { now, engine } = host;
  const age = (time: number | undefined) => (time ? Math.min(now - time, oldest) : time);
  const app = memory.apps.shop;
  const containers = engine.containers.map((one) => [
    one.name,
    one.state,
    one.exitCode,
    one.live.address,
    isPublished(one),
    one.live.memory,
    one.state === 'running' && host.health[one.id]?.verdict !== 'healthy'
      ? age(one.startedAt)
      : one.startedAt > 0,
    age(one.finishedAt),
    app?.restarts[one.replica]?.length ? age(one.createdAt) : 0,
    host.health[one.id]?.verdict,
    host.health[one.id]?.startedAt === one.startedAt,
    host.verified.includes(one.id),
    one.id in memory.containers,
    age(memory.containers[one.id]?.unroutedSince),
    host.targets.some(({ container, startedAt }) => container === one.id && startedAt === one.startedAt),
    oracle.dialled.some(([id]) => id === one.id)
      ? Math.min(host.elapsed - (new Map(oracle.dialled).get(one.id) ?? 0), 10_000)
      : undefined,
    app?.healed?.containers.includes(one.id),
  ]);
  const { lastHealthy, quarantine, deployment, lastOperation, failure, restarts, healed } = app ?? {
    restarts: {},
  };
  return JSON.stringify([
    desired.apps[0]?.container.image,
    containers,
    Object.keys(engine.images).sort(),
    // When it was loaded matters to several apps alone.
    { ...engine.proxy, loadedAt: 0 },
    host.serves === engine.proxy.routes ? 0 : host.serves,
    engine.networks.length,
    lastHealthy?.specHash,
    [quarantine?.specHash, quarantine?.imageId],
    [deployment?.specHash, deployment?.imageId, deployment?.phase],
    lastOperation?.result,
    failure && [
      failure.step,
      failure.reason,
      failure.count,
      Math.max(failure.nextRetry - now, 0),
      failure.specHash,
    ],
    Object.entries(restarts).map(([replica, times]) => [
      replica,
      times.map(age).filter((one) => one !== oldest),
    ]),
    healed && [healed.specHash, healed.fields],
    memory.apps['']?.failure && Math.max(memory.apps[''].failure.nextRetry - now, 0),
    oracle.failed.map(([, failed]) => failed.specHash),
  ]);
}
