import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestHost } from '../e2e/host.ts';

/** A folder on a disk of its own, which can be full or read-only without harm to anybody else. */
export class SmallDisk {
  readonly #dir: string;
  readonly #filler: string;
  #isMounted = true;

  /** For the state directory, before anything lies there. */
  static under(host: TestHost): SmallDisk {
    const disk = new SmallDisk(host.stateDir, '8m');
    host.endsWith(() => disk.unmount());
    return disk;
  }

  constructor(dir: string, size: string) {
    this.#dir = dir;
    this.#filler = join(dir, 'filler');
    mkdirSync(dir, { mode: 0o700 });
    run('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'plimsoll-test', dir);
    process.once('exit', this.unmount);
  }

  fill(): void {
    // The last bytes too: a page of SQLite's is smaller than this.
    for (const size of [1 << 20, 1 << 12])
      try {
        for (;;) appendFileSync(this.#filler, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  /** Only while nobody has a file open for writing. */
  protect(how: 'ro' | 'rw'): void {
    run('mount', '-o', `remount,${how}`, this.#dir);
  }

  readonly unmount = (): void => {
    if (!this.#isMounted) return;
    this.#isMounted = false;
    process.off('exit', this.unmount);
    run('umount', '--lazy', this.#dir);
  };
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
