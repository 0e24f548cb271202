import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { EdgeError } from '../apply/ports.ts';
import type { HostPolicy } from '../desired/desired.ts';
import { isClosed, isWithin, openedFor } from '../desired/policy-rules.ts';
import type { ContainerSpec } from '../observed/observed.ts';
import { sentence } from './engine-error.ts';
import { label } from './labels.ts';

export interface PolicyCheck {
  readonly policy: HostPolicy;
  /** The engine's own socket when it runs on this host: only then are paths of this host those of the engine. */
  readonly socket?: string | undefined;
  /** Never mounted besides what nobody mounts: data of our own. */
  readonly closedPaths?: readonly string[] | undefined;
}

interface Refusal {
  readonly code: string;
  readonly message: string;
}

/**
 * The last word on what a container may ask of the host, right before it is made: the manifest was checked long
 * before, maybe under another policy, and a link on the host may lead elsewhere by now.
 */
export function checkPolicy(spec: ContainerSpec, check: PolicyCheck): void {
  const [refusal] = policyRefusals(spec, check);
  if (refusal === undefined) return;
  const call = { operation: 'create', object: spec.name };
  const said = `the host's policy refuses it (${refusal.code}): ${refusal.message}`;
  throw new EdgeError('terminal', 'PolicyRefused', sentence(call, said));
}

function policyRefusals(spec: ContainerSpec, check: PolicyCheck): Refusal[] {
  const opened = openedFor(check.policy, spec.labels[label.app]);
  const refuse = (code: string, message: string): Refusal => ({ code, message });
  const binds = spec.mounts.flatMap((mount) => (mount.kind === 'bind' ? [mount.source] : []));
  const paths = binds.flatMap((path) => {
    const why = pathRefusal(path, opened.allowHostPaths, check);
    return why === undefined ? [] : [refuse('E1503', why)];
  });
  if (opened.allowPrivileged) return paths;
  return [
    ...(spec.privileged ? [refuse('E1501', 'privileged containers are not allowed here')] : []),
    ...(spec.noNewPrivileges ? [] : [refuse('E1501', 'new privileges are not allowed here')]),
    ...spec.capAdd
      .filter((name) => !opened.allowCapabilities.includes(name))
      .map((name) => refuse('E1502', `the added capability ${name} is not allowed here`)),
    ...paths,
  ];
}

/** Judged as it is written and as it is resolved: both must be allowed. */
function pathRefusal(path: string, allowed: readonly string[], check: PolicyCheck): string | undefined {
  const isLocal = check.socket !== undefined;
  const real = isLocal ? resolve(path) : path;
  const said = real === path ? path : `${path}, which is ${real},`;
  const open = [...allowed, ...(isLocal ? allowed.map(resolve) : [])].map((one) =>
    one.replace(/(?<=.)\/+$/, ''),
  );
  for (const one of new Set([normalize(path), real])) {
    if (isClosed(one) || touchesOurs(one, check)) return `the host path ${said} is never mounted`;
    if (!open.some((parent) => isWithin(one, parent))) return `the host path ${said} is not allowed here`;
  }
  return isLocal && isSameFile(real, check.socket ?? '')
    ? `the host path ${said} is the engine's socket`
    : undefined;
}

/** The engine's socket wherever it is, and what is ours: above and below. */
function touchesOurs(path: string, { socket, closedPaths = [] }: PolicyCheck): boolean {
  const ours = [...closedPaths, ...(socket === undefined ? [] : [socket])].flatMap((one) => [
    one,
    resolve(one),
  ]);
  return ours.some((one) => isWithin(one, path) || isWithin(path, one));
}

/** The path with its links followed, as far as it exists. */
function resolve(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(resolve(dirname(path)), basename(path));
  }
}

/** Also under another name, by a hard link or a mount. */
function isSameFile(path: string, other: string): boolean {
  try {
    const [one, two] = [statSync(path), statSync(other)];
    return one.dev === two.dev && one.ino === two.ino;
  } catch {
    return false;
  }
}
