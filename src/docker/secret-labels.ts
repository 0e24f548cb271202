import type { AppFile } from '../desired/app.ts';
import { isSecretValue, type SecretValue } from '../desired/secret.ts';
import type { ContainerSpec } from '../observed/observed.ts';
import { label } from './labels.ts';

/** A secret file of a container, as it was when the container was made. */
export interface SecretFile {
  readonly target: string;
  readonly value: SecretValue;
  /** Octal permission bits. */
  readonly mode: number;
}

type Labels = Readonly<Record<string, string>>;

/**
 * What a container must tell of its secrets and files later, without a single value: the engine gives values of the
 * environment back in plain text, and nothing of what lies behind a mount.
 */
export function secretLabels(spec: ContainerSpec, files: readonly AppFile[]): Record<string, string> {
  const env = Object.entries(spec.env).flatMap(([name, value]) =>
    isSecretValue(value) ? [[name, `${value.version} ${value.secret}`]] : [],
  );
  const sealed = secretFilesOf(files).map(({ target, value, mode }) => [
    target,
    `${mode.toString(8)} ${value.version} ${value.secret}`,
  ]);
  const live = Object.keys(spec.liveFiles ?? {});
  return {
    ...(env.length > 0 ? { [label.secrets]: JSON.stringify(Object.fromEntries(env)) } : {}),
    ...(sealed.length > 0 ? { [label.secretFiles]: JSON.stringify(Object.fromEntries(sealed)) } : {}),
    ...(live.length > 0 ? { [label.files]: JSON.stringify(live) } : {}),
  };
}

/** Sorted by target, so that each has the same place in the container's folder every time. */
export function secretFilesOf(files: readonly AppFile[]): SecretFile[] {
  return files
    .flatMap(({ mount, content, mode }) =>
      isSecretValue(content) ? [{ target: mount, value: content, mode }] : [],
    )
    .sort((a, b) => (a.target < b.target ? -1 : 1));
}

/** Which variables are secret. `all` when the label makes no sense: rather hide too much than show one. */
export function readSecretEnv(labels: Labels): ReadonlyMap<string, SecretValue> | 'all' {
  const text = labels[label.secrets];
  if (text === undefined) return new Map();
  const entries = readRecord(text)?.map(([name, said]) => [name, readValue(said)] as const);
  if (!entries?.every((entry): entry is [string, SecretValue] => entry[1] !== undefined)) return 'all';
  return new Map(entries);
}

export function readSecretFiles(labels: Labels): SecretFile[] {
  return (readRecord(labels[label.secretFiles]) ?? []).flatMap(([target, said]) => {
    const [, mode = '', rest = ''] = /^([0-7]{1,4}) (.*)$/s.exec(said) ?? [];
    const value = readValue(rest);
    return value ? [{ target, value, mode: Number.parseInt(mode, 8) }] : [];
  });
}

/** Where the files lie that may change while the container runs. */
export function readLiveFiles(labels: Labels): string[] {
  const paths = parse(labels[label.files]);
  return Array.isArray(paths) ? paths.filter((path) => typeof path === 'string' && path.startsWith('/')) : [];
}

function readValue(said: string): SecretValue | undefined {
  const [, version = '', secret = ''] = /^([\w.-]{1,64}) (.+)$/s.exec(said) ?? [];
  return version === '' ? undefined : { secret, version };
}

function readRecord(text: string | undefined): [string, string][] | undefined {
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? entries
    : undefined;
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}
