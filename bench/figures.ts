import { type Check, holds } from './check.ts';
import type { Figure } from './workbench.ts';

export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Median over the median of what it is compared with. */
  readonly ratio?: number;
}

export function summarize(figure: Figure, all: readonly Figure[]): Summary {
  const { samples } = figure;
  const base = all.find(({ name }) => name === figure.against);
  const summary = {
    count: samples.length,
    median: median(samples),
    min: Math.min(...samples),
    max: Math.max(...samples),
  };
  return base ? { ...summary, ratio: summary.median / median(base.samples) } : summary;
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

/** The figures of one part as lines of a table. */
export function formatFigures(part: string, figures: readonly Figure[]): string {
  const rows = figures.map((figure) => row(figure, summarize(figure, figures)));
  return formatTable([[part, 'median', 'from', 'to', 'n', 'ratio', ''], ...rows]);
}

/** What was tried, and how often it held. */
export function formatChecks(checks: readonly Check[]): string {
  const rows = checks.map((check) => [
    check.name,
    `${check.held} of ${check.tried} ${check.of}`,
    holds(check) ? '✓' : '✗',
    check.seeds ?? '',
  ]);
  const seeds = checks.some((check) => check.seeds !== undefined) ? 'seeds' : '';
  return formatTable([['what', 'held', '', seeds], ...rows]);
}

function row({ name, unit, against }: Figure, { count, median, min, max, ratio }: Summary): string[] {
  const show = (value: number): string => (unit === '' ? String(value) : `${precise(value)} ${unit}`);
  const spread = count > 1 ? [show(min), show(max)] : ['', ''];
  const compared = ratio === undefined ? ['', ''] : [`${precise(ratio)}×`, against ?? ''];
  return [name, show(median), ...spread, String(count), ...compared];
}

/** Three digits that count, and all before the point. */
function precise(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(digits);
}

/** Columns as wide as their widest cell: the first and the last to the left, the numbers to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 || column === cells.length - 1 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  const [head = [], ...body] = rows;
  return [
    line(head),
    widths
      .map((width) => '-'.repeat(width))
      .join('  ')
      .trimEnd(),
    ...body.map(line),
  ].join('\n');
}
