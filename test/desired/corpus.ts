import { readFileSync } from 'node:fs';
import type { Desired, HostPolicy, SourceFile } from '../../src/desired/desired.ts';
import { createLoader, type LoadContext, type Loader, type Schemas } from '../../src/desired/load-desired.ts';

/** One case of a corpus file: the files of a config repo, and every error they must give, exactly. */
export interface CorpusCase {
  readonly title: string;
  /** As it stands in the corpus, without the expectations. */
  readonly lines: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly expected: readonly string[];
}

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

/**
 * Reads a corpus file: `== title` begins a case with the usual head, `=== title` one with whole files,
 * `-- path` a further file, `=> …` is an expected error. What stands before the first case is for people.
 */
export function readCorpus(text: string): readonly CorpusCase[] {
  const chunks = text.split(/^(?====? )/m).slice(1);
  return chunks.map((chunk) => {
    const [heading = '', ...rest] = chunk.replace(/\n+$/, '').split('\n');
    const lines = rest.filter((line) => !line.startsWith('=>'));
    const body = splitFiles(
      heading.startsWith('=== ') ? lines : [...usualHead.trimEnd().split('\n'), ...lines],
    );
    return {
      title: heading.replace(/^=+ /, ''),
      lines: [heading, ...lines],
      files: body,
      expected: rest.filter((line) => line.startsWith('=> ')).map((line) => line.slice(3)),
    };
  });
}

function splitFiles(lines: readonly string[]): Readonly<Record<string, string>> {
  const files = new Map<string, string[]>();
  let current = 'app.yaml';
  for (const line of lines) {
    const path = /^-- (.+)$/.exec(line)?.[1];
    current = path ?? current;
    if (path === undefined) files.set(current, [...(files.get(current) ?? []), line]);
  }
  return Object.fromEntries([...files].map(([path, text]) => [path, `${text.join('\n')}\n`]));
}

export function sourceFile([path, text]: [string, string | Uint8Array]): SourceFile {
  const content = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return { path, id: Buffer.from(content).toString('base64'), content };
}
