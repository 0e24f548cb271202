import type { EventRecord } from '../history/event-log.ts';
import { answerEvents, type EventSink } from './answer-events.ts';
import type { Call, Handlers } from './call.ts';
import type { Caller } from './caller.ts';
import type { ControllerPort } from './controller-port.ts';
import type { OpenStreams } from './open-streams.ts';
import { cursorOf, toCursor } from './page.ts';
import { redactedJson } from './redacted-json.ts';
import { timeText } from './time-text.ts';
import { type AppFilter, chosenApps } from './visible-apps.ts';

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
export function eventRoutes(port: ControllerPort, streams: OpenStreams) {
  return {
    listEvents: (call) =>
      call.c.req.header('accept')?.includes('text/event-stream')
        ? streamEvents(port, streams, call)
        : listEvents(port, call),
  } satisfies Partial<Handlers>;
}

type Asked = AppFilter & { readonly app?: string | undefined };

function listEvents(port: ControllerPort, { caller, query }: Call<'listEvents'>) {
  const { limit = batch, after } = query;
  const apps = appsOf(port, caller, query);
  const edge = Number(cursorOf(query) ?? Number.NaN);
  const isForward = after !== undefined;
  const found = port.history.events({
    limit: limit + 1,
    apps,
    ...(isForward
      ? { after: Number.isNaN(edge) ? after : edge }
      : { before: Number.isNaN(edge) ? undefined : edge }),
  });
  const items = isForward ? found.slice(0, limit) : found.slice(-limit);
  const last = isForward ? items.at(-1) : items[0];
  return {
    items: items.map(eventItem),
    next: last !== undefined && found.length > limit ? toCursor(String(last.id)) : null,
  };
}

/** The apps whose events are wanted and may be seen; undefined for all, and for those of the host. */
function appsOf(port: ControllerPort, caller: Caller, asked: Asked): string[] | undefined {
  const chosen = chosenApps(port, caller, asked);
  const { app } = asked;
  if (app !== undefined) return chosen === undefined || chosen.has(app) ? [app] : [];
  return chosen === undefined ? undefined : [...chosen];
}

function streamEvents(port: ControllerPort, streams: OpenStreams, call: Call<'listEvents'>): Response {
  const { c, caller, query, requestId } = call;
  const newest = port.history.events({ limit: 1 }).at(-1)?.id ?? 0;
  const header = c.req.header('last-event-id') ?? '';
  const known = /^\d{1,15}$/.test(header) ? Number(header) : query.after;
  // A history that was lost begins anew: what comes after an id that is not there yet would never come.
  const from = known === undefined ? newest : known > newest ? 0 : known;
  return answerEvents(c, {
    streams,
    write: (data) => redactedJson(port, data),
    failed: (error) => port.log?.error({ err: error, requestId }, 'a stream of events failed'),
    produce: (sink) => follow(sink, port, from, () => appsOf(port, caller, query)),
  });
}

/** History is read again at every sign: the stream holds no queue that a slow reader could fill. */
async function follow(
  sink: EventSink,
  port: ControllerPort,
  from: number,
  apps: () => readonly string[] | undefined,
): Promise<void> {
  let last = from;
  let wake: (() => void) | undefined;
  let isNew = true;
  const sign = (): void => {
    isNew = true;
    wake?.();
  };
  const off = port.history.onEvent(sign);
  sink.signal.addEventListener('abort', sign, { once: true });
  try {
    while (!sink.signal.aborted) {
      isNew = false;
      const found = port.history.events({ after: last, limit: batch, apps: apps() });
      for (const event of found) {
        last = event.id;
        if (!(await sink.send({ id: String(event.id), event: 'event', data: eventItem(event) }))) return;
      }
      if (found.length === 0 && !isNew)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    off();
  }
}

export function eventItem({ at, firstAt, ...event }: EventRecord): EventItem {
  return { ...event, at: timeText(at), firstAt: timeText(firstAt) };
}
