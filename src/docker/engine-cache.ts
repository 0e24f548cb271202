import type Docker from 'dockerode';
import type { ContainerInfo, ContainerInspectInfo, NetworkInspectInfo } from 'dockerode';
import { EdgeError, type EngineState } from '../apply/ports.ts';
import { isSameValue } from '../desired/canonical.ts';
import type { Container, Image, Network, Unread, VolumeInfo } from '../observed/observed.ts';
import { type Limits, read, readTimeout } from './ask.ts';
import { digestFiles } from './digest-files.ts';
import { type Call, redacted } from './engine-error.ts';
import type { EngineEvent } from './event-stream.ts';
import { imageReference } from './image-reference.ts';
import { label } from './labels.ts';
import { listRows } from './list-rows.ts';
import { nameOf, type Reading, type ReadRow, readContainer, readRow } from './read-container.ts';
import { readImage, readNetwork, readTaken, readVolume } from './read-host.ts';
import type { Revealing } from './reveal.ts';
import type { SecretFolder } from './secret-folder.ts';
import { readLiveFiles } from './secret-labels.ts';
import { isLocal, mountedFiles } from './secret-mounts.ts';
import { isSilence, patience, SilentContainers, silence } from './silent-containers.ts';

/** What is out of date and must be asked for before the cache is true again. */
export interface Stale {
  /** Ids or names. */
  readonly containers: Set<string>;
  /** Those whose files that may change while they run are to be read again, too. */
  readonly files: Set<string>;
  /** `rows`: list, and inspect what differs from its row; `all`: list, and inspect every one. */
  list: 'none' | 'rows' | 'all';
  networks: boolean;
  addresses: boolean;
  volumes: boolean;
  images: boolean;
}

export function nothingStale(): Stale {
  return {
    containers: new Set(),
    files: new Set(),
    list: 'none',
    networks: false,
    addresses: false,
    volumes: false,
    images: false,
  };
}

/** Everything: events may have been missed. */
export function allStale(): Stale {
  return { ...nothingStale(), list: 'all', ...hostStale };
}

/** What is there once on a host. */
const hostStale = { networks: true, addresses: true, volumes: true, images: true };

export function mergeStale(into: Stale, from: Stale): void {
  for (const id of from.containers) into.containers.add(id);
  for (const id of from.files) into.files.add(id);
  const order = ['none', 'rows', 'all'] as const;
  into.list = order[Math.max(order.indexOf(into.list), order.indexOf(from.list))] ?? 'all';
  into.networks ||= from.networks;
  into.addresses ||= from.addresses;
  into.volumes ||= from.volumes;
  into.images ||= from.images;
}

interface Cached {
  readonly reading: Reading;
  /** As the engine has it, with the mark of one that is not whole. */
  readonly name: string;
  /** Files of this host that it has mounted. */
  readonly mounted: readonly string[];
  /** What its list row says, to compare with a later list. */
  readonly row: string;
}

/** What its row tells of a container that the engine does not tell about, and why it does not. */
type UnreadRow = ReadRow & Pick<Unread, 'message'>;

const sideBySide = 8;
/** Milliseconds between two attempts to read what could not be read. */
const unreadPause = 2_000;
/** So many shares make a round of `EngineCache.patrol`. */
export const patrolShares = 25;

export interface CacheOptions {
  readonly docker: Docker;
  readonly instance: string;
  /** Name of our network. */
  readonly network: string;
  readonly secrets: Revealing;
  readonly folder: SecretFolder;
  /** Whether it may remove secret files that nobody has any more. */
  readonly sweeps: boolean;
  /**
   * Whether an act of ours on the container of that id or name is under way. The engine keeps whoever asks for one
   * waiting until the act is over, and all that wait for the answer with him; and then it is out of date anyway.
   */
  readonly isBusy: (idOrName: string) => boolean;
  /** Takes secrets out of what the engine says. */
  readonly redact: (text: string) => string;
  /** One that kept a look waiting until it went on without can be asked for again. */
  readonly onAnswer: (id: string) => void;
}

