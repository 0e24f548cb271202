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
  /** Says what was held back. */
  end(): void;
}

interface Layer {
  readonly done: boolean;
  readonly current: number;
  readonly total: number;
}

/** Milliseconds between two lines. */
const pause = 500;

/**
 * Turns the engine's progress, many messages a second for each layer, into one line for the whole image, now and
 * then: `3 of 5 layers, 12.4 of 38.1 MB`. The bytes are those of the layers that have begun: nobody knows more.
 */
export function createPullProgress(
  tell: (line: string) => void,
  now: () => number = () => performance.now(),
): PullProgress {
  const layers = new Map<string, Layer>();
  let said = '';
  let saidAt = Number.NEGATIVE_INFINITY;

  const say = (): void => {
    const line = lineOf([...layers.values()]);
    if (line === said) return;
    said = line;
    saidAt = now();
    tell(line);
  };

  return {
    take(line) {
      const event = parse(line);
      if (event.error !== undefined) throw new Error(event.error);
      const { id = '', status = '' } = event;
      if (isOfLayer(id, status)) {
        layers.set(id, nextLayer(layers.get(id), event));
        if (now() - saidAt >= pause) say();
      } else if (/^(?:Digest|Status): /.test(status)) {
        if (layers.size > 0) say();
        tell(escapeText(status, 200));
      }
    },
    end() {
      if (layers.size > 0) say();
    },
  };
}

/** `Pulling from …` bears the tag where others bear their layer. */
function isOfLayer(id: string, status: string): boolean {
  return id !== '' && status !== '' && !status.startsWith('Pulling from');
}

function nextLayer(before: Layer = { done: false, current: 0, total: 0 }, event: PullEvent): Layer {
  const { status = '', progressDetail: { current = 0, total = 0 } = {} } = event;
  if (/^(?:Pull complete|Already exists)/.test(status))
    return { ...before, done: true, current: before.total };
  if (/^Downloading/.test(status) && total > 0) return { ...before, current, total };
  // Unpacking counts bytes of its own.
  return /^(?:Verifying Checksum|Download complete|Extracting)/.test(status)
    ? { ...before, current: before.total }
    : before;
}

function lineOf(layers: readonly Layer[]): string {
  const sum = (count: (layer: Layer) => number) => layers.reduce((all, layer) => all + count(layer), 0);
  const total = sum((layer) => layer.total);
  const done = `${sum((layer) => (layer.done ? 1 : 0))} of ${layers.length} layers`;
  if (total === 0) return done;
  return `${done}, ${megabytes(sum((layer) => layer.current))} of ${megabytes(total)} MB`;
}

function parse(line: string): PullEvent {
  const value: unknown = JSON.parse(line);
  return typeof value === 'object' && value !== null ? value : {};
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
