import type { ControllerPort, LogLine, LogOptions } from '../../src/api/controller-port.ts';
import type { App } from '../../src/desired/app.ts';
import type { SourceStatus } from '../../src/git/sources.ts';
import { type History, openHistory } from '../../src/history/history.ts';
import type { LoopStatus } from '../../src/loop/reconciler.ts';
import { decide } from '../../src/plan/decide.ts';
import type { World } from '../../src/plan/plan.ts';
import { type Behaviour, SimulatedHost } from '../plan/worlds.ts';
import { AMachine } from './a-machine.ts';

/**
 * A controller without edges: the simulated host is its world, real history its memory. A look decides on
 * that world and shows the decision; it acts only when told to settle.
 */
export class AController implements ControllerPort {
  readonly history: History;
  readonly host: SimulatedHost;
  readonly machine: AMachine;
  readonly version = '1.2.3';
  readonly startedAt = 1_700_000_000_000;
  /** What each container wrote, by id, each line with its time in front. */
  readonly written = new Map<string, readonly string[]>();
  readonly triggers: string[] = [];
  /** Where git is, as sources would tell it. */
  followed: readonly SourceStatus[] = [];
  readonly #listeners = new Set<(status: LoopStatus) => void>();
  readonly #watchers = new Set<(app: string, line: string) => void>();
  #status: LoopStatus = { look: 0, at: 0 };

  constructor(world: World, behaviour: (image: string) => Behaviour = () => 'healthy') {
    this.host = new SimulatedHost({ ...world, now: this.startedAt }, behaviour);
    this.machine = new AMachine(this.host);
    this.history = openHistory({ path: ':memory:', now: () => this.now(), random: () => 0 });
  }

  readonly loop = {
    controller: this as AController,
    get status(): LoopStatus {
      return this.controller.#status;
    },
    lookNow: async (why: string): Promise<LoopStatus> => {
      this.loop.trigger(why);
      return this.#status;
    },
    trigger: (why: string): void => {
      this.triggers.push(why);
      this.look();
    },
    onLook: (listener: (status: LoopStatus) => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
    onProgress: (listener: (app: string, line: string) => void) => {
      this.#watchers.add(listener);
      return () => this.#watchers.delete(listener);
    },
  };

  sources(): readonly SourceStatus[] {
    return this.followed;
  }

  /** A step of the app begins. */
  progress(app: string, line: string): void {
    for (const watcher of this.#watchers) watcher(app, line);
  }

  now(): number {
    return this.host.world.now;
  }

  /** Decides on the world with history's memory. */
  look(failed: Pick<LoopStatus, 'engineError' | 'sourceError'> = {}): void {
    const world = { ...this.host.world, memory: this.history.memory() };
    const seen = failed.engineError ? {} : { world, plan: decide(world) };
    this.#status = { look: this.#status.look + 1, at: this.now(), took: 12, ...failed, ...seen };
    for (const listener of this.#listeners) listener(this.#status);
  }

  /** Looks and acts until nothing is left to do; history records what is decided on the way. */
  settle(): void {
    for (let count = 0; count < 200; count += 1) {
      this.host.world = { ...this.host.world, memory: this.history.memory() };
      const plan = this.host.look();
      for (const { app, records } of plan.apps)
        if (records.length > 0) this.history.record(app, records, this.now());
      const isStill = [...plan.apps, { steps: plan.host, records: [] }].every(
        ({ steps, records }) => steps.length === 0 && records.length === 0,
      );
      if (isStill && (plan.wakeAt === undefined || plan.wakeAt - this.now() > 200_000)) break;
      if (isStill) this.host.tick(Math.max(1, (plan.wakeAt ?? 0) - this.now()));
    }
    this.look();
  }

  /** A commit, with everything that follows from it. */
  release(revision: string, apps: readonly App[]): void {
    this.host.tick(60_000);
    this.host.commit(revision, apps);
    this.settle();
  }

  async *logs(container: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogLine> {
    const lines = this.written.get(container) ?? [];
    const wanted = options.tail === undefined ? lines : lines.slice(lines.length - options.tail);
    for (const line of wanted) {
      if (signal.aborted) return;
      yield {
        stream: 'stdout',
        line: options.timestamps ? line : line.slice(line.indexOf(' ') + 1),
      };
    }
  }
}
