import type { Problem } from './desired.ts';
import { charWidth, escapeText, isPrintable, shorten } from './shown-text.ts';

const gutterWidth = 5;
const tabWidth = 4;
/** Columns of a terminal that a line of the excerpt may fill. */
const lineWidth = 110;

type Paint = (style: keyof typeof styles, text: string) => string;

const styles = { error: 31, caret: 31, place: 1, quiet: 2, help: 36 } as const;

/** The problem as people read it: headline, the offending lines with a caret, help. No line feed at the end. */
export function formatProblem(
  problem: Problem,
  { color = false }: { readonly color?: boolean } = {},
): string {
  const paint: Paint = (style, text) => (color ? `\u001b[${styles[style]}m${text}\u001b[0m` : text);
  const { code, hint, other } = problem;
  const place = `${escapeText(problem.file)}:${problem.line}:${problem.column}`;
  return [
    `${paint('place', `${place}:`)} ${paint('error', 'error')} ${code} ${escapeText(shorten(problem.message, 400))}`,
    ...excerptLines(problem, paint),
    ...(other === undefined
      ? []
      : [`   ${paint('help', 'also:')} ${escapeText(other.file)}:${other.line}:${other.column}`]),
    ...(hint === undefined ? [] : [`   ${paint('help', 'help:')} ${escapeText(shorten(hint, 600))}`]),
  ].join('\n');
}

function excerptLines({ excerpt, line, column, length }: Problem, paint: Paint): readonly string[] {
  const offending = layOut(excerpt.find((part) => part.line === line)?.text ?? '');
  const from = offending[column - 1]?.at ?? widthOf(offending);
  const last = offending[column - 2 + length];
  const to = Math.max(from + 1, last === undefined ? widthOf(offending) : last.at + last.width);
  // A long line is shown from shortly before the caret.
  const start = from > lineWidth - 20 ? from - 20 : 0;
  const gutter = Math.max(gutterWidth, String(line).length);
  return excerpt.flatMap((part) => {
    const number = paint('quiet', `${String(part.line).padStart(gutter)} |`);
    const text = cut(part.line === line ? offending : layOut(part.text), part.line === line ? start : 0);
    const shown = `${number}${text === '' ? '' : ` ${text}`}`;
    if (part.line !== line) return [shown];
    const carets = '^'.repeat(Math.min(to, start + lineWidth) - from);
    const blank = paint('quiet', `${' '.repeat(gutter)} |`);
    return [shown, `${blank} ${' '.repeat(from - start)}${paint('caret', carets)}`];
  });
}

/** A character of a line as it is printed, and the column it is printed at. */
interface Cell {
  readonly text: string;
  readonly at: number;
  readonly width: number;
}

function layOut(line: string): readonly Cell[] {
  let at = 0;
  return [...line].map((char) => {
    const text = char === '\t' ? ' '.repeat(tabWidth - (at % tabWidth)) : escapeText(char);
    const width = char === '\t' || !isPrintable(char) ? text.length : charWidth(char);
    const cell = { text, at, width };
    at += width;
    return cell;
  });
}

function widthOf(cells: readonly Cell[]): number {
  const last = cells.at(-1);
  return last === undefined ? 0 : last.at + last.width;
}

function cut(cells: readonly Cell[], start: number): string {
  const shown = cells.filter(({ at, width }) => at >= start && at + width <= start + lineWidth);
  const text = shown.map((cell) => cell.text).join('');
  const isCut = widthOf(cells) > start + lineWidth;
  // The ellipsis takes the place of one column, so that the caret stays where it is.
  return `${start > 0 ? `…${text.slice(1)}` : text}${isCut ? '…' : ''}`.trimEnd();
}
