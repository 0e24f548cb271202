import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

interface Failing {
  readonly pid: number;
  /** System calls, as `strace` names them. */
  readonly calls: readonly string[];
  readonly error: 'EIO' | 'ENOSPC' | 'EROFS';
  /** From the n-th such call on. */
  readonly from: number;
  /** Only calls on these files. */
  readonly files: readonly string[];
}

/**
 * System calls of a running process fail until `end` is called, which answers how many did. What a file system says
 * when its disk is broken is said by the kernel this way, and nothing in the process knows of it.
 */
export async function failCalls({ pid, calls, error, from, files }: Failing): Promise<{
  end(): Promise<number>;
}> {
  const names = calls.join();
  const tracer = spawn(
    'strace',
    [
      ...[
        '-f',
        '-p',
        String(pid),
        '-e',
        `trace=${names}`,
        '-e',
        `inject=${names}:error=${error}:when=${from}+`,
      ],
      ...files.flatMap((file) => ['-P', file]),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  const attached = Promise.withResolvers<void>();
  tracer.stderr.setEncoding('utf8').on('data', (lines: string) => {
    said += lines;
    if (/ attached/.test(said)) attached.resolve();
  });
  tracer.once('close', () => attached.reject(new Error(`strace cannot trace ${pid}: ${said}`)));
  await attached.promise;
  // What it says of its threads comes before it lets them go on.
  await delay(100);
  return {
    async end() {
      const closed = once(tracer, 'close');
      tracer.kill('SIGINT');
      await closed;
      return said.split('(INJECTED)').length - 1;
    },
  };
}
