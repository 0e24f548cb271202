import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { _ } from 'ajv';
import { default as standalone } from 'ajv/dist/standalone/index.js';
import type { Plugin } from 'esbuild';
import { operationList } from '../src/api/operations.ts';
import { requestSchemas } from '../src/api/read-request.ts';
import { packageRoot } from '../src/config.ts';
import { createCompiler } from '../src/desired/compile-schema.ts';
import { partSchema } from '../src/desired/read-project.ts';
import { manifestSchemas } from '../src/manifest-schemas.ts';

/** Every schema that the program judges a value by, by the file that its function is written to. */
export function schemaFiles(): Readonly<Record<string, readonly object[]>> {
  const { app, project, secret } = manifestSchemas();
  const config = JSON.parse(
    readFileSync(join(packageRoot, 'schemas', 'config.schema.json'), 'utf8'),
  ) as object;
  const requests = operationList.flatMap(([, operation]) => Object.values(requestSchemas(operation)));
  return { config: [config], manifests: [app, project, secret, partSchema(app)], requests };
}

/**
 * Puts a look into a table of functions in the place of the compiler. Node would keep a file of them for ever; so it is
 * taken out of what Node has loaded, and read again when it was collected meanwhile.
 */
export function withoutCompiler(files: ReturnType<typeof schemaFiles>): Plugin {
  const entries = Object.entries(files).flatMap(([file, schemas]) =>
    schemas.map((one) => [keyOf(one), file]),
  );
  const contents = `import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
const files = ${JSON.stringify(Object.fromEntries(entries))};
const keys = new WeakMap();
const loaded = new Map();
export function compileSchema(schema) {
  const key = keys.get(schema) ?? (${keyOf})(schema);
  keys.set(schema, key);
  const file = files[key];
  if (file === undefined) throw new Error('a schema that was not there when plimsoll was built');
  const functions = loaded.get(file)?.deref() ?? load(\`./schemas-\${file}.cjs\`);
  loaded.set(file, new WeakRef(functions));
  return functions[key];
}
function load(name) {
  const require = createRequire(import.meta.url);
  const functions = require(name);
  delete require.cache[require.resolve(name)];
  return functions;
}`;
  return {
    name: 'without-compiler',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]desired[\\/]compile-schema\.ts$/ }, () => ({
        contents,
        resolveDir: packageRoot,
      }));
    },
  };
}

/** The files of functions: entry points named `schemas-FILE`. */
export function compiledSchemas(files: ReturnType<typeof schemaFiles>): Plugin {
  const schemas = new Map(Object.values(files).flatMap((all) => all.map((one) => [keyOf(one), one])));
  return {
    name: 'compiled-schemas',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^schema(?:s-|:)/ }, ({ path }) => ({ path, namespace: 'schemas' }));
      onLoad({ filter: /^schemas-/, namespace: 'schemas' }, ({ path }) => {
        const keys = new Set((files[path.slice('schemas-'.length)] ?? []).map(keyOf));
        // Each is made when it is asked for.
        const getters = [...keys].map((key) => `get '${key}'() { return require('schema:${key}'); }`);
        return { contents: `module.exports = {\n${getters.join(',\n')}\n};` };
      });
      onLoad({ filter: /^schema:/, namespace: 'schemas' }, ({ path }) => {
        const schema = schemas.get(path.slice('schema:'.length)) ?? {};
        const compiler = createCompiler(_`require("./src/desired/schema-terms.ts")`);
        return { contents: standalone.default(compiler, compiler.compile(schema)), resolveDir: packageRoot };
      });
    },
  };
}

/** Also runs in the bundle, so it is made of nothing else. */
function keyOf(schema: object): string {
  return createHash('sha256').update(JSON.stringify(schema)).digest('base64url').slice(0, 16);
}
