import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compiledSchemas, schemaFiles, withoutCompiler } from '../.ci/compiled-schemas.ts';

const test = suite('schemas compiled before');
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-schemas-'));
const bundled = join(folder, 'validator.mjs');

test.before(async () => {
  const files = schemaFiles();
  const common = { bundle: true, platform: 'node', absWorkingDir: dirname(import.meta.dirname) } as const;
  await build({
    ...common,
    stdin: {
      contents: `export { createValidator } from './src/desired/schema-validator.ts';`,
      resolveDir: common.absWorkingDir,
    },
    outfile: bundled,
    format: 'esm',
    plugins: [withoutCompiler(files)],
  });
  await build({
    ...common,
    entryPoints: [{ in: 'schemas-manifests', out: 'schemas-manifests' }],
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    plugins: [compiledSchemas(files)],
  });
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('their functions are let go of when memory is collected, and judge afterwards as before', async () => {
  const schema = pathToFileURL(join(import.meta.dirname, '..', 'schemas', 'app.schema.json')).href;
  const script = `
    import Module from 'node:module';
    import { setImmediate } from 'node:timers/promises';
    import { createValidator } from ${JSON.stringify(pathToFileURL(bundled).href)};
    const { default: schema } = await import(${JSON.stringify(schema)}, { with: { type: 'json' } });
    let compiled = 0;
    const { _compile } = Module.prototype;
    Module.prototype._compile = function (...given) {
      compiled += 1;
      return _compile.apply(this, given);
    };
    const validate = createValidator(schema);
    const judge = () => validate({ kind: 'App' }).map(({ keyword, params }) => [keyword, params]);
    const rest = async () => {
      await setImmediate();
      gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    };
    const seen = [compiled];
    const first = judge();
    judge();
    seen.push(compiled);
    await rest();
    const again = judge();
    seen.push(compiled);
    console.log(JSON.stringify({ seen, first, again }));`;
  const args = ['--expose-gc', '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { seen, first, again } = JSON.parse(stdout) as { seen: number[]; first: unknown[]; again: unknown[] };
  assert.equal(seen, [0, 1, 2], 'read when it is needed, once until memory is collected');
  assert.ok(first.length > 0);
  assert.equal(again, first);
});

test.run();
