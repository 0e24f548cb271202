import type { App } from '../../src/desired/app.ts';
import type { Desired } from '../../src/desired/desired.ts';
import type { Memory } from '../../src/observed/memory.ts';
import type { Container, Observed, RouteTable } from '../../src/observed/observed.ts';
import type { Plan, Step, World } from '../../src/plan/plan.ts';
import { isPublished } from '../../src/plan/release.ts';
import { type ModelHost, releaseOf } from './model-host.ts';
import { drain, portOf } from './sketches.ts';

/** What must never be, and was. */
export class Broken extends Error {
  readonly rule: string;

  constructor(rule: string) {
    super(rule);
    this.name = 'Broken';
    this.rule = rule;
  }
}

/** One slot that Caddy dials, and who answers there. */
interface Dial {
  readonly host: string;
  readonly replica: number;
  readonly app: string;
  readonly container: Container | undefined;
}

/** What a failed release may not do again before somebody asks for it. */
interface Failed {
  readonly specHash: string;
  readonly imageId: string | undefined;
}

export interface SavedOracle {
  readonly failed: readonly (readonly [app: string, release: Failed])[];
  readonly dialled: readonly (readonly [container: string, elapsed: number])[];
}

type Judge = () => void;

/** What the oracle must know of the controller that it judges. */
export interface Judged {
  readonly desired: Desired;
  readonly memory: Memory<App>;
}

const touchesTraffic: ReadonlySet<Step['kind']> = new Set([
  'stop',
  'remove',
  'disconnect',
  'connect',
  'publish',
  'switch',
  'load-routes',
  'restart',
  'start',
] as const);

/**
 * Judges every single call by what the host really is before and after it, and by words of its own: nothing here
 * asks the planner what it thinks.
 */
export class Oracle {
  /** The line that `tell` last heard of; schedules print them when they fail. */
  readonly trace: string[] = [];
  tracing = false;
  readonly #host: ModelHost;
  #controller: Judged | undefined;
  /** Counts what others do to the host; a step that was decided before it may be wrong, and nobody's fault. */
  #disturbed = 0;
  readonly #decidedAt = new Map<string, number>();
  readonly #failed = new Map<string, Failed>();
  /** When a container was last dialled as far as a look or an own step could know. */
  readonly #dialled = new Map<string, number>();
  /** Host and replica of those that answered well at the look that decided the host's steps, and of which it could be known. */
  #servedAt: ReadonlySet<string> = new Set();
  /** Made while nobody could know which addresses Caddy dials. */
  readonly #blind = new Set<string>();
  #known:
    | { readonly engine: Observed; readonly serves: RouteTable; readonly dials: readonly Dial[] }
    | undefined;
  /** Apps whose removal was held when their steps were decided. */
  readonly #held = new Set<string>();

  constructor(host: ModelHost) {
    this.#host = host;
  }

  attach(controller: Judged): void {
    this.#controller = controller;
  }

  fail(rule: string): never {
    throw new Broken(rule);
  }

  say(line: () => string): void {
    if (this.tracing) this.trace.push(line());
  }

  /** Something that no step of ours did. */
  disturb(): void {
    this.#disturbed += 1;
  }

  /** Somebody asked for another try, or git wants something else: a failed release may be tried again. */
  forgive(app?: string): void {
    if (app === undefined) this.#failed.clear();
    else this.#failed.delete(app);
  }

  /** Memory is another one: since when a container drains is not known any more. */
  forgetDrains(): void {
    this.#dialled.clear();
  }

