import type { Problem } from './desired.ts';
import { explainError, type FieldFault } from './explain-error.ts';
import { isMapping } from './layers.ts';
import { fieldProblem, wrongValue } from './manifest-document.ts';
import { type ParsedDocument, withoutExcerpt } from './parse-manifest.ts';
import { escapePointer } from './read-tree.ts';
import { createValidator } from './schema-validator.ts';
import type { SealedSecret } from './secret.ts';
import { positionAt } from './source-text.ts';

/** One `kind: Secret`, read as far as it can be. */
export interface SecretDocument {
  readonly parsed: ParsedDocument;
  readonly problems: readonly Problem[];
  /** Absent when something is wrong with it. */
  readonly sealed?: SealedSecret;
}

/** The form in which SOPS writes a value. */
const encrypted =
  /^ENC\[AES256_GCM,data:[A-Za-z0-9+/=]*,iv:[A-Za-z0-9+/=]+,tag:[A-Za-z0-9+/=]+,type:(?:str|int|float|bool|bytes)\]$/;

interface SecretManifest {
  readonly metadata: { readonly name: string };
  readonly provider: SealedSecret['provider'];
  readonly data: Readonly<Record<string, string>>;
}

export function createSecretReader(schema: object): (parsed: ParsedDocument) => SecretDocument {
  const validate = createValidator(schema);
  const known = new WeakMap<ParsedDocument, SecretDocument>();
  return (parsed) => {
    const before = known.get(parsed);
    if (before) return before;
    const read = readSecret(parsed);
    known.set(parsed, read);
    return read;
  };

  function readSecret(parsed: ParsedDocument): SecretDocument {
    const { source, tree } = parsed;
    const value: unknown = structuredClone(tree.value);
    const faults = [
      ...validate(value).flatMap((error) => explainError(error, tree.places) ?? []),
      ...sealFaults(parsed, value),
    ];
    const own = faults.map((fault) => fieldProblem({ source, places: tree.places }, fault));
    const problems = [...parsed.problems, ...own].map(withoutExcerpt);
    if (problems.length > 0 || parsed.broken) return { parsed, problems };
    const { metadata, provider, data } = value as SecretManifest;
    const place = tree.places.get('/metadata/name')?.value ?? { start: 0, end: 1 };
    const origin = positionAt(source, place.start);
    return { parsed, problems, sealed: { name: metadata.name, origin, provider, text: source.text, data } };
  }
}

/** What the schema cannot say of what is encrypted; no value is ever shown. */
function sealFaults({ shared }: ParsedDocument, value: unknown): readonly FieldFault[] {
  if (!isMapping(value) || !isMapping(value.data)) return [];
  const isSops = value.provider === undefined || value.provider === 'sops';
  const alone = shared && isSops ? [wrongValue('/kind', notAlone)] : [];
  if (!isSops) return value.sops === undefined ? alone : [wrongValue('/sops', foreignSops)];
  const plain = Object.entries(value.data)
    .filter(([, text]) => typeof text === 'string' && !encrypted.test(text))
    .map(([name]) => ({
      pointer: `/data/${escapePointer(name)}`,
      under: 'key' as const,
      fault: notEncrypted,
    }));
  if (plain.length > 0) return [...alone, ...plain];
  return value.sops === undefined && Object.keys(value.data).length > 0
    ? [...alone, wrongValue('/data', noSops)]
    : alone;
}

const notAlone = {
  code: 'E1331',
  message: 'a secret stands alone in its file, because SOPS authenticates whole files',
  hint: 'move it to a file of its own',
};
const notEncrypted = {
  code: 'E1332',
  message: 'this value is not encrypted',
  hint: 'run "plimsoll secret encrypt --in-place FILE", and change the value: git remembers it',
};
const noSops = {
  code: 'E1333',
  message: 'the "sops" part of the file is missing, so its values cannot be decrypted',
  hint: 'take it back from git, or encrypt the file anew',
};
const foreignSops = {
  code: 'E1333',
  message: '"sops" belongs to the provider sops only',
  hint: 'remove it, or the line "provider"',
};
