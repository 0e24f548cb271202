import type { App, ContainerFields } from '../../src/desired/app.ts';
import type { Image } from '../../src/observed/observed.ts';
import { applyDecisions } from '../../src/plan/apply-decisions.ts';
import { applyStep, Refusal } from '../../src/plan/apply-step.ts';
import { checkPlan } from '../../src/plan/check-plan.ts';
import { decide } from '../../src/plan/decide.ts';
import type { Plan, World } from '../../src/plan/plan.ts';
import { stepsOf } from '../../src/plan/simulate.ts';

/** Plain values to start planning tests from; each test says only what matters to it. */
export function anApp(over: Partial<App> & { image?: string; env?: ContainerFields['env'] } = {}): App {
  const { image = 'shop:1', env = {}, ...rest } = over;
  const live = rest.liveFiles?.map(({ mount, content }) => ({ mount, sealed: typeof content !== 'string' }));
  return {
    name: 'shop',
    origin: { file: 'shop/app.yaml', line: 1, column: 1 },
    labels: {},
    links: [],
    state: 'running',
    suspend: false,
    replicas: 1,
    container: {
      image,
      ports: [{ name: 'http', container: 8080, protocol: 'tcp' }],
      env,
      files: [],
      ...(live === undefined ? {} : { liveFiles: live }),
      volumes: [],
      resources: { pids: 512 },
      networks: [],
      security: { readOnlyRootfs: false, capAdd: [], capDrop: [], noNewPrivileges: true, privileged: false },
      logging: { maxSize: 10_000_000, maxFile: 3 },
    },
    pull: 'missing',
    domains: [],
    healthCheck: {
      kind: 'http',
      path: '/',
      port: 8080,
      status: [[200, 399]],
      headers: {},
      interval: 5000,
      timeout: 3000,
      retries: 3,
      successes: 1,
      startPeriod: 0,
    },
    deploy: {
      order: 'start-first',
      maxSurge: 1,
      deadline: 120_000,
      bake: 0,
      drain: 10_000,
      stopGrace: 10_000,
      onFailure: 'rollback',
      approval: 'auto',
    },
    hooks: {},
    dependsOn: [],
    restart: 'always',
    policy: { selfHeal: true, prune: 'auto', windows: [] },
    ...rest,
  };
}

export function aDomain(host: string): App['domains'][number] {
  return {
    host,
    path: '/',
    port: 'http',
    tls: 'off',
    redirectFrom: [],
    stripPrefix: false,
    headers: {},
    loadBalancing: 'round-robin',
    compress: true,
    allowIPs: [],
    origin: { file: 'shop/app.yaml', line: 1, column: 1 },
  };
}

export function anImage(id: string): Image {
  return {
    id,
    env: { PATH: '/bin' },
    entrypoint: [],
    command: ['/bin/serve'],
    workingDir: '',
    user: '',
    hasHealthCheck: false,
    volumes: [],
  };
}

export function aWorld(apps: readonly App[], over: Partial<World> = {}): World {
  return {
    now: 1_000_000,
    desired: {
      revision: 'r1',
      apps: [...apps].sort((a, b) => (a.name < b.name ? -1 : 1)),
      problems: [],
      invalid: [],
      unnamed: false,
    },
    observed: {
      containers: [],
      foreign: [],
      unread: [],
      images: {},
      networks: [],
      volumes: [],
      takenAddresses: ['10.210.0.1'],
      proxy: { state: 'running', routes: [], flags: [] },
      health: {},
      underway: {},
    },
    memory: { apps: {}, approvedPrunes: [], containers: {} },
    settings: {
      instance: 'default',
      network: 'plimsoll',
      subnet: '10.210.0.0/16',
      maxPruneShare: 0.5,
      interval: 60_000,
    },
    ...over,
  };
}

/** What the app inside a container does, by its image. */
/** At first: for 20 seconds. */
export type Behaviour = 'healthy' | 'never healthy' | 'exits' | 'healthy at first';

/**
 * The in-memory world: it refuses what Docker would refuse, answers probes as the image behaves, and moves its
 * clock only when nothing else is left to do.
 */
export class SimulatedHost {
  world: World;
  /** Step kinds and the app, in the order they were done. */
  readonly done: string[] = [];
  /** Tags that mean another image at the registry by now. */
  readonly moved = new Set<string>();
  readonly #behaviour: (image: string) => Behaviour;

  constructor(world: World, behaviour: (image: string) => Behaviour = () => 'healthy') {
    this.world = world;
    this.#behaviour = behaviour;
  }

  /** One look; `stopAfter` steps the controller dies, and nothing that it decided is remembered twice. */
  look(stopAfter = Number.POSITIVE_INFINITY): Plan {
    const plan = decide(this.world);
    const violations = checkPlan(this.world, plan);
    if (violations.length > 0)
      throw new Error(violations.map(({ app, rule, message }) => `${app}: ${rule}: ${message}`).join('; '));
    const memory = plan.apps.reduce(
      (state, { app, records }) => applyDecisions(state, app, records),
      this.world.memory,
    );
    this.world = { ...this.world, memory };
    this.#apply(plan, stopAfter);
    this.#answer();
    return plan;
  }

