import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import * as assert from 'uvu/assert';
import {
  type DocumentOperation,
  type DocumentResponse,
  openApiDocument,
} from '../../src/api/openapi-document.ts';
import type { Schema } from '../../src/api/schema.ts';
import { parseTime } from '../../src/desired/units.ts';

export const document = openApiDocument('1.2.3');

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
ajv.addVocabulary(['x-expects', 'x-events', 'x-scope', 'x-socket-only', 'components']);
ajv.addFormat('date-time', { validate: (text: string) => parseTime(text) !== undefined });
const validators = new Map<Schema, ValidateFunction>();

/** What the document has against a value; empty when it is as it says. */
export function faultsIn(schema: Schema, value: unknown): string[] {
  const known = validators.get(schema);
  const { components } = document;
  const validate = known ?? ajv.compile({ ...schema, components: { schemas: components.schemas } });
  validators.set(schema, validate);
  return validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Fails unless status, media type and body are those of the operation. */
export function checkAnswer(operation: DocumentOperation, answer: Answered): void {
  const { status, type, text } = answer;
  const where = `${operation.operationId} ${status} ${type}`;
  const response = responseOf(operation, status);
  assert.ok(response, `${where}: the document has no such status`);
  if (status === 304) return;
  const media = type.split(';')[0] ?? '';
  const schema = response?.content?.[media]?.schema;
  assert.ok(schema, `${where}: the document has no such media type`);
  if (schema === undefined) return;
  if (media === 'text/event-stream') checkEvents(where, schema, text);
  else
    assert.equal(faultsIn(schema, media.endsWith('json') ? JSON.parse(text) : text), [], `${where}: ${text}`);
}

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function responseOf({ responses }: DocumentOperation, status: number): DocumentResponse | undefined {
  const found = responses[String(status)];
  if (found?.$ref === undefined) return found;
  const named = document.components.responses as Readonly<Record<string, DocumentResponse>>;
  return named[found.$ref.slice(found.$ref.lastIndexOf('/') + 1)];
}

function checkEvents(where: string, schema: Schema, text: string): void {
  const kinds = schema['x-events'] as Readonly<Record<string, Schema>>;
  for (const block of text.split('\n\n').filter((one) => one !== '' && !one.startsWith(':'))) {
    const event = /^event: (.*)$/m.exec(block)?.[1] ?? '';
    const data = /^data: (.*)$/m.exec(block)?.[1] ?? '';
    const kind = kinds[event];
    assert.ok(kind, `${where}: the document has no event ${event}`);
    if (kind) assert.equal(faultsIn(kind, JSON.parse(data)), [], `${where} ${event}`);
  }
}
