import { readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { compiledSchemas, schemaFiles, withoutCompiler } from './compiled-schemas.ts';
import { lateTls } from './late-tls.ts';

/**
 * Without what nothing calls; with functions made of the schemas; with Node's own modules required; with the part of git's
 * library that is called; with local time as `Date` tells it; with TLS loaded when it is used.
 */
export const savings = [
  'leaveOut',
  'withoutCompiler',
  'requireBuiltins',
  'partOfGit',
  'localTime',
  'lateTls',
] as const;

export type Saving = (typeof savings)[number];

export interface BundleOptions {
  /** The folder to write to. */
  readonly out: string;
  /** Which savings are made; all, unless what each of them brings is to be measured. */
  readonly made?: readonly Saving[];
}

/** Writes program and client; answers with what went into which file. */
export async function bundle({ out, made = savings }: BundleOptions): Promise<Metafile['outputs']> {
  const files = schemaFiles();
  const plugins: Record<Saving, Plugin> = {
    leaveOut,
    withoutCompiler: withoutCompiler(files),
    requireBuiltins,
    partOfGit,
    localTime,
    lateTls,
  };
  const program = await build({
    ...common,
    entryPoints: { main: 'src/main.ts' },
    outdir: out,
    // What is imported when it is needed is a file of its own. All lie side by side: the code finds the package's root
    // as the folder above its own.
    splitting: true,
    chunkNames: '[name]-[hash]',
    define: { __dirname: 'import.meta.dirname' },
    // The first that has a module decides: the latest knows most of it.
    plugins: made.map((saving) => plugins[saving]).reverse(),
    // Libraries of the older kind call `require` for Node's own modules.
    banner: {
      js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);",
    },
  });
  const compiled = await build({
    ...common,
    entryPoints: Object.keys(files).map((file) => ({ in: `schemas-${file}`, out: `schemas-${file}` })),
    outdir: out,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    // Nobody reads the names in them, and they are a sixth of the text.
    minifyIdentifiers: true,
    plugins: [compiledSchemas(files)],
  });
  await build({
    ...common,
    entryPoints: ['src/client/create-client.ts'],
    outdir: join(out, 'client'),
    packages: 'external',
  });
  const outputs = { ...program.metafile.outputs, ...compiled.metafile.outputs };
  for (const file of Object.keys(outputs)) escapeWide(join(common.absWorkingDir, file));
  return outputs;
}

/**
 * V8 keeps a source with two bytes for each character when a single one of them needs two. esbuild writes those in
 * regular expressions as they are; in all that is left here an escape means the same.
 */
function escapeWide(file: string): void {
  if (!/\.c?js$/.test(file)) return;
  const text = readFileSync(file, 'utf8');
  const wide = /[^\0-\xff]/g;
  const escaped = text.replace(wide, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (escaped !== text) writeFileSync(file, escaped);
}

const common = {
  absWorkingDir: fileURLToPath(new URL('../', import.meta.url)),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.22',
  // Names stay, for stack traces and for errors that are told apart by them. To shorten and then to restore them costs
  // each function a shape of its own: megabytes, and time at each start.
  minifyWhitespace: true,
  minifySyntax: true,
  // ssh2, where it is not left out, does without the other, and not everybody's npm compiles it.
  external: ['better-sqlite3', 'cpu-features'] as string[],
  // Native parts of what is left out, where it is not.
  loader: { '.node': 'copy' },
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
} as const satisfies BuildOptions;

/**
 * What nothing here calls: in dockerode an engine by SSH, sessions and progress of BuildKit's builds and the packing of
 * folders, and in pino threads that write. With them come a whole SSH client, gRPC and protobuf.
 */
const leftOut: Readonly<Record<string, string>> = {
  'docker-modem/lib/ssh.js': 'engines over ssh://',
  'dockerode/lib/session.js': 'sessions of BuildKit',
  'dockerode/lib/buildkit.js': "the progress of BuildKit's builds",
  'tar-fs/index.js': 'the packing of folders',
  '@balena/dockerignore/ignore.js': 'the packing of folders',
  'pino/lib/transport.js': 'logging by threads',
};

export const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onLoad, onEnd }) {
    const missing = new Set(Object.keys(leftOut));
    onLoad({ filter: /[\\/]node_modules[\\/].*\.js$/ }, ({ path }) => {
      const [file, what] =
        Object.entries(leftOut).find(([end]) => path.replaceAll('\\', '/').endsWith(`/${end}`)) ?? [];
      if (file === undefined) return undefined;
      missing.delete(file);
      const message = `plimsoll is built without ${what}`;
      return {
        contents: `const refuse = () => { throw new Error(${JSON.stringify(message)}); };
module.exports = new Proxy(refuse, { get: refuse });`,
      };
    });
    // An update may have moved one: then all that it brings would be back without a word.
    onEnd(() => ({ errors: [...missing].map((file) => ({ text: `there is no ${file} to leave out` })) }));
  },
};

