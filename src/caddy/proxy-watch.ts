import { type FSWatcher, watch } from 'node:fs';

/**
 * Tells listeners when Caddy, the template or the flags may have changed: a poll for all of it, and a directory
 * watch that is quicker for the flags. Runs only while somebody listens, and never keeps the process alive.
 */
export class ProxyWatch {
  readonly #listeners = new Set<(what: string) => void>();
  readonly #flagDir: string;
  readonly #interval: number;
  readonly #signature: () => Promise<string>;
  #timer: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;
  #last: string | undefined;
  #closed = false;

  constructor(flagDir: string, interval: number, signature: () => Promise<string>) {
    this.#flagDir = flagDir;
    this.#interval = interval;
    this.#signature = signature;
  }

  add(listener: (what: string) => void): () => void {
    this.#listeners.add(listener);
    if (this.#timer === undefined && !this.#closed) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  /**
   * Somebody looked, and this was there. When it is another than at the last poll, the next poll tells whatever it finds:
   * Caddy may be again by then as it was at the poll before.
   */
  saw(signature: string): void {
    if (signature !== this.#last) this.#last = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#stop();
  }

  #start(): void {
    this.#last = undefined;
    this.#timer = setInterval(() => void this.#poll(), this.#interval).unref();
    void this.#poll();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #poll(): Promise<void> {
    this.#watchFlags();
    const signature = await this.#signature();
    // The first one as well: who looked before it may have seen something else.
    const changed = this.#last !== signature;
    this.#last = signature;
    if (changed) this.#tell();
  }

  /** The folder may not be there yet, or be made anew: then the next poll tries again. */
  #watchFlags(): void {
    if (this.#watcher !== undefined || this.#timer === undefined) return;
    try {
      const watcher = watch(this.#flagDir, { persistent: false }, () => void this.#poll());
      watcher.on('error', () => this.#forget(watcher));
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined;
    }
  }

  #forget(watcher: FSWatcher): void {
    watcher.close();
    if (this.#watcher === watcher) this.#watcher = undefined;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener('caddy');
  }
}
