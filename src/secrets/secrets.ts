import { createHmac, hkdfSync } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { EdgeError, type SecretsPort } from '../apply/ports.ts';
import type { OpenedSecret, SealedSecret } from '../desired/secret.ts';
import { escapeText, showValue } from '../desired/shown-text.ts';
import { encrypterFor } from './data-key.ts';
import { checkIdentityFile, type Identities, readIdentityFile } from './identities.ts';
import { loadAge } from './load-age.ts';
import { openSops } from './open-sops.ts';
import { passwordHash } from './password-hash.ts';
import { createRedactor, type StreamRedactor } from './redactor.ts';
import { createSealedStore, dataVersions, type SealedCopy } from './sealed-store.ts';
import { shownPath } from './sops-document.ts';
import { isRecord } from './sops-metadata.ts';
import { createProviders, type ProviderName, type ProviderSettings } from './value-provider.ts';

export interface SecretsOptions {
  /** The age identity file; undefined when none is configured. */
  readonly identity: string | undefined;
  /** Sealed copies go to `secrets/` in it. */
  readonly stateDir: string;
  /** False for commands that only look: sealed copies are read, and none is written or removed. */
  readonly writable?: boolean;
  readonly providers: ProviderSettings;
  readonly warn: (message: string) => void;
  /** Where `provider: env` reads. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly now?: () => number;
}

export interface Secrets extends SecretsPort {
  /** A secret from elsewhere, a token of the configuration for example: `redact` hides it as well. */
  learn(value: string): void;
  /** Redacts text that comes in pieces, over their borders. */
  redactStream(): StreamRedactor;
  /** The same value with every text in it redacted, keys as well: for JSON, where numbers must stay numbers. */
  redactValue<Value>(value: Value): Value;
}

/** Values of other managers are asked for again after this long. */
const freshFor = 30_000;

/**
 * Throws EdgeError `IdentityUnsafe` when the identity file could be read or replaced by others: nothing is to start
 * then. Everything else that is wrong is told by `open`, secret by secret.
 */
