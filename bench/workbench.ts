import type Docker from 'dockerode';
import type { Check } from './check.ts';

/** What every part of the bench gets, and how it says what it measured. */
export interface Workbench {
  readonly docker: Docker;
  /** A folder of the part's own; removed afterwards. */
  readonly folder: string;
  /** Aborted by ctrl-C: a part ends soon after, with an error. */
  readonly signal: AbortSignal;
  readonly options: Options;
  /** Progress, for people. */
  say(line: string): void;
}

export interface Options {
  readonly rollouts: number;
  /** Updates that are to be taken back. */
  readonly broken: number;
  /** Sizes of the host, in apps. */
  readonly apps: readonly number[];
  /** Apps that stand beside the one that changes. */
  readonly beside: number;
  /** How often everything is measured that can be repeated at once. */
  readonly repetitions: number;
}

/** Measures one subject, and leaves nothing running. */
export type Part = (bench: Workbench) => Promise<PartResult>;

export interface PartResult {
  readonly figures: readonly Figure[];
  /** What was tried by kind, where that is more than samples of figures. */
  readonly checks?: readonly Check[];
  /** What must not be, whatever the speed: each is one sentence, and fails the bench. */
  readonly faults: readonly string[];
}

export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 's' | 'MB' | '';
  /** Everything that was measured, in order; a count is a single one. */
  readonly samples: readonly number[];
  /** Name of the figure of this part that it is a multiple of. */
  readonly against?: string;
}

/** What the engine holds of one run of the bench bears its names, by the id of its process: two on one engine do not disturb each other. */
export interface RunNames {
  /** Of all that is made through plimsoll. */
  readonly instance: string;
  /** Bears all that is made without it, to compare with. */
  readonly bareLabel: string;
  readonly composeProject: string;
  /** What the names of the images begin with. */
  readonly images: string;
}

export function namesOf(pid: number): RunNames {
  const instance = `bench-${pid}`;
  const own = `plimsoll-${instance}`;
  return { instance, bareLabel: `${own}.bare`, composeProject: own, images: `${own}/` };
}

export const { instance, bareLabel, composeProject, images } = namesOf(process.pid);
