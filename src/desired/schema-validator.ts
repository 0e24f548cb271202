import type { ErrorObject } from 'ajv/dist/2020.js';
import { compileSchema } from './compile-schema.ts';

/** Fills defaults into the value and returns everything that the schema has against it. */
export type Validate = (value: unknown) => readonly ErrorObject[];

/** What is made of a schema; what it has found stands at the function until it is called again. */
export interface SchemaValidator {
  (value: unknown): boolean;
  errors?: readonly ErrorObject[] | null;
}

/**
 * Compiled when it is first used. An installed program reads what the build has compiled from a file, and lets go of it
 * when memory is collected: a controller at rest has no manifest to judge.
 */
export function createValidator(schema: object): Validate {
  let kept: WeakRef<SchemaValidator> | undefined;
  return (value) => {
    const validate = kept?.deref() ?? compileSchema(schema);
    kept = new WeakRef(validate);
    return validate(value) ? [] : (validate.errors ?? []);
  };
}