export function createSecrets(options: SecretsOptions): Secrets {
  const { identity, stateDir, writable = true, warn, now = Date.now } = options;
  if (identity !== undefined) refuseUnsafe(identity);
  const redactor = createRedactor();
  const held = new HeldValues((value) => redactor.learn(value));
  const keyring = new Keyring(identity);
  const store = createSealedStore(join(stateDir, 'secrets'));
  const values = createValueReader(options, now);
  const documents = new Map<string, Promise<Opening>>();
  /** Versions of what the latest looks named: they stay, whatever else is forgotten. */
  let live = { versions: new Set<string>(), texts: new Set<string>(), isNew: true };
  let warmed: { readonly by: Identities; readonly done: Promise<void> } | undefined;

  async function identities(): Promise<Identities> {
    const current = await keyring.read();
    if (warmed?.by !== current) warmed = { by: current, done: warm(current, warmed !== undefined) };
    await warmed.done;
    return current;
  }

  /** What was sealed may open now. */
  async function warm(current: Identities, isChanged: boolean): Promise<void> {
    for (const [text, opening] of documents)
      if ((await opening).secret.kind === 'sealed') documents.delete(text);
    await recall(current);
    if (writable && (isChanged || current.keys.length > 1)) await sealAgain(current);
  }

  /** What earlier releases need is in memory from now on; what only a former identity opens is not. */
  async function recall(current: Identities): Promise<void> {
    for (const copy of await store.load()) {
      try {
        if (copy.kind === 'sops') held.takeAll(await openDocument(copy.text, 'sealed copy', current));
        else held.take(copy.version, await unseal(copy.sealed, current));
      } catch {
        // Of an identity that is gone, or damaged: who asks for one of its versions is told.
      }
    }
  }

  /** Any identity alone opens them, so that the old one can go. */
  async function sealAgain(current: Identities): Promise<void> {
    for (const found of held.foreign()) await attempt(async () => store.replace(await seal(found, current)));
  }

  async function openOne(secret: SealedSecret): Promise<OpenedSecret> {
    const { secret: opened, versions } = await openFrom(secret).catch((error: unknown) => explain(error));
    for (const version of versions) live.versions.add(version);
    return opened;
  }

  async function openFrom(secret: SealedSecret): Promise<Opening> {
    if (secret.provider !== 'sops') return openForeign(secret, secret.provider);
    live.texts.add(secret.text);
    const known = documents.get(secret.text);
    // What is open stays so without an identity; what is sealed may open with another one.
    if (known !== undefined && isHeld(await known)) return known;
    if (known !== undefined && (await known).secret.kind === 'open') documents.delete(secret.text);
    const current = await identities();
    const opening =
      documents.get(secret.text) ?? openSecret(secret, current).catch((error: unknown) => explain(error));
    documents.set(secret.text, opening);
    return opening;
  }

  /** Not when its values were forgotten in between. */
  function isHeld({ secret, versions }: Opening): boolean {
    return secret.kind === 'open' && versions.every((version) => held.has(version));
  }

  async function openSecret(secret: SealedSecret, current: Identities): Promise<Opening> {
    const found = await openDocument(secret.text, secret.origin.file, current);
    held.takeAll(found);
    await keepSealed({ kind: 'sops', text: secret.text });
    return openingOf(found.map(({ secret: name, ...rest }) => ({ ...rest, key: keyOf(name) })));
  }

  async function openForeign(secret: SealedSecret, provider: ProviderName): Promise<Opening> {
    const current = await identities();
    const key = versionKey(current);
    const found = await Promise.all(
      Object.entries(secret.data).map(async ([name, reference]) => {
        const value = await values(provider, reference).catch((error: unknown) => {
          throw error instanceof EdgeError ? inKey(name, error) : error;
        });
        const full = `${secret.name}/${name}`;
        return { key: name, secret: full, value, version: foreignVersion(key, provider, full, value) };
      }),
    );
    for (const { version, secret: name, value } of found) {
      const isNew = !held.has(version);
      held.take(version, { secret: name, value, isForeign: true });
      if (isNew) await keepSealed(await seal({ version, secret: name, value }, current));
    }
    return openingOf(found);
  }

  function openingOf(
    found: readonly { readonly key: string; readonly version: string; readonly value: string }[],
  ): Opening {
    const byKey = new Map(found.map((one) => [one.key, one]));
    return {
      versions: found.map(({ version }) => version),
      secret: {
        kind: 'open',
        versions: Object.fromEntries(found.map(({ key, version }) => [key, version])),
        passwordHash(key) {
          const one = byKey.get(key);
          if (one === undefined) throw new Error(`the secret has no key ${showValue(key)}`);
          return held.hash(one.version, key, one.value);
        },
      },
    };
  }

  async function keepSealed(copy: SealedCopy): Promise<void> {
    if (writable) await attempt(() => store.save(copy));
  }

  /** Without its sealed copy a value is lost only for rollbacks after a restart. */
  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const why = error instanceof EdgeError ? error.message : (error as NodeJS.ErrnoException).code;
      warn(`keep sealed secrets: ${why ?? 'the disk refuses'}; a rollback may miss a value after a restart`);
    }
  }

  return {
    async open(secrets) {
      if (live.isNew === false) live = { versions: new Set(), texts: new Set(), isNew: true };
      const opened = await Promise.all(
        secrets.map(async (secret) => [secret.name, await openOne(secret)] as const),
      );
      return new Map(opened);
    },
    async reveal({ secret, version }) {
      const known = held.get(version);
      if (known !== undefined) return known.value;
      await identities().catch((error: unknown) => {
        if (!(error instanceof EdgeError)) throw error;
        throw unavailable('transient', secret, error.message, error);
      });
      const recalled = held.get(version);
      if (recalled !== undefined) return recalled.value;
      throw unavailable(
        'terminal',
        secret,
        `nothing here holds its version ${version}, or no identity opens it`,
      );
    },
    matches({ version }, plain) {
      const known = held.get(version);
      return known && known.value === plain;
    },
    async keep(versions) {
      live.isNew = false;
      const wanted = new Set([...versions, ...live.versions]);
      held.keep(wanted);
      for (const text of documents.keys()) if (!live.texts.has(text)) documents.delete(text);
      if (writable) await attempt(() => store.prune(wanted, live.texts));
    },
    redact: (text) => redactor.redact(text),
    learn: (value) => redactor.learn(value),
    redactStream: () => redactor.stream(),
    redactValue: <Value>(value: Value) => redactDeep(value, (text) => redactor.redact(text)) as Value,
  };
}

