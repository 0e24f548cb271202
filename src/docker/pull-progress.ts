import { escapeText } from './escape-text.ts';

/** One message of a pull's progress stream. */
interface PullEvent {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
}

export interface PullProgress {
  /** Takes one JSON line of the engine; the engine's own error ends the pull. */
  take(line: string): void;
}

/**
 * Turns the engine's progress, many messages a second for each layer, into a line a person wants to read: one
 * for each new status of a layer, and one for each tenth of its bytes.
 */
export function createPullProgress(tell: (line: string) => void): PullProgress {
  const seen = new Map<string, string>();
  return {
    take(line) {
      const event = parse(line);
      if (event.error !== undefined) throw new Error(event.error);
      const { id = '', status = '', progressDetail: { current = 0, total = 0 } = {} } = event;
      if (!status) return;
      const tenth = total > 0 ? Math.floor((10 * current) / total) : 0;
      const mark = `${status} ${tenth}`;
      if (seen.get(id) === mark) return;
      seen.set(id, mark);
      const size = total > 0 ? ` ${megabytes(current)} of ${megabytes(total)}` : '';
      tell(escapeText(`${id ? `${id}: ` : ''}${status}${size}`, 200));
    },
  };
}

function parse(line: string): PullEvent {
  const value: unknown = JSON.parse(line);
  return typeof value === 'object' && value !== null ? value : {};
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