/**
 * Node's own modules are required instead of imported: an import reads every export once, and to read some of them of
 * `node:http` loads all that `fetch` and web sockets are made of. Each is named once for all files, and what nobody
 * imports is not read: some of it stops to look lazy once the builder has read it. What stands in for Node's streams
 * elsewhere is Node's own. Of threads pino only asks whether it is in one, and plimsoll makes none.
 */
export const requireBuiltins: Plugin = {
  name: 'require-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z:/_]+$/ }, ({ path, kind }) =>
      isBuiltin(path) && kind !== 'require-call'
        ? { path: path.replace(/^(?!node:)/, 'node:'), namespace: 'builtin', sideEffects: false }
        : undefined,
    );
    onResolve({ filter: /^worker_threads$/ }, () => ({ path: 'main-thread', namespace: 'no-threads' }));
    onLoad({ filter: /.*/, namespace: 'no-threads' }, () => ({ contents: 'exports.isMainThread = true;' }));
    onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'node:stream', external: true }));
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      const properties = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(path)));
      const read = properties.filter(
        ([name, { get }]) => (!get || harmless.includes(name)) && /^[a-z]\w*$/i.test(name),
      );
      const names = read.map(([name]) => name).filter((name) => name !== 'default' && name !== 'constants');
      const named = names.map((name) => `const $${name} = /* @__PURE__ */ of('${name}');`).join('\n');
      const constants = read.some(([name]) => name === 'constants')
        ? 'export const constants = builtin.constants;'
        : '';
      return {
        contents: `const builtin = require('${path}');
const of = (name) => builtin[name];
${named}
export { ${names.map((name) => `$${name} as ${name}`).join(', ')} };
${constants}
export default builtin;`,
      };
    });
  },
};

/**
 * isomorphic-git as modules, of which what nothing calls is left out; Node is given one whole file. Its SHA-1 is Node's own
 * instead of one in JavaScript, with a dozen packages that stand in for what Node has.
 */
const partOfGit: Plugin = {
  name: 'part-of-git',
  setup({ onResolve, onLoad }) {
    const resolveDir = common.absWorkingDir;
    onResolve({ filter: /^isomorphic-git$/ }, () => ({
      path: join(resolveDir, 'node_modules', 'isomorphic-git', 'index.js'),
      sideEffects: false,
    }));
    onResolve({ filter: /^sha\.js\/sha1\.js$/ }, () => ({ path: 'sha1', namespace: 'by-node' }));
    onLoad({ filter: /^sha1$/, namespace: 'by-node' }, () => ({
      contents: `import { createHash } from 'node:crypto';
export default function Hash() { return createHash('sha1'); }`,
      resolveDir,
    }));
  },
};

/**
 * node-cron asks `Intl` what time it is, also where no time zone is given and `Date` knows: a formatter loads ICU's data,
 * which is 1.5 MB of a controller's own memory, and 7 MB of what it has mapped.
 */
export const localTime: Plugin = {
  name: 'local-time',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node-cron[\\/]dist[\\/]_shared\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const [parts, offset] = ['buildDateParts', 'getTimezoneGMT'].map(
        (name) => `function ${name}(date, timezone) {\n`,
      );
      if (parts === undefined || offset === undefined || !text.includes(parts) || !text.includes(offset))
        return { errors: [{ text: `${path} has other functions for local time` }] };
      return {
        contents: `${text
          .replace(parts, () => `${parts}if (!timezone) return localParts(date);\n`)
          .replace(offset, () => `${offset}if (!timezone) return localOffset(date);\n`)}
function localParts(date) {
  return {
    day: date.getDate(),
    month: date.getMonth() + 1,
    year: date.getFullYear(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
    millisecond: date.getMilliseconds(),
    weekday: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][date.getDay()],
    get gmt() { return localOffset(date); },
  };
}
function localOffset(date) {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return 'Z';
  const two = (n) => String(n).padStart(2, '0');
  const size = Math.abs(minutes);
  return 'GMT' + (minutes < 0 ? '-' : '+') + two(Math.floor(size / 60)) + ':' + two(size % 60);
}`,
      };
    });
  },
};

/** Exports that are made when they are read, and are small. When another one is imported the build fails. */
const harmless: readonly string[] = ['BlockList', 'promises'];
