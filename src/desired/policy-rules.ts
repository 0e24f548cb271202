import type { HostPolicy, Opened, Problem } from './desired.ts';
import { parseImage } from './image-reference.ts';
import { fieldProblem, isSound, type ManifestDocument, wrongValue } from './manifest-document.ts';
import { showValue } from './shown-text.ts';
import { capability, normalHostPath } from './to-app.ts';

/** Whoever can write here owns the host; nothing above or below them is ever mounted. */
const closedTrees = [
  '/proc',
  '/sys',
  '/etc',
  '/dev',
  '/boot',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/run/containerd',
];
const sockets = [
  '/var/run/docker.sock',
  '/run/docker.sock',
  '/var/run/podman/podman.sock',
  '/run/podman/podman.sock',
];

/** What the manifest asks for and the host does not give. */
/** `narrowed` are the lists of registries that the app's projects allow, besides the host's. */
export function policyProblems(
  document: ManifestDocument,
  policy: HostPolicy,
  narrowed: readonly (readonly string[])[] = [],
): readonly Problem[] {
  const opened = openedFor(policy, document.name);
  return [
    ...privileges(document, opened),
    ...hostPaths(document, opened),
    ...[policy.allowedRegistries, ...narrowed].flatMap((allowed) => registries(document, allowed)),
  ].map(({ pointer, code, message, hint }) =>
    fieldProblem(document, wrongValue(pointer, { code, message, hint, kind: 'policy' })),
  );
}

/** What is open to one app: what is open to all, and what is opened for it alone. */
export function openedFor(policy: HostPolicy, app: string | undefined): Opened {
  const own = app !== undefined && Object.hasOwn(policy.apps, app) ? policy.apps[app] : undefined;
  return {
    allowPrivileged: policy.allowPrivileged || own?.allowPrivileged === true,
    allowCapabilities: [...policy.allowCapabilities, ...(own?.allowCapabilities ?? [])].map(capability),
    allowHostPaths: [...policy.allowHostPaths, ...(own?.allowHostPaths ?? [])],
  };
}

interface Refusal {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const privilegeHint =
  'the host allows it with "policy.allowPrivileged" in plimsoll.yaml, for one app below "policy.apps"';
const capabilityHint =
  'the host allows it with "policy.allowCapabilities" in plimsoll.yaml, for one app below "policy.apps"';

function privileges(
  document: ManifestDocument,
  { allowPrivileged, allowCapabilities }: Opened,
): readonly Refusal[] {
  if (allowPrivileged || !isSound(document, '/spec/security')) return [];
  const { privileged, noNewPrivileges, capAdd } = document.value.spec.security;
  const at = (field: string) => `/spec/security/${field}`;
  return [
    ...(privileged
      ? [
          {
            pointer: at('privileged'),
            code: 'E1501',
            message: 'privileged containers are not allowed here',
            hint: privilegeHint,
          },
        ]
      : []),
    ...(noNewPrivileges
      ? []
      : [
          {
            pointer: at('noNewPrivileges'),
            code: 'E1501',
            message: 'new privileges are not allowed here',
            hint: privilegeHint,
          },
        ]),
    ...capAdd.flatMap((name, index) =>
      allowCapabilities.includes(capability(name))
        ? []
        : {
            pointer: at(`capAdd/${index}`),
            code: 'E1502',
            message: `added capability ${showValue(name)} is not allowed here`,
            hint: capabilityHint,
          },
    ),
  ];
}

function hostPaths(document: ManifestDocument, { allowHostPaths }: Opened): readonly Refusal[] {
  if (!isSound(document, '/spec/volumes')) return [];
  return document.value.spec.volumes.flatMap(({ hostPath }, index) => {
    if (hostPath === undefined) return [];
    const path = normalHostPath(hostPath);
    const refuse = (message: string, hint: string) => [
      {
        pointer: `/spec/volumes/${index}/hostPath`,
        code: 'E1503',
        message: `host path ${showValue(path)} ${message}`,
        hint,
      },
    ];
    if (isClosed(path))
      return refuse('is never mounted', 'use a named volume: whoever holds this path owns the host');
    if (allowHostPaths.some((allowed) => isWithin(path, normalHostPath(allowed)))) return [];
    return refuse(
      'is not allowed here',
      'use a named volume, or let the host allow it with "policy.allowHostPaths", for one app below "policy.apps"',
    );
  });
}

/** Host paths that nobody ever mounts, and what lies above them. */
export function isClosed(path: string): boolean {
  const above = [...closedTrees, ...sockets].some((closed) => isWithin(closed, path));
  return (
    above || closedTrees.some((closed) => isWithin(path, closed)) || path.split('/').includes('docker.sock')
  );
}

/** By segment: `/data2` is not within `/data`. */
export function isWithin(path: string, parent: string): boolean {
  return parent === '/' || path === parent || path.startsWith(`${parent}/`);
}

function registries(document: ManifestDocument, allowedRegistries: readonly string[]): readonly Refusal[] {
  if (allowedRegistries.length === 0 || !isSound(document, '/spec/image')) return [];
  const image = parseImage(document.value.spec.image);
  if (image === undefined) return [];
  const name = `/${image.registry}/${image.repository}`;
  if (allowedRegistries.some((allowed) => isWithin(name, `/${allowed.replace(/\/+$/, '')}`))) return [];
  return [
    {
      pointer: '/spec/image',
      code: 'E1504',
      message: `registry ${showValue(image.registry)} is not allowed here`,
      hint: `allowed: ${allowedRegistries.join(', ')}`,
    },
  ];
}
