import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fieldReference, staleFiles } from '../../.ci/generate.ts';

const schema = JSON.parse(readFileSync(new URL('../../schemas/app.schema.json', import.meta.url), 'utf8'));

test('what is generated from the schema is up to date', async () => {
  const stale = await staleFiles();
  assert.equal(
    stale.map(({ file }) => file.pathname),
    [],
    'run `npm run generate`',
  );
});

test('the reference has a row for every field, also in lists', () => {
  const reference = fieldReference(schema);
  for (const path of [
    'metadata.name',
    'spec.image',
    'spec.domains[].host',
    'spec.healthCheck.http.path',
    'spec.hooks.preDeploy.timeout',
  ]) {
    assert.ok(reference.includes(`| \`${path}\` |`), path);
  }
});

test('every field has a title and a description', () => {
  const missing: string[] = [];
  const walk = (field: Record<string, unknown>, path: string): void => {
    const properties = Object.entries((field.properties ?? {}) as Record<string, Record<string, unknown>>);
    for (const [name, inner] of properties) {
      if (typeof inner.title !== 'string' || typeof inner.description !== 'string')
        missing.push(`${path}.${name}`);
      walk(inner, `${path}.${name}`);
      walk((inner.items ?? {}) as Record<string, unknown>, `${path}.${name}[]`);
    }
  };
  walk(schema, '');
  for (const [name, definition] of Object.entries(schema.$defs))
    walk(definition as Record<string, unknown>, name);
  assert.equal(missing, []);
});

test.run();
