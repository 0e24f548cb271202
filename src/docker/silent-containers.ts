import { EdgeError } from '../apply/ports.ts';
import { type Call, sentence } from './engine-error.ts';

/** Milliseconds without an answer until it is looked whether the engine answers others. */
export const patience = {
  /** Takes the engine some milliseconds, unless something holds that container. */
  inspect: 2_000,
  /** Reads from a disk, which may be a slow one. */
  file: 5_000,
  /** Who was silent and has answered: one that is only slow is to be read in the end. */
  again: 5_000,
  /** Nobody waits for it; the engine keeps what it needs for a question even when the asker has left. */
  aside: 60_000,
} as const;

const reason = 'ContainerSilent';

/**
 * The engine answers others and not what is asked of one container: something holds that one, and keeps whoever asks
 * for it waiting (https://github.com/moby/moby/issues/41427).
 */
export function silence(call: Call, after: number): EdgeError {
  const why = `no answer within ${after / 1000} s, while the engine answers others`;
  return new EdgeError('transient', reason, sentence(call, why));
}

export function isSilence(error: unknown): boolean {
  return error instanceof EdgeError && error.reason === reason;
}

interface Silent {
  readonly end: AbortController;
  hasAnswered: boolean;
}

interface Options {
  /** Asks for all that a look needs of a container; rejects with a `silence` after a while without an answer. */
  readonly ask: (id: string, signal: AbortSignal) => Promise<unknown>;
  /** It answers again, if only with an error: a look can ask for it. */
  readonly onAnswer: (id: string) => void;
}

/** Containers that a look was not answered about in time. Each is asked for on the side, by one question at a time, until it answers. */
export class SilentContainers {
  readonly #options: Options;
  readonly #silent = new Map<string, Silent>();

  constructor(options: Options) {
    this.#options = options;
  }

  get ids(): readonly string[] {
    return [...this.#silent.keys()];
  }

  has(id: string): boolean {
    return this.#silent.has(id);
  }

  /** It has not answered yet: who asks for it waits. */
  isAwaited(id: string): boolean {
    return this.#silent.get(id)?.hasAnswered === false;
  }

  add(id: string): void {
    this.forget(id);
    const one = { end: new AbortController(), hasAnswered: false };
    this.#silent.set(id, one);
    void this.#await(id, one);
  }

  /** It was read, or is gone. */
  forget(id: string): void {
    this.#silent.get(id)?.end.abort();
    this.#silent.delete(id);
  }

  close(): void {
    for (const id of this.ids) this.forget(id);
  }

  async #await(id: string, one: Silent): Promise<void> {
    const { ask, onAnswer } = this.#options;
    const { signal } = one.end;
    const isSilent = () => ask(id, signal).then(() => false, isSilence);
    while (!signal.aborted && (await isSilent()));
    if (signal.aborted) return;
    one.hasAnswered = true;
    onAnswer(id);
  }
}
