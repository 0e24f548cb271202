import type { App } from '../../src/desired/app.ts';
import type { Container } from '../../src/observed/observed.ts';
import { hashOf } from '../../src/plan/release.ts';
import { type Meddling, meddle } from '../plan/worlds.ts';
import type { Model } from './model.ts';
import type { CallFault } from './model-host.ts';
import { Random } from './random.ts';
import { type Behaviour, behaviourOf, type Sketch } from './sketches.ts';

/** What one commit does to the manifest of one slot. */
export type Change =
  | { readonly slot: number; readonly kind: 'write'; readonly sketch: Sketch; readonly rename?: true }
  | { readonly slot: number; readonly kind: 'delete' | 'break' };

/** One thing that happens. All of it is data, and each makes sense wherever it stands: a schedule can be cut anywhere. */
export type Event =
  | { readonly kind: 'commit'; readonly changes: readonly Change[]; readonly unnamed?: true }
  /** Looks and lets at most `most` calls through; `order` chooses which come first. */
  | { readonly kind: 'look'; readonly most: number; readonly order: number }
  | { readonly kind: 'crash'; readonly after: number; readonly order: number; readonly done: boolean }
  | { readonly kind: 'tick'; readonly ms: number }
  | { readonly kind: 'wait' }
  | { readonly kind: 'fail calls'; readonly how: CallFault; readonly times: number }
  | { readonly kind: 'hand'; readonly what: Meddling; readonly nth: number }
  | {
      readonly kind: 'container';
      readonly what: 'crashes' | 'is killed' | 'ends' | 'runs out of memory' | 'is sick' | 'stays sick';
      readonly nth: number;
    }
  | { readonly kind: 'engine'; readonly what: 'goes' | 'comes' | 'restarts' | 'loses events' | 'is listed' }
  | {
      readonly kind: 'proxy';
      readonly what:
        | 'goes'
        | 'comes'
        | 'is emptied'
        | 'is edited'
        | 'loses its flags'
        | 'shares flags'
        | 'shares no flags';
    }
  | { readonly kind: 'flag'; readonly slot: number; readonly replica: number }
  | { readonly kind: 'squat'; readonly what: 'address' | 'port'; readonly slot: number }
  | { readonly kind: 'copy labels'; readonly nth: number }
  | { readonly kind: 'drop images' }
  | { readonly kind: 'move tag'; readonly slot: number }
  | { readonly kind: 'memory'; readonly what: 'lost' | 'older' }
  | {
      readonly kind: 'operator';
      readonly verb:
        | 'suspend'
        | 'suspend for a minute'
        | 'resume'
        | 'rollback'
        | 'approve'
        | 'approve removal'
        | 'approve prune'
        | 'retry'
        | 'restart';
      readonly slot: number;
    };

export interface Schedule {
  readonly seed: number;
  readonly slots: number;
  readonly events: readonly Event[];
}

/** The schedule that follows from a seed. */
export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed);
  const slots = random.weighted([
    [3, 1],
    [3, 2],
    [2, 3],
    [1, 4],
  ]);
  const length = 10 + random.below(60);
  const first: Event = {
    kind: 'commit',
    changes: Array.from({ length: slots }, (_, slot) => ({
      slot,
      kind: 'write',
      sketch: aSketch(random, slot),
    })),
  };
  return { seed, slots, events: [first, ...Array.from({ length }, () => anEvent(random, slots))] };
}

type Make = (random: Random, slots: number) => Event;

