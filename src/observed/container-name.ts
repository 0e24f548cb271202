import { hash } from 'node:crypto';

export interface NameParts {
  readonly instance: string;
  readonly app: string;
  readonly specHash: string;
  readonly imageId: string;
  readonly replica: number;
  readonly hook?: 'preDeploy' | 'postDeploy' | undefined;
  /** From 1 on, when the same release of the same replica must be made again beside the one that is there. */
  readonly attempt?: number;
}

/** Eight hex digits that name a release: one spec hash with one image. */
export function releaseId(release: { readonly specHash: string; readonly imageId: string }): string {
  return hash('sha256', `${release.specHash} ${release.imageId}`).slice(0, 8);
}

/** The container's name follows from what it is, so that creating twice is harmless. */
export function containerName(parts: NameParts): string {
  const attempt = parts.attempt ? `-${parts.attempt}` : '';
  return `${baseName(parts)}${attempt}`;
}

/** True when `name` is what these parts give, at any attempt. */
export function isOwnName(name: string, parts: NameParts): boolean {
  const base = baseName(parts);
  return name === base || (name.startsWith(`${base}-`) && /^[1-9]\d*$/.test(name.slice(base.length + 1)));
}

function baseName({ instance, app, hook, replica, ...release }: NameParts): string {
  const owner = instance === 'default' ? '' : `${instance}-`;
  return `plimsoll-${owner}${app}-${releaseId(release)}-${hook ?? replica}`;
}
