import { _, Ajv2020, type Code, type KeywordCxt } from 'ajv/dist/2020.js';
import { formats, ranges } from './schema-terms.ts';
import type { SchemaValidator } from './schema-validator.ts';

const compiled = new WeakMap<object, SchemaValidator>();

/**
 * What a schema refuses, as a function. The build puts functions that it has made of all schemas in this file's place,
 * with the same compiler, so that an installed program neither loads it nor waits for it.
 */
export function compileSchema(schema: object): SchemaValidator {
  const known = compiled.get(schema) ?? createCompiler().compile(schema);
  compiled.set(schema, known);
  return known;
}

/** `terms`: the code by which functions that are written to a file reach `schema-terms.ts`. */
export function createCompiler(terms?: Code): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    useDefaults: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
    messages: false,
    formats,
    ...(terms === undefined ? {} : { code: { source: true, formats: _`${terms}.formats` } }),
  });
  ajv.addVocabulary(['x-expects', 'x-like', 'x-secret', 'x-text']);
  for (const [keyword, isWithin] of Object.entries(ranges)) {
    ajv.addKeyword({
      keyword,
      type: keyword === 'x-duration' ? 'string' : ['string', 'number'],
      schemaType: 'array',
      code(context: KeywordCxt) {
        const { gen, data, schemaValue } = context;
        const code = terms && _`${terms}.ranges[${keyword}]`;
        const within = gen.scopeValue('func', { ref: isWithin, ...(code && { code }) });
        context.pass(_`${within}(${data}, ${schemaValue})`);
      },
    });
  }
  return ajv;
}