const makes: readonly (readonly [number, Make])[] = [
  [
    60,
    (random) => ({
      kind: 'look',
      most: random.chance(0.7) ? 1_000 : random.below(5),
      order: random.below(1e6),
    }),
  ],
  [16, (random) => ({ kind: 'tick', ms: random.pick([1, 1_000, 5_000, 11_000, 30_000, 130_000, 900_000]) })],
  [24, () => ({ kind: 'wait' })],
  [1, (random) => ({ kind: 'tick', ms: random.pick([-1_000, -60_000, -3_600_000, 86_400_000]) })],
  [12, aCommit],
  [
    8,
    (random) => ({
      kind: 'crash',
      after: random.below(6),
      order: random.below(1e6),
      done: random.chance(0.5),
    }),
  ],
  [
    5,
    (random) => ({
      kind: 'fail calls',
      how: random.pick(['transient', 'unanswered', 'unreachable', 'terminal']),
      times: 1 + random.below(2),
    }),
  ],
  [
    9,
    (random) => ({
      kind: 'hand',
      what: random.pick(['remove', 'stop', 'pause', 'disconnect', 'rename', 'update', 'file']),
      nth: random.below(12),
    }),
  ],
  [
    8,
    (random) => ({
      kind: 'container',
      what: random.pick(['crashes', 'is killed', 'ends', 'runs out of memory', 'is sick', 'stays sick']),
      nth: random.below(12),
    }),
  ],
  [
    5,
    (random) => ({
      kind: 'engine',
      what: random.pick(['goes', 'comes', 'comes', 'restarts', 'loses events', 'is listed']),
    }),
  ],
  [
    7,
    (random) => ({
      kind: 'proxy',
      what: random.pick([
        'goes',
        'comes',
        'comes',
        'is emptied',
        'is edited',
        'loses its flags',
        'shares flags',
        'shares no flags',
      ]),
    }),
  ],
  [2, (random, slots) => ({ kind: 'flag', slot: random.below(slots), replica: random.below(3) })],
  [
    1,
    (random, slots) => ({ kind: 'squat', what: random.pick(['address', 'port']), slot: random.below(slots) }),
  ],
  [1, (random) => ({ kind: 'copy labels', nth: random.below(12) })],
  [1, () => ({ kind: 'drop images' })],
  [1, (random, slots) => ({ kind: 'move tag', slot: random.below(slots) })],
  [2, (random) => ({ kind: 'memory', what: random.pick(['lost', 'older']) })],
  [
    7,
    (random, slots) => ({
      kind: 'operator',
      verb: random.pick([
        'suspend',
        'suspend for a minute',
        'resume',
        'resume',
        'rollback',
        'approve',
        'approve removal',
        'approve prune',
        'retry',
        'restart',
      ]),
      slot: random.below(slots),
    }),
  ],
];

function anEvent(random: Random, slots: number): Event {
  return random.weighted(makes)(random, slots);
}

function aCommit(random: Random, slots: number): Event {
  const touched = Array.from({ length: slots }, (_, slot) => slot).filter(() => random.chance(0.6));
  const changes = touched.map((slot): Change => {
    const kind = random.weighted([
      [20, 'write'],
      [3, 'delete'],
      [1, 'break'],
    ] as const);
    if (kind !== 'write') return { slot, kind };
    const rename = random.chance(0.05) ? ({ rename: true } as const) : {};
    return { slot, kind, sketch: aSketch(random, slot), ...rename };
  });
  return { kind: 'commit', changes, ...(random.chance(0.03) ? { unnamed: true as const } : {}) };
}

const words: readonly (readonly [number, Behaviour])[] = [
  [60, 'good'],
  [6, 'slow'],
  [8, 'bad'],
  [2, 'mute'],
  [6, 'exit'],
  [2, 'quit'],
  [2, 'oom'],
  [2, 'flap'],
  [3, 'hook'],
  [2, 'hang'],
  [2, 'none'],
  [2, 'odd'],
];

function aSketch(random: Random, slot: number): Sketch {
  const hostPort = random.chance(0.06);
  const maybe = <T extends object>(share: number, part: T): T | object => (random.chance(share) ? part : {});
  return {
    image: `${random.weighted(words)}:${1 + random.below(3)}`,
    replicas: hostPort
      ? 1
      : random.weighted([
          [1, 0],
          [6, 1],
          [6, 2],
          [2, 3],
        ]),
    ...(hostPort ? { hostPort } : {}),
    ...maybe(0.15, { stopFirst: true }),
    ...maybe(0.2, { unrouted: true }),
    ...maybe(0.2, { surge: 2 }),
    ...maybe(0.2, { bake: 5_000 }),
    ...maybe(0.1, { port: 9090 }),
    ...maybe(0.2, { file: random.pick(['one', 'two']) }),
    ...maybe(0.2, { token: random.pick(['1111', '2222']) }),
    ...maybe(0.2, { volumes: true }),
    ...maybe(0.15, { hooks: true }),
    ...(slot > 0 ? maybe(0.3, { needs: random.pick(['healthy', 'started']) }) : {}),
    ...maybe(0.04, { suspend: true }),
    ...maybe(0.07, { stopped: true }),
    ...maybe(0.06, { prune: random.pick(['confirm', 'never']) }),
    ...maybe(0.08, { leaveDrift: true }),
    ...maybe(0.1, { pause: true }),
    ...maybe(0.06, { approval: true }),
    ...maybe(0.08, { pullAlways: true }),
    ...maybe(0.06, { restart: random.pick(['on-failure', 'never']) }),
  } as Sketch;
}

