import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type ParsedNode, type Scalar } from 'yaml';
import { yamlLimits } from './parse-yaml.ts';
import { type Place, type Places, packed } from './places.ts';
import { showValue } from './shown-text.ts';
import { type Fault, positionAt, type SourceText, type Span } from './source-text.ts';

/** A document as a plain value, with the place of everything in it by JSON pointer. */
export interface Tree {
  readonly value: unknown;
  readonly places: Places;
  readonly faults: readonly { readonly span: Span; readonly fault: Fault }[];
}

/** Values of one document, aliases expanded. */
const valueLimit = 20_000;

/**
 * Reads the composed nodes. Where `isText` says so of a pointer, a number or boolean is the text that
 * stands in the file.
 */
export function readTree(
  contents: ParsedNode,
  source: SourceText,
  isText: (pointer: string) => boolean,
): Tree {
  const places = new Map<string, Place>();
  const faults: { span: Span; fault: Fault }[] = [];
  const targets = resolveAliases(contents);
  const open = new Set<Node>();
  let keys = 0;

  function read(node: Node | null, pointer: string, key: Span | undefined, depth: number): unknown {
    const value = spanOf(node) ?? key ?? emptySpan(node);
    const written = isScalar(node) && typeof node.value !== 'string' ? node.source : undefined;
    places.set(pointer, {
      ...(key === undefined ? {} : { key }),
      value,
      ...(written === undefined || written === '' ? {} : { written }),
    });
    if (isAlias(node)) return readAlias(node, pointer, key, depth);
    if (isScalar(node)) return readScalar(node, pointer, value);
    if (!isMap(node) && !isSeq(node)) return null;
    if (depth === yamlLimits.depth) return refuse(value, tooDeep);
    open.add(node);
    const result = isMap(node) ? readMap(node.items, pointer, depth) : readList(node.items, pointer, depth);
    open.delete(node);
    return result;
  }

  function readMap(
    items: readonly { key: unknown; value: unknown }[],
    pointer: string,
    depth: number,
  ): unknown {
    const entries = new Map<string, unknown>();
    const seen = new Map<string, Span>();
    for (const item of items) {
      const name = isScalar(item.key) ? item.key.value : undefined;
      const span = spanOf(item.key as Node | null);
      if (span === undefined || typeof name !== 'string') continue;
      const fault = keyFault(item.key as Scalar, name, seen.get(name));
      if (fault !== undefined) refuse(span, fault);
      if (fault !== undefined || isFull()) continue;
      keys++;
      seen.set(name, span);
      entries.set(
        name,
        read(item.value as Node | null, `${pointer}/${escapePointer(name)}`, span, depth + 1),
      );
    }
    // `fromEntries` defines own fields, also for `__proto__`.
    return Object.fromEntries(entries);
  }

  function readList(items: readonly unknown[], pointer: string, depth: number): unknown {
    const list: unknown[] = [];
    for (const item of items) {
      if (isFull()) break;
      list.push(read(item as Node | null, `${pointer}/${list.length}`, undefined, depth + 1));
    }
    return list;
  }

  function readAlias(node: Alias, pointer: string, key: Span | undefined, depth: number): unknown {
    const target = targets.get(node);
    const span = spanOf(node) ?? { start: 0, end: 1 };
    // A star alone is an error of syntax.
    if (target === undefined) return node.source === '' ? null : refuse(span, unknownAlias(node.source));
    if (open.has(target)) return refuse(span, recursiveAlias(node.source));
    const value = read(target, pointer, key, depth);
    // What is wrong with the value here may be right where it was written.
    const place = places.get(pointer);
    if (place !== undefined) places.set(pointer, { ...place, value: span });
    return value;
  }

  function readScalar(node: Scalar, pointer: string, span: Span): unknown {
    const { value } = node;
    if (typeof value === 'string') {
      if (!value.isWellFormed() || value.includes('\0')) refuse(span, badCharacter);
      return value;
    }
    const asText = (typeof value === 'number' || typeof value === 'boolean') && isText(pointer);
    return asText ? (node.source ?? String(value)) : value;
  }

  function keyFault(node: Scalar, name: string, before: Span | undefined): Fault | undefined {
    if (name === '<<' && node.type === 'PLAIN') return mergeKey;
    if (name === '') return emptyKey;
    if (!name.isWellFormed() || name.includes('\0')) return badCharacter;
    return before === undefined ? undefined : duplicateKey(name, source, before);
  }

  function isFull(): boolean {
    return places.size > valueLimit || keys > yamlLimits.keys;
  }

  function refuse(span: Span, fault: Fault): null {
    faults.push({ span, fault });
    return null;
  }

  const value = read(contents, '', undefined, 0);
  if (isFull()) refuse(spanOf(contents) ?? { start: 0, end: 1 }, tooMany);
  return { value, places: packed(places), faults };
}

/** One step of a JSON pointer. */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** What each alias means: the anchor of that name that stands last before it. */
function resolveAliases(contents: ParsedNode): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  const walk = (node: unknown): void => {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
    } else if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      if (isSeq(node)) node.items.forEach(walk);
      if (isMap(node)) for (const item of node.items) [item.key, item.value].forEach(walk);
    }
  };
  walk(contents);
  return targets;
}

/** A mapping in block style is pointed at by its first key; an empty value by what leads to it. */
function spanOf(node: Node | null): Span | undefined {
  const range = node?.range;
  if (range === undefined || range === null || range[0] === range[1]) return undefined;
  if (isMap(node) && node.flow !== true) {
    const first = node.items[0]?.key as Node | null | undefined;
    return spanOf(first ?? null) ?? { start: range[0], end: range[1] };
  }
  return { start: range[0], end: range[1] };
}

/** An item of a list that is not there stands where it would begin. */
function emptySpan(node: Node | null): Span {
  const at = node?.range?.[0] ?? 0;
  return { start: at, end: at + 1 };
}

const tooDeep: Fault = { code: 'E1102', message: `nested deeper than ${yamlLimits.depth} levels` };
const tooMany: Fault = {
  code: 'E1103',
  message: 'more keys and values than any manifest needs, with aliases expanded',
  hint: 'use fewer aliases, or split the file',
};
const mergeKey: Fault = {
  code: 'E1107',
  message: 'YAML merge key "<<" is not allowed',
  hint: 'write the fields out, or alias whole values',
};
const emptyKey: Fault = { code: 'E1110', message: 'a key must not be empty' };
const badCharacter: Fault = {
  code: 'E1004',
  message: 'the text holds a NUL character or half of a surrogate pair',
  hint: 'remove the escape',
};

function duplicateKey(name: string, source: SourceText, before: Span): Fault {
  return {
    code: 'E1108',
    message: `key ${showValue(name)} is given twice`,
    hint: 'remove one of the two',
    other: positionAt(source, before.start),
  };
}

const quoteStar = 'quote the value where "*" is part of the text';

function unknownAlias(name: string): Fault {
  return { code: 'E1111', message: `alias ${showValue(name)} has no anchor before it`, hint: quoteStar };
}

function recursiveAlias(name: string): Fault {
  return { code: 'E1111', message: `alias ${showValue(name)} contains itself`, hint: 'write the value out' };
}
