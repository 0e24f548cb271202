import type { ErrorObject } from 'ajv/dist/2020.js';
import { didYouMean } from './did-you-mean.ts';
import type { Place, Places } from './places.ts';
import { escapePointer } from './read-tree.ts';
import { escapeText, listWords, shorten, showValue } from './shown-text.ts';
import type { Fault } from './source-text.ts';

/** One thing that is wrong with the value at `pointer`; the caret goes under its key or under the value itself. */
export interface FieldFault {
  readonly pointer: string;
  readonly under: 'key' | 'value';
  readonly fault: Fault;
}

type Explain = (error: ErrorObject, place: Place | undefined) => FieldFault | undefined;

/** What the schema has against a value, in words; undefined when another error says it already. */
export function explainError(error: ErrorObject, places: Places): FieldFault | undefined {
  const insideChoice = error.schemaPath.includes('/oneOf/');
  if (insideChoice) return undefined;
  if (error.propertyName !== undefined) return explainName(error, error.propertyName);
  const explain = explainers[error.keyword];
  if (explain === undefined) throw new Error(`no words for the schema keyword ${error.keyword}`);
  return explain(error, places.get(error.instancePath));
}

/** `domains[0]` for `/spec/domains/0`, `host` for `/spec/domains/0/host`. */
export function fieldLabel(pointer: string): string {
  const steps = pointer.split('/').slice(1).map(unescapePointer);
  const last = steps.findLastIndex((step) => !/^\d+$/.test(step));
  const name = steps[last] ?? 'the document';
  return (
    escapeText(shorten(name, 40)) +
    steps
      .slice(last + 1)
      .map((index) => `[${index}]`)
      .join('')
  );
}

const explainers: Readonly<Record<string, Explain>> = {
  additionalProperties: unknownField,
  const: notOneOf,
  dependentRequired: missingCompanion,
  enum: notOneOf,
  'false schema': contradiction,
  format: unexpected,
  if: () => undefined,
  maxItems: (error) => count(error, `has more than ${error.params.limit} items`),
  maxProperties: unexpected,
  maxLength: (error) => count(error, `is longer than ${error.params.limit} characters`),
  maximum: outOfRange,
  minItems: (error) => count(error, `needs at least ${error.params.limit} item`),
  minLength: (error) => count(error, 'must not be empty'),
  minProperties: unexpected,
  minimum: outOfRange,
  oneOf: notExactlyOne,
  pattern: unexpected,
  propertyNames: () => undefined,
  required: missingField,
  type: wrongType,
  'x-bytes': outOfRange,
  'x-cpus': outOfRange,
  'x-duration': outOfRange,
};

function unknownField(error: ErrorObject): FieldFault {
  const name = String(error.params.additionalProperty);
  const known = Object.keys(error.parentSchema?.properties ?? {});
  const meant = didYouMean(name, known);
  return {
    pointer: `${error.instancePath}/${escapePointer(name)}`,
    under: 'key',
    fault: {
      code: 'E1207',
      message: `unknown field ${showValue(name)}${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`,
      hint:
        foreignLetter(name) ??
        (meant === undefined
          ? `known here: ${known.join(', ')}`
          : `see "${meant}" in the manifest reference`),
    },
  };
}

function missingField(error: ErrorObject): FieldFault {
  const name = String(error.params.missingProperty);
  const parent = error.instancePath === '' ? '' : ` in "${fieldLabel(error.instancePath)}"`;
  const description: unknown = error.parentSchema?.properties?.[name]?.description;
  return {
    pointer: `${error.instancePath}/${escapePointer(name)}`,
    under: 'key',
    fault: {
      code: 'E1202',
      message: `missing field "${name}"${parent}`,
      ...(typeof description === 'string' ? { hint: `${name}: ${description}` } : {}),
    },
  };
}

const typeNames: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  string: 'text',
};

function wrongType(error: ErrorObject, place: Place | undefined): FieldFault {
  const types = [error.params.type].flat().map(String);
  const wantsText = types.includes('string') && expectation(error) === undefined;
  const isText = error.parentSchema?.['x-text'] === true;
  const words = isText ? ['text'] : types.map((type) => typeNames[type] ?? type);
  const expects = expectation(error) ?? words.join(' or ');
  const hint =
    wantsText && place?.written !== undefined && error.data !== null
      ? `quote it: "${place.written}"`
      : undefined;
  return mustBe(error, 'E1203', expects, place, hint);
}

function unexpected(error: ErrorObject, place: Place | undefined): FieldFault {
  const hint = error.keyword === 'pattern' ? foreignLetter(error.data) : undefined;
  return mustBe(error, 'E1206', expectation(error) ?? 'written differently', place, hint);
}

