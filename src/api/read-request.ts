import type { Context } from 'hono';
import { didYouMean } from '../desired/did-you-mean.ts';
import { createValidator, type Validate } from '../desired/schema-validator.ts';
import { showValue } from '../desired/shown-text.ts';
import type { Operation } from './operation.ts';
import { ProblemError } from './problem.ts';
import type { Schema } from './schema.ts';

type Values = Record<string, unknown>;

/** The query's values as the operation types them, with defaults; throws the problem of the first that is wrong. */
export function readQuery(c: Context, operation: Operation): Values {
  const fields = operation.query ?? {};
  const values: Values = {};
  for (const [name, texts] of Object.entries(c.req.queries())) {
    const schema = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (schema === undefined) throw unknown('UnknownParameter', 'parameter', name, fields);
    if (texts.length > 1)
      throw new ProblemError(400, 'InvalidQuery', `parameter ${name} is given ${texts.length} times`);
    values[name] = readText(schema, texts[0] ?? '');
  }
  check(operation, 'query', values);
  return values;
}

/** Path parameters are text; one that is too long names nothing. */
export function readParams(c: Context, operation: Operation): Values {
  const fields = operation.params ?? {};
  const values = Object.fromEntries(Object.keys(fields).map((name) => [name, c.req.param(name)]));
  check(operation, 'path', values);
  return values;
}

/** The body's fields; no body at all is an empty object. */
export async function readBody(c: Context, operation: Operation): Promise<Values> {
  const { body } = operation;
  if (body === undefined) return {};
  const text = await c.req.text();
  if (text.trim() === '') return checkedBody(operation, body, {});
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new ProblemError(
      415,
      'NotJson',
      `the body is ${type ? showValue(type) : 'of no type'}`,
      'send application/json',
    );
  return checkedBody(operation, body, parseObject(text));
}

function checkedBody(operation: Operation, body: Schema, values: Values): Values {
  const fields = (body.properties ?? {}) as Readonly<Record<string, Schema>>;
  for (const name of Object.keys(values))
    if (!Object.hasOwn(fields, name)) throw unknown('UnknownField', 'field', name, fields);
  check(operation, 'body', values);
  return values;
}

function parseObject(text: string): Values {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError(400, 'InvalidBody', 'the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ProblemError(400, 'InvalidBody', `the body is ${showValue(value)}, not a JSON object`);
  return { ...value };
}

/** A parameter's text as the kind of value that its schema wants; what is none is left for the schema to refuse. */
function readText(schema: Schema, text: string): unknown {
  const types = [schema.type].flat();
  if (types.includes('integer') && /^\d{1,15}$/.test(text)) return Number(text);
  if (types.includes('boolean') && ['', '1', 'true'].includes(text)) return true;
  if (types.includes('boolean') && ['0', 'false'].includes(text)) return false;
  return text;
}

type Part = 'query' | 'path' | 'body';

/** What each part of a request has to be. */
export function requestSchemas({ query = {}, params = {}, body }: Operation): Record<Part, Schema> {
  const { properties = {}, required = [] } = body ?? {};
  const object = { type: 'object', additionalProperties: false };
  return {
    query: { ...object, properties: query, required: [] },
    path: { ...object, properties: params, required: Object.keys(params) },
    body: { ...object, properties, required },
  };
}

const validators = new WeakMap<Operation, Map<Part, Validate>>();

function check(operation: Operation, part: Part, values: Values): void {
  const schema = requestSchemas(operation)[part];
  const fields = schema.properties as Readonly<Record<string, Schema>>;
  const [error] = validatorOf(operation, part, schema)(values);
  if (error === undefined) return;
  const isMissing = error.keyword === 'required' && error.instancePath === '';
  const name = isMissing ? String(error.params.missingProperty) : (error.instancePath.split('/')[1] ?? '');
  const [what, code] =
    part === 'body' ? (['field', 'InvalidField'] as const) : (['parameter', 'InvalidQuery'] as const);
  const field = fields[name] ?? {};
  throw isMissing
    ? new ProblemError(400, code, `${what} ${name} is missing`, String(field.description ?? ''))
    : new ProblemError(
        400,
        code,
        `${what} ${name} ${found(values[name], error.instancePath)}, expected ${expected(field)}`,
      );
}

/** Of a list, the item that is wrong. */
function found(value: unknown, pointer: string): string {
  const index = pointer.split('/')[2];
  const item: unknown = Array.isArray(value) && index !== undefined ? value[Number(index)] : undefined;
  return item === undefined ? `is ${showValue(value)}` : `holds ${showValue(item)}`;
}

function validatorOf(operation: Operation, part: Part, schema: Schema): Validate {
  const parts = validators.get(operation) ?? new Map<Part, Validate>();
  validators.set(operation, parts);
  const known = parts.get(part);
  if (known) return known;
  const made = createValidator(schema);
  parts.set(part, made);
  return made;
}

function unknown(
  code: string,
  what: string,
  name: string,
  fields: Readonly<Record<string, Schema>>,
): ProblemError {
  const close = didYouMean(name, Object.keys(fields));
  const known = Object.keys(fields).join(', ') || 'none';
  const hint = close === undefined ? `known here: ${known}` : `did you mean ${close}?`;
  return new ProblemError(400, code, `unknown ${what} ${showValue(name)}`, hint);
}

function expected(schema: Schema): string {
  const { type, minimum, maximum, minLength, maxLength } = schema;
  if (typeof schema['x-expects'] === 'string') return schema['x-expects'];
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.join(', ')}`;
  if (type === 'boolean') return 'true or false';
  if (type === 'integer')
    return maximum === undefined
      ? `a whole number of at least ${String(minimum ?? 0)}`
      : `a whole number from ${String(minimum ?? 0)} to ${String(maximum)}`;
  return `text of ${String(minLength ?? 0)} to ${String(maxLength ?? 'any number of')} characters`;
}
