import { didYouMean } from './did-you-mean.ts';
import type { FieldFault } from './explain-error.ts';
import type { AppManifest } from './manifest.ts';
import { isSound, type ManifestDocument, wrongValue } from './manifest-document.ts';
import type { SecretDocument } from './read-secret.ts';
import { escapePointer } from './read-tree.ts';
import { type OpenedSecret, type SecretValue, sopsVersion } from './secret.ts';
import { showValue } from './shown-text.ts';
import type { Fault } from './source-text.ts';

/** The secrets that one app may refer to. */
export interface SecretBook {
  /** What is wrong with the reference; undefined when nothing is. */
  readonly fault: (name: string, key?: string) => Fault | undefined;
  readonly value: (name: string, key: string) => SecretValue;
  readonly keys: (name: string) => readonly string[];
  readonly passwordHash: (name: string, key: string) => string;
}

/** Before anything is opened a version is known for SOPS values only; nothing runs from such a book. */
const unopened = '0'.repeat(16);

/** `opened` is absent where nothing is to be decrypted, as for `validate`. */
export function secretBook(
  documents: readonly SecretDocument[],
  opened: ReadonlyMap<string, OpenedSecret> | undefined,
): SecretBook {
  const named = new Map(
    documents.flatMap((one) => (one.parsed.name === undefined ? [] : [[one.parsed.name, one]])),
  );
  const open = (name: string) => {
    const found = opened?.get(name);
    return found?.kind === 'open' ? found : undefined;
  };
  const data = (name: string) => named.get(name)?.sealed?.data ?? {};

  function fault(name: string, key?: string): Fault | undefined {
    const document = named.get(name);
    if (document === undefined) return noSecret(name, [...named.keys()]);
    const { source } = document.parsed;
    const other = document.sealed?.origin ?? { file: source.file, line: 1, column: 1 };
    if (document.sealed === undefined) {
      return { code: 'E1413', message: `secret "${name}" is invalid`, hint: 'mend its file first', other };
    }
    if (key !== undefined && !Object.hasOwn(document.sealed.data, key)) {
      return { ...noKey(name, key, Object.keys(document.sealed.data)), other };
    }
    const found = opened?.get(name);
    if (opened === undefined || found?.kind === 'open') return undefined;
    const why = found?.message ?? 'it was not opened';
    return { code: 'E1413', message: `secret "${name}" cannot be opened: ${why}`, other };
  }

  return {
    fault,
    keys: (name) => Object.keys(data(name)).sort(),
    value(name, key) {
      const ciphertext = data(name)[key] ?? '';
      const version =
        open(name)?.versions[key] ?? (opened === undefined ? sopsVersion(ciphertext) : unopened);
      return { secret: `${name}/${key}`, version };
    },
    passwordHash: (name, key) => open(name)?.passwordHash(key) ?? '',
  };
}

/** Each reference of an app to a secret that it cannot have. */
export function secretFaults(document: ManifestDocument, book: SecretBook): readonly FieldFault[] {
  return referencesOf(document).flatMap(({ pointer, name, key, allKeys }) => {
    const fault = book.fault(name, key);
    if (fault !== undefined) return [wrongValue(pointer, fault)];
    if (allKeys === undefined) return [];
    const keys = book.keys(name);
    if (keys.length === 0)
      return [wrongValue(pointer, { code: 'E1412', message: `secret "${name}" has no keys` })];
    const odd = allKeys === 'variables' ? keys.find((one) => !variable.test(one)) : undefined;
    return odd === undefined ? [] : [wrongValue(pointer, noVariable(name, odd))];
  });
}

const variable = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/;

interface Reference {
  readonly pointer: string;
  readonly name: string;
  readonly key?: string;
  /** The whole secret is meant, for this. */
  readonly allKeys?: 'variables' | 'users';
}

function referencesOf(document: ManifestDocument): readonly Reference[] {
  const { spec } = document.value;
  const sound = (pointer: string) => isSound(document, pointer);
  return [
    ...(sound('/spec/env') ? envReferences(spec.env) : []),
    ...(sound('/spec/envFrom')
      ? spec.envFrom.map(({ secret }, at) => ({
          pointer: `/spec/envFrom/${at}/secret`,
          name: secret,
          allKeys: 'variables' as const,
        }))
      : []),
    ...(sound('/spec/files')
      ? spec.files.flatMap(({ secret }, at) =>
          secret === undefined ? [] : { pointer: `/spec/files/${at}/secret`, ...splitReference(secret) },
        )
      : []),
    ...(sound('/spec/domains')
      ? spec.domains.flatMap((domain, at) =>
          typeof domain === 'string' || domain.basicAuth === undefined
            ? []
            : {
                pointer: `/spec/domains/${at}/basicAuth/secret`,
                name: domain.basicAuth.secret,
                allKeys: 'users' as const,
              },
        )
      : []),
  ];
}

function envReferences(env: AppManifest['spec']['env']): readonly Reference[] {
  return Object.entries(env).flatMap(([name, value]) =>
    typeof value === 'string'
      ? []
      : { pointer: `/spec/env/${escapePointer(name)}/secret`, ...splitReference(value.secret) },
  );
}

/** `NAME/KEY`, as the schema has let it pass. */
export function splitReference(reference: string): { readonly name: string; readonly key: string } {
  const slash = reference.indexOf('/');
  return { name: reference.slice(0, slash), key: reference.slice(slash + 1) };
}

function noSecret(name: string, names: readonly string[]): Fault {
  const meant = didYouMean(name, names);
  return {
    code: 'E1411',
    message: `secret "${name}" does not exist${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`,
    hint: 'add a manifest with "kind: Secret" and this name to the same source',
  };
}

function noKey(name: string, key: string, keys: readonly string[]): Fault {
  const meant = didYouMean(key, keys);
  return {
    code: 'E1412',
    message: `secret "${name}" has no key ${showValue(key)}${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`,
    hint: keys.length === 0 ? 'it has no keys' : `its keys: ${keys.slice(0, 20).join(', ')}`,
  };
}

function noVariable(name: string, key: string): Fault {
  return {
    code: 'E1414',
    message: `key ${showValue(key)} of secret "${name}" cannot be the name of a variable`,
    hint: 'take the others one by one with "env"',
  };
}
