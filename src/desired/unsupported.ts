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

/** What the manifest's format promises and this version does not do; it is refused, never ignored. */
const rows: readonly Row[] = [
  { path: '/spec/build', unsupported: always, hint: 'build elsewhere and give "image"', meetsChoice: true },
  { path: '/spec/compose', unsupported: always, hint: 'write one App for each service', meetsChoice: true },
  { path: '/spec/autoscale', unsupported: always, hint: 'give "replicas"' },
  { path: '/spec/placement', unsupported: always, hint: 'remove it: there is one host' },
  { path: '/spec/env/*', unsupported: isDatabase, hint: 'give its URL by a secret' },
  { path: '/spec/deploy/strategy', unsupported: isOtherStrategy, hint: 'write rolling, or remove the line' },
  { path: '/spec/deploy/canary', unsupported: always, hint: 'remove it' },
];

/** The same of a Project. */
const projectRows: readonly Row[] = ['isolation', 'quota', 'notifications', 'previews'].map((field) => ({
  path: `/spec/${field}`,
  unsupported: always,
  hint: 'remove it',
}));

const otherKinds: readonly string[] = ['Job', 'Database'];

export interface Unsupported extends FieldFault {
  readonly meetsChoice: boolean;
}

/** One fault for each use of something that is not there yet. */
export function findUnsupported(value: unknown, kind: 'App' | 'Project' = 'App'): readonly Unsupported[] {
  return (kind === 'App' ? rows : projectRows).flatMap((row) =>
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
    fault: notYet(`kind ${showValue(kind)}`, 'this version reads App, Secret and Project'),
  };
}

function unsupportedFault(pointer: string, found: unknown, row: Row): FieldFault {
  const label = `"${fieldLabel(pointer)}"`;
  if (row.unsupported !== always && typeof found === 'string') {
    return { pointer, under: 'value', fault: notYet(`${label}: ${showValue(found)}`, row.hint) };
  }
  const reference = row.unsupported === isDatabase ? ' from a database' : '';
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

function isDatabase(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'database');
}

function isOtherStrategy(value: unknown): boolean {
  return value === 'blue-green' || value === 'canary';
}
