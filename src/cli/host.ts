import type { EngineReader, ProxyPort } from '../apply/ports.ts';
import type { Desired, Snapshot } from '../desired/desired.ts';
import type { Reconciler } from '../loop/reconciler.ts';
import type { World } from '../plan/plan.ts';

/** This host, opened for one command; close it whatever happens. */
export interface Host {
  /** The snapshot that the command asks for: the configured source, `--source`, or `--rev` of either. */
  snapshot(revision?: string): Promise<Snapshot>;
  desired(snapshot: Snapshot): Promise<Desired>;
  /** What a decision would be made from, now. Throws `EdgeError` when something cannot be observed. */
  world(revision?: string): Promise<World>;
  /** A loop in this process; only in mode `write`, which excludes a running controller. */
  readonly loop: Reconciler;
  readonly reader: EngineReader;
  readonly proxy: ProxyPort & { version(): Promise<string | undefined>; seesFlags(): Promise<boolean> };
  engineVersion(): Promise<{ readonly name: string; readonly version: string; readonly apiVersion: string }>;
  /** Removes every container, network and flag of this instance; volumes only when told. Returns what it removed. */
  removeAll(options: { readonly volumes: boolean }, progress: (line: string) => void): Promise<number>;
  close(): Promise<void>;
}