/** Lets one event happen to the model. */
export async function happen(model: Model, event: Event): Promise<void> {
  const { host, controller, oracle } = model;
  oracle.say(() => `* ${JSON.stringify(event)}`);
  if (!['look', 'crash', 'tick', 'wait', 'fail calls'].includes(event.kind)) oracle.disturb();
  switch (event.kind) {
    case 'commit':
      return model.commit(event.changes, event.unnamed ?? false);
    case 'look':
      controller.look();
      return controller.work(new Random(event.order), event.most);
    case 'crash':
      controller.look();
      await controller.work(new Random(event.order), event.after);
      return controller.crash(event.done);
    case 'tick':
      return host.tick(event.ms);
    case 'wait': {
      const wakeAt = controller.look()?.wakeAt;
      await controller.work(new Random(1));
      if (wakeAt !== undefined && wakeAt > host.now) host.tick(Math.min(wakeAt - host.now, 3_600_000));
      return;
    }
    case 'fail calls':
      controller.faults.push(...Array.from({ length: event.times }, () => event.how));
      return;
    case 'hand':
      return byHand(model, event.what, event.nth);
    case 'container':
      return toContainer(model, event.what, event.nth);
    case 'engine':
      return toEngine(model, event.what);
    case 'proxy':
      return toProxy(model, event.what);
    case 'flag': {
      const flag = `${model.nameOf(event.slot)}.${event.replica}`;
      const { flags } = host.engine.proxy;
      setFlags(model, flags.includes(flag) ? flags.filter((one) => one !== flag) : [...flags, flag].sort());
      return;
    }
    case 'squat':
      host.squatted.add(
        event.what === 'port' ? `port ${18_000 + event.slot}` : `10.210.0.${3 + 2 * event.slot}`,
      );
      return;
    case 'copy labels': {
      const original = nth(model, event.nth);
      if (!original) return;
      model.copies += 1;
      const copy = { ...original, id: `copy-${model.copies}`, name: `copy-of-${original.name}` };
      const live = {
        ...original.live,
        name: copy.name,
        address: `10.210.200.${model.copies % 250}`,
        ports: [],
      };
      host.engine = { ...host.engine, containers: [...host.engine.containers, { ...copy, live }] };
      return;
    }
    case 'drop images':
      host.engine = { ...host.engine, images: {} };
      return;
    case 'move tag': {
      const app = model.appOf(event.slot);
      if (app) host.moved.add(app.container.image);
      return;
    }
    case 'memory':
      // Under a controller that runs its memory does not change: whoever starts finds another one.
      await controller.crash(false);
      return model.forget(event.what);
    case 'operator':
      return operate(model, event.verb, event.slot);
    default:
      event satisfies never;
  }
}

function nth({ host }: Model, index: number): Container | undefined {
  const { containers } = host.engine;
  return containers[index % Math.max(1, containers.length)];
}

function byHand(model: Model, what: Meddling, index: number): void {
  const { host, controller } = model;
  const world = {
    now: host.now,
    desired: controller.desired,
    observed: host.engine,
    memory: controller.memory,
    settings: host.settings,
  };
  const box = { world };
  meddle(box, what, index);
  host.engine = box.world.observed;
}

function toContainer(model: Model, what: Extract<Event, { kind: 'container' }>['what'], index: number): void {
  const { host } = model;
  const victim = nth(model, index);
  if (victim?.state !== 'running') return;
  if (what === 'is sick' || what === 'stays sick') {
    host.sick.set(victim.id, what === 'is sick' ? host.now : Number.POSITIVE_INFINITY);
    return;
  }
  const exitCode = { crashes: 1, 'is killed': 137, ends: 0, 'runs out of memory': 137 }[what];
  end(model, [victim], exitCode, what === 'runs out of memory');
}