  save(): SavedOracle {
    return { failed: [...this.#failed], dialled: [...this.#dialled] };
  }

  restore({ failed, dialled }: SavedOracle): void {
    this.#failed.clear();
    for (const [app, release] of failed) this.#failed.set(app, release);
    this.#dialled.clear();
    for (const [id, at] of dialled) this.#dialled.set(id, at);
  }

  planned(world: World, plan: Plan): void {
    const isSeen = this.#seesDials();
    // Since when somebody is not dialled is not known while Caddy cannot be asked.
    if (!isSeen) this.#dialled.clear();
    // What was made blindly may stand where Caddy still sends another app's requests: those are not its own.
    for (const { app, container } of isSeen ? this.#dials() : [])
      if (container && (container.app === app || !this.#blind.has(container.name)))
        this.#dialled.set(container.id, this.#host.elapsed);
    const held = heldRemovals(world);
    for (const { app, steps } of [{ app: '', steps: plan.host }, ...plan.apps]) {
      if (steps.length === 0 || world.observed.underway[app]) continue;
      this.#decidedAt.set(app, this.#stamp());
      if (held.has(app)) this.#held.add(app);
      else this.#held.delete(app);
    }
    if (plan.host.length > 0 && !world.observed.underway['']) this.#servedAt = this.#whoServes();
    for (const { app, records } of plan.apps)
      for (const record of records) {
        if (record.kind === 'quarantine') this.#failed.set(app, { imageId: undefined, ...record.quarantine });
        if (record.kind === 'open') this.#notAgain(app, record.deployment, 'a deployment is opened of');
        if (record.kind === 'renamed') this.#failed.delete(app);
      }
    this.say(() => `look at ${world.now - 1_000_000} ms: ${shortly(plan)}`);
  }

  #whoServes(): ReadonlySet<string> {
    const isWell = (dial: Dial) => this.#isAnswered(dial) && this.#host.isWell(dial.container?.id ?? '');
    return new Set(
      this.#dials()
        .filter((dial) => isWell(dial) && this.#isKnown(dial))
        .map(placeOf),
    );
  }

  /** What is so before a call; the answer judges what is so after it. */
  begin(step: Step, app: string): Judge {
    this.#judgeObject(step);
    if (step.kind === 'remove-volume') this.#judgeVolume(step.volume);
    if (step.kind === 'create')
      this.#notAgain(
        step.spec.labels['plimsoll.app'] ?? '',
        { specHash: step.spec.labels['plimsoll.spec-hash'] ?? '', imageId: step.spec.image },
        'a container is made of',
      );
    if (step.kind === 'create' && !this.#seesDials()) this.#blind.add(step.spec.name);
    const isUndisturbed = this.#decidedAt.get(app) === this.#stamp() && !this.#host.isStale;
    if (isUndisturbed && this.#held.has(app) && ['stop', 'remove', 'remove-volume'].includes(step.kind))
      this.fail(`removals of this commit are held, and ${app} is removed: ${step.kind}`);
    // What Caddy dials is not known while it does not answer.
    const judged = touchesTraffic.has(step.kind) && isUndisturbed && this.#host.proxyUp;
    const before = judged ? this.#dials() : [];
    if (judged) this.#judgeGate(step);
    if (judged) this.#judgeDrain(step);
    return () => {
      this.say(() => `  ${app || 'host'}: ${step.kind} ${objectOf(step)}`);
      this.#judgeAddresses();
      if (judged) this.#judgeTraffic(step, before);
    };
  }

  /** Which addresses Caddy dials can be known. */
  #seesDials(): boolean {
    return this.#host.proxyUp && this.#host.engine.proxy.state === 'running';
  }

  #stamp(): number {
    return this.#disturbed;
  }

  #judgeObject(step: Step): void {
    if (!('container' in step) || !this.#controller) return;
    const container = this.#host.find(step.container);
    if (container && !this.#host.isOurs(container, this.#controller.memory.containers))
      this.fail(`${step.kind} touches ${container.name}, which cannot be proven to be ours`);
  }

  /** `data` is retained; `cache` was given up, which counts only once git does not name its app. */
  #judgeVolume(volume: string): void {
    if (volume.endsWith('-data')) this.fail(`${volume} is removed, which its manifest retains`);
    const { desired } = this.#controller ?? {};
    const wanted = desired?.apps.some(
      ({ name, renamedFrom }) =>
        volume === `plimsoll-${name}-cache` || volume === `plimsoll-${renamedFrom}-cache`,
    );
    if (wanted && this.#decidedAt.get(volume.split('-')[1] ?? '') === this.#stamp())
      this.fail(`${volume} is removed, and git names its app`);
  }

  #notAgain(
    app: string,
    { specHash, imageId }: { specHash: string; imageId?: string | undefined },
    what: string,
  ): void {
    const failed = this.#failed.get(app);
    if (failed?.specHash !== specHash) return;
    if (failed.imageId !== undefined && imageId !== undefined && failed.imageId !== imageId) return;
    this.fail(`${what} ${app} at ${imageId}, which failed its gate, and nobody asked for it`);
  }

  /** The mark of the gate is for those that answered well. */
  #judgeGate(step: Step): void {
    if (step.kind === 'create') this.#judgeNamed(step);
    if (step.kind !== 'publish') return;
    const container = this.#host.find(step.container);
    if (container && !this.#host.verified.has(container.id))
      this.fail(`${container.name} is published and never answered well`);
  }

  /** What bears its app's name before it was asked is of a release of which another one answered well. */
  #judgeNamed({ spec }: Extract<Step, { kind: 'create' }>): void {
    if (spec.aliases.length === 0) return;
    const release = releaseOf({ specHash: spec.labels['plimsoll.spec-hash'] ?? '', imageId: spec.image });
    if (!this.#host.passed.has(release))
      this.fail(`${spec.name} bears its name, and its release never answered well`);
  }

  #judgeDrain(step: Step): void {
    if (step.kind !== 'stop' && step.kind !== 'remove') return;
    const container = this.#host.find(step.container);
    if (container?.state !== 'running' || !isPublished(container)) return;
    const since = this.#dialled.get(container.id);
    if (since === undefined || !this.#isStartFirst(container.app) || this.#host.elapsed - since >= drain)
      return;
    this.fail(`${container.name} is stopped ${this.#host.elapsed - since} ms after it was last dialled`);
  }

  #judgeAddresses(): void {
    const taken = new Set<string>();
    for (const { state, live, name } of this.#host.engine.containers) {
      if ((state !== 'running' && state !== 'paused') || live.address === '') continue;
      if (taken.has(live.address)) this.fail(`${name} has the address ${live.address} of another container`);
      taken.add(live.address);
    }
  }

  #judgeTraffic(step: Step, before: readonly Dial[]): void {
    const after = this.#dials();
    for (const dial of after) {
      const { container } = dial;
      if (!container || this.#host.verified.has(container.id)) continue;
      const isGapless = [dial.app, container.app].every((app) => this.#isStartFirst(app));
      if (!isGapless || this.#blind.has(container.name)) continue;
      const dialled = before.filter((one) => one.host === dial.host);
      // Where Caddy ran nothing and sees no flags, nobody can tell who served of a release that passed its gate.
      const isUntold = dialled.length === 0 && this.#host.engine.proxy.sharesFlags === false;
      if (isUntold && this.#host.passed.has(releaseOf(container))) continue;
      const was = dialled.find((one) => one.replica === dial.replica);
      // Where nobody answered, what comes up in the place of a vanished container may be asked before its gate.
      if (was && !was.container && this.#isSameApp(dial.app, container.app)) continue;
      if (was?.container?.id !== container.id || was.container.state !== 'running')
        this.fail(
          `${step.kind}: ${dial.host} sends replica ${dial.replica} to ${container.name}, which is unverified`,
        );
    }
    for (const host of new Set(before.filter((dial) => this.#isAnswered(dial)).map((dial) => dial.host)))
      this.#judgeHost(step, host, before, after);
  }

  /** Who served with start-first serves on, replica by replica, unless git wants it otherwise. */
  #judgeHost(step: Step, host: string, before: readonly Dial[], after: readonly Dial[]): void {
    // What was down when the routes were decided may be back by now: the next look has it.
    const isSeen = (dial: Dial) => step.kind !== 'load-routes' || this.#servedAt.has(placeOf(dial));
    const served = before.filter((dial) => dial.host === host && this.#isAnswered(dial) && isSeen(dial));
    const serving = after.filter((dial) => dial.host === host && this.#isAnswered(dial));
    const app = served[0]?.app ?? '';
    const releases = this.#appsOf(app);
    const replicas = Math.min(...releases.map((one) => one.replicas));
    if (served.length === 0) return;
    if (!this.#isWanted(app) || !releases.every(mustServe) || this.#isGivenUp(app)) return;
    if (serving.length === 0) this.fail(`${step.kind} takes ${host} from everybody who served it`);
    for (const { replica, container } of served) {
      const dialled = after.some((dial) => dial.host === host && dial.replica === replica);
      // Also as another replica: an address that was dialled for one may be that of another by now.
      const answers = serving.some((dial) => dial.replica === replica || dial.container === container);
      if (dialled && !answers && replica < replicas)
        this.fail(`${step.kind} leaves replica ${replica} of ${host} dialled, and nobody answers there`);
    }
  }

  /** By a container of the app itself, under its name or the one before. */
  #isAnswered({ container, app }: Dial): boolean {
    if (!container || !isPublished(container)) return false;
    if (!this.#host.isOurs(container, this.#controller?.memory.containers ?? {})) return false;
    return this.#isSameApp(app, container.app);
  }

  /** Two names, or one, of one app. */
  #isSameApp(one: string, other: string): boolean {
    if (one === other) return true;
    const isOf = (app: string, name: string) =>
      this.#appsOf(app).some((release) => [release.name, release.renamedFrom].includes(name));
    return isOf(one, other) || isOf(other, one);
  }

  /** Where it listens is known: Caddy runs it, or memory has its release, or it listens where those do that are known. */
  #isKnown({ app, container }: Dial): boolean {
    const { memory, desired } = this.#controller ?? {};
    const wanted = desired?.apps.find(({ name }) => name === app);
    const { specHash = '' } = container ?? {};
    const { lastHealthy } = memory?.apps[app] ?? {};
    if (this.#host.engine.proxy.state === 'running' || lastHealthy?.specHash === specHash) return true;
    // Of several that passed the gate nobody knows which one served.
    const guess = (lastHealthy?.app ?? wanted)?.container.ports[0]?.container;
    const peers = this.#host.engine.containers.filter(
      (one) => one.app === container?.app && one.replica === container.replica && isPublished(one),
    );
    return peers.every((peer) => portOf(peer.specHash) === guess);
  }

  #isStartFirst(app: string): boolean {
    return this.#appsOf(app).every(({ deploy }) => deploy.order === 'start-first');
  }

  /** Its first release failed, or its manifest is broken before it passed: nothing says what should serve. */
  #isGivenUp(app: string): boolean {
    const { memory, desired } = this.#controller ?? {};
    const { quarantine, lastHealthy } = memory?.apps[app] ?? {};
    const isLost =
      quarantine !== undefined || this.#failed.has(app) || desired?.invalid.includes(app) === true;
    return isLost && lastHealthy === undefined;
  }

  #isWanted(app: string): boolean {
    const desired = this.#controller?.desired;
    return (
      desired !== undefined &&
      (desired.invalid.includes(app) ||
        desired.apps.some(({ name, renamedFrom }) => name === app || renamedFrom === app))
    );
  }

  /** Every release that an app may be brought to. */
  #appsOf(name: string): App[] {
    const { desired, memory } = this.#controller ?? {};
    const wanted = (desired?.apps ?? []).filter((app) => app.name === name || app.renamedFrom === name);
    const names = [name, ...wanted.flatMap((app) => [app.name, app.renamedFrom ?? []].flat())];
    const remembered = Object.entries(memory?.apps ?? {}).flatMap(([key, { lastHealthy, pin }]) =>
      // A release from before a rename bears the name that it had then.
      [key, lastHealthy?.app.name ?? key].some((one) => names.includes(one))
        ? [lastHealthy?.app ?? [], pin?.app ?? []].flat()
        : [],
    );
    return [...wanted, ...remembered];
  }

  /** Worked out anew when the engine or what Caddy answers by is another. */
  #dials(): readonly Dial[] {
    const { engine, serves } = this.#host;
    if (this.#known?.engine !== engine || this.#known.serves !== serves)
      this.#known = { engine, serves, dials: this.#whoAnswers() };
    return this.#known.dials;
  }

  #whoAnswers(): Dial[] {
    const { engine, serves } = this.#host;
    const { flags, sharesFlags } = engine.proxy;
    return serves.flatMap(({ app, host, upstreams }) =>
      upstreams.map(({ replica, plain, flagged }) => {
        const isFlagged = sharesFlags !== false && flags.includes(`${app}.${replica}`);
        const dial = isFlagged ? flagged : plain;
        const [address, port] = dial.split(':');
        const container = engine.containers.find(
          ({ live, state, specHash }) =>
            live.address === address && state === 'running' && String(portOf(specHash)) === port,
        );
        return { host, replica, app, container };
      }),
    );
  }
}

function placeOf({ host, replica }: Dial): string {
  return `${host} ${replica}`;
}

function mustServe({ deploy, state, replicas, domains }: App): boolean {
  return deploy.order === 'start-first' && state === 'running' && replicas > 0 && domains.length > 0;
}

/** Apps that own containers, that git does not name, and that the guard of removals holds. */
function heldRemovals({ desired, observed, memory, settings }: World): ReadonlySet<string> {
  const named = new Set([
    // One that cannot be read and was renamed before is known by its last release alone.
    ...desired.invalid.flatMap((name) => [name, memory.apps[name]?.lastHealthy?.app.name ?? name]),
    ...desired.apps.flatMap((app) => [app.name, app.renamedFrom ?? '']),
  ]);
  const owners = [...new Set(observed.containers.map(({ app }) => app))];
  const orphans = owners.filter((app) => !named.has(app));
  const share = orphans.length / Math.max(1, owners.length);
  const isApproved = memory.approvedPrunes.includes(desired.revision);
  const isAll = desired.apps.length === 0 && orphans.length === owners.length;
  const isHeld = desired.unnamed || ((share > settings.maxPruneShare || isAll) && !isApproved);
  return new Set(isHeld ? orphans : []);
}

function objectOf(step: Step): string {
  if ('container' in step) return step.container;
  if (step.kind === 'create') return `${step.spec.name} at ${step.spec.address}`;
  if (step.kind === 'switch') return `${step.app}.${step.replica} ${step.flagged}`;
  return 'image' in step ? step.image : 'volume' in step ? step.volume : '';
}

function shortly(plan: Plan): string {
  const apps = plan.apps.map(({ app, sync, health, operation, conditions, records }) =>
    [app, sync, health, operation, conditions[0]?.reason, ...records.map(({ kind }) => `+${kind}`)].join(' '),
  );
  return apps.join('; ');
}
