import { EdgeError } from '../../src/apply/ports.ts';
import type { Desired } from '../../src/desired/desired.ts';
import { isOwnName } from '../../src/observed/container-name.ts';
import type {
  Container,
  Health,
  Image,
  Observed,
  ProxyState,
  RouteTable,
  Underway,
} from '../../src/observed/observed.ts';
import { applyStep, Refusal } from '../../src/plan/apply-step.ts';
import type { ProbeTarget, Settings, Step } from '../../src/plan/plan.ts';
import { anImage, aWorld } from '../plan/worlds.ts';
import { behaviourOf } from './sketches.ts';

/** What goes wrong with one call: refused, refused for good, or done without an answer. */
export type CallFault = 'transient' | 'unreachable' | 'terminal' | 'unanswered';

const plain = aWorld([]);

export interface SavedHost {
  readonly now: number;
  readonly elapsed: number;
  readonly engine: Observed;
  readonly serves: RouteTable;
  readonly verified: readonly string[];
  readonly passed: readonly string[];
  readonly health: Readonly<Record<string, Health>>;
  readonly targets: readonly ProbeTarget[];
}

/** Engine, registry, Caddy, probes and clock as they really are; what a look sees of them may be older. */
export class ModelHost {
  now = plain.now;
  /** Milliseconds that have passed, whatever the clock was set to. */
  elapsed = 0;
  readonly settings: Settings = plain.settings;
  engine: Observed = plain.observed;
  engineUp = true;
  proxyUp = true;
  /** What Caddy really answers by; what it is known to run stands in `engine.proxy`. */
  serves: RouteTable = [];
  /** Addresses and host ports that somebody else has. */
  readonly squatted = new Set<string>();
  /** Containers that do not answer well, up to their restart or, for `Infinity`, until faults end. */
  readonly sick = new Map<string, number>();
  /** Containers that answered well at some time. */
  readonly verified = new Set<string>();
  /** Releases of which one answered well at some time, as `releaseOf` tells them. */
  readonly passed = new Set<string>();
  /** Tags that mean another image by now. */
  readonly moved = new Set<string>();
  faultsOver = false;
  #stale: Observed | undefined;
  #staleSince = 0;
  #health: Readonly<Record<string, Health>> = {};
  #targets: readonly ProbeTarget[] = [];
  readonly #names = new Map<string, boolean>();
  #read: { readonly parts: readonly unknown[]; readonly observed: Observed } | undefined;

  /** Events of the engine are lost from now on: a look sees what was, until the next full list. */
  loseEvents(): void {
    this.#stale ??= this.engine;
    this.#staleSince = this.now;
  }

  resync(): void {
    this.#stale = undefined;
  }

  /** What a walk comes back to: values, so that a state can be left in many ways. */
  save(): SavedHost {
    const { now, elapsed, engine, serves } = this;
    return {
      now,
      elapsed,
      engine,
      serves,
      verified: [...this.verified],
      passed: [...this.passed],
      health: this.#health,
      targets: this.#targets,
    };
  }

  restore({ now, elapsed, engine, serves, verified, passed, health, targets }: SavedHost): void {
    Object.assign(this, { now, elapsed, engine, serves });
    this.verified.clear();
    for (const id of verified) this.verified.add(id);
    this.passed.clear();
    for (const release of passed) this.passed.add(release);
    this.#health = health;
    this.#targets = targets;
  }

  /** Differs when an event of the engine or a probe would ask for a look. */
  news(): string {
    const states = this.engine.containers.map(
      ({ id, state }) => `${id} ${state} ${this.#health[id]?.verdict}`,
    );
    return states.join('\n');
  }

  /** The last verdict does not speak against it. */
  isWell(id: string): boolean {
    return this.#health[id]?.verdict !== 'unhealthy';
  }

  get isStale(): boolean {
    return this.#stale !== undefined;
  }

  setTargets(targets: readonly ProbeTarget[]): void {
    this.#targets = targets;
  }