/** What is known of one engine, for one instance. It asks only when told that something is out of date. */
export class EngineCache {
  readonly #docker: Docker;
  readonly #instance: string;
  readonly #network: string;
  readonly #options: CacheOptions;
  readonly #containers = new Map<string, Cached>();
  readonly #unread = new Map<string, UnreadRow>();
  /** Of those that are not read, who keeps everybody waiting; no look asks for them until they answer. */
  readonly #silent: SilentContainers;
  /** When these are asked for again, by a clock that nobody sets. */
  #unreadAgainAt = 0;
  readonly #images = new Map<string, Image | undefined>();
  #wanted: ReadonlySet<string> = new Set();
  #networks: readonly Network[] = [];
  #volumes: readonly VolumeInfo[] = [];
  #ourNetwork: NetworkInspectInfo | undefined;
  /** When ids were last asked to end, milliseconds since the epoch. */
  readonly #signalled = new Map<string, number>();
  /** Counts what became another. */
  #version = 0;
  /** Digest of a list that said the same as all rows that lists are compared with, as long as none becomes another. */
  #agreed: string | undefined;
  /** Shares of the round of patrol under way, the next one last. */
  #round: Partial<Stale>[] = [];

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#docker = options.docker;
    this.#instance = options.instance;
    this.#network = options.network;
    const { onAnswer } = options;
    this.#silent = new SilentContainers({ ask: (id, signal) => this.#askAside(id, signal), onAnswer });
  }

  close(): void {
    this.#silent.close();
  }

  /** References that the loop wants to know about. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /** Those that are ours by label and sense. */
  get containers(): readonly Container[] {
    return [...this.#containers.values()].flatMap(({ reading }) => reading.container ?? []);
  }

  isLabelled(id: string): boolean {
    return this.#containers.has(id) || this.#unread.has(id);
  }

  nameOf(id: string): string | undefined {
    return this.#containers.get(id)?.reading.name ?? this.#unread.get(id)?.name;
  }

  /** The engine was asked to end it at the time of this event. */
  signalled(id: string, { timeNano = 0 }: EngineEvent): void {
    this.#signalled.set(id, timeNano / 1e6);
  }

  /** Sets the references that readings must know; true when that is news. */
  want(references: readonly string[]): boolean {
    const wanted = new Set(references);
    const same = wanted.size === this.#wanted.size && [...wanted].every((one) => this.#wanted.has(one));
    this.#wanted = wanted;
    return !same;
  }

  /**
   * The next share of all that is asked for again without a reason, a little at a time: events tell of changes, and
   * a list does not show limits, files or images.
   */
  patrol(): Partial<Stale> {
    if (this.#round.length === 0) {
      const ids = [...this.#containers.keys()];
      const size = Math.ceil(ids.length / (patrolShares - 1));
      const shares = Array.from({ length: patrolShares - 1 }, (_, index) => {
        const share = ids.slice(index * size, (index + 1) * size);
        return { containers: new Set(share), files: new Set(share) };
      });
      this.#round = [hostStale, ...shares];
    }
    return this.#round.pop() ?? {};
  }

  /** What could not be read and is to be asked for once more: no event tells that the engine is able to again. */
  unreadAgain(): Partial<Stale> | undefined {
    const ids = [...this.#unread.keys()].filter((id) => !this.#silent.isAwaited(id));
    if (ids.length === 0 || performance.now() < this.#unreadAgainAt) return undefined;
    this.#unreadAgainAt = performance.now() + unreadPause;
    return { files: new Set(ids) };
  }

  /** True when something is another than it was: readings that say the same stay the same values. */
  async refresh(stale: Stale): Promise<boolean> {
    const before = this.#version;
    await Promise.all([
      this.#readContainers(stale),
      this.#readOurNetwork(stale),
      stale.volumes ? this.#readVolumes() : undefined,
    ]);
    await this.#readImages(stale.images);
    return this.#version !== before;
  }

  /** The value before where the new one says the same. */
  #newer<T>(before: T, now: T): T {
    if (isSameValue(before, now)) return before;
    this.#version += 1;
    return now;
  }

  async #readContainers(stale: Stale): Promise<void> {
    const awaited = new Set(this.#silent.ids.filter((id) => this.#silent.isAwaited(id)));
    const listed = await this.#listFor(stale, awaited);
    const withFiles = this.#askable([...stale.files, ...listed]);
    const wanted = [...this.#askable(stale.containers), ...withFiles];
    const ids = new Set(wanted.filter((id) => !awaited.has(id)));
    const failed = new Map<string, EdgeError>();
    await eachOf(ids, async (id) => {
      const error = await this.#inspect(id, withFiles.has(id)).catch(unlessUnreachable);
      if (error) failed.set(id, error);
    });
    if (failed.size > 0) await this.#noteUnread(failed);
    if (stale.list !== 'none') this.#sweep();
  }

  /** One that the engine cannot tell about is known by its row, so that it holds up its own app alone. */
  async #noteUnread(failed: ReadonlyMap<string, EdgeError>): Promise<void> {
    const rows = (await listRows(this.#docker, this.#instance)).rows();
    for (const [idOrName, error] of failed) {
      const row = rows.find(({ Id, Names: names }) => Id === idOrName || nameOf(names[0] ?? '') === idOrName);
      if (!row) this.#forget(idOrName);
      if (!row || this.#mindSilence(row, error)) continue;
      const found = readRow(row, this.#options);
      if (!found) continue;
      const unread = { ...found, message: redacted(error, this.#options.redact).message };
      this.#unread.set(found.id, this.#newer(this.#unread.get(found.id), unread) ?? unread);
    }
  }

  /** True when it is silent because of an act of ours that began after it was asked for: that is no fault. */
  #mindSilence({ Id: id, Names: names }: ContainerInfo, error: EdgeError): boolean {
    const { isBusy } = this.#options;
    if (!isSilence(error)) this.#silent.forget(id);
    else if (isBusy(id) || isBusy(nameOf(names[0] ?? ''))) return true;
    else this.#silent.add(id);
    return false;
  }

  /** Each once, and none that an act is under way on: its end asks for it again. */
  #askable(idsOrNames: Iterable<string>): Set<string> {
    const ids = new Map([...this.#containers, ...this.#unread].map(([id, { name }]) => [name, id]));
    const { isBusy } = this.#options;
    const free = [...idsOrNames].filter((one) => !isBusy(one) && !isBusy(this.nameOf(one) ?? one));
    return new Set(free.map((one) => ids.get(one) ?? one));
  }

  state(known: ReadonlySet<string>): EngineState {
    const all = [...this.#containers.values()].map(({ reading }) => reading).sort(byName);
    const ours = all.flatMap(({ container }) => (container ? [container] : []));
    const isOurs = (reading: Reading): boolean =>
      reading.container !== undefined && (reading.proven || known.has(reading.id));
    const unread = [...this.#unread.values()].sort(byName);
    const besides = unread.map(({ address }) => address);
    const gateway = this.#networks.find(({ id }) => id === this.#ourNetwork?.Id)?.gateway ?? '';
    return {
      containers: all.flatMap((one) => (one.container && isOurs(one) ? [one.container] : [])),
      foreign: all.filter((one) => !isOurs(one)).map(({ id, name }) => ({ id, name })),
      unread: unread
        .filter(({ id, proven }) => proven || known.has(id))
        .map(({ id, name, app, message }) => ({ id, name, app, message })),
      images: this.#imageRecord(),
      networks: this.#networks,
      volumes: this.#volumes,
      takenAddresses: readTaken(this.#ourNetwork, gateway, ours, besides),
    };
  }

  /** Which containers are ours only because history says so: with it a reading changes. */
  knownOf(known: ReadonlySet<string>): string {
    const all = [...[...this.#containers.values()].map(({ reading }) => reading), ...this.#unread.values()];
    return all.flatMap(({ id, proven }) => (!proven && known.has(id) ? [id] : [])).join();
  }

  /** Nobody asks for a silent one: when something happens to it, a list tells whether it is still there. */
  async #listFor({ list, containers, files }: Stale, awaited: ReadonlySet<string>): Promise<string[]> {
    if (list !== 'none') return this.#list(list);
    const isHidden = [...this.#askable([...containers, ...files])].some((id) => awaited.has(id));
    return isHidden ? this.#list('rows') : [];
  }

  /** Lists what bears our label, forgets what is gone, and answers the ids to inspect. */
  async #list(mode: 'rows' | 'all'): Promise<string[]> {
    const answer = await listRows(this.#docker, this.#instance);
    if (mode === 'rows' && answer.digest === this.#agreed) return [];
    const rows = answer.rows();
    const listed = new Set(rows.map(({ Id }) => Id));
    for (const id of [...this.#containers.keys(), ...this.#unread.keys(), ...this.#silent.ids])
      if (!listed.has(id)) this.#drop(id);
    const free = rows.filter(({ Names: names }) => !this.#options.isBusy(nameOf(names[0] ?? '')));
    const differing = free.filter((row) => this.#containers.get(row.Id)?.row !== rowOf(row));
    if (differing.length === 0 && free.length === rows.length) this.#agreed = answer.digest;
    return (mode === 'all' ? free : differing).map(({ Id }) => Id);
  }

  async #inspect(idOrName: string, withFiles: boolean): Promise<void> {
    const wait = this.#silent.has(idOrName) ? patience.again : patience.inspect;
    const inspected = await this.#ask(idOrName, this.#upTo(wait));
    if (!inspected) return this.#forget(idOrName);
    if (inspected.Config.Labels?.[label.instance] !== this.#instance) return;
    const { secrets, folder } = this.#options;
    const place = { instance: this.#instance, network: this.#network };
    const found = readContainer(inspected, {
      ...place,
      matches: (value, plain) => secrets.matches(value, plain),
      isSecretFile: folder.holds,
    });
    const whole = this.#withSignal(await this.#withFiles(found, inspected, withFiles));
    const reading = this.#newer(this.#containers.get(inspected.Id)?.reading, whole) ?? whole;
    const row = inspectedRow(inspected);
    const mounted = [...mountedFiles(inspected).values()];
    if (this.#containers.get(inspected.Id)?.row !== row) this.#agreed = undefined;
    this.#containers.set(inspected.Id, { reading, name: nameOf(inspected.Name), row, mounted });
    if (this.#unread.delete(inspected.Id)) this.#version += 1;
    this.#silent.forget(inspected.Id);
  }

  #ask(idOrName: string, limits: Limits): Promise<ContainerInspectInfo | undefined> {
    const call = { operation: 'inspect', object: idOrName };
    const container = this.#docker.getContainer(encodeURIComponent(idOrName));
    return read(call, (abortSignal) => container.inspect({ abortSignal }), limits);
  }

  /** What `#inspect` asks for; what is answered is not kept, because events meanwhile may have made it out of date. */
  async #askAside(id: string, signal: AbortSignal): Promise<void> {
    const limits = { ...this.#upTo(patience.aside), timeout: patience.aside + readTimeout, signal };
    const inspected = await this.#ask(id, limits);
    const paths = readLiveFiles(inspected?.Config.Labels ?? {});
    if (inspected) await digestFiles({ ...this.#options, inspected, paths, limits });
  }

  /** A container is silent when a list that is asked for after so many milliseconds is answered and it is not. */
  #upTo(after: number): Limits {
    const reason = async (call: Call): Promise<EdgeError> => {
      await listRows(this.#docker, this.#instance);
      return silence(call, after);
    };
    return { patience: { after, reason } };
  }

  #withSignal(reading: Reading): Reading {
    const { id, container } = reading;
    const at = this.#signalled.get(id);
    if (!container || at === undefined || container.state !== 'exited') return reading;
    // The engine's clock tells all three; it tells of the call before it has carried it out.
    const isIt = at >= container.startedAt && at <= container.finishedAt + 1_000;
    return isIt ? { ...reading, container: { ...container, signalled: true } } : reading;
  }

  /** A file changes without an event: it is read when it must be, and kept in between. */
  async #withFiles(reading: Reading, inspected: ContainerInspectInfo, wanted: boolean): Promise<Reading> {
    const { container } = reading;
    const paths = readLiveFiles(inspected.Config.Labels ?? {});
    if (!container || paths.length === 0) return reading;
    const before = this.#containers.get(inspected.Id)?.reading.container;
    const isKept = !wanted && before?.live.liveFiles && before.startedAt === container.startedAt;
    const liveFiles = isKept
      ? before.live.liveFiles
      : await digestFiles(
          { ...this.#options, inspected, paths, limits: this.#upTo(patience.file) },
          before?.live.liveFiles,
        );
    return { ...reading, container: { ...container, live: { ...container.live, liveFiles } } };
  }

  #sweep(): void {
    const { sweeps, folder, docker } = this.#options;
    // Nobody knows which files one has mounted that was never read.
    if (!sweeps || !isLocal(docker) || this.#unread.size > 0) return;
    folder.sweep(new Set([...this.#containers.values()].flatMap(({ mounted }) => mounted)));
  }

  /** One that is not whole is another one than that whose name it will have. */
  #forget(idOrName: string): void {
    this.#signalled.delete(idOrName);
    this.#silent.forget(idOrName);
    for (const [id, { name }] of [...this.#containers, ...this.#unread])
      if (id === idOrName || name === idOrName) this.#drop(id);
  }

  #drop(id: string): void {
    this.#signalled.delete(id);
    this.#silent.forget(id);
    const wasRead = this.#containers.delete(id);
    if (wasRead) this.#agreed = undefined;
    if (!this.#unread.delete(id) && !wasRead) return;
    this.#version += 1;
    // Its endpoint went with it.
    const { [id]: _gone, ...Containers } = this.#ourNetwork?.Containers ?? {};
    if (this.#ourNetwork) this.#ourNetwork = { ...this.#ourNetwork, Containers };
  }

  async #readOurNetwork({ networks, addresses }: Stale): Promise<void> {
    if (networks) await this.#readNetworks();
    if (networks || addresses) await this.#readEndpoints();
  }

  async #readNetworks(): Promise<void> {
    const found = await read({ operation: 'list', object: 'networks' }, (abortSignal) =>
      this.#docker.listNetworks({ abortSignal }),
    );
    const networks = (found ?? []).map((one) => readNetwork(one, this.#instance)).sort(byName);
    this.#networks = this.#newer(this.#networks, networks);
  }

  /** Only an inspected network tells its endpoints. */
  async #readEndpoints(): Promise<void> {
    const ours = this.#networks.find(({ name, ours }) => ours && name === this.#network);
    const found =
      ours &&
      (await read({ operation: 'inspect network', object: ours.name }, () =>
        this.#docker.getNetwork(ours.id).inspect(),
      ));
    this.#ourNetwork = this.#newer(this.#ourNetwork, found);
  }

  async #readVolumes(): Promise<void> {
    const found = await read({ operation: 'list', object: 'volumes' }, (abortSignal) =>
      this.#docker.listVolumes({ abortSignal } as Docker.VolumeListOptions),
    );
    const volumes = (found?.Volumes ?? []).map((one) => readVolume(one, this.#instance)).sort(byName);
    this.#volumes = this.#newer(this.#volumes, volumes);
  }

  async #readImages(isStale: boolean): Promise<void> {
    const used = [...this.#containers.values()].flatMap(({ reading }) => reading.container?.imageId ?? []);
    const needed = new Set([...this.#wanted, ...used]);
    for (const one of this.#images.keys()) if (!needed.has(one)) this.#forgetImage(one);
    const missing = [...needed].filter((one) => isStale || !this.#images.has(one));
    await eachOf(new Set(missing), async (one) => {
      const found = await this.#inspectImage(one);
      const isNew = !this.#images.has(one);
      this.#images.set(one, this.#newer(this.#images.get(one), found));
      // That it is not there is news as well.
      if (isNew) this.#version += 1;
    });
  }

  #forgetImage(reference: string): void {
    this.#images.delete(reference);
    this.#version += 1;
  }

  async #inspectImage(text: string): Promise<Image | undefined> {
    const reference = imageReference(text);
    if (!reference) return undefined;
    const found = await read({ operation: 'inspect image', object: text }, () =>
      this.#docker.getImage(reference).inspect(),
    );
    return found && readImage(found, text);
  }

  #imageRecord(): Record<string, Image> {
    const entries = [...this.#images].flatMap(([reference, image]): [string, Image][] =>
      image
        ? [
            [reference, image],
            [image.id, image],
          ]
        : [],
    );
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function rowOf({ Names: names, State: state, NetworkSettings: settings }: ContainerInfo): string {
  return rowText(nameOf(names[0] ?? ''), state, settings?.Networks);
}

function inspectedRow({ Name: name, State: state, NetworkSettings: settings }: ContainerInspectInfo): string {
  return rowText(nameOf(name), state.Status, settings.Networks);
}

function rowText(
  name: string,
  state: string,
  networks: Readonly<Record<string, { IPAddress?: string }>> | undefined,
): string {
  const joined = Object.keys(networks ?? {}).sort();
  const places = joined.map((network) => `${network} ${networks?.[network]?.IPAddress ?? ''}`);
  return [name, state, ...places].join('\n');
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** What the engine says of one container is no reason to see none. */
function unlessUnreachable(error: unknown): EdgeError {
  if (error instanceof EdgeError && error.kind !== 'unreachable') return error;
  throw error;
}

/** Runs one task for each item, a few at a time. */
async function eachOf(items: ReadonlySet<string>, task: (item: string) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(sideBySide, waiting.length) }, work));
}