/** A letter that only looks like the right one is told by its number. */
function foreignLetter(value: unknown): string | undefined {
  const letter = typeof value === 'string' ? /[^\0-\x7f]/u.exec(value)?.[0] : undefined;
  if (letter === undefined) return undefined;
  const number = letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
  return `"${escapeText(letter)}" is U+${number}, which is no ASCII character`;
}

/** A document of no kind that is known is read as an App. */
const kinds = ['App', 'Secret', 'Project'];

function notOneOf(error: ErrorObject, place: Place | undefined): FieldFault {
  const allowed: readonly unknown[] =
    error.instancePath === '/kind' ? kinds : (error.params.allowedValues ?? [error.params.allowedValue]);
  const words = allowed.map(String);
  const quoted = allowed.every((value) => typeof value === 'string');
  const meant = typeof error.data === 'string' ? didYouMean(error.data, words) : undefined;
  const hint = meant === undefined ? undefined : `did you mean "${meant}"?`;
  return mustBe(error, 'E1204', quoted ? listWords(words, 'or') : words.join(' or '), place, hint);
}

function outOfRange(error: ErrorObject, place: Place | undefined): FieldFault | undefined {
  const { parentSchema, keyword, data } = error;
  // That it is no whole number is said already.
  if (parentSchema?.type === 'integer' && !Number.isInteger(data)) return undefined;
  const [least, greatest] = keyword.startsWith('x-')
    ? (parentSchema?.[keyword] ?? [])
    : [parentSchema?.minimum, parentSchema?.maximum];
  const isBare = keyword === 'x-bytes' && /^\d+$/.test(String(data));
  const hint = isBare ? 'without a unit these are bytes: "512m" has one' : undefined;
  const range = greatest === undefined ? `at least ${least}` : `between ${least} and ${greatest}`;
  return mustBe(error, 'E1205', range, place, hint);
}

function mustBe(
  error: ErrorObject,
  code: string,
  expects: string,
  place: Place | undefined,
  hint?: string,
): FieldFault {
  const isEmpty = error.data === null;
  // What was written where a password should be may be one.
  const isSecret = error.parentSchema?.['x-secret'] === true;
  const shown = isSecret ? 'what is there' : (place?.written ?? showValue(error.data));
  const help = isEmpty ? 'give it a value, or remove the line' : hint;
  const given = isEmpty ? 'but it is empty' : `not ${shown}`;
  return {
    pointer: error.instancePath,
    under: isEmpty ? 'key' : 'value',
    fault: {
      code,
      message: `"${fieldLabel(error.instancePath)}" must be ${expects}, ${given}`,
      ...(help === undefined ? {} : { hint: help }),
    },
  };
}

function count(error: ErrorObject, what: string): FieldFault {
  const message = `"${fieldLabel(error.instancePath)}" ${what}`;
  return { pointer: error.instancePath, under: 'value', fault: { code: 'E1209', message } };
}

/** `dependentSchemas` says which field excludes which. */
function contradiction(error: ErrorObject): FieldFault {
  const first = /\/dependentSchemas\/([^/]+)\//.exec(error.schemaPath)?.[1] ?? '';
  const message = `"${fieldLabel(error.instancePath)}" cannot stand beside "${first}"`;
  return {
    pointer: error.instancePath,
    under: 'key',
    fault: { code: 'E1208', message, hint: 'keep one of the two' },
  };
}

function notExactlyOne(error: ErrorObject): FieldFault | undefined {
  if (typeof error.data !== 'object' || error.data === null) return undefined;
  const branches: readonly { required?: readonly string[] }[] = error.parentSchema?.oneOf ?? [];
  const choices = listWords(
    branches.flatMap(({ required }) => required ?? []),
    'and',
  );
  const message = `"${fieldLabel(error.instancePath)}" needs exactly one of ${choices}`;
  return { pointer: error.instancePath, under: 'value', fault: { code: 'E1208', message } };
}

function missingCompanion(error: ErrorObject): FieldFault {
  const { property, missingProperty } = error.params;
  const message = `"${property}" needs "${missingProperty}" beside it`;
  return { pointer: `${error.instancePath}/${property}`, under: 'key', fault: { code: 'E1208', message } };
}

function explainName(error: ErrorObject, name: string): FieldFault | undefined {
  if (error.keyword === 'propertyNames') return undefined;
  return {
    pointer: `${error.instancePath}/${escapePointer(name)}`,
    under: 'key',
    fault: {
      code: 'E1206',
      message: `${showValue(name)} is no name for "${fieldLabel(error.instancePath)}"`,
      hint: `write ${expectation(error) ?? 'another name'}`,
    },
  };
}

function expectation(error: ErrorObject): string | undefined {
  const expects: unknown = error.parentSchema?.['x-expects'];
  return typeof expects === 'string' ? expects : undefined;
}

function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** Whether the fault is at the pointer or below it. */
export function concerns(fault: FieldFault, pointer: string): boolean {
  return fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`);
}
