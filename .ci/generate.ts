// `npm run generate [-- --check]`: writes what follows from the JSON Schema of manifests, or says that it is stale.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly 'x-expects'?: string;
}

const root = new URL('../', import.meta.url);
const schemaFile = new URL('schemas/app.schema.json', root);
const typesFile = new URL('src/desired/manifest.ts', root);
const readmeFile = new URL('README.md', root);
const begin = '<!-- manifest-reference:begin -->';
const end = '<!-- manifest-reference:end -->';

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await main(process.argv.includes('--check'));
}

async function main(check: boolean): Promise<number> {
  const stale = await staleFiles();
  for (const { file, text } of stale) {
    if (!check) writeFileSync(file, text);
    process.stderr.write(`${check ? 'stale' : 'written'}: ${file.pathname}\n`);
  }
  return check && stale.length > 0 ? 1 : 0;
}

/** The generated files that are not what the schema says, with what they should be. */
export async function staleFiles(): Promise<readonly { readonly file: URL; readonly text: string }[]> {
  const schema: Schema = JSON.parse(readFileSync(schemaFile, 'utf8'));
  const wanted = [
    { file: typesFile, text: await manifestTypes(schema) },
    ...readmeWith(manifestReference(schema)),
  ];
  return wanted.filter(({ file, text }) => !existsSync(file) || readFileSync(file, 'utf8') !== text);
}

function readmeWith(reference: string): { file: URL; text: string }[] {
  const readme = existsSync(readmeFile) ? readFileSync(readmeFile, 'utf8') : '';
  const [before, rest] = [readme.split(begin)[0] ?? '', readme.split(begin)[1]];
  const after = rest?.split(end)[1];
  if (after === undefined) return [];
  return [{ file: readmeFile, text: `${before}${begin}\n\n${reference}\n${end}${after}` }];
}

/** TypeScript types of a manifest that was validated: what has a default is always there. */
async function manifestTypes(schema: Schema): Promise<string> {
  const banner = '// Generated from schemas/app.schema.json by `npm run generate`. Do not edit.';
  return compile({ title: 'AppManifest', ...typeSchema(schema, schema) } as JSONSchema, 'AppManifest', {
    additionalProperties: false,
    bannerComment: banner,
    style: { singleQuote: true, printWidth: 110 },
  });
}

/** Only what a type can say: rules between fields, patterns and annotations are left out. */
function typeSchema(field: Schema, whole: Schema): Schema {
  const schema = resolve(field, whole);
  const { properties, items, additionalProperties } = schema;
  const inner = (part: Schema) => typeSchema(part, whole);
  const filled = Object.entries(properties ?? {}).filter(([, part]) => part.default !== undefined);
  const required = [...new Set([...(schema.required ?? []), ...filled.map(([name]) => name)])];
  return {
    ...pick(schema, ['description', 'enum', 'const', 'additionalProperties']),
    ...(schema.type === undefined ? {} : { type: writtenType(schema) }),
    ...(properties === undefined ? {} : { properties: mapValues(properties, inner), required }),
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: inner(additionalProperties) }
      : {}),
  };
}

/** Where text may also be written as a number or boolean, the validated value is text. */
function writtenType(schema: Schema): string | readonly string[] {
  return 'x-text' in schema ? 'string' : (schema.type ?? []);
}

function pick(schema: Schema, names: readonly (keyof Schema)[]): Schema {
  return Object.fromEntries(names.filter((name) => name in schema).map((name) => [name, schema[name]]));
}

function mapValues(fields: Readonly<Record<string, Schema>>, map: (field: Schema) => Schema) {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, map(field)]));
}

/** A Markdown table of every field. */
export function manifestReference(schema: Schema): string {
  const rows = fieldRows(schema, schema, '');
  return ['| field | type | default | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function fieldRows(schema: Schema, whole: Schema, prefix: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const resolved = resolve(field, whole);
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) === true;
    const items = resolved.items === undefined ? undefined : resolve(resolved.items, whole);
    const nested = items?.properties === undefined ? [resolved, `${path}.`] : [items, `${path}[].`];
    return [
      row(path, resolved, whole, required),
      ...fieldRows(nested[0] as Schema, whole, nested[1] as string),
    ];
  });
}

function row(path: string, field: Schema, whole: Schema, required: boolean): string {
  const [example] = field.examples ?? [];
  const meaning = [
    field.description ?? '',
    ...(field['x-expects'] === undefined ? [] : [`Must be ${field['x-expects']}.`]),
    ...(example === undefined ? [] : [`Example: ${code(JSON.stringify(example))}.`]),
  ].join(' ');
  const preset = required
    ? 'required'
    : field.default === undefined
      ? ''
      : code(JSON.stringify(field.default));
  return `| ${code(path)} | ${cell(typeName(field, whole))} | ${preset} | ${cell(meaning)} |`;
}

function typeName(field: Schema, whole: Schema): string {
  if (field.const !== undefined) return code(String(field.const));
  if (field.enum !== undefined) return field.enum.map((value) => code(String(value))).join(', ');
  const names = { array: 'list', object: 'mapping' } as Readonly<Record<string, string>>;
  const types = [field.type ?? []].flat().map((type) => names[type] ?? type);
  const items = field.items === undefined ? '' : ` of ${typeName(resolve(field.items, whole), whole)}`;
  return types.map((type) => (type === 'list' ? `list${items}` : type)).join(' or ');
}

function resolve(field: Schema, whole: Schema): Schema {
  const definition = whole.$defs?.[field.$ref?.replace('#/$defs/', '') ?? ''];
  return definition === undefined ? field : { ...definition, ...field };
}

function code(text: string): string {
  return `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
