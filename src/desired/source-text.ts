import type { Position } from './app.ts';
import type { Problem } from './desired.ts';

/** The text of one file, without byte order mark, and where its lines begin. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  /** UTF-16 offset of each line. */
  readonly lines: readonly number[];
}

/** UTF-16 offsets into a text; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What is wrong, before it is said where. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly kind?: Problem['kind'];
  readonly other?: Position;
}

/** Longest piece of a line kept for printing; positions are exact beyond it. */
const excerptLimit = 1000;

export function createSourceText(file: string, text: string): SourceText {
  const lines = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.push(at + 1);
  return { file, text, lines };
}

/** The problem as it is handed out: with position, width of the caret and the lines to print. */
export function problemAt(source: SourceText, span: Span, fault: Fault, app?: string): Problem {
  const start = clampedStart(source, span.start);
  const position = positionAt(source, start);
  const lineText = textOfLine(source, position.line);
  const lineEnd = (source.lines[position.line - 1] ?? 0) + lineText.length;
  const token = source.text.slice(start, Math.max(start + 1, Math.min(span.end, lineEnd)));
  return {
    ...position,
    code: fault.code,
    kind: fault.kind ?? 'schema',
    message: fault.message,
    ...(app === undefined ? {} : { app }),
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
    length: Math.max(1, [...token].length),
    excerpt: excerptOf(source, position.line),
    ...(fault.other === undefined ? {} : { other: fault.other }),
  };
}

/** Line and column of an offset; columns count characters, not code units. */
export function positionAt(source: SourceText, offset: number): Position {
  const index = lineIndexAt(source, offset);
  const lineStart = source.lines[index] ?? 0;
  return {
    file: source.file,
    line: index + 1,
    column: [...source.text.slice(lineStart, offset)].length + 1,
  };
}

/** An error at the end of the file or of a line is shown at the last character there that can be seen. */
function clampedStart({ text }: SourceText, offset: number): number {
  let at = offset < text.length ? offset : Math.max(0, text.trimEnd().length - 1);
  while (at > 0 && /^\r?\n/.test(text.slice(at, at + 2)) && text.charAt(at - 1) !== '\n') at--;
  const isLowSurrogate = /^[\udc00-\udfff]$/.test(text.charAt(at));
  return isLowSurrogate ? at - 1 : at;
}

function lineIndexAt({ lines }: SourceText, offset: number): number {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lines[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function textOfLine({ text, lines }: SourceText, line: number): string {
  return text.slice(lines[line - 1] ?? 0, lines[line] ?? text.length).replace(/\r?\n$/, '');
}

function excerptOf(source: SourceText, line: number): Problem['excerpt'] {
  if (source.text === '') return [];
  const first = Math.max(1, line - 2);
  return Array.from({ length: line - first + 1 }, (_, index) => ({
    line: first + index,
    text: textOfLine(source, first + index).slice(0, excerptLimit),
  }));
}
