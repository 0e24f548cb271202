import type { AuditEntry, AuditLog, AuditQuery, AuditRecord } from '../history/audit-log.ts';

/** Refusals are written together, this often, in milliseconds. */
const writtenEvery = 10_000;
/** Kinds of refusals that are counted at once; the addresses of further ones are not told apart. */
const mostKinds = 1_000;

/** Every write at once; refusals counted up, so that a flood of them is no flood of writes to the disk. */
export class AuditBook {
  readonly #log: AuditLog;
  readonly #failed: (error: unknown) => void;
  readonly #refused = new Map<string, [AuditEntry, number]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: AuditLog, failed: (error: unknown) => void) {
    this.#log = log;
    this.#failed = failed;
  }

  /** A disk that takes no line is told of and stops nobody: what was asked for has been done by then. */
  add(entry: AuditEntry): void {
    try {
      this.#log.add(entry);
    } catch (error) {
      this.#failed(error);
    }
  }

  refused(entry: AuditEntry): void {
    const isFull = this.#refused.size >= mostKinds;
    const kept = isFull && !this.#refused.has(keyOf(entry)) ? { ...entry, address: 'others' } : entry;
    const [first, count] = this.#refused.get(keyOf(kept)) ?? [kept, 0];
    this.#refused.set(keyOf(kept), [{ ...first, at: entry.at }, count + 1]);
    this.#timer ??= setTimeout(() => this.flush(), writtenEvery).unref();
  }

  list(query: AuditQuery): readonly AuditRecord[] {
    this.flush();
    return this.#log.list(query);
  }

  /** Writes what was counted; also to be called at the end. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const counted = [...this.#refused.values()];
    this.#refused.clear();
    if (counted.length === 0) return;
    try {
      this.#log.addCounted(counted);
    } catch (error) {
      this.#failed(error);
    }
  }
}

function keyOf({ actor, via, address, verb, object, outcome, detail }: AuditEntry): string {
  return JSON.stringify([actor, via, address, verb, object, outcome, detail]);
}
