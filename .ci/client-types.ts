import { compile, type JSONSchema } from 'json-schema-to-typescript';
import {
  type DocumentOperation,
  type DocumentResponse,
  openApiDocument,
} from '../src/api/openapi-document.ts';

type Schema = Readonly<Record<string, unknown>>;

/** TypeScript types of the API's document, in the shape that openapi-fetch reads. */
export async function clientTypes(): Promise<string> {
  const { paths, components } = openApiDocument('');
  const schema = {
    title: 'Paths',
    ...shape(
      Object.fromEntries(
        Object.entries(paths).map(([path, item]) => [
          path,
          shape(
            Object.fromEntries(Object.entries(item).map(([method, told]) => [method, operationType(told)])),
          ),
        ]),
      ),
    ),
    $defs: Object.fromEntries(
      Object.entries(components.schemas).map(([name, part]) => [name, { title: name, ...typed(part) }]),
    ),
  };
  const text = await compile(schema as JSONSchema, 'Paths', {
    additionalProperties: false,
    bannerComment: '// Generated from src/api/operations.ts by `npm run generate`. Do not edit.',
    style: { singleQuote: true, printWidth: 110 },
    unreachableDefinitions: true,
  });
  // Statuses are numbers to openapi-fetch.
  return text.replace(/^(\s+)'(\d{3})':/gm, '$1$2:');
}

const none: Schema = { tsType: 'never' };

function operationType({ parameters, requestBody, responses }: DocumentOperation): Schema {
  const body = requestBody?.content['application/json'];
  return shape(
    {
      parameters: shape(
        Object.fromEntries(
          (['query', 'header', 'path', 'cookie'] as const).map((place) => {
            const own = parameters.filter((one) => one.in === place);
            const fields = Object.fromEntries(
              own.map(({ name, description, schema }) => [name, { description, ...typed(schema) }]),
            );
            return [
              place,
              own.length === 0 ? none : shape(fields, place === 'path' ? [] : Object.keys(fields)),
            ];
          }),
        ),
        ['query', 'header', 'cookie', ...(parameters.some((one) => one.in === 'path') ? [] : ['path'])],
      ),
      requestBody: body ? shape({ content: shape({ 'application/json': typed(body.schema) }) }) : none,
      responses: shape(
        // Every problem is the same document.
        Object.fromEntries([
          ...Object.entries(responses)
            .filter(
              ([status, { $ref }]) => status !== '304' && $ref === undefined && !isProblem(responses[status]),
            )
            .map(([status, { content }]) => [status, responseType(content ?? {})]),
          ['default', responseType({ 'application/problem+json': { schema: problem } })],
        ]),
      ),
    },
    requestBody?.required ? [] : ['requestBody'],
  );
}

const problem: Schema = { $ref: '#/components/schemas/Problem' };

function isProblem(response: DocumentResponse | undefined): boolean {
  return response?.content?.['application/problem+json'] !== undefined;
}

function responseType(content: NonNullable<DocumentResponse['content']>): Schema {
  const types = Object.entries(content).map(([type, { schema }]) => [type, typed(schema)]);
  return shape({ content: shape(Object.fromEntries(types)) });
}

function shape(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

/** Only what a type can say, with definitions where the generator looks for them. */
function typed(schema: unknown): Schema {
  const { $ref, properties, items, anyOf, additionalProperties, ...rest } = schema as Schema;
  if (typeof $ref === 'string') return { $ref: $ref.replace('#/components/schemas/', '#/$defs/') };
  const kept = ['type', 'enum', 'description', 'required'].filter((name) => name in rest);
  return {
    ...Object.fromEntries(kept.map((name) => [name, rest[name]])),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties as Schema).map(([name, part]) => [name, typed(part)]),
          ),
        }),
    ...(items === undefined ? {} : { items: typed(items) }),
    ...(Array.isArray(anyOf) ? { anyOf: anyOf.map(typed) } : {}),
    ...(additionalProperties === undefined
      ? {}
      : {
          additionalProperties:
            typeof additionalProperties === 'object' ? typed(additionalProperties) : additionalProperties,
        }),
  };
}
