import type { Container } from '../observed/observed.ts';
import { appItems } from './app-item.ts';
import { containerItems } from './container-item.ts';
import type { ControllerPort } from './controller-port.ts';
import { mapInTurns } from './map-in-turns.ts';
import type { AppSeries, ContainerSeries, MetricsRegistry } from './metrics-registry.ts';
import { SpreadTally, Tally } from './tally.ts';

/** What is counted while the controller runs; series of apps that are gone go with them. */
export interface Tallies {
  readonly requests: SpreadTally;
  readonly deployments: Tally;
  readonly deploymentDurations: SpreadTally;
  readonly attempts: Tally;
  readonly attemptDurations: SpreadTally;
  readonly looks: SpreadTally;
  readonly webhooks: Tally;
}

/** One request that was answered; of a stream, until it began. */
export interface AnsweredRequest {
  readonly method: string;
  /** The pattern of the table; empty for what is at no path of ours. */
  readonly route: string;
  readonly status: number;
  readonly milliseconds: number;
}

const quick = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const slow = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800];
const mostAtOnce = 32;
/** Milliseconds for which what containers use is not asked for again, however many scrape. */
const fresh = 2_000;

/**
 * Counts, and is read by Prometheus. What is counted is counted from the start, but the library that writes it down
 * (20 MB of memory) is loaded when somebody asks for the first time.
 */
export class Metrics {
  readonly #port: ControllerPort;
  readonly #tallies: Tallies = {
    requests: new SpreadTally(quick),
    deployments: new Tally(),
    deploymentDurations: new SpreadTally(slow),
    attempts: new Tally(),
    attemptDurations: new SpreadTally(quick),
    looks: new SpreadTally(quick),
    webhooks: new Tally(),
  };
  #registry: Promise<MetricsRegistry> | undefined;
  #used: { readonly at: number; readonly series: Promise<readonly ContainerSeries[]> } | undefined;

  constructor(port: ControllerPort) {
    this.#port = port;
    port.loop.onLook(({ took, plan }) => {
      if (took !== undefined) this.#tallies.looks.observe({}, took / 1000);
      if (plan) this.#forgetOthers(new Set(plan.apps.map(({ app }) => app)));
    });
    port.history.onEvent(({ app, type }) => {
      if (deploymentEnds.has(type)) this.#deployed(app);
    });
  }

  requested({ method, route, status, milliseconds }: AnsweredRequest): void {
    const labels = { method: methods.has(method) ? method : 'other', route, status: String(status) };
    this.#tallies.requests.observe(labels, milliseconds / 1000);
  }

  attempted({
    app,
    ok,
    milliseconds,
  }: {
    readonly app: string;
    readonly ok: boolean;
    readonly milliseconds: number;
  }): void {
    const labels = { app, result: ok ? 'ok' : 'failed' };
    this.#tallies.attempts.add(labels);
    this.#tallies.attemptDurations.observe(labels, milliseconds / 1000);
  }

  webhook(provider: string, outcome: string): void {
    this.#tallies.webhooks.add({ provider, outcome });
  }

  async read(): Promise<{ readonly type: string; readonly text: string }> {
    this.#registry ??= import('./metrics-registry.ts').then(
      ({ MetricsRegistry: Registry }) => new Registry(this.#tallies),
    );
    const registry = await this.#registry;
    const { version, startedAt } = this.#port;
    return registry.write({ version, startedAt, apps: this.#apps(), containers: await this.#containers() });
  }

  #deployed(app: string): void {
    const [last] = this.#port.history.deployments(app, 1);
    if (last?.result === undefined) return;
    this.#tallies.deployments.add({ app, result: last.result });
    const took = (last.finishedAt ?? last.startedAt) - last.startedAt;
    this.#tallies.deploymentDurations.observe({ app }, Math.max(0, took) / 1000);
  }

  #forgetOthers(apps: ReadonlySet<string>): void {
    const isKept = ({ app = '' }: Readonly<Record<string, string>>) => apps.has(app);
    const { deployments, deploymentDurations, attempts, attemptDurations } = this.#tallies;
    for (const tally of [deployments, deploymentDurations, attempts, attemptDurations]) tally.keep(isKept);
  }

  #apps(): readonly AppSeries[] {
    return appItems(this.#port).map(
      ({ name, project, environment, sync, health, revision, liveRevision }) => ({
        name,
        project: project ?? '',
        environment: environment ?? '',
        revision: shortRevision(revision),
        liveRevision: shortRevision(liveRevision),
        sync,
        health,
      }),
    );
  }

  async #containers(): Promise<readonly ContainerSeries[]> {
    const now = this.#port.now();
    // A clock that goes back begins anew.
    if (this.#used === undefined || Math.abs(now - this.#used.at) > fresh)
      this.#used = { at: now, series: this.#measure() };
    return this.#used.series;
  }

  /** One of each place, so that a rollout makes no new series: the one that serves, or the newest. */
  async #measure(): Promise<readonly ContainerSeries[]> {
    const { world } = this.#port.loop.status;
    if (!world) return [];
    const current = new Set(
      containerItems(world).flatMap(({ id, standing }) => (standing === 'current' ? [id] : [])),
    );
    const running = world.observed.containers
      .filter(({ state, hook }) => state === 'running' && hook === undefined)
      .toSorted((a, b) => Number(current.has(a.id)) - Number(current.has(b.id)) || a.startedAt - b.startedAt);
    const unread = new Set(world.observed.unread.map(({ id }) => id));
    const places = new Map(running.map((one) => [`${one.app} ${one.replica}`, one]));
    return mapInTurns([...places.values()], mostAtOnce, async (container) => ({
      app: container.app,
      replica: String(container.replica),
      restarts: world.memory.apps[container.app]?.restarts[container.replica]?.length ?? 0,
      // The engine may keep who asks for such a one waiting, for longer than anybody waits for metrics.
      use: unread.has(container.id) ? undefined : await this.#use(container),
    }));
  }

  /** One that cannot be measured has no series, and is no reason to have none of the others. */
  async #use({ id }: Container) {
    return this.#port.machine.stats(id, true).catch(() => undefined);
  }
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const deploymentEnds: ReadonlySet<string> = new Set(['Deployed', 'Failed', 'RolledBack', 'Superseded']);

/** Enough to tell commits apart; a folder's content hash keeps its kind. */
function shortRevision(revision: string): string {
  const [kind = '', hash] = revision.split(':', 2);
  return hash === undefined ? kind.slice(0, 12) : `${kind}:${hash.slice(0, 12)}`;
}