  /** Time passes; five minutes later everything is listed anew, whatever events said. */
  tick(milliseconds: number): void {
    this.now += milliseconds;
    this.elapsed += Math.max(0, milliseconds);
    if (Math.abs(this.now - this.#staleSince) >= 300_000) this.resync();
    this.live();
  }

  /** What a look sees; the same object for as long as nothing that it is made of is another. */
  read(underway: Readonly<Record<string, Underway>>, known: Readonly<Record<string, unknown>>): Observed {
    const parts = [
      ...[this.#stale ?? this.engine, this.engine.proxy, known, this.#health],
      ...[this.proxyUp, this.squatted.size, Object.keys(underway).length === 0 ? undefined : underway],
    ];
    if (!this.#read || parts.some((part, at) => part !== this.#read?.parts[at]))
      this.#read = { parts, observed: this.#readAnew(underway, known) };
    return this.#read.observed;
  }

  #readAnew(
    underway: Readonly<Record<string, Underway>>,
    known: Readonly<Record<string, unknown>>,
  ): Observed {
    const seen = this.#stale ?? this.engine;
    const ours = seen.containers.filter((one) => this.isOurs(one, known));
    const foreign = seen.containers.filter((one) => !this.isOurs(one, known));
    const addresses = seen.containers.map(({ live }) => live.address).filter((address) => address !== '');
    const squatted = [...this.squatted].filter((one) => !one.startsWith('port '));
    const { proxy } = this.engine;
    // Whether it sees the flags is not known either while it does not answer.
    const seenProxy: ProxyState = this.proxyUp
      ? proxy
      : { state: 'unreachable', routes: [], flags: proxy.flags };
    return {
      ...seen,
      containers: ours.sort((a, b) => (a.name < b.name ? -1 : 1)),
      foreign: foreign.map(({ id, name }) => ({ id, name })),
      takenAddresses: [...new Set(['10.210.0.1', ...addresses, ...squatted])],
      proxy: seenProxy,
      health: this.#health,
      underway,
    };
  }

  /** By labels and name together, or by history's list of ids: the reader's own rule. */
  isOurs(container: Container, known: Readonly<Record<string, unknown>>): boolean {
    if (container.id in known) return true;
    const key = `${container.id} ${container.name}`;
    const before = this.#names.get(key);
    if (before !== undefined) return before;
    const own = isOwnName(container.name, { instance: this.settings.instance, ...container });
    this.#names.set(key, own);
    return own;
  }

  find(container: string): Container | undefined {
    return this.engine.containers.find(({ id, name }) => id === container || name === container);
  }

  /** One call of an edge, done or refused as the engine or Caddy would. */
  perform(step: Step, desired: Desired, fault: CallFault | undefined): void {
    const isProxy = step.kind === 'load-routes';
    if (isProxy ? !this.proxyUp : !this.engineUp && step.kind !== 'switch')
      throw new EdgeError('unreachable', 'Unreachable', `${step.kind}: connection refused`);
    if (fault === 'transient' || fault === 'unreachable' || fault === 'terminal')
      throw new EdgeError(fault, 'Injected', `${step.kind}: injected`);
    this.#refuseSquatted(step);
    this.now += 1;
    this.elapsed += 1;
    try {
      const registry = step.kind === 'pull' ? this.#registry(step.image, desired) : {};
      this.engine = applyStep(this.engine, step, { now: this.now, settings: this.settings, registry });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const kind = error.reason === 'ImageNotFound' ? 'terminal' : 'transient';
      throw new EdgeError(kind, error.reason, error.message);
    }
    if (step.kind === 'create' && behaviourOf(step.spec.image) === 'odd') this.#misread(step.spec.name);
    if (isProxy) this.serves = this.engine.proxy.routes;
    if (fault === 'unanswered') throw new EdgeError('transient', 'Injected', `${step.kind}: no answer`);
  }

  /** Some engines show another value than the one that was asked for. */
  #misread(name: string): void {
    const containers = this.engine.containers.map((one) =>
      one.name === name ? { ...one, live: { ...one.live, readOnlyRootfs: true } } : one,
    );
    this.engine = { ...this.engine, containers };
  }

  #refuseSquatted(step: Step): void {
    const container = step.kind === 'start' ? this.find(step.container) : undefined;
    if (!container || container.state === 'running') return;
    if (this.squatted.has(container.live.address))
      throw new EdgeError('transient', 'AddressTaken', `start ${container.name}: address in use`);
    if (container.live.ports.some(({ host }) => this.squatted.has(`port ${host}`)))
      throw new EdgeError('transient', 'PortTaken', `start ${container.name}: port in use`);
  }

  #registry(image: string, { apps }: Desired): Record<string, Image> {
    const isThere = behaviourOf(image) !== 'none' || !apps.some((app) => app.container.image === image);
    return isThere ? { [image]: anImage(`sha256:${image}${this.moved.has(image) ? ' moved' : ''}`) } : {};
  }

