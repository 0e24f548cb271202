import { createHash } from 'node:crypto';
import { stream } from 'hono/streaming';
import { escapeText, showValue } from '../desired/shown-text.ts';
import { parseDuration, parseTime } from '../desired/units.ts';
import { answerEvents } from './answer-events.ts';
import type { Call, Handlers } from './call.ts';
import { type ContainerItem, containerItems } from './container-item.ts';
import type { ControllerPort, LogLine, LogOptions } from './controller-port.ts';
import { knownApp, seenWorld } from './known-app.ts';
import { mergeAsTheyCome, mergeInOrder } from './merge-lines.ts';
import type { OpenStreams } from './open-streams.ts';
import { ProblemError } from './problem.ts';
import { redactedJson } from './redacted-json.ts';

/** What one line of a log becomes on a stream. */
export interface LogItem extends LogLine {
  readonly container: string;
  readonly replica: number;
}

/** Text lines, or with `?follow=1` server-sent events, each a `LogItem`. */
export function logRoutes(port: ControllerPort, streams: OpenStreams) {
  return {
    getAppLogs: (call) => {
      const { caller, params, query } = call;
      const { name } = knownApp(port, caller, params.name);
      const containers = chooseContainers(query, containerItems(seenWorld(port), name), name);
      const options = logOptions(query, port.now());
      return options.follow
        ? followLines(port, streams, call, containers, options)
        : sendLines(port, call, containers, options);
    },
  } satisfies Partial<Handlers>;
}

type Query = Call<'getAppLogs'>['query'];

/** The containers that hold the app's places now, or with `?previous=1` those that held them before. */
function chooseContainers(
  { replica, previous }: Query,
  all: readonly ContainerItem[],
  app: string,
): ContainerItem[] {
  const mine = all.filter(
    (one) => one.standing !== 'hook' && (replica === undefined || one.replica === replica),
  );
  const isOld = ({ standing }: ContainerItem) => standing === 'stale' || standing === 'surplus';
  const wanted = previous
    ? mine.filter(isOld)
    : mine.some((one) => !isOld(one))
      ? mine.filter((one) => !isOld(one))
      : mine;
  if (wanted.length > 0) return wanted;
  throw new ProblemError(
    404,
    'NoContainer',
    previous
      ? `${app} keeps no previous container`
      : `${app} has no container${replica === undefined ? '' : ` for replica ${replica}`}`,
    `the last lines of a release that failed are in its deployment: plimsoll history ${app}`,
  );
}

function logOptions({ follow, timestamps, tail, since }: Query, now: number): LogOptions {
  return {
    follow: follow ?? false,
    timestamps: timestamps ?? false,
    tail: typeof tail === 'number' ? tail : undefined,
    since: sinceOf(since, now),
  };
}

function sinceOf(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const ago = parseDuration(text);
  const time = ago === undefined ? parseTime(text) : now - ago;
  if (time !== undefined) return time;
  throw new ProblemError(
    400,
    'InvalidQuery',
    `parameter since is ${showValue(text)}, expected a duration such as "1h" or an RFC 3339 time`,
  );
}

/** Several logs are sorted into one by their times, which are asked for and taken off again. */
async function sendLines(
  port: ControllerPort,
  { c }: Call<'getAppLogs'>,
  containers: readonly ContainerItem[],
  options: LogOptions,
): Promise<Response> {
  c.header('content-type', 'text/plain; charset=utf-8');
  if (c.req.method === 'HEAD') return c.body(null);
  const aborting = new AbortController();
  const several = containers.length > 1;
  const asked = { ...options, timestamps: options.timestamps || several };
  const sources = containers.map((one) => linesOf(port, one, asked, aborting.signal));
  const lines = mergeInOrder(sources, ({ line }) => (several ? timeOf(line) : ''));
  const redact = port.redact ?? ((text: string) => text);
  // The first line is awaited before the answer begins: an engine that refuses is a problem document then.
  const first = await lines.next();
  return stream(c, async (out) => {
    out.onAbort(() => aborting.abort());
    for (let at = first; !at.done; at = await lines.next()) {
      const { line, replica } = at.value;
      const text = several && !options.timestamps ? line.slice(timeOf(line).length + 1) : line;
      await out.write(`${several ? `${replica} | ` : ''}${escapeText(redact(text))}\n`);
    }
  });
}

/** The id of an event says of every container how far it was read: of which line the time is, so a stream resumes. */
function followLines(
  port: ControllerPort,
  streams: OpenStreams,
  { c, requestId }: Call<'getAppLogs'>,
  containers: readonly ContainerItem[],
  options: LogOptions,
): Response {
  const read = readBefore(c.req.header('last-event-id'));
  return answerEvents(c, {
    streams,
    write: (data) => redactedJson(port, data),
    failed: (error) => port.log?.error({ err: error, requestId }, 'a stream of a log failed'),
    async produce({ send, signal }) {
      const sources = containers.map((one) => {
        const known = read.get(shortId(one.id));
        const from = known === undefined ? undefined : parseTime(known);
        const asked = from === undefined ? {} : { since: from, tail: undefined };
        return linesAfter(linesOf(port, one, { ...options, ...asked, timestamps: true }, signal), known);
      });
      for await (const { id, line, ...item } of mergeAsTheyCome(sources)) {
        const time = timeOf(line);
        read.set(shortId(id), time);
        const shown = escapeText(options.timestamps ? line : line.slice(time.length + 1));
        const data = { stream: item.stream, line: shown, container: item.container, replica: item.replica };
        const ids = [...read].map(([one, at]) => `${one}=${at}`).join(',');
        if (!(await send({ id: ids, event: 'line', data: data satisfies LogItem }))) return;
      }
      await send({ event: 'end', data: {} });
    },
  });
}

/** `0123456789ab=2026-01-31T12:00:00.123456789Z,…`; what is not so is left out. */
function readBefore(header: string | undefined): Map<string, string> {
  const known = (header ?? '')
    .split(',')
    .map((part) => /^([0-9a-z]{1,12})=(\S{20,40})$/.exec(part))
    .flatMap((match) => (match ? [[match[1] ?? '', match[2] ?? ''] as const] : []));
  return new Map(known);
}

/** The engine goes by seconds: lines of that second that were read already come again, and are left out. */
async function* linesAfter(lines: AsyncIterable<Line>, known: string | undefined): AsyncGenerator<Line> {
  for await (const item of lines) if (known === undefined || timeOf(item.line) > known) yield item;
}

type Line = LogItem & { readonly id: string };

async function* linesOf(
  port: ControllerPort,
  { name, id, replica }: ContainerItem,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  for await (const line of port.logs(id, options, signal)) yield { ...line, container: name, replica, id };
}

function timeOf(line: string): string {
  return line.slice(0, Math.max(0, line.indexOf(' ')));
}

/** Told apart by that much of a hash, whatever the engine's ids are made of. */
function shortId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 12);
}
