import { summarize } from './figures.ts';
import type { PartFigures } from './proof.ts';

interface Mark {
  readonly part: string;
  /** Name of the figure, as the part gives it. */
  readonly figure: string;
  /** A multiple of the figure that it is compared with, milliseconds, megabytes, or a bare number. */
  readonly of: '×' | 'ms' | 'MB' | '';
  readonly atMost: number;
}

/** What we mean to reach: a multiple of what stands beside it in the same run, or a time on a machine with nothing else to do. */
export const marks: readonly Mark[] = [
  { part: 'noop', figure: '100 apps: look without news', of: 'ms', atMost: 1 },
  { part: 'noop', figure: '1000 apps, stopped: look without news', of: 'ms', atMost: 5 },
  { part: 'noop', figure: '100 apps: look at a resync', of: '×', atMost: 1.2 },
  { part: 'noop', figure: '100 apps: plimsoll diff, nothing to do', of: '×', atMost: 1 },
  { part: 'beside', figure: 'change: plimsoll, commit seen to serving and verified', of: '×', atMost: 1.15 },
  { part: 'beside', figure: 'repair: removed, plimsoll', of: '×', atMost: 1.15 },
  { part: 'beside', figure: 'initial: plimsoll, all healthy and routed', of: '×', atMost: 1.05 },
  { part: 'plan', figure: '10000 apps, one of them changed', of: 'ms', atMost: 100 },
  { part: 'plan', figure: 'growth, one changed: exponent from 1000 to 10000 apps', of: '', atMost: 1.1 },
  { part: 'plan', figure: 'growth, the first plan: exponent from 1000 to 10000 apps', of: '', atMost: 1.1 },
  { part: 'reading', figure: 'cold: read, parsed and validated', of: 'ms', atMost: 1_000 },
  { part: 'reading', figure: 'a commit that changes one file', of: 'ms', atMost: 30 },
  { part: 'memory', figure: '100 apps, running: as a service: anonymous', of: 'MB', atMost: 25 },
  { part: 'memory', figure: '100 apps, running: as a service: resident', of: 'MB', atMost: 70 },
  { part: 'memory', figure: '100 apps, running: as a service: process start to ready', of: '×', atMost: 3 },
];

export interface JudgedMark {
  readonly work: string;
  readonly mark: string;
  /** Undefined when it was not measured. */
  readonly measured?: string;
  readonly isReached: boolean;
}

export function judgeMarks(parts: readonly PartFigures[], wanted = marks): readonly JudgedMark[] {
  return wanted.map(({ part, figure: name, of, atMost }) => {
    const figures = parts.find((one) => one.part === part)?.figures ?? [];
    const figure = figures.find((one) => one.name === name);
    const summary = figure && summarize(figure, figures);
    const value = of === '×' ? summary?.ratio : summary?.median;
    const unit = of === '×' || of === '' ? of : ` ${of}`;
    const against = of === '×' && figure?.against ? ` ${figure.against}` : '';
    return {
      work: `${part}: ${name}`,
      mark: `at most ${atMost}${unit}${against}`,
      ...(value === undefined ? {} : { measured: `${round(value)}${unit}` }),
      isReached: value !== undefined && value <= atMost,
    };
  });
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}
