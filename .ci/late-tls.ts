import type { Plugin } from 'esbuild';

/**
 * Node's modules for TLS are loaded when something of them is used. As soon as they are, Node reads the certificates of
 * all authorities, which are 1.6 MB of a controller's own memory, and one that reads a folder and asks an engine and a
 * Caddy beside it meets nobody by TLS.
 */
export const lateTls: Plugin = {
  name: 'late-tls',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:node:)?(?:https|tls)$/ }, ({ path, kind }) => ({
      path: path.replace(/^(?!node:)/, 'node:'),
      namespace: kind === 'require-call' ? 'late-whole' : 'late',
      sideEffects: false,
    }));
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => {
      const functions = Object.entries(process.getBuiltinModule(path) as object).filter(
        ([name, value]) => typeof value === 'function' && name !== 'default',
      );
      const standIns = functions.map(
        ([name]) =>
          `export const ${name} = (...args) => process.getBuiltinModule('${path}').${name}(...args);`,
      );
      return { contents: standIns.join('\n') };
    });
    // A library may inherit from it, and then set what it has.
    onLoad({ filter: /.*/, namespace: 'late-whole' }, ({ path }) => ({
      contents: `module.exports = new Proxy({}, { get: (_none, name) => process.getBuiltinModule('${path}')[name] });`,
    }));
  },
};
