import { showValue } from '../desired/shown-text.ts';
import type { DeploymentDetail } from '../history/deployment-log.ts';
import { answerEvents, type EventSink } from './answer-events.ts';
import type { Handlers } from './call.ts';
import type { Caller } from './caller.ts';
import type { ControllerPort } from './controller-port.ts';
import { deploymentLines } from './deployment-lines.ts';
import type { OpenStreams } from './open-streams.ts';
import { ProblemError } from './problem.ts';
import { redactFreeText } from './redact-free-text.ts';
import { redactedJson } from './redacted-json.ts';
import { isVisible } from './visible-apps.ts';

/** Text lines, or with `?follow=1` server-sent events until the deployment ends. */
export function deploymentLogRoutes(port: ControllerPort, streams: OpenStreams) {
  return {
    getDeploymentLogs: ({ c, caller, params: { id }, query, requestId }) => {
      const found = knownDeployment(port, caller, id);
      if (!query.follow) {
        const lines = deploymentLines(found);
        const clean = port.redact ? redactFreeText(lines, port.redact) : lines;
        const text = clean.map(({ time, line }) => `${time ?? blank} ${line}\n`);
        return c.body(text.join(''), 200, { 'content-type': 'text/plain; charset=utf-8' });
      }
      const header = c.req.header('last-event-id') ?? '';
      const read = /^\d{1,9}$/.test(header) ? Number(header) : 0;
      return answerEvents(c, {
        streams,
        write: (data) => redactedJson(port, data),
        failed: (error) => port.log?.error({ err: error, requestId }, 'a stream of a deployment failed'),
        produce: (sink) => follow(sink, port, id, read),
      });
    },
  } satisfies Partial<Handlers>;
}

/** As wide as a time. */
const blank = ' '.repeat(24);

/** A deployment of an app that the caller may see. */
export function knownDeployment(port: ControllerPort, caller: Caller, id: string): DeploymentDetail {
  const found = port.history.deployment(id);
  if (!found || !isVisible(port, caller, found.app))
    throw new ProblemError(404, 'UnknownDeployment', `no deployment ${showValue(id)}`);
  return found;
}

/** History is read again whenever a step begins or a look is over; one that history forgets has ended. */
async function follow(sink: EventSink, port: ControllerPort, id: string, from: number): Promise<void> {
  let sent = from;
  let isNew = true;
  let wake: (() => void) | undefined;
  const sign = (): void => {
    isNew = true;
    wake?.();
  };
  const ends = [port.loop.onLook(sign), port.loop.onProgress(sign)];
  sink.signal.addEventListener('abort', sign, { once: true });
  try {
    while (!sink.signal.aborted) {
      isNew = false;
      const found = port.history.deployment(id);
      for (const line of found ? deploymentLines(found).slice(sent) : []) {
        sent += 1;
        if (!(await sink.send({ id: String(sent), event: 'line', data: line }))) return;
      }
      if (found === undefined || found.result !== undefined) {
        await sink.send({ event: 'end', data: {} });
        return;
      }
      if (!isNew)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    for (const end of ends) end();
  }
}
