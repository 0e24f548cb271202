import { existsSync, readdirSync } from 'node:fs';
import { Counter, Gauge, type Histogram, Registry } from 'prom-client';
import { healths, syncs } from './app-schemas.ts';
import type { ContainerUse } from './machine-port.ts';
import type { Tallies } from './metrics.ts';
import type { Labels, SpreadTally, Tally } from './tally.ts';

export interface AppSeries {
  readonly name: string;
  readonly project: string;
  readonly environment: string;
  /** Short. */
  readonly revision: string;
  readonly liveRevision: string;
  readonly sync: string;
  readonly health: string;
}

export interface ContainerSeries {
  readonly app: string;
  readonly replica: string;
  readonly restarts: number;
  /** Absent when it could not be measured. */
  readonly use: ContainerUse | undefined;
}

/** What is so now, besides what was counted. */
export interface Present {
  readonly version: string;
  readonly startedAt: number;
  readonly apps: readonly AppSeries[];
  readonly containers: readonly ContainerSeries[];
}

/** Series of one metric: each with its labels. */
type Series = readonly { readonly labels: Labels; readonly value: number }[];

/** Writes down what was counted and what is so now, in Prometheus' text format; a registry of its own. */
export class MetricsRegistry {
  readonly #registry = new Registry();
  #present: Present = { version: '', startedAt: 0, apps: [], containers: [] };

  constructor(tallies: Tallies) {
    this.#spread(
      'http_request_duration_seconds',
      'Time to the answer, of streams to their beginning',
      tallies.requests,
    );
    this.#counter(
      'deployments_total',
      'Deployments that ended',
      ['app', 'result'],
      counted(tallies.deployments),
    );
    this.#spread(
      'deployment_duration_seconds',
      'From the beginning of a deployment to its end',
      tallies.deploymentDurations,
    );
    this.#counter('probe_attempts_total', 'Health probes', ['app', 'result'], counted(tallies.attempts));
    this.#spread('probe_duration_seconds', 'Time to the answer of a health probe', tallies.attemptDurations);
    this.#spread('look_duration_seconds', 'Time that a look at git, engine and Caddy took', tallies.looks);
    this.#counter(
      'webhooks_total',
      'Webhooks that came in',
      ['provider', 'outcome'],
      counted(tallies.webhooks),
    );
    this.#ofApps();
    this.#ofContainers();
    this.#ofProcess();
  }

  async write(present: Present): Promise<{ readonly type: string; readonly text: string }> {
    this.#present = present;
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #ofApps(): void {
    const each = (labelsOf: (app: AppSeries) => readonly (readonly [Labels, number])[]) => (): Series =>
      this.#present.apps.flatMap((app) => labelsOf(app).map(([labels, value]) => ({ labels, value })));
    const states = (words: readonly string[], app: string, now: string) =>
      words.map((status): readonly [Labels, number] => [{ app, status }, status === now ? 1 : 0]);
    this.#gauge(
      'app_info',
      'Which release an app is to have, and has',
      ['app', 'project', 'environment', 'revision', 'live_revision'],
      each(({ name: app, project, environment, revision, liveRevision }) => [
        [{ app, project, environment, revision, live_revision: liveRevision }, 1],
      ]),
    );
    this.#gauge(
      'app_sync',
      '1 for the status that holds',
      ['app', 'status'],
      each(({ name, sync }) => states(syncs, name, sync)),
    );
    this.#gauge(
      'app_health',
      '1 for the status that holds',
      ['app', 'status'],
      each(({ name, health }) => states(healths, name, health)),
    );
  }

  #ofContainers(): void {
    const labels = ['app', 'replica'];
    const each = (read: (use: ContainerUse) => number) => (): Series =>
      this.#present.containers.flatMap(({ app, replica, use }) =>
        use ? [{ labels: { app, replica }, value: read(use) }] : [],
      );
    this.#counter(
      'container_cpu_seconds_total',
      'CPU time of the container in this place since its start',
      labels,
      each(({ cpuSeconds }) => cpuSeconds),
    );
    this.#gauge(
      'container_memory_bytes',
      'Memory of the container in this place, without the file cache',
      labels,
      each(({ memoryBytes }) => memoryBytes),
    );
    const received = each(({ networkReceivedBytes }) => networkReceivedBytes);
    const sent = each(({ networkSentBytes }) => networkSentBytes);
    const towards = (direction: string, series: Series): Series =>
      series.map(({ labels: mine, value }) => ({ labels: { ...mine, direction }, value }));
    this.#counter(
      'container_network_bytes_total',
      'Traffic of the container in this place since its start',
      [...labels, 'direction'],
      () => [...towards('received', received()), ...towards('sent', sent())],
    );
    this.#counter('container_restarts_total', 'Restarts by plimsoll since it was deployed', labels, () =>
      this.#present.containers.map(({ app, replica, restarts }) => ({
        labels: { app, replica },
        value: restarts,
      })),
    );
  }

  /** The library's own set measures the event loop a hundred times a second; this costs nothing between two questions. */
  #ofProcess(): void {
    const one = (value: () => number) => (): Series => [{ labels: {}, value: value() }];
    this.#gauge('build_info', 'The version that runs', ['version', 'node'], () => [
      { labels: { version: this.#present.version, node: process.version }, value: 1 },
    ]);
    this.#gauge(
      'process_start_time_seconds',
      'Since the epoch',
      [],
      one(() => this.#present.startedAt / 1000),
    );
    this.#counter(
      'process_cpu_seconds_total',
      'CPU time of the controller',
      [],
      one(() => {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1e6;
      }),
    );
    this.#gauge(
      'process_resident_memory_bytes',
      'Memory of the controller',
      [],
      one(() => process.memoryUsage.rss()),
    );
    this.#gauge(
      'process_heap_bytes',
      'JavaScript heap in use',
      [],
      one(() => process.memoryUsage().heapUsed),
    );
    this.#gauge('process_open_fds', 'Open files and sockets', [], () => {
      const folder = '/proc/self/fd';
      return existsSync(folder) ? [{ labels: {}, value: readdirSync(folder).length }] : [];
    });
  }

  #gauge(name: string, help: string, labelNames: readonly string[], series: () => Series): void {
    new Gauge({
      name: `plimsoll_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { labels, value } of series()) this.set(labels, value);
      },
    });
  }

  #counter(name: string, help: string, labelNames: readonly string[], series: () => Series): void {
    new Counter({
      name: `plimsoll_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { labels, value } of series()) this.inc(labels, value);
      },
    });
  }

  /** The library can only count by itself; its registry asks a metric for nothing but `get`. */
  #spread(short: string, help: string, tally: SpreadTally): void {
    const name = `plimsoll_${short}`;
    const get = async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: spreadSeries(name, tally),
    });
    this.#registry.registerMetric({ name, help, get } as unknown as Histogram);
  }
}

function counted(tally: Tally): () => Series {
  return () => tally.values();
}

/** Buckets hold what is at most their bound, those below included. */
function spreadSeries(name: string, tally: SpreadTally) {
  const bounds = [...tally.bounds.map(String), '+Inf'];
  return tally.values().flatMap(({ labels, buckets, sum }) => {
    let count = 0;
    const upTo = bounds.map((le, index) => {
      count += buckets[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
    });
    return [
      ...upTo,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  });
}
