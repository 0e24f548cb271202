import { EdgeError, type EngineState } from '../apply/ports.ts';
import type { Desired, Snapshot } from '../desired/desired.ts';
import type { ProxyState, Underway } from '../observed/observed.ts';
import { imagesOf } from '../plan/images-of.ts';
import type { World } from '../plan/plan.ts';
import type { LoopEdges } from './ports.ts';
import type { LoopOptions } from './reconciler.ts';

/** Why there is no world to decide about. */
export interface Unseen {
  readonly unseen: { readonly engineError?: EdgeError };
}

type UnderwayNow = () => Readonly<Record<string, Underway>>;

/** Reads the whole of desired, observed and memory, each from its edge, into one world. */
export class WorldReader {
  readonly #edges: LoopEdges;
  readonly #options: LoopOptions;
  #snapshot: Snapshot | undefined;
  #sourceError: EdgeError | undefined;
  #desired:
    | { readonly snapshot: Snapshot; readonly routes: ProxyState['routes']; readonly value: Desired }
    | undefined;

  constructor(edges: LoopEdges, options: LoopOptions) {
    this.#edges = edges;
    this.#options = options;
  }

  /** Why the snapshot in use may not be the newest. */
  get sourceError(): EdgeError | undefined {
    return this.#sourceError;
  }

  async read(underwayNow: UnderwayNow): Promise<World | Unseen> {
    const before = underwayNow();
    const snapshot = await this.#readSource();
    const proxy = await this.#edges.proxy.observe();
    // Manifests before the engine: which images matter is known from them.
    const desired = snapshot && this.#understand(snapshot, proxy);
    if (desired) this.#edges.reader.want(imagesOf(desired, this.#edges.history.memory()));
    const engine = await this.#readEngine();
    if (engine instanceof EdgeError) return { unseen: { engineError: engine } };
    if (desired === undefined) return { unseen: {} };
    this.#keepBooks(engine);
    const { settings, now } = this.#options;
    const { probe, history } = this.#edges;
    // A turn that ended while we were reading is still under way for this look: what it did may not have been read.
    const underway = { ...before, ...underwayNow() };
    const observed = { ...engine, proxy, health: probe.health(), underway };
    return { now: now(), desired, observed, memory: history.memory(), settings };
  }

  /** The newest snapshot, else the last good one: of this process, or kept on disk for a start without the source. */
  async #readSource(): Promise<Snapshot | undefined> {
    try {
      const snapshot = await this.#edges.source.read();
      this.#sourceError = undefined;
      if (snapshot !== this.#snapshot) await this.#keep(snapshot);
      this.#snapshot = snapshot;
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error;
      this.#tellStale(error);
      this.#snapshot ??= await this.#edges.snapshots.load();
    }
    return this.#snapshot;
  }

  async #keep(snapshot: Snapshot): Promise<void> {
    try {
      await this.#edges.snapshots.save(snapshot);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the snapshot could not be kept for a cold start');
    }
  }

  #tellStale(error: EdgeError): void {
    const { reason, message } = error;
    if (this.#sourceError?.message !== message)
      this.#edges.history.event({ at: this.#options.now(), app: '', type: 'SourceStale', reason, message });
    this.#sourceError = error;
  }

  #understand(snapshot: Snapshot, { routes }: ProxyState): Desired {
    if (this.#desired?.snapshot === snapshot && this.#desired.routes === routes) return this.#desired.value;
    const incumbents = new Map(routes.map((route) => [`${route.host} ${route.path}`, route.app]));
    const value = this.#options.load(snapshot, incumbents);
    if (this.#desired?.value.revision !== value.revision)
      this.#edges.history.revision(value.revision, value.problems.length, this.#options.now());
    this.#desired = { snapshot, routes, value };
    return value;
  }

  async #readEngine(): Promise<EngineState | EdgeError> {
    const { reader, history } = this.#edges;
    try {
      return await reader.observe(new Set(Object.keys(history.memory().containers)));
    } catch (error) {
      if (error instanceof EdgeError) return error;
      throw error;
    }
  }

  /** History's list of our containers follows what is there. */
  #keepBooks({ containers }: EngineState): void {
    const { history } = this.#edges;
    const known = history.memory().containers;
    const there = new Set(containers.map(({ id }) => id));
    for (const { id, name, app } of containers) if (!known[id]) history.containerMade(id, name, app);
    for (const id of Object.keys(known)) if (!there.has(id)) history.containerGone(id);
  }
}
