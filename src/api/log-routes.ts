import { type Context, Hono } from 'hono';
import { stream, streamSSE } from 'hono/streaming';
import { escapeText, showValue } from '../desired/shown-text.ts';
import { parseDuration, parseTime } from '../desired/units.ts';
import { type ContainerItem, containerItems } from './container-item.ts';
import type { ControllerPort, LogLine, LogOptions } from './controller-port.ts';
import { knownApp, seenWorld } from './known-app.ts';
import { mergeAsTheyCome, mergeInOrder } from './merge-lines.ts';
import type { OpenStreams } from './open-streams.ts';
import { isOn, wholeNumber } from './page.ts';
import { ProblemError } from './problem.ts';

/** What one line of a log becomes on a stream. */
export interface LogItem extends LogLine {
  readonly container: string;
  readonly replica: number;
}

/** Text lines, or with `?follow=1` server-sent events, each a `LogItem`. */
export function logRoutes(port: ControllerPort, streams: OpenStreams): Hono {
  const api = new Hono();
  api.get('/apps/:name/logs', async (c) => {
    const { name } = knownApp(port, c.req.param('name'));
    const containers = chooseContainers(c, containerItems(seenWorld(port), name), name);
    const options = logOptions(c, port.now());
    return options.follow
      ? followLines(c, port, streams, containers, options)
      : sendLines(c, port, containers, options);
  });
  return api;
}

/** The containers that hold the app's places now, or with `?previous=1` those that held them before. */
function chooseContainers(c: Context, all: readonly ContainerItem[], app: string): ContainerItem[] {
  const replica = wholeNumber(c, 'replica');
  const mine = all.filter(
    (one) => one.standing !== 'hook' && (replica === undefined || one.replica === replica),
  );
  const isOld = ({ standing }: ContainerItem) => standing === 'stale' || standing === 'surplus';
  const wanted = isOn(c, 'previous')
    ? mine.filter(isOld)
    : mine.some((one) => !isOld(one))
      ? mine.filter((one) => !isOld(one))
      : mine;
  if (wanted.length > 0) return wanted;
  throw new ProblemError(
    404,
    'NoContainer',
    isOn(c, 'previous')
      ? `${app} keeps no previous container`
      : `${app} has no container${replica === undefined ? '' : ` for replica ${replica}`}`,
    `the last lines of a release that failed are in its deployment: plimsoll history ${app}`,
  );
}

function logOptions(c: Context, now: number): LogOptions {
  return {
    follow: isOn(c, 'follow'),
    timestamps: isOn(c, 'timestamps'),
    tail: c.req.query('tail') === 'all' ? undefined : wholeNumber(c, 'tail'),
    since: sinceOf(c.req.query('since'), now),
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
    `since is ${showValue(text)}, expected a duration such as "1h" or an RFC 3339 time`,
  );
}

/** Several logs are sorted into one by their times, which are asked for and taken off again. */
async function sendLines(
  c: Context,
  port: ControllerPort,
  containers: readonly ContainerItem[],
  options: LogOptions,
): Promise<Response> {
  const aborting = new AbortController();
  const several = containers.length > 1;
  const asked = { ...options, timestamps: options.timestamps || several };
  const sources = containers.map((one) => linesOf(port, one, asked, aborting.signal));
  const lines = mergeInOrder(sources, ({ line }) => (several ? timeOf(line) : ''));
  // The first line is awaited before the answer begins: an engine that refuses is a problem document then.
  const first = await lines.next();
  c.header('content-type', 'text/plain; charset=utf-8');
  return stream(c, async (out) => {
    out.onAbort(() => aborting.abort());
    for (let at = first; !at.done; at = await lines.next()) {
      const { line, replica } = at.value;
      const text = several && !options.timestamps ? line.slice(timeOf(line).length + 1) : line;
      await out.write(`${several ? `${replica} | ` : ''}${escapeText(text)}\n`);
    }
  });
}

function followLines(
  c: Context,
  port: ControllerPort,
  streams: OpenStreams,
  containers: readonly ContainerItem[],
  options: LogOptions,
): Response {
  const leave = streams.enter();
  const aborting = new AbortController();
  const sources = containers.map((one) => linesOf(port, one, options, aborting.signal));
  return streamSSE(c, async (out) => {
    out.onAbort(() => aborting.abort());
    try {
      for await (const item of mergeAsTheyCome(sources))
        await out.writeSSE({
          event: 'line',
          data: JSON.stringify({ ...item, line: escapeText(item.line) } satisfies LogItem),
        });
      await out.writeSSE({ event: 'end', data: '{}' });
    } finally {
      aborting.abort();
      leave();
    }
  });
}

async function* linesOf(
  port: ControllerPort,
  { name, id, replica }: ContainerItem,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogItem> {
  for await (const line of port.logs(id, options, signal)) yield { ...line, container: name, replica };
}

function timeOf(line: string): string {
  return line.slice(0, Math.max(0, line.indexOf(' ')));
}