function end({ host }: Model, victims: readonly Container[], exitCode: number, oomKilled: boolean): void {
  const containers = host.engine.containers.map((one) =>
    victims.includes(one)
      ? { ...one, state: 'exited' as const, exitCode, oomKilled, finishedAt: host.now }
      : one,
  );
  host.engine = { ...host.engine, containers };
}

function toEngine(model: Model, what: Extract<Event, { kind: 'engine' }>['what']): void {
  const { host } = model;
  if (what === 'loses events') host.loseEvents();
  if (what === 'is listed' || what === 'restarts') host.resync();
  if (what === 'restarts') {
    const running = host.engine.containers.filter(({ state }) => state === 'running');
    // What never answers well does not end well either: it would pass for a job that has done its work.
    const isWell = ({ imageId }: Container) => !['bad', 'mute', 'hang'].includes(behaviourOf(imageId));
    end(model, running.filter(isWell), 0, false);
    end(
      model,
      host.engine.containers.filter(({ state }) => state === 'running'),
      143,
      false,
    );
  }
  if (what === 'goes' || what === 'comes') host.engineUp = what === 'comes';
}

function toProxy(model: Model, what: Extract<Event, { kind: 'proxy' }>['what']): void {
  const { host } = model;
  const { engine } = host;
  const change = (over: Partial<typeof engine.proxy>) => {
    host.engine = { ...engine, proxy: { ...engine.proxy, ...over } };
  };
  if (what === 'goes' || what === 'comes') host.proxyUp = what === 'comes';
  // Caddy was given something else: it answers nothing of ours, or still what it did.
  if (what === 'is emptied' || what === 'is edited') change({ state: 'edited', routes: [] });
  if (what === 'is emptied') host.serves = [];
  if (what === 'loses its flags') setFlags(model, []);
  if (what === 'shares flags' || what === 'shares no flags') change({ sharesFlags: what === 'shares flags' });
}

function setFlags({ host }: Model, flags: readonly string[]): void {
  host.engine = { ...host.engine, proxy: { ...host.engine.proxy, flags } };
}

function operate(model: Model, verb: Extract<Event, { kind: 'operator' }>['verb'], slot: number): void {
  const { controller, host, oracle } = model;
  const name = model.nameOf(slot);
  const app = model.appOf(slot);
  const by = { actor: 'ada', reason: 'test' };
  switch (verb) {
    case 'suspend':
      controller.change(name, (memory) => ({ ...memory, suspended: by }));
      return;
    case 'suspend for a minute':
      controller.change(name, (memory) => ({
        ...memory,
        suspended: { ...by, until: host.now + 60_000 },
      }));
      return;
    case 'resume':
      oracle.forgive(name);
      controller.change(name, ({ suspended: _suspended, pin: _pin, ...memory }) => memory);
      return;
    case 'rollback':
      rollback(model, name, app);
      return;
    case 'approve':
      if (app) controller.change(name, (memory) => ({ ...memory, approved: hashOf(app) }));
      return;
    case 'approve removal':
      if (!app) controller.change(name, (memory) => ({ ...memory, pruneApproved: true }));
      return;
    case 'approve prune':
      controller.memory = {
        ...controller.memory,
        approvedPrunes: [...controller.memory.approvedPrunes, controller.desired.revision],
      };
      return;
    case 'retry':
      oracle.forgive(name);
      controller.change(
        name,
        ({ quarantine: _q, failure: _f, healed: _h, delivered: _d, ...memory }) => memory,
      );
      return;
    case 'restart': {
      const containers = host.engine.containers.filter(
        (one) => one.app === name && !one.hook && one.state === 'running',
      );
      const restart = { containers: containers.map(({ id }) => id), actor: 'ada', at: host.now };
      if (containers.length > 0) controller.change(name, (memory) => ({ ...memory, restart }));
      return;
    }
    default:
      verb satisfies never;
  }
}

/** To the newest release that was healthy and is another one than git wants. */
function rollback({ controller, oracle, releases }: Model, name: string, app: App | undefined): void {
  if (!app) return;
  const against = hashOf(app);
  const release = releases.get(name)?.findLast((one) => one.specHash !== against);
  if (!release) return;
  oracle.forgive(name);
  controller.change(name, (memory) => ({ ...memory, pin: { ...release, actor: 'ada', against } }));
}
