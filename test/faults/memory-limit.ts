import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testInstance } from '../test-instance.ts';

/** Where the kernel has it, in its first and in its second version of control groups. */
const first = {
  root: '/sys/fs/cgroup/memory',
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  events: 'memory.oom_control',
} as const;
const second = {
  root: '/sys/fs/cgroup',
  limit: 'memory.max',
  usage: 'memory.current',
  events: 'memory.events',
} as const;

/** A limit of the kernel's around one process, as a service manager or a container sets it. */
export class MemoryLimit {
  readonly #files = existsSync(first.root) ? first : second;
  readonly #dir = join(this.#files.root, testInstance('memory'));

  static around(pid: number): MemoryLimit {
    const limit = new MemoryLimit();
    mkdirSync(limit.#dir);
    limit.#write('cgroup.procs', pid);
    return limit;
  }

  /** From now on it may have what it has, and not a page more. */
  tighten(): void {
    this.#write(this.#files.limit, this.#read(this.#files.usage).trim());
  }

  /** How often the kernel ended somebody for it. */
  get kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.#read(this.#files.events))?.[1]);
  }

  /** When nobody is in it any more. */
  remove(): void {
    if (existsSync(this.#dir)) rmdirSync(this.#dir);
  }

  #read(file: string): string {
    return readFileSync(join(this.#dir, file), 'utf8');
  }

  #write(file: string, value: number | string): void {
    writeFileSync(join(this.#dir, file), `${value}`);
  }
}
