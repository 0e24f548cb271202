/** A JSON Schema (draft 2020-12) as data, or a part of one. */
export type Schema = { readonly [keyword: string]: unknown };

type Fields = Readonly<Record<string, Schema>>;

/** An object with exactly these fields; all of them are always there unless named as optional. */
export function object(fields: Fields, optional: readonly string[] = []): Schema {
  return {
    type: 'object',
    properties: fields,
    required: Object.keys(fields).filter((name) => !optional.includes(name)),
    additionalProperties: false,
  };
}

/** The body of a request: only what is named must be given. */
export function request(fields: Fields, required: readonly string[] = []): Schema {
  return { type: 'object', properties: fields, required, additionalProperties: false };
}

export function text(description: string, more: Schema = {}): Schema {
  return { type: 'string', description, ...more };
}

export function whole(description: string, more: Schema = {}): Schema {
  return { type: 'integer', minimum: 0, description, ...more };
}

export function flag(description: string, more: Schema = {}): Schema {
  return { type: 'boolean', description, ...more };
}

export function word(description: string, words: readonly string[], more: Schema = {}): Schema {
  return { type: 'string', enum: words, description, ...more };
}

/** An RFC 3339 time. */
export function time(description: string): Schema {
  return { type: 'string', format: 'date-time', description };
}

export function list(description: string, items: Schema): Schema {
  return { type: 'array', description, items };
}

/** Any name to a value of this kind. */
export function mapping(description: string, values: Schema): Schema {
  return { type: 'object', description, additionalProperties: values };
}

export function orNull(schema: Schema): Schema {
  if (typeof schema.type !== 'string' || schema.type === 'object')
    return { anyOf: [schema, { type: 'null' }] };
  const words = Array.isArray(schema.enum) ? { enum: [...schema.enum, null] } : {};
  return { ...schema, ...words, type: [schema.type, 'null'] };
}

/** One of the schemas that the document names. */
export function named(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** A page of a list. */
export function pageOf(name: string): Schema {
  return object({
    items: list('In the order of the list.', named(name)),
    next: orNull(text('Give it as `cursor` for the next page; null on the last one.')),
  });
}
