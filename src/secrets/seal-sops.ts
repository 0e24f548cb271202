import { EdgeError } from '../apply/ports.ts';
import { wrapDataKey } from './data-key.ts';
import { readGoScalar } from './go-scalar.ts';
import { type Counted, macOf, type OpenedSops, type OpenedValue } from './open-sops.ts';
import { writeScalar } from './plain-scalar.ts';
import {
  type Comment,
  type Leaf,
  macText,
  readDocument,
  replaceSpans,
  type SopsDocument,
  shownPath,
} from './sops-document.ts';
import { formatMetadata } from './sops-metadata.ts';
import { dataRule, type SopsRule } from './sops-rule.ts';
import { looksEncrypted, placeOf, type SopsType, sealSopsValue } from './sops-value.ts';

/** What SOPS calls itself whose format this is. */
const sopsRelease = '3.10.2';

/** How a file is encrypted: what stays when its values change. */
export interface Sealing {
  readonly dataKey: Uint8Array;
  /** Of `sops`, without what each writing makes anew. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly rule: SopsRule;
  readonly macOnlyEncrypted: boolean;
}

/** For a file that is encrypted for the first time. Throws EdgeError `InvalidRecipient`. */
export async function newSealing(
  dataKey: Uint8Array,
  recipients: readonly string[],
  { rule = dataRule, macOnlyEncrypted = false }: { rule?: SopsRule; macOnlyEncrypted?: boolean } = {},
): Promise<Sealing> {
  return {
    dataKey,
    fields: {
      age: await wrapDataKey(dataKey, recipients),
      lastmodified: '',
      mac: '',
      [rule.kind]: rule.text,
      ...(macOnlyEncrypted ? { mac_only_encrypted: true } : {}),
      version: sopsRelease,
    },
    rule,
    macOnlyEncrypted,
  };
}

export function sealingOf({ dataKey, metadata }: OpenedSops): Sealing {
  const { fields, rule, macOnlyEncrypted } = metadata;
  return { dataKey, fields, rule, macOnlyEncrypted };
}

/** What a value was encrypted to before, so that it stays so. */
export interface Known {
  readonly values: ReadonlyMap<
    string,
    { readonly type: SopsType; readonly plain: string; readonly text: string }
  >;
  readonly comments: ReadonlyMap<string, string>;
}

export const nothingKnown: Known = { values: new Map(), comments: new Map() };

export function knownOf({ values, comments }: Pick<OpenedSops, 'values' | 'comments'>): Known {
  return {
    values: new Map(
      values.flatMap(({ leaf, type, plain }) =>
        type === undefined ? [] : [[placeOf(leaf.path), { type, plain, text: leaf.text }] as const],
      ),
    ),
    comments: new Map(
      comments.map(({ comment, plain }) => [`${placeOf(comment.path)}${plain}`, comment.text] as const),
    ),
  };
}

/**
 * The document with its values encrypted; comments, order, quoting of the rest and every ciphertext whose value
 * did not change stay. Values that are encrypted already have to be among the known ones.
 */
export function sealDocument(
  document: SopsDocument,
  { dataKey, fields, rule, macOnlyEncrypted }: Sealing,
  { known, now }: { readonly known: Known; readonly now: Date },
): string {
  const sealed = document.leaves.map((leaf) => sealLeaf(leaf, rule, dataKey, known));
  const edits = sealed.flatMap(({ edit }) => (edit === undefined ? [] : [edit]));
  const comments = document.comments.flatMap((comment) => sealComment(comment, rule, dataKey, known));
  const lastmodified = `${now.toISOString().slice(0, 19)}Z`;
  const mac = sealSopsValue(
    macOf(
      sealed.map(({ counted }) => counted),
      { macOnlyEncrypted },
    ),
    'str',
    dataKey,
    lastmodified,
  );
  const text = withoutMetadata(document, mergeEdits(edits, comments));
  return text.replace(metadataMark, () => formatMetadata({ ...fields, lastmodified, mac }));
}

/** Takes the place of `sops` while the rest is edited; NUL is in no manifest. */
const metadataMark = '\0';

interface Edit {
  readonly span: { readonly start: number; readonly end: number };
  readonly text: string;
}

/** The comment beside a block's header is inside of what takes the block's place. */
function mergeEdits(values: readonly Edit[], comments: readonly Edit[]): readonly Edit[] {
  const isInside = (comment: Edit, value: Edit) =>
    comment.span.start >= value.span.start && comment.span.end <= value.span.end;
  return [
    ...values.map((value) => {
      const own = comments.find((comment) => isInside(comment, value));
      return own === undefined ? value : { ...value, text: `${value.text} #${own.text}` };
    }),
    ...comments.filter((comment) => !values.some((value) => isInside(comment, value))),
  ];
}

function withoutMetadata(document: SopsDocument, edits: readonly Edit[]): string {
  const { source, metadataSpan: span } = document;
  const outside =
    span === undefined
      ? edits
      : edits.filter(({ span: one }) => one.end <= span.start || one.start >= span.end);
  const inside = edits.length - outside.length;
  if (inside > 0) throw new Error('a value inside of sops was to be encrypted');
  if (span !== undefined) return replaceSpans(source.text, [...outside, { span, text: metadataMark }]);
  const text = replaceSpans(source.text, outside);
  const end = /^(?:---|\.\.\.)(?:\s|$)/m.exec(text.replace(/^---.*\n/, ''));
  if (end !== null) throw invalid('a secret is one document: leave out what ends it ("...")');
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${metadataMark}`;
}

function sealLeaf(
  leaf: Leaf,
  rule: SopsRule,
  key: Uint8Array,
  { values }: Known,
): { readonly counted: Counted; readonly edit?: Edit } {
  if (!rule.isEncrypted(leaf.path)) return { counted: { isEncrypted: false, text: macText(leaf) } };
  const place = placeOf(leaf.path);
  const before = values.get(place);
  if (before !== undefined && before.text === leaf.text)
    return { counted: { isEncrypted: true, text: before.plain } };
  const { type, plain } = plainOf(leaf);
  const isSame = before !== undefined && before.plain === plain && isSameType(before.type, type);
  const text = isSame ? before.text : sealSopsValue(plain, type, key, place);
  return {
    counted: { isEncrypted: true, text: plain },
    edit: { span: leaf.span, text: leaf.isFlow ? `"${text}"` : text },
  };
}

function isSameType(before: SopsType, now: SopsType): boolean {
  return before === now || (now === 'str' && (before === 'bytes' || before === 'time'));
}

/** Numbers and booleans keep their type where SOPS would write them back as they stand; all else is text. */
function plainOf(leaf: Leaf): { readonly type: SopsType; readonly plain: string } {
  const shown = shownPath(leaf.path);
  if (looksEncrypted(leaf.text))
    throw invalid(`${shown} is encrypted already, and not by this file's data key`);
  if (macText(leaf) === undefined) throw invalid(`${shown} has no value`);
  if (leaf.text === '') throw invalid(`${shown} is empty: SOPS protects no empty value, leave the key out`);
  if (!leaf.isPlain) return { type: 'str', plain: leaf.text };
  const { type, text } = readGoScalar(leaf.text);
  const isKept = type === 'bool' ? leaf.text === text.toLowerCase() : text === leaf.text;
  return isKept && (type === 'int' || type === 'float' || type === 'bool')
    ? { type, plain: text }
    : { type: 'str', plain: leaf.text };
}

function sealComment(
  comment: Comment,
  rule: SopsRule,
  key: Uint8Array,
  { comments }: Known,
): readonly Edit[] {
  const { path, span, text } = comment;
  const isSealed = [...comments.values()].includes(text);
  if (!rule.isEncrypted(path) || isSealed || text === '') return [];
  const place = placeOf(path);
  return [{ span, text: comments.get(`${place}${text}`) ?? sealSopsValue(text, 'comment', key, place) }];
}

/** The file as a person edits it: values and comments decrypted, without `sops`. */
export function plainDocument({ document, values, comments }: OpenedSops): string {
  const { source, metadataSpan } = document;
  const edits = [
    ...values.flatMap((value) => (value.type === undefined ? [] : [plainEdit(value, value.type)])),
    ...comments.map(({ comment, plain }) => ({
      span: comment.span,
      text: plain.replaceAll(/[\r\n]+/g, ' '),
    })),
    ...(metadataSpan === undefined ? [] : [{ span: metadataSpan, text: '' }]),
  ];
  return replaceSpans(source.text, edits);
}

/** What is under `data`, by key: numbers and booleans as they are handed to apps, as text. */
export function plainValues({ values }: OpenedSops): Readonly<Record<string, string>> {
  return Object.fromEntries(
    values.flatMap(({ leaf: { path }, type, plain }) =>
      path[0] === 'data' && path[1] !== undefined
        ? [[path[1], type === 'bool' ? plain.toLowerCase() : plain]]
        : [],
    ),
  );
}

function plainEdit({ leaf, plain }: OpenedValue, type: SopsType): Edit {
  return { span: leaf.span, text: writeScalar(plain, type, leaf) };
}

/** A document that holds values to encrypt, or why it cannot be one. */
export function readPlainSecret(text: string, file: string): SopsDocument {
  const document = readDocument(text, file, { quiet: true });
  const { kind, apiVersion, provider = 'sops', data, metadata } = document.value;
  if (kind !== 'Secret') throw invalid('it is no manifest of kind Secret');
  if (apiVersion !== 'plimsoll/v1') throw invalid('its apiVersion is not plimsoll/v1');
  if (provider !== 'sops')
    throw invalid('its provider is another one than sops: its data holds references, and no values');
  if (
    typeof metadata !== 'object' ||
    metadata === null ||
    typeof (metadata as { name?: unknown }).name !== 'string'
  )
    throw invalid('metadata.name is missing');
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw invalid('data is no mapping of values');
  const deep = document.leaves.find(({ path: [first, ...rest] }) => first === 'data' && rest.length !== 1);
  if (deep)
    throw invalid(`${shownPath(deep.path)} is not a value by itself: data is one level of keys and values`);
  const list = Object.entries(data).find(([, value]) => typeof value === 'object' && value !== null);
  if (list) throw invalid(`${shownPath(['data', list[0]])} is a list or a mapping: values are text`);
  if (/^\s*\{/.test(text)) throw invalid('the document is written in braces: write it in lines');
  return document;
}

function invalid(why: string): EdgeError {
  return new EdgeError('terminal', 'Invalid', why);
}
