import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

export interface BundleOptions {
  /** The folder to write to. */
  readonly out: string;
  /** Parts of libraries that nothing here calls stay in; for comparison. */
  readonly whole?: boolean;
}

/** Writes program and client; answers with what went into the program. */
export async function bundle({ out, whole = false }: BundleOptions): Promise<Metafile> {
  const { metafile } = await build({
    ...common,
    entryPoints: { main: 'src/main.ts' },
    outdir: out,
    // What is imported when it is needed is a file of its own. All lie side by side: the code finds the package's root
    // as the folder above its own.
    splitting: true,
    chunkNames: '[name]-[hash]',
    plugins: whole ? [] : [leaveOut],
    metafile: true,
    // Libraries of the older kind call `require` for Node's own modules.
    banner: {
      js: "import { createRequire as plimsollRequire } from 'node:module'; const require = plimsollRequire(import.meta.url);",
    },
  });
  await build({
    ...common,
    entryPoints: ['src/client/create-client.ts'],
    outdir: join(out, 'client'),
    packages: 'external',
  });
  return metafile;
}

const common: BuildOptions = {
  absWorkingDir: fileURLToPath(new URL('../', import.meta.url)),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.22',
  minify: true,
  // Stack traces and errors that are told apart by their names keep them.
  keepNames: true,
  external: ['better-sqlite3'],
  legalComments: 'none',
  logLevel: 'warning',
};

/**
 * Parts of dockerode that nothing here calls: an engine by SSH, and sessions and progress of BuildKit's builds. With
 * them come a whole SSH client, gRPC and protobuf.
 */
const leftOut: Readonly<Record<string, string>> = {
  'docker-modem/lib/ssh.js': 'an engine over ssh://',
  'dockerode/lib/session.js': 'a session of BuildKit',
  'dockerode/lib/buildkit.js': "the progress of BuildKit's builds",
};

const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onLoad }) {
    onLoad(
      { filter: /[\\/](?:docker-modem|dockerode)[\\/]lib[\\/](?:ssh|session|buildkit)\.js$/ },
      ({ path }) => {
        const what = Object.entries(leftOut).find(([file]) => path.replaceAll('\\', '/').endsWith(file))?.[1];
        const message = `plimsoll is built without ${what}`;
        return {
          contents: `const refuse = () => { throw new Error(${JSON.stringify(message)}); };
module.exports = new Proxy(refuse, { get: refuse });`,
        };
      },
    );
  },
};
