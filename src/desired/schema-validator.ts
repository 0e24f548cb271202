import type { ErrorObject } from 'ajv/dist/2020.js';
import { compileSchema } from './compile-schema.ts';

/** Fills defaults into the value and returns everything that the schema has against it. */
export type Validate = (value: unknown) => readonly ErrorObject[];

/** What is made of a schema; what it has found stands at the function until it is called again. */
export interface SchemaValidator {
  (value: unknown): boolean;
  errors?: readonly ErrorObject[] | null;
}

export function createValidator(schema: object): Validate {
  const validate = compileSchema(schema);
  return (value) => (validate(value) ? [] : (validate.errors ?? []));
}
