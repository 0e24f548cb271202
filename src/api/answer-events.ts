import type { Context } from 'hono';
import type { ApiEnv } from './call.ts';
import type { OpenStreams } from './open-streams.ts';

/** One server-sent event. */
export interface SentEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: unknown;
}

export interface EventSink {
  /** Waits while the reader is slow; false when the stream is over. */
  send(event: SentEvent): Promise<boolean>;
  /** Aborts when the reader leaves, or is dropped, or the controller ends. */
  readonly signal: AbortSignal;
}

export interface StreamOptions {
  readonly streams: OpenStreams;
  /** An event's data as JSON. */
  readonly write: (data: unknown) => string;
  /** Writes until it has nothing more, or the signal aborts. */
  readonly produce: (sink: EventSink) => Promise<void>;
  /** What went wrong in the middle, when it is too late for a problem document. */
  readonly failed: (error: unknown) => void;
}

/**
 * A stream of server-sent events. What waits for a slow reader is bounded; one who does not read at all is dropped
 * when the buffer has been full for too long.
 */
export function answerEvents(c: Context<ApiEnv>, options: StreamOptions): Response {
  const headers = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };
  if (c.req.method === 'HEAD') return c.body(null, 200, headers);
  const { streams, write, produce, failed } = options;
  const place = streams.enter(c.get('facts').address);
  const writer = new EventWriter(streams, place, () => hangUp(c));
  const beat = setInterval(() => writer.sign(), streams.limits.heartbeat);
  const sink: EventSink = {
    signal: place.signal,
    send: (event) => writer.write(eventText(event, write)),
  };
  const end = (error?: unknown): void => {
    if (error !== undefined && !place.signal.aborted) failed(error);
    place.abort();
  };
  place.signal.addEventListener('abort', () => clearInterval(beat), { once: true });
  // Begun in a turn of its own, so that headers are on their way before the first event.
  queueMicrotask(() => void produce(sink).then(() => end(), end));
  return c.body(writer.stream, 200, headers);
}

class EventWriter {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #streams: OpenStreams;
  readonly #place: AbortController;
  readonly #hangUp: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Told when there is room again, or never will be. */
  #roomy: (() => void) | undefined;

  constructor(streams: OpenStreams, place: AbortController, hangUp: () => void) {
    this.#hangUp = hangUp;
    this.#streams = streams;
    this.#place = place;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#roomy?.(),
        cancel: () => place.abort(),
      },
      { highWaterMark: streams.limits.buffer, size: (chunk) => chunk?.byteLength ?? 0 },
    );
    place.signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  get #isFull(): boolean {
    return (this.#controller?.desiredSize ?? 0) <= 0;
  }

  async write(text: string): Promise<boolean> {
    if (this.#place.signal.aborted) return false;
    this.#controller?.enqueue(new TextEncoder().encode(text));
    if (this.#isFull) await this.#room();
    return !this.#place.signal.aborted;
  }

  /** A sign of life; a full buffer has no need of one. */
  sign(): void {
    if (!this.#isFull) this.#controller?.enqueue(new TextEncoder().encode(': still here\n\n'));
  }

  async #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#roomy = resolve;
    const timer = setTimeout(() => this.#streams.drop(this.#place), this.#streams.limits.patience);
    await promise;
    clearTimeout(timer);
    this.#roomy = undefined;
  }

  /** Who does not read would not see an end either, and is hung up on. */
  #close(): void {
    if (this.#isFull) this.#hangUp();
    try {
      this.#controller?.close();
    } catch {
      // The reader has left: its end is closed already.
    }
    this.#roomy?.();
  }
}

/** Ends the connection, as far as there is one: in tests a response has none. */
function hangUp(c: Context<ApiEnv>): void {
  const env = c.env as { readonly outgoing?: { destroy(): unknown } } | undefined;
  env?.outgoing?.destroy();
}

/** Every line of the data on a line of its own, as the format wants; JSON has one. */
function eventText({ id, event, data }: SentEvent, write: StreamOptions['write']): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${write(data)}\n\n`;
}
