// The thread of `checker.ts`.

import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { CheckedApp, CheckerOrder, CheckOptions, CheckReport } from './checker.ts';
import { openStream, type StreamEnd, type StreamKind, streamKinds } from './stream-client.ts';

/** How long streams last, in turn: some end by themselves, some are there when their container goes. */
const lasting: Readonly<Record<StreamKind, readonly number[]>> = {
  download: [800],
  events: [600, 20_000, 3_000],
  socket: [700, 20_000, 3_000],
};
const mostFaults = 100;
const longestRequest = 10_000;

const { port, apps, modes, kept, fresh, streams, pause } = workerData as CheckOptions;
const stopping = new AbortController();
const muted = new Set<string>();
/** When an app was last told to answer again. */
const unmutedAt = new Map<string, number>();
/** The release that is done with, by app, and since when. */
const done = new Map<string, { readonly release: number; readonly at: number }>();
/** When the requests began that a release answered, until a newer one is done. */
const begun = new Map<string, Map<number, number[]>>();
const faults: string[] = [];
const ends: StreamEnd[] = [];
const counts = { requests: 0, failed: 0, late: 0 };

const lanes = apps.flatMap((app) => [
  ...Array.from({ length: kept }, () => askOften(app, new Agent({ keepAlive: true, maxSockets: 1 }))),
  ...Array.from({ length: fresh }, () => askOften(app, false)),
  ...streamKinds.flatMap((kind) => Array.from({ length: streams }, (_, lane) => openOften(app, kind, lane))),
]);

parentPort?.on('message', (order: CheckerOrder) => {
  switch (order.kind) {
    case 'done':
      return markDone(order.app, order.release, order.at);
    case 'mute':
      muted.add(order.app);
      return;
    case 'unmute':
      muted.delete(order.app);
      unmutedAt.set(order.app, Date.now());
      return;
    case 'stop':
      return void stop();
    default:
      return order satisfies never;
  }
});

async function stop(): Promise<void> {
  stopping.abort();
  await Promise.all(lanes);
  parentPort?.postMessage({ ...counts, faults, streams: ends } satisfies CheckReport);
  parentPort?.close();
}

async function askOften(app: CheckedApp, agent: Agent | false): Promise<void> {
  const connection = agent ? 'a kept connection' : 'a new connection';
  while (!stopping.signal.aborted) {
    const at = Date.now();
    counts.requests += 1;
    try {
      const { release, mode } = await ask(app, agent);
      if (!modes.includes(mode))
        fail(app, at, `on ${connection}: release ${release} answered, which is ${mode}`);
      else note(app, release, at, connection);
    } catch (error) {
      fail(app, at, `on ${connection}: ${reasonOf(error)}`);
    }
    await delay(pause);
  }
  if (agent) agent.destroy();
}

interface Said {
  readonly release: number;
  readonly mode: string;
}

/** Throws for an answer that is not whole, not the app's, or not what its release says. */
function ask({ name, host }: CheckedApp, agent: Agent | false): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  const options = { host: '127.0.0.1', port, headers: { Host: host }, agent, timeout: longestRequest };
  const asked = request(options, async (response) => {
    const body = await text(response).catch((error: Error) => reject(new Error(`cut: ${error.message}`)));
    const { 'x-app': app, 'x-release': release, 'x-mode': mode } = response.headers;
    if (response.statusCode !== 200)
      reject(new Error(`status ${response.statusCode}: ${String(body).slice(0, 80)}`));
    else if (app !== name) reject(new Error(`${app} answered`));
    else if (body !== `bench release ${release}\n`) reject(new Error(`the page ${JSON.stringify(body)}`));
    else resolve({ release: Number(release), mode: String(mode) });
  });
  asked.on('timeout', () => asked.destroy(new Error(`no answer within ${longestRequest / 1000} s`)));
  asked.on('error', reject);
  asked.end();
  return promise;
}

async function openOften(app: CheckedApp, kind: StreamKind, lane: number): Promise<void> {
  const { signal } = stopping;
  for (let turn = lane; !signal.aborted; turn += 1) {
    const at = Date.now();
    const lasts = lasting[kind][turn % lasting[kind].length] ?? 0;
    try {
      const end = await openStream(kind, { port, host: app.host, app: app.name, lasts, signal });
      if (signal.aborted) return;
      ends.push(end);
      note(app, end.release, at, `a stream (${kind})`);
    } catch (error) {
      if (signal.aborted) return;
      fail(app, at, `${kind}: ${reasonOf(error)}`);
    }
    await delay(pause);
  }
}

function fail({ name }: CheckedApp, at: number, what: string): void {
  // Of what began or ended in the time that an app could not answer nothing is said.
  if (muted.has(name) || (unmutedAt.get(name) ?? 0) >= at) return;
  counts.failed += 1;
  report(at, `${name}, ${what}`);
}

function note({ name }: CheckedApp, release: number, at: number, where: string): void {
  const last = done.get(name);
  if (last && release < last.release) {
    if (at > last.at) tooLate(name, { release, at, where });
    return;
  }
  const ofApp = begun.get(name) ?? new Map<number, number[]>();
  begun.set(name, ofApp);
  const times = ofApp.get(release) ?? [];
  ofApp.set(release, times);
  times.push(at);
}

function markDone(app: string, release: number, at: number): void {
  done.set(app, { release, at });
  const ofApp = begun.get(app);
  for (const [older, times] of ofApp ?? []) {
    if (older >= release) continue;
    for (const time of times.filter((one) => one > at))
      tooLate(app, { release: older, at: time, where: 'a request' });
    ofApp?.delete(older);
  }
}

function tooLate(
  app: string,
  { release, at, where }: { readonly release: number; readonly at: number; readonly where: string },
): void {
  counts.late += 1;
  const last = done.get(app);
  report(
    at,
    `${app}, ${where}: release ${release} answered, ${at - (last?.at ?? at)} ms after the last switch to ${last?.release}`,
  );
}

function report(at: number, what: string): void {
  if (faults.length < mostFaults) faults.push(`${new Date(at).toISOString()} ${what}`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.code} ${error.message}` : error.message;
}
