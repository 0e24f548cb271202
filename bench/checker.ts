import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { StreamEnd } from './stream-client.ts';

export interface CheckedApp {
  readonly name: string;
  /** The `Host` header. */
  readonly host: string;
}

export interface CheckOptions {
  /** Where Caddy answers. */
  readonly port: number;
  readonly apps: readonly CheckedApp[];
  /** Modes of the server whose answers may reach a client. */
  readonly modes: readonly string[];
  /** Of each app. */
  readonly kept: number;
  readonly fresh: number;
  /** Of each app, of each kind of stream. */
  readonly streams: number;
  /** Milliseconds between two requests of a client. */
  readonly pause: number;
}

export type CheckerOrder =
  /** All that begins after `at` must be answered by this release of the app, or a newer one. */
  | { readonly kind: 'done'; readonly app: string; readonly release: number; readonly at: number }
  /** The app cannot answer, and that is right so; or it must again. */
  | { readonly kind: 'mute' | 'unmute'; readonly app: string }
  | { readonly kind: 'stop' };

export interface CheckReport {
  readonly requests: number;
  readonly failed: number;
  /** Answers of an older release, begun after the last switch to a newer one. */
  readonly late: number;
  /** What must not be, each with its time; the first hundred. */
  readonly faults: readonly string[];
  /** All that have ended, but for those that we ended. */
  readonly streams: readonly StreamEnd[];
}

export interface Checker {
  done(app: string, release: number, at: number): void;
  mute(app: string, muted: boolean): void;
  stop(): Promise<CheckReport>;
  /** Ends it whatever it does. */
  kill(): Promise<unknown>;
}

/** Clients that check each answer, in a thread of their own: what else the bench does must not keep them waiting. */
export function startChecker(options: CheckOptions): Checker {
  const worker = new Worker(new URL('./checker-thread.ts', import.meta.url), { workerData: options });
  const reported = once(worker, 'message');
  reported.catch(() => undefined);
  const order = (what: CheckerOrder): void => worker.postMessage(what);
  return {
    done: (app, release, at) => order({ kind: 'done', app, release, at }),
    mute: (app, muted) => order({ kind: muted ? 'mute' : 'unmute', app }),
    async stop() {
      order({ kind: 'stop' });
      const [report] = (await reported) as [CheckReport];
      return report;
    },
    kill: () => worker.terminate(),
  };
}
