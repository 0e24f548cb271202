import { CST, isAlias, isMap, isScalar, isSeq, Lexer, type Node, type ParsedNode, type Scalar } from 'yaml';
import { EdgeError } from '../apply/ports.ts';
import { decodeText } from '../desired/decode-text.ts';
import { parseYaml } from '../desired/parse-yaml.ts';
import { readTree } from '../desired/read-tree.ts';
import { escapeText, shorten } from '../desired/shown-text.ts';
import { positionAt, type SourceText, type Span } from '../desired/source-text.ts';
import { readGoScalar } from './go-scalar.ts';

/** A YAML document with the places of its values and comments, so that they can be replaced and all else stays. */
export interface SopsDocument {
  readonly source: SourceText;
  /** As manifests are read; `sops` included. */
  readonly value: Readonly<Record<string, unknown>>;
  /** All values but those below `sops`, in the order of the file. */
  readonly leaves: readonly Leaf[];
  readonly comments: readonly Comment[];
  /** `sops` with all below it, whole lines; undefined in a plain document. */
  readonly metadataSpan: Span | undefined;
}

export interface Leaf {
  /** The keys that lead to it; positions in lists do not count. */
  readonly path: readonly string[];
  readonly span: Span;
  /** A scalar that is quoted, or written over several lines, is always text. */
  readonly isPlain: boolean;
  /** What stands in the file, quotes and indentation resolved. */
  readonly text: string;
  /** Inside of `{…}` or `[…]`, where a ciphertext needs quotes. */
  readonly isFlow: boolean;
  /** Nothing follows on its line. */
  readonly isAlone: boolean;
  /** Columns before the key's line begins. */
  readonly indent: number;
}

export interface Comment {
  /** Of the mapping that it stands in. */
  readonly path: readonly string[];
  /** What follows the `#`. */
  readonly span: Span;
  readonly text: string;
}

/**
 * Throws EdgeError `Corrupt`, with the place, when the text is not one YAML mapping within the limits of manifests.
 * Syntax errors quote the file, so a decrypted text must not be told by them: `quiet` leaves that part out.
 */
export function readDocument(text: string, file: string, { quiet = false } = {}): SopsDocument {
  const source = decodeText({ path: file, id: file, content: Buffer.from(text) });
  if ('code' in source) throw corrupt(`${source.line}:${source.column}: ${source.message}`);
  const { documents, problems } = parseYaml(source);
  const [problem] = problems;
  if (problem)
    throw corrupt(`${problem.line}:${problem.column}: ${quiet ? 'the YAML is invalid' : problem.message}`);
  const [document] = documents;
  if (!document || documents.length > 1) throw corrupt('a secret is one YAML document, alone in its file');
  const { contents } = document;
  if (!isMap(contents)) throw corrupt('the document is no mapping');
  const { value, faults } = readTree(contents, source, () => false);
  const [fault] = faults;
  if (fault) {
    const { line, column } = positionAt(source, fault.span.start);
    // A password that begins with "*" reads as an alias, and the message would quote it.
    const isKey = fault.fault.code === duplicateKey;
    throw corrupt(`${line}:${column}: ${quiet && !isKey ? 'the YAML is invalid' : fault.fault.message}`);
  }
  const walked = walk(contents, source);
  return { source, value: value as Record<string, unknown>, ...walked };
}

/** The code of a key that is given twice. */
const duplicateKey = 'E1108';

function corrupt(why: string): EdgeError {
  return new EdgeError('terminal', 'Corrupt', why);
}

type Mapping = Extract<ParsedNode, { items: { key: unknown }[] }>;

/** A mapping and the offsets between which its comments stand. */
interface Region extends Span {
  readonly path: readonly string[];
  /** Lines indented less belong to what is around it. */
  readonly column: number;
}

function walk(root: Node, source: SourceText): Pick<SopsDocument, 'leaves' | 'comments' | 'metadataSpan'> {
  const leaves: Leaf[] = [];
  const regions: Region[] = [];
  let metadataSpan: Span | undefined;

  function visit(node: Node | null, path: readonly string[], isFlow: boolean, end: number): void {
    if (isAlias(node)) throw corrupt(`${shownPath(path)} is an alias: SOPS files have none`);
    if (isScalar(node)) leaves.push(toLeaf(node, path, isFlow, source));
    else if (isSeq(node))
      for (const item of node.items) visit(item as Node | null, path, isFlow || node.flow === true, end);
    else if (isMap(node)) visitMap(node as unknown as Mapping, path, isFlow, end);
  }

  function visitMap(node: Mapping, path: readonly string[], isOuterFlow: boolean, end: number): void {
    const isFlow = isOuterFlow || (node as { flow?: boolean }).flow === true;
    const { items } = node as unknown as { items: { key: Scalar; value: Node | null }[] };
    const starts = items.map(({ key }) => key.range?.[0] ?? 0);
    regions.push({ path, start: starts[0] ?? 0, end, column: isFlow ? 0 : columnOf(source, starts[0] ?? 0) });
    items.forEach(({ key, value }, index) => {
      const after = starts[index + 1] ?? end;
      if (path.length === 0 && key.value === 'sops') {
        metadataSpan = {
          start: lineStart(source.text, starts[index] ?? 0),
          end: endOf(value, key, after, source),
        };
        return;
      }
      visit(value, [...path, String(key.value)], isFlow, after);
    });
  }

  visit(root, [], false, source.text.length);
  return { leaves, comments: commentsIn(source, regions, metadataSpan), metadataSpan };
}

