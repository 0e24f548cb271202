import { EdgeError, type EngineState } from '../apply/ports.ts';
import type { Desired, Snapshot } from '../desired/desired.ts';
import type { ProxyState, Underway } from '../observed/observed.ts';
import { imagesOf } from '../plan/images-of.ts';
import type { World } from '../plan/plan.ts';
import { ContainerAges } from './container-ages.ts';
import type { LoopEdges, Rewrite } from './ports.ts';
import type { LoopOptions } from './reconciler.ts';

/** Why there is no world to decide about. */
export interface Unseen {
  readonly unseen: { readonly engineError?: EdgeError };
}

type UnderwayNow = () => Readonly<Record<string, Underway>>;

/** What the last world was made of. The same parts make the same world again, but for the time. */
interface Parts {
  readonly snapshot: Snapshot;
  readonly engine: EngineState;
  readonly world: World;
}

/** Reads the whole of desired, observed and memory, each from its edge, into one world. */
export class WorldReader {
  readonly #edges: LoopEdges;
  readonly #options: LoopOptions;
  #snapshot: Snapshot | undefined;
  #sourceErrors: readonly EdgeError[] = [];
  /** Those whose newer end was not read yet. */
  #rewrites: readonly Rewrite[] = [];
  #revision: string | undefined;
  #last: Parts | undefined;
  readonly #ages = new ContainerAges();
  /** The proxy or a probe told of something since the last world was read. */
  #told = true;

  constructor(edges: LoopEdges, options: LoopOptions) {
    this.#edges = edges;
    this.#options = options;
    edges.source.onRewritten((rewrite) => this.#tellRewrite(rewrite));
  }

  /** Why the snapshot in use may not be the newest. */
  get sourceError(): EdgeError | undefined {
    return this.#sourceErrors[0];
  }

  /** From here on the proxy and the probes tell of what they see: see `unchanged`. */
  listen(look: (why: string) => void): () => void {
    const { proxy, probe } = this.#edges;
    const tell = (why: string) => {
      this.#told = true;
      look(why);
    };
    const ends = [proxy.onChange(tell), probe.onChange(() => tell('probe'))];
    return () => {
      for (const end of ends) end();
    };
  }

  /** The next reading asks everybody: what was read last may not hold any more. */
  distrust(): void {
    this.#told = true;
  }

  /**
   * The world that was read last, at a later time, when no part of it is another by now. Source, secrets, engine and
   * memory tell by giving the same value again. Only the proxy is not asked: it is watched, and told when it changed.
   */
  async unchanged(underwayNow: UnderwayNow): Promise<World | undefined> {
    const isIdle = () => Object.keys(underwayNow()).length === 0;
    if (this.#last === undefined || this.#told || !isIdle()) return undefined;
    const { world, ...before } = this.#last;
    const [snapshot, engine] = await Promise.all([this.#readSource(), this.#readEngine()]);
    if (snapshot !== before.snapshot || engine !== before.engine) return undefined;
    const desired = await this.#options.load(snapshot, world.observed.proxy.routes);
    const { probe, history } = this.#edges;
    if (desired !== world.desired) return undefined;
    if (history.memory() !== world.memory || this.#told || !isIdle()) return undefined;
    // Attempts of probes that changed no verdict are for people to read.
    return { ...world, now: this.#options.now(), observed: { ...world.observed, health: probe.health() } };
  }

  async read(underwayNow: UnderwayNow): Promise<World | Unseen> {
    this.#last = undefined;
    this.#told = false;
    const before = underwayNow();
    const reading = this.#readEngine();
    const [snapshot, proxy] = await Promise.all([this.#readSource(), this.#edges.proxy.observe()]);
    const desired = snapshot && (await this.#understand(snapshot, proxy));
    if (desired) this.#edges.reader.want(imagesOf(desired, this.#edges.history.memory()));
    const seen = await reading;
    // Once more, for what was told meanwhile: which images matter is known from the manifests.
    const engine = seen instanceof EdgeError ? seen : await this.#readEngine();
    if (engine instanceof EdgeError) return { unseen: { engineError: engine } };
    if (desired === undefined) return { unseen: {} };
    this.#keepBooks(engine);
    const { settings, now } = this.#options;
    const { probe, history } = this.#edges;
    // A turn that ended while we were reading is still under way for this look: what it did may not have been read.
    const underway = { ...before, ...underwayNow() };
    const at = now();
    const ages = this.#ages.measure(engine.containers, at);
    const observed = { ...engine, proxy, health: probe.health(), ages, underway };
    const world = { now: at, desired, observed, memory: history.memory(), settings };
    if (snapshot) this.#last = { snapshot, engine, world };
    return world;
  }

  /** The newest snapshot that there is; why it may not be the newest of all is told once. */
  async #readSource(): Promise<Snapshot | undefined> {
    const { source } = this.#edges;
    try {
      this.#snapshot = await source.read();
      this.#tellStale(
        source
          .status()
          .flatMap(({ error }) => (error ? new EdgeError('unreachable', error.reason, error.message) : [])),
      );
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error;
      this.#tellStale([error]);
    }
    return this.#snapshot;
  }

  #tellStale(errors: readonly EdgeError[]): void {
    const known = new Set(this.#sourceErrors.map(({ message }) => message));
    for (const { reason, message } of errors)
      if (!known.has(message))
        this.#edges.history.event({ at: this.#options.now(), app: '', type: 'SourceStale', reason, message });
    this.#sourceErrors = errors;
  }

  #tellRewrite(rewrite: Rewrite): void {
    const { source, from, to } = rewrite;
    const message = `source ${source}: its branch was rewritten: ${to} does not descend from ${from}`;
    this.#rewrites = [...this.#rewrites.slice(-9), rewrite];
    this.#edges.history.event({
      at: this.#options.now(),
      app: '',
      type: 'SourceRewritten',
      reason: 'NonFastForward',
      message,
    });
  }

  /** What stood in the place of a revision that does not descend from it. */
  #rewrittenFrom({ revision, parts = [] }: Snapshot): string | undefined {
    const read = new Set([revision, ...parts.map((part) => part.revision)]);
    const found = this.#rewrites.findLast(({ to }) => read.has(to));
    this.#rewrites = this.#rewrites.filter(({ to }) => !read.has(to));
    return found?.from;
  }

  async #understand(snapshot: Snapshot, { routes }: ProxyState): Promise<Desired> {
    const value = await this.#options.load(snapshot, routes);
    if (this.#revision !== value.revision)
      this.#edges.history.revision(
        value.revision,
        value.problems.length,
        this.#options.now(),
        this.#rewrittenFrom(snapshot),
      );
    this.#revision = value.revision;
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
  #keepBooks({ containers, unread }: EngineState): void {
    const { history } = this.#edges;
    const known = history.memory().containers;
    const there = new Set([...containers, ...unread].map(({ id }) => id));
    const made = containers.filter(({ id }) => !known[id]);
    const gone = Object.keys(known).filter((id) => !there.has(id));
    if (made.length + gone.length === 0) return;
    history.together(() => {
      for (const { id, name, app } of made) history.containerMade(id, name, app);
      for (const id of gone) history.containerGone(id);
    });
  }
}
