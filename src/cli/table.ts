import { charWidth, escapeText, shorten } from '../desired/shown-text.ts';
import type { CliContext } from './context.ts';

/** A column: its heading and the text of a row's cell. */
export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
}

/** On a terminal the last column gives way, so that a line stays a line. */
const longestCell = 100;

/** Aligned by what each character fills on a terminal, without borders; foreign text is escaped. */
export function formatTable<T>(
  context: Pick<CliContext, 'color' | 'isTty'>,
  columns: readonly Column<T>[],
  rows: readonly T[],
): string {
  const cells = rows.map((row) => columns.map(({ text }) => shown(text(row), context.isTty)));
  const widths = columns.map(({ title }, index) =>
    Math.max(textWidth(title), ...cells.map((row) => textWidth(row[index] ?? ''))),
  );
  const line = (row: readonly string[], paintCell: (text: string) => string) =>
    row
      .map((text, index) => {
        const isLast = index === row.length - 1;
        const padding = isLast ? '' : ' '.repeat((widths[index] ?? 0) - textWidth(text) + 2);
        return `${paintCell(text)}${padding}`;
      })
      .join('')
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  const lines = [
    line(titles, (text) => text),
    ...cells.map((row) => line(row, (text) => paint(context, text))),
  ];
  return lines.map((text) => `${text}\n`).join('');
}

/** `name:  value` lines, aligned; what has no value is left out. */
export function formatFields(
  context: Pick<CliContext, 'color' | 'isTty'>,
  fields: readonly (readonly [name: string, value: string])[],
): string {
  const told = fields.filter(([, value]) => value !== '');
  const width = Math.max(...told.map(([name]) => name.length));
  return told
    .map(([name, value]) => `${`${name}:`.padEnd(width + 3)}${paint(context, shown(value, false))}\n`)
    .join('');
}

function shown(text: string, isTty: boolean): string {
  const escaped = escapeText(text);
  if (escaped === '') return '-';
  return isTty ? shorten(escaped, longestCell) : escaped;
}

function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

const tones: Readonly<Record<string, number>> = {
  Healthy: 32,
  Synced: 32,
  Succeeded: 32,
  healthy: 32,
  ok: 32,
  OutOfSync: 33,
  Progressing: 33,
  Unknown: 33,
  Suspended: 33,
  warn: 33,
  Degraded: 31,
  Missing: 31,
  Failed: 31,
  RolledBack: 31,
  unhealthy: 31,
  fail: 31,
};

function paint({ color }: Pick<CliContext, 'color'>, text: string): string {
  const tone = Object.hasOwn(tones, text) ? tones[text] : undefined;
  return color && tone !== undefined ? `\u001b[${tone}m${text}\u001b[0m` : text;
}
