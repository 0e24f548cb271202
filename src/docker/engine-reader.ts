import type Docker from 'dockerode';
import { EdgeError, type EngineReader, type EngineState } from '../apply/ports.ts';
import type { Touched } from './engine.ts';
import { allStale, EngineCache, mergeStale, nothingStale } from './engine-cache.ts';
import { redacted } from './engine-error.ts';
import { askVersion, type EngineVersion } from './engine-version.ts';
import { marksOf } from './event-marks.ts';
import { createEventStream, type EngineEvent } from './event-stream.ts';
import { createExecChecks } from './exec-check.ts';
import { type HostInfo, readHostInfo } from './host-info.ts';
import { createHostLists, type ImageItem, type NetworkItem, type VolumeItem } from './host-lists.ts';
import type { LogLine } from './log-lines.ts';
import { type LogOptions, readLogs, tailOf } from './read-logs.ts';
import { type ContainerStats, readStats } from './read-stats.ts';
import { noSecrets, type Revealing } from './reveal.ts';
import { createSecretFolder } from './secret-folder.ts';

export interface DockerReader extends EngineReader {
  /**
   * An act of ours on this container begins: until `touch` tells its end it is not asked for, and what the engine
   * says of it is no news.
   */
  acting(container: string): void;
  /** An act of ours touched this: it is asked for again without waiting for the event. */
  touch(kind: Touched, name: string): void;
  logs(container: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>;
  /** Which engine answers. */
  ping(): Promise<EngineVersion>;
  /** What a running container uses, over about a second, or `once` at this moment; undefined when it does not run. */
  stats(container: string, once?: boolean): Promise<ContainerStats | undefined>;
  hostInfo(): Promise<HostInfo>;
  /** These three list what is ours, and what is not but used by a container of ours. */
  networks(): Promise<readonly NetworkItem[]>;
  volumes(): Promise<readonly VolumeItem[]>;
  images(): Promise<readonly ImageItem[]>;
}

interface ReaderOptions {
  readonly docker: Docker;
  readonly instance: string;
  /** Name of our network. */
  readonly network: string;
  /** Called once for each time that the event stream breaks off, or cannot be had at first. */
  readonly onUnreachable?: (error: unknown) => void;
  /** To compare secret values that containers have; without them labels are believed. */
  readonly secrets?: Revealing;
  /** As the engine port has it. */
  readonly runtimeDir?: string | undefined;
  /** Whether secret files of containers that are gone are removed: for the process that acts. */
  readonly sweeps?: boolean;
  /** Takes secrets out of log lines, output of commands and words of errors. */
  readonly redact?: (text: string) => string;
}

/**
 * Reads the engine through a cache that its event stream keeps true. Whatever may have been missed, at the
 * first connect and after every gap, is listed anew.
 */
export function createEngineReader({
  docker,
  instance,
  network,
  onUnreachable = () => {},
  secrets = noSecrets,
  runtimeDir,
  sweeps = false,
  redact = (text) => text,
}: ReaderOptions): DockerReader {
  const folder = createSecretFolder(runtimeDir, instance);
  /** How many acts are under way, by what they were given: a name or an id. */
  const acts = new Map<string, number>();
  const isBusy = (idOrName: string): boolean => acts.has(idOrName);
  const onAnswer = (id: string): void => {
    mark({ containers: new Set([id]), files: new Set([id]) });
    tell(`container ${cache.nameOf(id) ?? id.slice(0, 12)} answers`);
  };
  const options = { docker, instance, network, secrets, folder, sweeps, isBusy, redact, onAnswer };
  const cache = new EngineCache(options);
  const lists = createHostLists({ docker, instance, cache });
  const listeners = new Set<(what: string) => void>();
  const checks = createExecChecks(docker, redact);
  let stale = allStale();
  /** Something is out of date; false means that the last reading still holds. */
  let dirty = true;
  let lost = false;
  let last: { readonly state: EngineState; readonly known: string } | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const mark = (more: Partial<typeof stale>): void => {
    mergeStale(stale, { ...nothingStale(), ...more });
    dirty = true;
  };

  const tell = (what: string): void => {
    for (const listener of listeners) listener(what);
  };

  const isOfAct = (id: string, { Actor }: EngineEvent): boolean =>
    isBusy(id) || isBusy(Actor?.Attributes?.name ?? '') || isBusy(cache.nameOf(id) ?? '');

  const onEvent = (event: EngineEvent): void => {
    const isLabelled = (id: string): boolean => cache.isLabelled(id);
    const { container, news, signalled, ...marks } = marksOf(event, { instance, network, isLabelled });
    if (container !== undefined && signalled) cache.signalled(container, event);
    if (container !== undefined && isOfAct(container, event)) return;
    const touchedIds = container === undefined ? {} : { containers: new Set([container]) };
    if (container !== undefined || Object.keys(marks).length > 0) mark({ ...marks, ...touchedIds });
    if (news !== undefined) tell(news);
  };

  const events = createEventStream(docker, {
    onEvent,
    onOpen() {
      lost = false;
      mark(allStale());
      tell('engine connected');
    },
    onLost(error) {
      // No reading holds without the stream: the next one must find out whether the engine is there.
      mark(allStale());
      if (lost) return;
      lost = true;
      onUnreachable(error);
      tell('engine lost');
    },
  });

  const observe = async (known: ReadonlySet<string>): Promise<EngineState> => {
    const again = cache.unreadAgain();
    if (again) mark(again);
    if (dirty) {
      await events.ensure();
      const taken = stale;
      stale = nothingStale();
      dirty = false;
      const before = last;
      last = undefined;
      try {
        const isNews = await cache.refresh(taken);
        if (!isNews) last = before;
      } catch (error) {
        mark(taken);
        throw error;
      }
    }
    const knownOnes = cache.knownOf(known);
    if (last?.known !== knownOnes) last = { state: cache.state(known), known: knownOnes };
    return last.state;
  };

  const withoutSecrets = (error: unknown): never => {
    throw error instanceof EdgeError ? redacted(error, redact) : error;
  };

  return {
    observe(known) {
      const mine = turn.then(() => observe(known)).catch(withoutSecrets);
      // The next one waits for the end of this, not for its success.
      turn = mine.catch(() => undefined);
      return mine;
    },
    want(images) {
      if (cache.want(images)) dirty = true;
    },
    invalidate() {
      mark({ list: 'rows' });
    },
    patrol() {
      mark(cache.patrol());
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    acting(container) {
      acts.set(container, (acts.get(container) ?? 0) + 1);
    },
    touch(kind, name) {
      const others = (acts.get(name) ?? 0) - 1;
      if (kind === 'container' && others > 0) acts.set(name, others);
      else if (kind === 'container') acts.delete(name);
      mark(staleBy(kind, name));
    },
    tail: (container, lines) => tailOf(docker, container, lines, redact).catch(withoutSecrets),
    logs: (container, options, signal) => readLogs(docker, container, { ...options, redact }, signal),
    exec: (container, command, timeout) => checks.run(container, command, timeout),
    ping: () => askVersion(docker),
    stats: (container, once) => readStats(docker, container, once),
    hostInfo: () => readHostInfo(docker),
    ...lists,
    close() {
      listeners.clear();
      events.close();
      cache.close();
    },
  };
}

function staleBy(kind: Touched, name: string): Partial<ReturnType<typeof nothingStale>> {
  switch (kind) {
    case 'container':
      return { containers: new Set([name]), files: new Set([name]) };
    case 'network':
      return { networks: true, addresses: true };
    case 'volume':
      return { volumes: true };
    case 'image':
      return { images: true };
    default:
      return kind satisfies never;
  }
}
