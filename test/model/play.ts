import { judgeRest, rest } from './liveness.ts';
import { Model } from './model.ts';
import { Broken } from './oracle.ts';
import { happen, type Schedule } from './schedule.ts';

/** What came of one schedule. */
export interface Played {
  readonly looks: number;
  readonly planned: number;
  readonly performed: number;
  /** The most looks that it took to come to rest, as a share of the bound. */
  readonly rests: readonly number[];
  readonly broken?: string;
  readonly trace: readonly string[];
}

/** Plays a schedule to its end, then lets faults end, then commits something good; judges each step and each rest. */
export async function play(schedule: Schedule, tracing = false): Promise<Played> {
  const model = new Model(schedule.slots);
  model.oracle.tracing = tracing;
  const rests: number[] = [];
  let broken: string | undefined;
  try {
    for (const event of schedule.events) await happen(model, event);
    model.endFaults();
    rests.push(await rest(model, 'as it is'));
    judgeRest(model, 'as it is', false);
    release(model);
    rests.push(await rest(model, 'a good commit'));
    judgeRest(model, 'a good commit', true);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    broken = error instanceof Broken ? error.rule : (error.stack ?? error.message);
  }
  const { looks, planned, performed } = model.controller;
  const trace = model.oracle.trace;
  return { looks, planned, performed, rests, trace, ...(broken === undefined ? {} : { broken }) };
}

/** A person lets go of everything that is held, and commits a release that is good. */
function release(model: Model): void {
  const { controller, oracle } = model;
  oracle.forgive();
  for (const app of Object.keys(controller.memory.apps))
    controller.change(app, ({ suspended: _s, pin: _p, quarantine: _q, failure: _f, ...memory }) => ({
      ...memory,
      pruneApproved: true,
    }));
  model.commitGood();
  controller.memory = { ...controller.memory, approvedPrunes: [controller.desired.revision] };
}

/** The same fault with as few events as can be found by leaving some out. */
export async function shrink(schedule: Schedule, rule: string): Promise<Schedule> {
  let least = schedule;
  for (
    let size = Math.ceil(least.events.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < least.events.length; ) {
      const events = [...least.events.slice(0, from), ...least.events.slice(from + size)];
      const shorter = { ...least, events };
      const { broken } = await play(shorter);
      if (broken !== undefined && kindOf(broken) === kindOf(rule)) least = shorter;
      else from += size;
    }
  }
  return least;
}

/** Names, times and numbers aside, two faults are the same. */
function kindOf(rule: string): string {
  return rule.replaceAll(/plimsoll-\S+|[\d.]+/g, '').slice(0, 40);
}
