import { type Played, play, shrink } from './play.ts';
import { type Schedule, scheduleOf } from './schedule.ts';
import { Walk, type Walked, type WalkOptions } from './walk.ts';

/** What was found wrong, so that somebody else can see it again. */
export interface Failure {
  readonly seed: number;
  readonly rule: string;
  /** The shortest schedule with the same fault, and the end of what it did. */
  readonly events: Schedule['events'];
  readonly trace: readonly string[];
}

export interface Totals {
  readonly schedules: number;
  readonly looks: number;
  readonly planned: number;
  readonly performed: number;
  /** The most looks from the end of all faults to rest. */
  readonly longestRest: number;
  /** By kind of event. */
  readonly events: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

/** More would only say the same again. */
export const mostFailures = 5;

export const nothingPlayed: Totals = {
  ...{ schedules: 0, looks: 0, planned: 0, performed: 0, longestRest: 0 },
  events: {},
  failures: [],
};

/** Plays the schedules of seeds that follow each other, or fewer when too many have failed. */
export async function playSeeds(first: number, count: number): Promise<Totals> {
  let totals = nothingPlayed;
  for (let seed = first; seed < first + count && totals.failures.length < mostFailures; seed += 1)
    totals = together(totals, await playSeed(seed));
  return totals;
}

export function together(a: Totals, b: Totals): Totals {
  const names = new Set([...Object.keys(a.events), ...Object.keys(b.events)]);
  return {
    schedules: a.schedules + b.schedules,
    looks: a.looks + b.looks,
    planned: a.planned + b.planned,
    performed: a.performed + b.performed,
    longestRest: Math.max(a.longestRest, b.longestRest),
    events: Object.fromEntries(
      [...names].sort().map((name) => [name, (a.events[name] ?? 0) + (b.events[name] ?? 0)]),
    ),
    failures: [...a.failures, ...b.failures],
  };
}

async function playSeed(seed: number): Promise<Totals> {
  const schedule = scheduleOf(seed);
  const played = await play(schedule);
  const { looks, planned, performed, rests, broken } = played;
  const events: Record<string, number> = {};
  for (const name of schedule.events.map(nameOf)) events[name] = (events[name] ?? 0) + 1;
  const longestRest = Math.max(0, ...rests);
  const failures = broken === undefined ? [] : [await failureOf(schedule, { ...played, broken })];
  return { schedules: 1, looks, planned, performed, longestRest, events, failures };
}

async function failureOf(schedule: Schedule, { broken }: Played & { broken: string }): Promise<Failure> {
  const least = await shrink(schedule, broken);
  const { broken: rule = broken, trace } = await play(least, true);
  return { seed: schedule.seed, rule, events: least.events, trace: trace.slice(-40) };
}

function nameOf(event: Schedule['events'][number]): string {
  switch (event.kind) {
    case 'hand':
    case 'container':
    case 'engine':
    case 'proxy':
    case 'memory':
    case 'squat':
      return `${event.kind} ${event.what}`;
    case 'operator':
      return `operator: ${event.verb}`;
    case 'fail calls':
      return `calls fail: ${event.how}`;
    case 'tick':
      return event.ms < 0 ? 'clock back' : event.ms > 3_600_000 ? 'clock a day on' : 'time passes';
    default:
      return event.kind;
  }
}

export interface NamedWalk extends Walked {
  readonly name: string;
}

export function walk(options: WalkOptions): NamedWalk {
  return { name: describeWalk(options), ...new Walk(options).run() };
}

function describeWalk({ replicas, stopFirst, faults, commits }: WalkOptions): string {
  const order = stopFirst ? 'stop-first' : 'start-first';
  return `${order}, replicas: ${replicas}, faults: ${faults}, commits: ${commits}`;
}

/** Those that the tests take, and those that take minutes. */
export const shortWalks: readonly WalkOptions[] = [
  { replicas: 1, faults: 1, commits: 1 },
  { replicas: 1, faults: 1, commits: 1, stopFirst: true },
  { replicas: 2, faults: 1, commits: 1 },
  { replicas: 2, faults: 1, commits: 1, stopFirst: true },
];

export const longWalks: readonly WalkOptions[] = [
  ...shortWalks,
  { replicas: 1, faults: 1, commits: 2 },
  { replicas: 1, faults: 2, commits: 1 },
];
