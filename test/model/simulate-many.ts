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
  schedules: number;
  looks: number;
  planned: number;
  performed: number;
  /** The most looks from the end of all faults to rest. */
  longestRest: number;
  /** By kind of event. */
  readonly events: Record<string, number>;
  readonly failures: Failure[];
}

const mostFailures = 5;

/** Plays the schedules of seeds that follow each other until `isEnough`, or until too many have failed. */
export async function simulateMany(
  firstSeed: number,
  isEnough: (totals: Totals) => boolean,
  say: (line: string) => void = () => {},
): Promise<Totals> {
  const totals: Totals = {
    ...{ schedules: 0, looks: 0, planned: 0, performed: 0, longestRest: 0 },
    events: {},
    failures: [],
  };
  for (let seed = firstSeed; !isEnough(totals) && totals.failures.length < mostFailures; seed += 1) {
    const schedule = scheduleOf(seed);
    const played = await play(schedule);
    count(totals, schedule, played);
    if (played.broken === undefined) continue;
    say(`seed ${seed}: ${played.broken}`);
    const least = await shrink(schedule, played.broken);
    const { broken = played.broken, trace } = await play(least, true);
    totals.failures.push({ seed, rule: broken, events: least.events, trace: trace.slice(-40) });
  }
  return totals;
}

function count(totals: Totals, { events }: Schedule, { looks, planned, performed, rests }: Played): void {
  totals.schedules += 1;
  totals.looks += looks;
  totals.planned += planned;
  totals.performed += performed;
  totals.longestRest = Math.max(totals.longestRest, ...rests);
  for (const event of events) {
    const name = nameOf(event);
    totals.events[name] = (totals.events[name] ?? 0) + 1;
  }
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

/** One walk after the other. */
export function walkAll(walks: readonly WalkOptions[], say: (line: string) => void = () => {}): NamedWalk[] {
  return walks.map((options) => {
    const name = describeWalk(options);
    const walked = new Walk(options).run();
    say(`walk (${name}): ${walked.states} states${walked.broken ? `, broken: ${walked.broken.rule}` : ''}`);
    return { name, ...walked };
  });
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