/** One that is not there may come; each secret says so until then. */
function refuseUnsafe(identity: string): void {
  try {
    checkIdentityFile(identity);
  } catch (error) {
    if (!(error instanceof EdgeError) || error.reason !== 'IdentityMissing') throw error;
  }
}

interface Opening {
  readonly secret: OpenedSecret;
  readonly versions: readonly string[];
}

function explain(error: unknown): Opening {
  const isKnown = error instanceof EdgeError;
  // What is not expected may quote what it was about.
  const why = isKnown ? error.message : `a bug of ours (${error instanceof Error ? error.name : 'unknown'})`;
  const reason = isKnown ? error.reason : 'Unknown';
  return {
    versions: [],
    secret: { kind: 'sealed', reason, message: why },
  };
}

function inKey(key: string, { kind, reason, message }: EdgeError): EdgeError {
  return new EdgeError(kind, reason, `${shownPath(['data', key])}: ${message}`);
}

function unavailable(kind: EdgeError['kind'], secret: string, why: string, cause?: unknown): EdgeError {
  return new EdgeError(kind, 'SecretUnavailable', `reveal secret ${escapeText(secret)}: ${why}`, cause);
}

function keyOf(secret: string): string {
  return secret.slice(secret.indexOf('/') + 1);
}

interface FoundValue {
  /** `NAME/KEY`. */
  readonly secret: string;
  readonly version: string;
  readonly value: string;
}

/** What a SOPS document holds under `data`, authenticated. */
async function openDocument(text: string, file: string, identities: Identities): Promise<FoundValue[]> {
  const opened = await openSops(text, file, identities);
  const versions = dataVersions(opened.document);
  const { metadata } = opened.document.value;
  const name = isRecord(metadata) ? String(metadata.name) : '';
  return opened.values.flatMap(({ leaf, type, plain }) => {
    const [first, key = '', ...deeper] = leaf.path;
    const version = versions[key];
    if (first !== 'data') return [];
    if (type === undefined) throw corrupt(`${shownPath(leaf.path)} is not encrypted`);
    if (version === undefined || deeper.length > 0)
      throw corrupt(`${shownPath(leaf.path)} is no value by itself: data is one level of keys and values`);
    return [{ secret: `${name}/${key}`, version, value: type === 'bool' ? plain.toLowerCase() : plain }];
  });
}

function corrupt(why: string): EdgeError {
  return new EdgeError('terminal', 'Corrupt', why);
}

/** Says nothing of the value to who has no identity, and stays as long as the identity does. */
function foreignVersion(key: Uint8Array, provider: string, secret: string, value: string): string {
  return createHmac('sha256', key).update(`${provider}\0${secret}\0${value}`).digest('hex').slice(0, 16);
}

/** Of the first identity: a second one, for a rotation, goes below it. */
function versionKey({ keys: [first] }: Identities): Uint8Array {
  if (first === undefined) throw new Error('identities without any');
  return new Uint8Array(hkdfSync('sha256', first, '', 'plimsoll: versions of values of other managers', 32));
}

async function seal({ version, secret, value }: FoundValue, { recipients }: Identities): Promise<SealedCopy> {
  const encrypter = await encrypterFor(recipients);
  const sealed = await encrypter.encrypt(JSON.stringify({ secret, value }));
  return { kind: 'value', version, sealed };
}