  /** Programs run on, and probes ask those that they were told to. */
  live(): void {
    const containers = this.engine.containers.map((one) => this.#runOn(one));
    if (containers.some((one, index) => one !== this.engine.containers[index]))
      this.engine = { ...this.engine, containers };
    const answers: Record<string, Health> = {};
    let isNews = false;
    for (const { container: id, startedAt } of this.#targets) {
      const container = containers.find((one) => one.id === id);
      if (container?.state !== 'running' || container.startedAt !== startedAt) continue;
      const answer = this.#ask(container);
      answers[id] = answer;
      isNews ||= answer !== this.#health[id];
    }
    // Equal answers stay the same object: who compares two looks sees it at once.
    if (isNews || Object.keys(answers).length !== Object.keys(this.#health).length) this.#health = answers;
  }

  #runOn(container: Container): Container {
    if (container.state !== 'running') return container;
    const behaviour = behaviourOf(container.imageId);
    const ended = { ...container, state: 'exited' as const, finishedAt: this.now };
    if (container.hook) {
      if (behaviour === 'hang') return container;
      return { ...ended, exitCode: behaviour === 'hook' ? 1 : 0 };
    }
    if (behaviour === 'exit') return { ...ended, exitCode: 1 };
    if (behaviour === 'quit') return { ...ended, exitCode: 0 };
    return behaviour === 'oom' ? { ...ended, exitCode: 137, oomKilled: true } : container;
  }

  #ask(container: Container): Health {
    const { id, startedAt, live } = container;
    const { address } = live;
    const verdict = this.#verdict(container);
    if (verdict === 'healthy') {
      this.verified.add(id);
      this.passed.add(releaseOf(container));
    }
    const before = this.#health[id];
    const isSame = before?.startedAt === startedAt && before.verdict === verdict;
    if (isSame && before.address === address) return before;
    const attempts = [{ at: this.now, ok: verdict === 'healthy', detail: verdict }];
    const isMute = behaviourOf(container.imageId) === 'mute';
    return { startedAt, address, verdict, since: this.now, attempts: isMute ? [] : attempts };
  }

  #verdict({ id, imageId, startedAt, live }: Container): Health['verdict'] {
    // Nobody reaches it.
    if (live.address === '') return 'unhealthy';
    // A clock that was set back is nothing that a program in a container waits for.
    const isYoung = (limit: number) => this.now >= startedAt && this.now - startedAt < limit;
    const sick = this.sick.get(id);
    if (sick !== undefined && !this.faultsOver && startedAt <= sick) return 'unhealthy';
    const behaviour = behaviourOf(imageId);
    if (behaviour === 'mute') return 'unknown';
    if (behaviour === 'bad') return isYoung(15_000) ? 'unknown' : 'unhealthy';
    if (behaviour === 'slow' && isYoung(20_000)) return 'unknown';
    if (behaviour === 'flap' && !this.faultsOver && Math.floor(this.now / 20_000) % 2 === 1)
      return 'unhealthy';
    return 'healthy';
  }
}

/** A release as containers of it have it. */
export function releaseOf({ specHash, imageId }: Pick<Container, 'specHash' | 'imageId'>): string {
  return `${specHash} ${imageId}`;
}
