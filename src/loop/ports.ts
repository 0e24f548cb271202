import type { EngineReader, JournalPort, ProbePort, ProxyPort } from '../apply/ports.ts';
import type { App } from '../desired/app.ts';
import type { Snapshot } from '../desired/desired.ts';
import type { Failure, Memory } from '../observed/memory.ts';
import type { Decision } from '../plan/plan.ts';

/** What the loop needs of history; the operator verbs write to the same tables. */
export interface LoopHistory extends JournalPort {
  memory(): Memory<App>;
  /** All that is written in `work` is one transaction: written whole, once, or not at all. */
  together<T>(work: () => T): T;
  /** What one look decided about one app, in one transaction. */
  record(app: string, decisions: readonly Decision[], now: number): void;
  addEvidence(deployment: string, container: string, evidence: Evidence): void;
  failed(
    app: string,
    failure: Pick<Failure, 'kind' | 'step' | 'reason' | 'message' | 'specHash'> & {
      /** Milliseconds; it is not tried again before. */
      readonly retryAfter?: number;
    },
    now: number,
  ): void;
  succeeded(app: string): void;
  containerMade(id: string, name: string, app: string): void;
  containerGone(id: string): void;
  /** `from` is the revision before, when this one does not descend from it. */
  revision(id: string, problems: number, now: number, from?: string): void;
  event(event: {
    readonly at: number;
    readonly app: string;
    readonly type: string;
    readonly reason: string;
    readonly message: string;
  }): void;
  compact(now: number): void;
}

/** Why a container was given up. */
export interface Evidence {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly attempts: readonly { readonly at: number; readonly ok: boolean; readonly detail: string }[];
  readonly log: readonly string[];
}

/** Where desired comes from. */
export interface LoopSource {
  /** The newest snapshot that may be enforced; the same object when nothing changed. Throws `EdgeError` for none. */
  read(): Promise<Snapshot>;
  /** Why what was read may not be the newest, by source. */
  status(): readonly { readonly error?: { readonly reason: string; readonly message: string } }[];
  /** Called with each branch whose newest commit does not descend from the one before. */
  onRewritten(listener: (rewrite: Rewrite) => void): () => void;
  onChange(listener: () => void): () => void;
  /** The next read asks for news, however short ago the last one did. */
  refresh(): void;
}

export interface Rewrite {
  readonly source: string;
  /** Full commit ids. */
  readonly from: string;
  readonly to: string;
}

export interface LoopEdges {
  readonly reader: EngineReader;
  readonly probe: ProbePort;
  readonly proxy: ProxyPort;
  readonly source: LoopSource;
  readonly history: LoopHistory;
}
