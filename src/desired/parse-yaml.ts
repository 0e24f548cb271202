import { Composer, CST, type Document, isScalar, Lexer, type ParsedNode, Parser } from 'yaml';
import type { Problem } from './desired.ts';
import { escapeText, shorten } from './shown-text.ts';
import { type Fault, positionAt, problemAt, type SourceText, type Span } from './source-text.ts';

/** One document of a file that is not empty. */
export interface YamlDocument {
  readonly contents: ParsedNode;
  /** Its YAML cannot be relied upon: nothing but its name is read. */
  readonly broken: boolean;
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly Problem[];
  /** A document may have gone under in an error: nobody knows which apps the file declares. */
  readonly lost: boolean;
}

/** Far beyond any manifest, and far below what keeps the process busy. */
export const yamlLimits = { depth: 32, keys: 2000, aliases: 20, indicators: 20_000 } as const;

/** YAML 1.2 core without directives and tags, within the limits. Keys are text, whatever they look like. */
export function parseYaml(source: SourceText): YamlFile {
  const { tokens, problems, quotes, aborted } = readTokens(source);
  if (aborted) return { documents: [], problems, lost: true };
  const found = [...problems];
  const documents: YamlDocument[] = [];
  let syntaxErrors = false;
  for (const document of compose(tokens)) {
    const errors = syntaxProblems(document, source, quotes);
    found.push(...errors);
    syntaxErrors ||= errors.length > 0;
    // A directive or tag may have changed the meaning of any document of the file.
    const broken = errors.length > 0 || problems.length > 0;
    const { contents } = document;
    if (contents !== null && !isEmpty(contents)) documents.push({ contents, broken });
  }
  const several = /^(?:---|\.\.\.)(?=\s|$)/m.test(source.text.replace(/^(?:\s|#[^\n]*\n|%[^\n]*\n)*---/, ''));
  return { documents, problems: found, lost: syntaxErrors && (several || documents.length === 0) };
}

type ComposedDocument = Document.Parsed<ParsedNode, true>;

function compose(tokens: readonly CST.Token[]): Iterable<ComposedDocument> {
  const composer = new Composer<ParsedNode>({
    version: '1.2',
    schema: 'core',
    merge: false,
    stringKeys: true,
    // Compares each key with each other; `read-tree.ts` looks for duplicates in linear time.
    uniqueKeys: false,
  });
  return composer.compose(tokens) as Iterable<ComposedDocument>;
}

function isEmpty(contents: ParsedNode): boolean {
  return isScalar(contents) && contents.value === null;
}

/**
 * The concrete syntax tree, given up before anything recursive can meet it: composing deeply nested input
 * exhausts the stack, even uncatchably (https://github.com/eemeli/yaml/security/advisories).
 */
function readTokens(source: SourceText) {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  const problems: Problem[] = [];
  const quotes = new Map<number, number>();
  const count = { keys: 0, aliases: 0, indicators: 0, depth: 0 };
  let isContent = false;
  for (const lexeme of new Lexer().lex(source.text)) {
    const span = { start: parser.offset, end: parser.offset + lexeme.length };
    const type = isContent ? 'scalar' : CST.tokenType(lexeme);
    isContent = lexeme === CST.SCALAR;
    for (const token of parser.next(lexeme)) tokens.push(token);
    count.depth = depthOf(parser);
    if (type === 'map-value-ind' || type === 'explicit-key-ind') count.keys++;
    if (type === 'alias') count.aliases++;
    if (isIndicator(type)) count.indicators++;
    if (type === 'double-quoted-scalar' || type === 'single-quoted-scalar') quotes.set(span.end, span.start);
    const forbidden = forbiddenToken(type, lexeme);
    if (forbidden !== undefined && problems.length < 100) problems.push(problemAt(source, span, forbidden));
    const excess = excessOf(count);
    if (excess !== undefined)
      return { tokens, problems: [problemAt(source, span, excess)], quotes, aborted: true };
  }
  tokens.push(...parser.end());
  return { tokens, problems, quotes, aborted: false };
}

function isIndicator(type: ReturnType<typeof CST.tokenType>): boolean {
  return type !== 'space' && type !== 'newline' && type !== 'comment' && type !== 'scalar';
}

function depthOf({ stack }: Parser): number {
  if (stack.length <= yamlLimits.depth) return stack.length;
  return stack.filter((token) => CST.isCollection(token)).length;
}

function excessOf(count: {
  keys: number;
  aliases: number;
  indicators: number;
  depth: number;
}): Fault | undefined {
  if (count.depth > yamlLimits.depth) {
    return { code: 'E1102', message: `nested deeper than ${yamlLimits.depth} levels` };
  }
  if (count.keys > yamlLimits.keys) {
    return {
      code: 'E1103',
      message: `more than ${yamlLimits.keys} keys in one file`,
      hint: 'split the file',
    };
  }
  if (count.aliases > yamlLimits.aliases) {
    return { code: 'E1104', message: `more than ${yamlLimits.aliases} aliases in one file` };
  }
  if (count.indicators > yamlLimits.indicators) {
    return {
      code: 'E1103',
      message: `more than ${yamlLimits.indicators} items, brackets and other marks in one file`,
      hint: 'split the file',
    };
  }
  return undefined;
}

function forbiddenToken(type: ReturnType<typeof CST.tokenType>, lexeme: string): Fault | undefined {
  if (type === 'directive-line') {
    return {
      code: 'E1105',
      message: `YAML directive ${quoted(lexeme)} is not allowed`,
      hint: 'remove the line: manifests are YAML 1.2',
    };
  }
  if (type === 'tag') {
    return {
      code: 'E1106',
      message: `YAML tag ${quoted(lexeme)} is not allowed`,
      hint: 'quote the value instead',
    };
  }
  return undefined;
}

/**
 * One per line: what follows on the same line follows from the first. `quotes` tells where a quoted text begins that
 * ends at a place.
 */
function syntaxProblems(
  document: Document.Parsed,
  source: SourceText,
  quotes: ReadonlyMap<number, number>,
): readonly Problem[] {
  const byLine = new Map<number, Problem>();
  for (const error of [...document.errors, ...document.warnings]) {
    if (error.code === 'TAG_RESOLVE_FAILED' || error.code === 'BAD_DIRECTIVE') continue;
    // What could not be read any more after an error is no error of its own.
    if (byLine.size > 0 && error.message.includes(' in YAML stream')) continue;
    const span = spanOf(error, source.text, quotes);
    const { line } = positionAt(source, span.start);
    const known = byLine.has(line) || byLine.size === 100;
    if (!known)
      byLine.set(line, problemAt(source, span, syntaxFault(error, lineAt(source.text, span.start))));
  }
  return [...byLine.values()];
}

interface SyntaxError {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

/** Where a person finds it: not the spaces before it, and of an open quote its beginning. */
function spanOf({ message, pos }: SyntaxError, text: string, quotes: ReadonlyMap<number, number>): Span {
  const [from, to] = pos;
  const quote = message.startsWith('Missing closing') ? quotes.get(from) : undefined;
  if (quote !== undefined) return { start: quote, end: from };
  const start = from + (/^ +(?=[^ \n\r])/.exec(text.slice(from, from + 1000))?.[0].length ?? 0);
  return { start, end: Math.max(start + 1, to) };
}

function lineAt(text: string, at: number): string {
  return text.slice(text.lastIndexOf('\n', at - 1) + 1, at + 80).split('\n')[0] ?? '';
}

function syntaxFault({ code, message }: SyntaxError, line: string): Fault {
  if (/^(?:<{7}|={7}|>{7})(?: |\r?$)/.test(line)) return mergeConflict;
  if (code === 'NON_STRING_KEY')
    return {
      code: 'E1110',
      message: 'a key must be plain text',
      hint: 'quote it where a brace, bracket or "*" is part of the text',
    };
  const words = syntaxWords.find(([pattern]) => pattern.test(message));
  const found = words?.[0].exec(message)?.slice(1) ?? [];
  const told = words === undefined ? inSmall(message) : fill(words[1], found);
  const hint = words === undefined ? syntaxHints[code] : fill(words[2], found);
  return {
    code: 'E1101',
    message: `invalid YAML: ${escapeText(shorten(told, 120))}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

function inSmall(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** `$1` is what the pattern found first. */
function fill(words: string, found: readonly string[]): string {
  return words.replaceAll(/\$(\d)/g, (_, number) => found[Number(number) - 1] ?? '');
}

const mergeConflict: Fault = {
  code: 'E1101',
  message: 'invalid YAML: a merge conflict is not resolved',
  hint: 'keep one of the two sides, and remove the markers',
};

/** What the parser says that nobody understands who has not read the specification of YAML, in words and with help. */
const syntaxWords: readonly (readonly [RegExp, string, string])[] = [
  [/^Missing closing "quote/, 'a double quote is not closed', 'close it with "'],
  [/^Missing closing 'quote/, 'a single quote is not closed', "close it with '"],
  [/^Flow map .* end with a/, '"{" is not closed by "}"', 'close it, and indent what is between'],
  [/^Flow sequence .* end with a/, '"[" is not closed by "]"', 'close it, and indent what is between'],
  [/ at node end$| in YAML stream/, 'text after the end of a value', 'quote the whole value'],
  [/^Unexpected [a-z-]*scalar/, 'text after the end of an item', 'separate items with a comma'],
  [/^Missing ,/, 'text after the end of an item', 'separate items with a comma'],
  [/^Unexpected , in/, 'a comma without an item before it', 'remove it'],
  [
    /^Implicit map keys need to be followed/,
    'a key without a value',
    'write "key: value", with a space after the colon',
  ],
  [/^Implicit keys need to be on/, 'a key without a colon after it', 'write "key: value" on one line'],
  [
    /^A block sequence may not be used/,
    'a list where a field should be',
    'begin a list on the line after its key, with spaces before each "-"',
  ],
  [
    /^Nested mappings are not allowed/,
    'a mapping begins within a value',
    'quote a value that contains ": ", or begin the mapping on its own line',
  ],
  [
    /^Block scalar header includes extra characters: (.*)/,
    '"$1" cannot begin a text of several lines',
    'begin it with "|" or ">", and the text on the next line; quote it where it is no such text',
  ],
  [/^Alias cannot be an empty/, '"*" names no anchor', 'quote the value'],
];

const syntaxHints: Readonly<Record<string, string>> = {
  BAD_INDENT: 'indent the lines of one mapping or list equally',
  TAB_AS_INDENT: 'indent with spaces',
  BAD_SCALAR_START: 'quote the value',
  BAD_DQ_ESCAPE: 'use single quotes, or double the backslash',
};

function quoted(lexeme: string): string {
  return `"${escapeText(shorten(lexeme, 40))}"`;
}
