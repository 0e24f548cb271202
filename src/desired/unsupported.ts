import { type FieldFault, fieldLabel } from './explain-error.ts';
import { escapePointer } from './read-tree.ts';
import { showValue } from './shown-text.ts';

interface Row {
  /** JSON pointer; `*` stands for any one step. */
  readonly path: string;
  readonly unsupported: (value: unknown) => boolean;
  /** What works today. */
  readonly hint: string;
  /** The field is one of several of which the schema wants one: that wish is met. */
  readonly meetsChoice?: true;
}

const always = () => true;
const noSecrets = 'write the value itself, or leave it out';

/** What the manifest's format promises and this version does not do; it is refused, never ignored. */
const rows: readonly Row[] = [
  { path: '/spec/build', unsupported: always, hint: 'build elsewhere and give "image"', meetsChoice: true },
  { path: '/spec/compose', unsupported: always, hint: 'write one App for each service', meetsChoice: true },
  { path: '/spec/autoscale', unsupported: always, hint: 'give "replicas"' },
  { path: '/spec/placement', unsupported: always, hint: 'remove it: there is one host' },
  { path: '/spec/envFrom', unsupported: always, hint: 'write the variables under "env"' },
  { path: '/spec/env/*', unsupported: isReference, hint: noSecrets },
  {
    path: '/spec/domains/*/basicAuth',
    unsupported: always,
    hint: 'protect it with "allowIPs", or in the app',
  },
  { path: '/spec/files/*/secret', unsupported: always, hint: 'give "content" or "from"', meetsChoice: true },
  { path: '/spec/files/*/onChange', unsupported: isLiveChange, hint: 'write restart, or remove the line' },
  { path: '/spec/deploy/strategy', unsupported: isOtherStrategy, hint: 'write rolling, or remove the line' },
  { path: '/spec/deploy/canary', unsupported: always, hint: 'remove it' },
];

const otherKinds: readonly string[] = ['Secret', 'Job', 'Database', 'Project'];

export interface Unsupported extends FieldFault {
  readonly meetsChoice: boolean;
}

/** One fault for each use of something that is not there yet. */
export function findUnsupported(value: unknown): readonly Unsupported[] {
  return rows.flatMap((row) =>
    matches(value, row.path.split('/').slice(1), '')
      .filter(({ found }) => row.unsupported(found))
      .map(({ pointer, found }) => ({
        ...unsupportedFault(pointer, found, row),
        meetsChoice: row.meetsChoice ?? false,
      })),
  );
}

export function isUnsupportedKind(kind: unknown): kind is string {
  return typeof kind === 'string' && otherKinds.includes(kind);
}

/** The one error of a document of another kind. */
export function unsupportedKind(kind: string): FieldFault {
  return {
    pointer: '/kind',
    under: 'value',
    fault: notYet(`kind ${showValue(kind)}`, 'this version reads kind App'),
  };
}

function unsupportedFault(pointer: string, found: unknown, row: Row): FieldFault {
  const label = `"${fieldLabel(pointer)}"`;
  if (row.unsupported !== always && typeof found === 'string') {
    return { pointer, under: 'value', fault: notYet(`${label}: ${showValue(found)}`, row.hint) };
  }
  const isEnv = row.unsupported === isReference;
  const reference = isEnv && isReference(found) ? ` from a ${'secret' in found ? 'secret' : 'database'}` : '';
  return { pointer, under: 'key', fault: notYet(`${label}${reference}`, row.hint) };
}

function notYet(what: string, hint: string) {
  return { code: 'E1901', message: `${what} is not supported by this version yet`, hint };
}

function matches(
  value: unknown,
  path: readonly string[],
  pointer: string,
): { pointer: string; found: unknown }[] {
  const [step, ...rest] = path;
  if (step === undefined) return [{ pointer, found: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .filter(([name]) => step === '*' || step === name)
    .flatMap(([name, inner]) => matches(inner, rest, `${pointer}/${escapePointer(name)}`));
}

function isReference(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    (Object.hasOwn(value, 'secret') || Object.hasOwn(value, 'database'))
  );
}

function isLiveChange(value: unknown): boolean {
  return typeof value === 'string' && (value === 'none' || value.startsWith('signal:'));
}

function isOtherStrategy(value: unknown): boolean {
  return value === 'blue-green' || value === 'canary';
}