  /** Looks until nothing is left to do, at most `limit` times; the number of looks it took, or undefined. */
  settle(limit = 200): number | undefined {
    for (let count = 0; count < limit; count += 1) {
      const plan = this.look();
      const still = stepsOf(plan).length === 0 && plan.apps.every(({ records }) => records.length === 0);
      if (still && plan.wakeAt === undefined) return count;
      if (still && plan.wakeAt !== undefined) {
        if (
          plan.apps.every(
            (app) => app.sync === 'Synced' || app.operation === 'RolledBack' || app.operation === 'Failed',
          ) &&
          plan.wakeAt - this.world.now > 100_000
        )
          return count;
        this.tick(Math.max(1, plan.wakeAt - this.world.now));
      }
    }
    return undefined;
  }

  tick(milliseconds: number): void {
    this.world = { ...this.world, now: this.world.now + milliseconds };
    this.#answer();
  }

  commit(revision: string, apps: readonly App[]): void {
    const sorted = [...apps].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.world = { ...this.world, desired: { ...this.world.desired, revision, apps: sorted } };
  }

  #apply(plan: Plan, stopAfter: number): void {
    const references = this.world.desired.apps.map((app) => app.container.image);
    const idOf = (image: string) => `sha256:${image}${this.moved.has(image) ? ' moved' : ''}`;
    const registry = Object.fromEntries(references.map((image) => [image, anImage(idOf(image))]));
    const failed = new Set<string>();
    let count = 0;
    for (const { app, step } of stepsOf(plan)) {
      if (failed.has(app) || count >= stopAfter) continue;
      count += 1;
      try {
        const observed = applyStep(this.world.observed, step, {
          now: this.world.now,
          settings: this.world.settings,
          registry,
        });
        this.world = { ...this.world, observed };
        this.done.push(`${app} ${step.kind}`);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        failed.add(app);
      }
    }
  }

  /** What the probes say now. */
  #answer(): void {
    const { observed, now } = this.world;
    const containers = observed.containers.map((one) => {
      if (one.state !== 'running') return one;
      if (one.hook) return { ...one, state: 'exited' as const, exitCode: 0, finishedAt: now };
      return this.#behaviour(one.imageId.replace('sha256:', '')) === 'exits'
        ? { ...one, state: 'exited' as const, exitCode: 1, finishedAt: now }
        : one;
    });
    const health = Object.fromEntries(
      containers
        .filter((one) => one.state === 'running')
        .map((one) => {
          const behaviour = this.#behaviour(one.imageId.replace('sha256:', ''));
          const ailing = behaviour === 'healthy at first' && now - one.startedAt >= 20_000;
          const well = behaviour !== 'never healthy' && !ailing;
          const before = observed.health[one.id];
          const verdict = well ? ('healthy' as const) : ('unhealthy' as const);
          const kept = before?.startedAt === one.startedAt && before.verdict === verdict;
          return [one.id, kept ? before : { startedAt: one.startedAt, verdict, since: now, attempts: [] }];
        }),
    );
    this.world = { ...this.world, observed: { ...observed, containers, health } };
  }
}

export type Meddling = 'remove' | 'stop' | 'pause' | 'disconnect' | 'rename' | 'update' | 'file';

/** A person asks for other containers of the same release. */
export function askRestart(host: SimulatedHost, app: string): void {
  const { memory, observed, now } = host.world;
  const containers = observed.containers.filter((one) => one.app === app).map(({ id }) => id);
  const before = memory.apps[app] ?? { restarts: {} };
  const asked = { ...before, restart: { containers, actor: 'ada', at: now } };
  host.world = { ...host.world, memory: { ...memory, apps: { ...memory.apps, [app]: asked } } };
}

/** A hand on the host. */
export function meddle(host: Pick<SimulatedHost, 'world'>, kind: Meddling, nth: number): void {
  const { observed } = host.world;
  const victim = observed.containers[nth % Math.max(1, observed.containers.length)];
  if (!victim) return;
  const { live } = victim;
  const changed = {
    remove: undefined,
    stop:
      victim.state === 'running'
        ? { ...victim, state: 'exited' as const, exitCode: 137, finishedAt: host.world.now }
        : victim,
    pause: victim.state === 'running' ? { ...victim, state: 'paused' as const } : victim,
    disconnect: { ...victim, live: { ...live, address: '', aliases: [] } },
    rename: { ...victim, name: `by-hand-${nth}` },
    update: { ...victim, live: { ...live, memory: 1234 } },
    file: {
      ...victim,
      live: {
        ...live,
        liveFiles: Object.fromEntries(Object.keys(live.liveFiles ?? {}).map((mount) => [mount, 'by hand'])),
      },
    },
  }[kind];
  const containers = observed.containers.flatMap((one) => (one === victim ? (changed ?? []) : one));
  host.world = { ...host.world, observed: { ...observed, containers } };
}
