// `npm run generate [-- --check]`: writes what follows from the JSON Schemas and the commands, or says that it is stale.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { cliReference } from './cli-reference.ts';
import { clientTypes } from './client-types.ts';

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
  /** The same fields as another part has, besides its own first ones. */
  readonly 'x-like'?: string;
  /** May be a password; it is one value for people. */
  readonly 'x-secret'?: boolean;
}

const root = new URL('../', import.meta.url);
const schemaFile = new URL('schemas/app.schema.json', root);
const secretFile = new URL('schemas/secret.schema.json', root);
const projectFile = new URL('schemas/project.schema.json', root);
const configFile = new URL('schemas/config.schema.json', root);
const typesFile = new URL('src/desired/manifest.ts', root);
const pathsFile = new URL('src/client/paths.ts', root);
const readmeFile = new URL('README.md', root);

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

/** The generated files that are not what their sources say, with what they should be. */
export async function staleFiles(): Promise<readonly { readonly file: URL; readonly text: string }[]> {
  const schema = readSchema(schemaFile);
  const blocks = {
    'manifest-reference': fieldReference(schema),
    'secret-reference': fieldReference(readSchema(secretFile)),
    'project-reference': fieldReference(readSchema(projectFile)),
    'config-reference': fieldReference(readSchema(configFile)),
    'cli-reference': cliReference(),
  };
  const wanted = [
    { file: typesFile, text: await manifestTypes(schema) },
    { file: pathsFile, text: await clientTypes() },
    { file: readmeFile, text: withBlocks(readFileSync(readmeFile, 'utf8'), blocks) },
  ];
  return wanted.filter(({ file, text }) => !existsSync(file) || readFileSync(file, 'utf8') !== text);
}

function readSchema(file: URL): Schema {
  return JSON.parse(readFileSync(file, 'utf8')) as Schema;
}

/** Each block between its two marker lines; a marker that is missing is an error, not a block that is left out. */
function withBlocks(text: string, blocks: Readonly<Record<string, string>>): string {
  return Object.entries(blocks).reduce((written, [name, block]) => {
    const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
    const [from, to] = [written.indexOf(begin), written.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md lacks the lines ${begin} and ${end}`);
    return `${written.slice(0, from)}${begin}\n\n${block}\n${written.slice(to)}`;
  }, text);
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
  if (!('x-text' in schema)) return schema.type ?? [];
  return [schema.type ?? []].flat().includes('object') ? ['string', 'object'] : 'string';
}

function pick(schema: Schema, names: readonly (keyof Schema)[]): Schema {
  return Object.fromEntries(names.filter((name) => name in schema).map((name) => [name, schema[name]]));
}

function mapValues(fields: Readonly<Record<string, Schema>>, map: (field: Schema) => Schema) {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, map(field)]));
}

/** A Markdown table of every field of a manifest, or of the configuration. */
export function fieldReference(schema: Schema): string {
  const rows = fieldRows(schema, schema, '');
  return ['| field | type | default | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function fieldRows(schema: Schema, whole: Schema, prefix: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const resolved = resolve(field, whole);
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) === true;
    const items = resolved.items === undefined ? undefined : resolve(resolved.items, whole);
    if (items?.['x-like'] !== undefined) return likeRows(path, resolved, items, whole);
    if (resolved['x-secret'] || items?.['x-secret']) return [row(path, resolved, whole, required)];
    const nested =
      items?.properties === undefined
        ? fieldRows(resolved, whole, `${path}.`)
        : fieldRows(items, whole, `${path}[].`);
    return [row(path, resolved, whole, required), ...nested, ...namedRows(path, resolved, whole)];
  });
}

/** Of a mapping whose names are the user's own: what stands under each. */
function namedRows(path: string, { additionalProperties }: Schema, whole: Schema): readonly string[] {
  if (typeof additionalProperties !== 'object' || additionalProperties.type !== 'object') return [];
  return fieldRows(resolve(additionalProperties, whole), whole, `${path}.NAME.`);
}

/** Only what is not said elsewhere already: the required fields. */
function likeRows(path: string, list: Schema, items: Schema, whole: Schema): readonly string[] {
  const own = (items.required ?? []).map((name) =>
    row(`${path}[].${name}`, resolve(items.properties?.[name] ?? {}, whole), whole, true),
  );
  const rest = `| ${code(`${path}[].…`)} | | | as under ${code(items['x-like'] ?? '')} |`;
  return [row(path, list, whole, false), ...own, rest];
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