async function unseal(sealed: Uint8Array, { keys }: Identities): Promise<HeldValue> {
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  for (const key of keys) decrypter.addIdentity(key);
  try {
    const text = await decrypter.decrypt(sealed, 'text');
    const { secret, value } = JSON.parse(text) as { readonly secret: string; readonly value: string };
    return { secret, value, isForeign: true };
  } catch {
    throw corrupt('a sealed copy is damaged, or of another identity');
  }
}

interface HeldValue {
  readonly secret: string;
  readonly value: string;
  /** Of another manager: nothing but our sealed copy holds it. */
  readonly isForeign: boolean;
}

/** Plain text by version: the one place where it is. */
class HeldValues {
  readonly #values = new Map<string, HeldValue>();
  readonly #hashes = new Map<string, string>();
  readonly #learn: (value: string) => void;

  constructor(learn: (value: string) => void) {
    this.#learn = learn;
  }

  take(version: string, held: HeldValue): void {
    this.#values.set(version, held);
    this.#learn(held.value);
  }

  takeAll(found: readonly FoundValue[]): void {
    for (const { version, secret, value } of found) this.take(version, { secret, value, isForeign: false });
  }

  get(version: string): HeldValue | undefined {
    return this.#values.get(version);
  }

  has(version: string): boolean {
    return this.#values.has(version);
  }

  foreign(): readonly FoundValue[] {
    return [...this.#values].flatMap(([version, { isForeign, ...rest }]) =>
      isForeign ? [{ version, ...rest }] : [],
    );
  }

  /** Takes a tenth of a second the first time. */
  hash(version: string, key: string, value: string): string {
    const known = this.#hashes.get(`${version} ${key}`);
    if (known !== undefined) return known;
    const hash = passwordHash(value, version, key);
    this.#hashes.set(`${version} ${key}`, hash);
    // Who has it can try passwords against it.
    this.#learn(hash);
    return hash;
  }

  keep(versions: ReadonlySet<string>): void {
    for (const version of this.#values.keys()) if (!versions.has(version)) this.#values.delete(version);
    for (const name of this.#hashes.keys())
      if (!versions.has(name.slice(0, name.indexOf(' ')))) this.#hashes.delete(name);
  }
}

/** The identity file, read again when it is another one. */
class Keyring {
  readonly #path: string | undefined;
  #read: { readonly mark: string; readonly identities: Promise<Identities> } | undefined;

  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** Throws EdgeError. The same object as long as the file is the same. */
  async read(): Promise<Identities> {
    const path = this.#path;
    if (path === undefined)
      throw new EdgeError('terminal', 'IdentityMissing', 'no age identity is configured (secrets.identity)');
    const mark = markOf(path);
    if (this.#read?.mark !== mark) this.#read = { mark, identities: readIdentityFile(path) };
    return this.#read.identities;
  }
}

/** Mode and owner are part of it, by the time of change. */
function markOf(path: string): string {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found ? [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ') : 'none';
}

function createValueReader({ providers, env = process.env }: SecretsOptions, now: () => number) {
  const managers = createProviders(providers, env);
  const read = new Map<string, { readonly at: number; readonly value: Promise<string> }>();
  return (provider: ProviderName, reference: string): Promise<string> => {
    const time = now();
    for (const [name, { at }] of read) if (Math.abs(time - at) >= freshFor) read.delete(name);
    const name = `${provider} ${reference}`;
    const known = read.get(name);
    if (known !== undefined) return known.value;
    const value = managers[provider].read(reference);
    // Who awaits it is told; nobody else has to be.
    value.catch(() => undefined);
    read.set(name, { at: time, value });
    return value;
  };
}

/** As JSON would read it; errors are left to who writes them out. */
function redactDeep(
  value: unknown,
  redact: (text: string) => string,
  around: readonly object[] = [],
): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (around.includes(value) || around.length > deepest) return '…';
  const inside = [...around, value];
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, redact, inside));
  if ('toJSON' in value && typeof value.toJSON === 'function')
    return redactDeep(value.toJSON(), redact, inside);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [redact(key), redactDeep(inner, redact, inside)]),
  );
}

/** Causes of errors may hold anything, even themselves. */
const deepest = 40;