function toLeaf(node: Scalar, path: readonly string[], isFlow: boolean, source: SourceText): Leaf {
  const [start, valueEnd] = node.range ?? [0, 0];
  // A block ends with its line; the line break stays where the block is replaced.
  const end = start + source.text.slice(start, valueEnd).trimEnd().length;
  const isPlain = node.type === 'PLAIN' || node.type === undefined;
  const line = source.text.slice(lineStart(source.text, start), start);
  return {
    path,
    span: { start, end },
    isPlain,
    text: isPlain ? (node.source ?? '') : String(node.value),
    isFlow,
    isAlone: /^[ \t\r]*(?:\n|$)/.test(source.text.slice(end, end + 200)),
    indent: /^(?:[ ]|- )*/.exec(line)?.[0].length ?? 0,
  };
}

/** Where the lines of `sops` end: comments after it are not its own. */
function endOf(value: Node | null, key: Scalar, after: number, { text }: SourceText): number {
  const end = value?.range?.[1] ?? key.range?.[1] ?? after;
  if (text.charAt(end - 1) === '\n') return end;
  const line = text.indexOf('\n', end);
  return line === -1 ? text.length : line + 1;
}

/** The innermost mapping that a comment stands in; none for those below `sops`. */
function commentsIn(
  source: SourceText,
  regions: readonly Region[],
  metadata: Span | undefined,
): readonly Comment[] {
  return commentSpans(source.text)
    .filter(({ start }) => metadata === undefined || start < metadata.start || start >= metadata.end)
    .map((span) => {
      const isInline = source.text.slice(lineStart(source.text, span.start), span.start - 1).trim() !== '';
      const column = isInline ? Number.POSITIVE_INFINITY : columnOf(source, span.start - 1);
      const first = lineStart(source.text, span.start);
      // A comment above the first key of a mapping is in it, the one beside the mapping's own key is not.
      const region = regions.findLast(
        (one) =>
          column >= one.column &&
          span.start < one.end &&
          (span.start >= one.start || isRightAbove(source.text, first, one.start)),
      );
      return {
        path: isInline && region !== undefined && span.start < region.start ? [] : (region?.path ?? []),
        span,
        text: source.text.slice(span.start, span.end),
      };
    });
}

/** Nothing but comments and blank lines between the line of a comment and a key. */
function isRightAbove(text: string, from: number, to: number): boolean {
  return from < to && /^(?:[ \t]*(?:#[^\n]*)?\n)*[ ]*$/.test(text.slice(from, to));
}

function commentSpans(text: string): readonly Span[] {
  const spans: Span[] = [];
  let at = 0;
  let isContent = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (isMarker(lexeme)) {
      isContent = lexeme === CST.SCALAR;
      continue;
    }
    const end = at + lexeme.length;
    if (!isContent && lexeme.startsWith('#')) spans.push({ start: at + 1, end });
    isContent = false;
    at = end;
  }
  return spans;
}

/** What the lexer says besides the text itself. */
function isMarker(lexeme: string): boolean {
  return lexeme === CST.DOCUMENT || lexeme === CST.FLOW_END || lexeme === CST.SCALAR;
}

export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function columnOf({ text }: SourceText, offset: number): number {
  return offset - lineStart(text, offset);
}

/** What the MAC counts of a value that is not encrypted; undefined for null, which it leaves out. */
export function macText(leaf: Leaf): string | undefined {
  if (!leaf.isPlain) return leaf.text;
  const { type, text } = readGoScalar(leaf.text);
  return type === 'null' ? undefined : text;
}

export function shownPath(path: readonly string[]): string {
  return escapeText(shorten(path.join('.'), 80)) || 'the document';
}

/** The text with the spans replaced; spans do not overlap. */
export function replaceSpans(
  text: string,
  edits: readonly { readonly span: Span; readonly text: string }[],
): string {
  const sorted = edits.toSorted((a, b) => a.span.start - b.span.start);
  let result = '';
  let at = 0;
  for (const { span, text: fresh } of sorted) {
    result += text.slice(at, span.start) + fresh;
    at = span.end;
  }
  return result + text.slice(at);
}
