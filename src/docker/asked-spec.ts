import type { ContainerSpec } from '../observed/observed.ts';

/**
 * Podman's inspect does not give back all that was asked for: it drops the options of logs, resolves `ALL`
 * capabilities, adds variables and mounts, forgets configured addresses. So there a container carries what was
 * asked in a label, without the values of variables. Only what cannot be changed after the creation is taken
 * from it, so that drift shows all the same.
 */
const fixed = [
  'entrypoint',
  'command',
  'workingDir',
  'user',
  'mounts',
  'ports',
  'readOnlyRootfs',
  'capAdd',
  'capDrop',
  'noNewPrivileges',
  'privileged',
  'logging',
] as const satisfies readonly (keyof ContainerSpec)[];

export function askedLabel(spec: ContainerSpec): string {
  const said = fixed.map((field) => [field, spec[field]]);
  return JSON.stringify({ ...Object.fromEntries(said), env: Object.keys(spec.env), address: spec.address });
}

/** `live` as read, with what the label knows better; as it is when the label makes no sense. */
export function withAsked(live: ContainerSpec, text: string, runningAddress: string): ContainerSpec {
  const asked = parse(text);
  if (!asked || !fixed.every((field) => isAlike(asked[field], live[field]))) return live;
  const names = Array.isArray(asked.env) ? asked.env : [];
  const address = typeof asked.address === 'string' ? asked.address : '';
  return {
    ...live,
    ...Object.fromEntries(fixed.map((field) => [field, asked[field]])),
    env: Object.fromEntries(Object.entries(live.env).filter(([name]) => names.includes(name))),
    // One that never had a fixed address is given some at each start, which means nothing.
    address: address && (runningAddress || address),
  };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function isAlike(a: unknown, b: unknown): boolean {
  return typeof a === typeof b && a !== null && Array.isArray(a) === Array.isArray(b);
}
