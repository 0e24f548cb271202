import type { Check } from './check.ts';
import type { CheckReport } from './checker.ts';
import type { JudgedStreams } from './judge-streams.ts';
import { replicas, type Switch } from './server-app.ts';
import { type StreamEnd, type StreamKind, streamKinds } from './stream-client.ts';
import type { Figure, PartResult } from './workbench.ts';
import { type Answers, type Connections, failedOf } from './wrk.ts';

export const kinds: readonly Connections[] = ['keep-alive', 'close'];

export type ByKind = Readonly<Record<Connections, Answers>>;

/** All that was seen while apps were updated. */
export interface Seen {
  readonly rest: ByKind;
  readonly busy: ByKind;
  /** Of each rollout. */
  readonly seconds: readonly number[];
  readonly checked: CheckReport;
  readonly judged: JudgedStreams;
  readonly switches: readonly Switch[];
  /** So many were to be done. */
  readonly rollouts: number;
}

/** What that comes to: each request, stream and switch is counted, and what must not be is a fault. */
export function reportRollouts(seen: Seen): PartResult {
  const { rest, busy, seconds, checked, judged, switches, rollouts } = seen;
  return {
    figures: [...figuresOf(rest, busy, seconds), ...streamKinds.map((kind) => drainedFigure(kind, judged))],
    checks: [
      ...kinds.flatMap((kind) => loadChecks(kind, rest[kind], busy[kind])),
      ...checkedChecks(checked),
      ...streamKinds.flatMap((kind) => streamChecks(kind, checked, judged)),
      {
        ...{ name: 'switches of a replica, in the history', of: 'switches' },
        ...{ tried: rollouts * replicas, held: switches.length },
      },
    ],
    faults: [
      ...kinds.flatMap((kind) => [
        ...faultsOf('at rest', kind, rest),
        ...faultsOf('in rollouts', kind, busy),
      ]),
      ...missing(switches, rollouts),
      ...notThrough(judged),
      ...checked.faults,
      ...judged.faults,
    ],
  };
}

function figuresOf(rest: ByKind, busy: ByKind, seconds: readonly number[]): Figure[] {
  return [
    { name: 'rollouts done', unit: '', samples: [seconds.length] },
    { name: 'one rollout, commit to converged', unit: 's', samples: seconds },
    ...kinds.flatMap((kind) => loadFigures(kind, rest[kind], busy[kind])),
  ];
}

const connectionNames = { 'keep-alive': 'keep-alive', close: 'new connections' } as const;

function loadFigures(kind: Connections, rest: Answers, busy: Answers): Figure[] {
  const latency = (percentile: 'p50' | 'p99' | 'max'): Figure[] => {
    const name = `${connectionNames[kind]}: ${percentile === 'max' ? 'longest' : percentile}`;
    const samples = (answers: Answers): number[] => [answers[percentile] / 1000];
    return [
      { name: `${name} at rest`, unit: 'ms', samples: samples(rest) },
      { name: `${name} in rollouts`, unit: 'ms', samples: samples(busy), against: `${name} at rest` },
    ];
  };
  return [...latency('p50'), ...latency('p99'), ...latency('max')];
}

function loadChecks(kind: Connections, rest: Answers, busy: Answers): Check[] {
  const check = (when: string, answers: Answers): Check => ({
    ...{ name: `wrk, ${connectionNames[kind]}, ${when}`, tried: answers.requests, of: 'requests' },
    held: answers.requests - failedOf(answers),
  });
  return [check('at rest', rest), check('in rollouts', busy)];
}

function checkedChecks({ requests: tried, failed, late }: CheckReport): Check[] {
  const of = 'requests';
  return [
    { name: 'checked: the whole page, of the right app', tried, held: tried - failed, of },
    { name: 'checked: of no older release after the switch', tried, held: tried - late, of },
  ];
}

const streamNames = { download: 'downloads', events: 'event streams', socket: 'web sockets' } as const;

function streamChecks(kind: StreamKind, { streams }: CheckReport, judged: JudgedStreams): Check[] {
  const of = streamNames[kind];
  const check = (name: string, all: readonly StreamEnd[]): Check => {
    const tried = all.filter((one) => one.kind === kind);
    return { name: `${of}, ${name}`, tried: tried.length, held: tried.filter(isWhole).length, of };
  };
  const isWhole = (one: StreamEnd): boolean => one.complete || judged.drained.includes(one);
  return [
    check('not cut before their drain', streams),
    check('open through the switch of their replica', judged.through),
  ];
}

/** Of those that were not cut before, so many were cut then. */
function drainedFigure(kind: StreamKind, { drained }: JudgedStreams): Figure {
  const own = drained.filter((one) => one.kind === kind);
  return { name: `${streamNames[kind]} cut when their drain was over`, unit: '', samples: [own.length] };
}

/** Of a kind that was never open when its replica was switched, nothing is shown. */
function notThrough({ through }: JudgedStreams): string[] {
  const missing = streamKinds.filter((kind) => !through.some((one) => one.kind === kind));
  return missing.map((kind) => `none of the ${streamNames[kind]} was open through a switch`);
}

/** Without its switches a rollout cannot be judged. */
function missing(switches: readonly Switch[], rollouts: number): string[] {
  const expected = rollouts * replicas;
  if (switches.length === expected) return [];
  return [`the history tells of ${switches.length} switches of replicas, not of ${expected}`];
}

function faultsOf(when: string, kind: Connections, answers: ByKind): string[] {
  const { requests, connect, read, write, timeout, wrong } = answers[kind];
  if (requests === 0) return [`${kind}, ${when}: no request was answered`];
  if (failedOf(answers[kind]) === 0) return [];
  return [
    `${kind}, ${when}: of ${requests} requests ${connect} could not connect, ${read} broke while reading, ${write} while writing, ${timeout} timed out, ${wrong} got a wrong answer`,
  ];
}
