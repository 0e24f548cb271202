import { Composer, CST, type Document, isScalar, Lexer, type ParsedNode, Parser } from 'yaml';
import type { Problem } from './desired.ts';
import { escapeText, shorten } from './shown-text.ts';
import { type Fault, positionAt, problemAt, type SourceText } from './source-text.ts';

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
  const { tokens, problems, aborted } = readTokens(source);
  if (aborted) return { documents: [], problems, lost: true };
  const found = [...problems];
  const documents: YamlDocument[] = [];
  let syntaxErrors = false;
  for (const document of compose(tokens)) {
    const errors = syntaxProblems(document, source);
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
  const count = { keys: 0, aliases: 0, indicators: 0 };
  let isContent = false;
  for (const lexeme of new Lexer().lex(source.text)) {
    const span = { start: parser.offset, end: parser.offset + lexeme.length };
    const type = isContent ? 'scalar' : CST.tokenType(lexeme);
    isContent = lexeme === CST.SCALAR;
    tokens.push(...parser.next(lexeme));
    if (type === 'map-value-ind' || type === 'explicit-key-ind') count.keys++;
    if (type === 'alias') count.aliases++;
    if (isIndicator(type)) count.indicators++;
    const forbidden = forbiddenToken(type, lexeme);
    if (forbidden !== undefined && problems.length < 100) problems.push(problemAt(source, span, forbidden));
    const excess = excessOf({ ...count, depth: depthOf(parser) });
    if (excess !== undefined) return { tokens, problems: [problemAt(source, span, excess)], aborted: true };
  }
  tokens.push(...parser.end());
  return { tokens, problems, aborted: false };
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
    return { code: 'E1103', message: 'more list items than any manifest needs', hint: 'split the file' };
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

/** One per line: what follows on the same line follows from the first. */
function syntaxProblems(document: Document.Parsed, source: SourceText): readonly Problem[] {
  const byLine = new Map<number, Problem>();
  for (const error of [...document.errors, ...document.warnings]) {
    if (error.code === 'TAG_RESOLVE_FAILED' || error.code === 'BAD_DIRECTIVE') continue;
    const { line } = positionAt(source, error.pos[0]);
    const known = byLine.has(line) || byLine.size === 100;
    if (!known) byLine.set(line, problemAt(source, spanOf(error.pos), syntaxFault(error)));
  }
  return [...byLine.values()];
}

function spanOf([start, end]: readonly [number, number]) {
  return { start, end: Math.max(start + 1, end) };
}

function syntaxFault({ code, message }: { readonly code: string; readonly message: string }): Fault {
  const hint = syntaxHints[code];
  if (code === 'NON_STRING_KEY') return { code: 'E1110', message: 'a key must be plain text' };
  return {
    code: 'E1101',
    message: `invalid YAML: ${escapeText(shorten(message.charAt(0).toLowerCase() + message.slice(1), 120))}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

const syntaxHints: Readonly<Record<string, string>> = {
  BAD_INDENT: 'indent the lines of one mapping or list equally',
  BLOCK_AS_IMPLICIT_KEY: 'quote a value that contains ": ", or begin the mapping on its own line',
  MISSING_CHAR: 'close the quote, bracket or key with its missing character',
  MULTILINE_IMPLICIT_KEY: 'write "key: value" on one line',
  TAB_AS_INDENT: 'indent with spaces',
  BAD_SCALAR_START: 'quote the value',
  BAD_DQ_ESCAPE: 'use single quotes, or double the backslash',
};

function quoted(lexeme: string): string {
  return `"${escapeText(shorten(lexeme, 40))}"`;
}
