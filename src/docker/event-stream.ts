import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { ask, readTimeout } from './ask.ts';
import { jsonLines } from './json-lines.ts';

/** One message of the engine's event stream; a hint, never a proof. */
export interface EngineEvent {
  readonly Type?: string;
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
  /** Since the epoch. */
  readonly timeNano?: number;
}

export interface EventStream {
  /** Resolves when the stream is open; connects at once when it is not. */
  ensure(): Promise<void>;
  close(): void;
}

interface Listeners {
  onEvent(event: EngineEvent): void;
  /** The stream is open, at first or again: whatever happened before may have been missed. */
  onOpen(): void;
  /** The stream broke off, or could not be had. */
  onLost(error: unknown): void;
}

const shortestPause = 200;
const longestPause = 5_000;

/** Keeps the engine's event stream open from the first `ensure` on, with growing pauses between attempts. */
export function createEventStream(docker: Docker, { onEvent, onOpen, onLost }: Listeners): EventStream {
  let stream: Readable | undefined;
  let opening: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;
  let pause = shortestPause;
  let closed = false;

  const ensure = async (): Promise<void> => {
    if (stream) return;
    opening ??= open().finally(() => {
      opening = undefined;
    });
    return opening;
  };

  const open = async (): Promise<void> => {
    clearTimeout(retry);
    try {
      const opened = await connect(docker);
      if (closed) return void opened.destroy();
      stream = opened;
      pause = shortestPause;
      onOpen();
      void follow(opened);
    } catch (error) {
      lost(error);
      throw error;
    }
  };

  const follow = async (opened: Readable): Promise<void> => {
    let reason: unknown = new Error('the event stream ended');
    try {
      for await (const line of jsonLines(opened)) onEvent(JSON.parse(line));
    } catch (error) {
      reason = error;
    }
    opened.destroy();
    stream = undefined;
    lost(reason);
  };

  const lost = (error: unknown): void => {
    if (closed) return;
    onLost(error);
    clearTimeout(retry);
    retry = setTimeout(() => void ensure().catch(() => undefined), pause);
    pause = Math.min(longestPause, pause * 2);
  };

  return {
    ensure,
    close() {
      closed = true;
      clearTimeout(retry);
      stream?.destroy();
    },
  };
}

async function connect(docker: Docker): Promise<Readable> {
  const filters = { type: ['container' as const, 'image' as const, 'network' as const, 'volume' as const] };
  // Not the signal of the call: that would end the stream when the call is over.
  const late = new AbortController();
  try {
    const opened = await ask(
      { operation: 'follow', object: 'events' },
      () => docker.getEvents({ filters, abortSignal: late.signal }),
      { timeout: readTimeout },
    );
    const stream = opened as Readable & { socket?: Socket };
    // A peer that vanished without a word is noticed by the kernel's own probes.
    stream.socket?.setKeepAlive(true, 30_000);
    return stream;
  } catch (error) {
    late.abort();
    throw error;
  }
}
