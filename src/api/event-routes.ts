import { type Context, Hono } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { EventRecord } from '../history/event-log.ts';
import type { ControllerPort } from './controller-port.ts';
import type { OpenStreams } from './open-streams.ts';
import { limitOf, wholeNumber } from './page.ts';
import { timeText } from './time-text.ts';

/** Between two signs of life on a stream that has nothing to say. */
const heartbeat = 15_000;
const batch = 100;

export interface EventItem {
  readonly id: number;
  readonly at: string | null;
  readonly firstAt: string | null;
  /** The same again raises this instead of adding an event. */
  readonly count: number;
  /** Empty for what concerns the host. */
  readonly app: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

/** A list, or with `Accept: text/event-stream` a stream that `Last-Event-ID` resumes. */
export function eventRoutes(port: ControllerPort, streams: OpenStreams): Hono {
  const api = new Hono();
  api.get('/events', (c) => {
    const app = c.req.query('app');
    if (c.req.header('accept')?.includes('text/event-stream')) return streamEvents(c, port, streams, app);
    const after = wholeNumber(c, 'after');
    const limit = limitOf(c, batch);
    const found = port.history.events({
      limit,
      ...(app === undefined ? {} : { app }),
      ...(after === undefined ? {} : { after }),
    });
    const next = after !== undefined && found.length === limit ? String(found.at(-1)?.id ?? '') : null;
    return c.json({ items: found.map(eventItem), next });
  });
  return api;
}

function streamEvents(
  c: Context,
  port: ControllerPort,
  streams: OpenStreams,
  app: string | undefined,
): Response {
  const given = Number(c.req.header('last-event-id') ?? wholeNumber(c, 'after'));
  const from = Number.isSafeInteger(given) ? given : (port.history.events({ limit: 1 }).at(-1)?.id ?? 0);
  const leave = streams.enter();
  return streamSSE(c, async (stream) => {
    try {
      await follow(stream, port, from, app);
    } finally {
      leave();
    }
  });
}

/** History is read again at every sign: the stream holds no queue that a slow reader could fill. */
async function follow(
  stream: SSEStreamingApi,
  port: ControllerPort,
  from: number,
  app: string | undefined,
): Promise<void> {
  const sign = createSign();
  const off = port.history.onEvent(sign.give);
  stream.onAbort(sign.give);
  let last = from;
  try {
    while (!stream.aborted) {
      for (const event of port.history.events({
        after: last,
        limit: batch,
        ...(app === undefined ? {} : { app }),
      })) {
        last = event.id;
        await stream.writeSSE({
          id: String(event.id),
          event: 'event',
          data: JSON.stringify(eventItem(event)),
        });
        sign.give();
      }
      if (!(await sign.wait(heartbeat)) && !stream.aborted) await stream.write(': still here\n\n');
    }
  } finally {
    off();
  }
}

/** Remembers that something happened until somebody waits for it. */
function createSign() {
  let given = false;
  let wake: (() => void) | undefined;
  return {
    give(): void {
      given = true;
      wake?.();
    },
    /** True at once or when something happens; false when the time is over. */
    async wait(milliseconds: number): Promise<boolean> {
      if (!given) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, milliseconds);
        });
        clearTimeout(timer);
        wake = undefined;
      }
      const happened = given;
      given = false;
      return happened;
    },
  };
}

export function eventItem({ at, firstAt, ...event }: EventRecord): EventItem {
  return { ...event, at: timeText(at), firstAt: timeText(firstAt) };
}
