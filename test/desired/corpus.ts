import { readFileSync } from 'node:fs';
import { codeOf, printProblems } from '../../src/cli/validate.ts';
import type { Desired, HostPolicy, SourceFile } from '../../src/desired/desired.ts';
import { createLoader, type LoadContext, type Loader, type Schemas } from '../../src/desired/load-desired.ts';

/** What `==` cases begin with; their own text follows as line 7. */
export const usualHead = `apiVersion: plimsoll/v1
kind: App
metadata:
  name: shop
spec:
  image: registry.test/shop:1
`;

const readSchema = (name: string): object =>
  JSON.parse(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8'));

export const schemas: Schemas = {
  app: readSchema('app'),
  secret: readSchema('secret'),
  project: readSchema('project'),
};

export const strictPolicy: HostPolicy = {
  allowPrivileged: false,
  allowCapabilities: [],
  apps: {},
  allowHostPaths: ['/srv/data'],
  allowedRegistries: ['registry.test', 'ghcr.io/acme'],
  instance: 'default',
};

/** Loads files given as text or bytes. */
export function loadFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<LoadContext> & { readonly loader?: Loader } = {},
): Desired {
  const { loader = loadOnce, ...context } = options;
  const snapshot = { revision: 'r1', files: Object.entries(files).map(sourceFile) };
  return loader.load(snapshot, { policy: strictPolicy, incumbents: new Map(), ...context });
}

/** Remembers nothing that a test could see: ids are different for different content. */
const loadOnce = createLoader(schemas);

/** `line:column code message` of every problem, with the file where it is not `app.yaml`. */
export function problemLines({ problems }: Desired): readonly string[] {
  return problems.map(({ file, line, column, code, message, other }) => {
    const place = file === 'app.yaml' ? '' : `${file}:`;
    const also = other === undefined ? '' : ` [also ${other.file}:${other.line}:${other.column}]`;
    return `${place}${line}:${column} ${code} ${message}${also}`;
  });
}

/** What `plimsoll validate` prints of them, and its exit code. */
export function validated(files: Readonly<Record<string, string | Uint8Array>>): readonly string[] {
  const written: string[] = [];
  const take = (text: string) => void written.push(text.trimEnd());
  const desired = loadFiles(files);
  printProblems({ out: take, err: take, color: false }, desired);
  return [...written, `exit ${codeOf(desired.problems)}`];
}

export function sourceFile([path, text]: [string, string | Uint8Array]): SourceFile {
  const content = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return { path, id: Buffer.from(content).toString('base64'), content };
}
