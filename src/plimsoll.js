#!/usr/bin/env node
// The entry point, in plain JavaScript: an older Node must get one clear line before anything native is loaded.
// Node's own modules are not imported here: an import reads every export once, and to read those of `node:process` and
// `node:fs` opens standard input and loads every kind of stream.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(`plimsoll needs Node 22.22 or newer; this is ${process.versions.node}\n`);
  process.exit(64);
}
// Some of Node's modules keep a few bytes of the pool for ever, and with them the whole of it.
Buffer.poolSize = 8192;
const source = new URL('./main.ts', import.meta.url);
// Node does not strip types below node_modules, so an installed package runs what was compiled.
const installed =
  source.pathname.includes('/node_modules/') || !process.getBuiltinModule('node:fs').existsSync(source);
const { main } = await import(installed ? new URL('../dist/main.js', import.meta.url).href : source.href);
await main(process.argv);
